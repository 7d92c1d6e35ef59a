//! What every keeper of approvals must keep; run by each of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a suite of assertions"
)]

use std::collections::{BTreeMap, BTreeSet};

use policy::approval::{Asker, State};
use policy::digest::Digest;
use policy::identity::Lineage;
use policy::operation::Effect;

use crate::ledger::{ApprovalId, Binding, Described, Filter, Ledger, LedgerError, Question, Row};

/// A question of `asker` about `digest`, as plain as can be.
pub fn question(asker: &str, digest: u8) -> Question {
    Question {
        state: State::Asked,
        digest: Digest::from_bytes([digest; 32]),
        binding: Binding::Session("s".into()),
        asker: Asker {
            name: asker.into(),
            owner: None,
            on_behalf_of: None,
            agents: Default::default(),
        },
        label: format!("user:{asker}"),
        lineage: Lineage("token".into()),
        session: "00".into(),
        protocol: "fake".into(),
        target: "shop".into(),
        labels: vec!["env:prod".into()],
        operations: vec![Described {
            action: "fake.drop".into(),
            effect: Effect::Write,
            resource_type: "fake.table".into(),
            resource: "shop/orders".into(),
        }],
        requirements: BTreeMap::new(),
        votes: Vec::new(),
        policy_revision: "1".into(),
        rendering: "DROP \u{2400} x".into(),
        laid_out: None,
        redacted: BTreeSet::new(),
        cut: false,
        reason: Some("because".into()),
        notes: vec![],
        impact: None,
        asked_at: 10,
        expires_at: 310,
        ended: None,
        holder: "boot-1".into(),
    }
}

/// Runs every promise of the trait against a fresh ledger each.
pub async fn conform<L: Ledger, F: Future<Output = L>>(make: impl Fn() -> F) {
    asks_and_reads(&make().await).await;
    one_swap_wins(&make().await).await;
    caps_open_questions(&make().await).await;
    filters(&make().await).await;
    withdraws_orphans(&make().await).await;
}

async fn asks_and_reads(ledger: &impl Ledger) {
    let row = ledger.ask(question("ada", 1), 20).await.unwrap();
    assert_eq!(row.version, 1);
    assert_eq!(row.question, question("ada", 1));
    assert_eq!(ledger.read(row.id).await.unwrap(), row);
    let second = ledger.ask(question("ada", 2), 20).await.unwrap();
    assert!(second.id > row.id);
    let missing = ApprovalId(second.id.0 + 1000);
    assert_eq!(
        ledger.read(missing).await.unwrap_err(),
        LedgerError::Unknown(missing)
    );
}

async fn one_swap_wins(ledger: &impl Ledger) {
    let row = ledger.ask(question("ada", 1), 20).await.unwrap();
    let to = |state| {
        let mut next = row.clone();
        next.question.state = state;
        next
    };
    let won = ledger.swap(to(State::Refused)).await.unwrap();
    assert_eq!(won.version, 2);
    assert_eq!(
        ledger.swap(to(State::Granted)).await.unwrap_err(),
        LedgerError::Stale(row.id)
    );
    assert_eq!(
        ledger.read(row.id).await.unwrap().question.state,
        State::Refused
    );
    let nobody = Row {
        id: ApprovalId(9999),
        ..row.clone()
    };
    assert!(ledger.swap(nobody).await.is_err());
}

async fn caps_open_questions(ledger: &impl Ledger) {
    for n in 0..3 {
        ledger.ask(question("ada", n), 3).await.unwrap();
    }
    let refused = ledger.ask(question("ada", 9), 3).await.unwrap_err();
    assert_eq!(
        refused,
        LedgerError::TooMany {
            asker: "ada".into(),
            open: 3
        }
    );
    ledger.ask(question("bob", 9), 3).await.unwrap();
    let mut first = ledger.list(Filter::default()).await.unwrap().pop().unwrap();
    first.question.state = State::Expired;
    ledger.swap(first).await.unwrap();
    ledger.ask(question("ada", 9), 3).await.unwrap();
}

async fn filters(ledger: &impl Ledger) {
    ledger.ask(question("ada", 1), 20).await.unwrap();
    ledger.ask(question("bob", 1), 20).await.unwrap();
    let mut third = ledger.ask(question("ada", 2), 20).await.unwrap();
    third.question.state = State::Granted;
    ledger.swap(third).await.unwrap();
    let count = async |filter| ledger.list(filter).await.unwrap().len();
    let asker = Some("ada".to_owned());
    let digest = Some(Digest::from_bytes([1; 32]));
    assert_eq!(count(Filter::default()).await, 3);
    assert_eq!(
        count(Filter {
            asker: asker.clone(),
            ..Filter::default()
        })
        .await,
        2
    );
    assert_eq!(
        count(Filter {
            asker,
            digest,
            ..Filter::default()
        })
        .await,
        1
    );
    assert_eq!(
        count(Filter {
            state: Some(State::Granted),
            ..Filter::default()
        })
        .await,
        1
    );
    let newest = ledger
        .list(Filter {
            limit: 1,
            ..Filter::default()
        })
        .await
        .unwrap();
    assert_eq!(newest[0].question.state, State::Granted);
}

async fn withdraws_orphans(ledger: &impl Ledger) {
    let held = ledger.ask(question("ada", 1), 20).await.unwrap();
    let mut parked = question("ada", 2);
    parked.binding = Binding::Identity { until: 1000 };
    let parked = ledger.ask(parked, 20).await.unwrap();
    let mut mine = question("ada", 3);
    mine.holder = "boot-2".into();
    let mine = ledger.ask(mine, 20).await.unwrap();
    assert_eq!(ledger.withdraw_orphans("boot-2", 50).await.unwrap(), 1);
    let state = async |id| ledger.read(id).await.unwrap().question.state;
    assert_eq!(state(held.id).await, State::Withdrawn);
    assert_eq!(state(parked.id).await, State::Asked);
    assert_eq!(state(mine.id).await, State::Asked);
}
