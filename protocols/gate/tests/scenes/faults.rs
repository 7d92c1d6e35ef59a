//! A ledger that is silent, an audit log that cannot be written: nothing new passes, nothing hangs, nothing is lost.

use std::time::Duration;

use gate::testing::House;
use gate::testing::fake::Fake;
use gate::testing::house::{Plan, permitted};
use gate::{Decision, Fault, Purpose};
use policy::approval::State;
use recorder::sink::fault::Fault as DiskFault;
use tokio::time::Instant;

use crate::scene::{Backend, ended, fault, held, hold_of, word};

#[tokio::test(start_paused = true)]
async fn a_silent_ledger_refuses_new_questions_within_a_second() {
    let house = House::new().await;
    let session = house.open("ada").await;
    house.ledger.set(true);
    let asked = Instant::now();
    let refused = fault(session.authorize(Fake::of("drop orders")).await);
    assert!(matches!(refused, Fault::LedgerUnavailable(_)));
    assert!(asked.elapsed() <= Duration::from_millis(2100));
    // what needs no question goes on
    drop(permitted(session.authorize(Fake::of("select a")).await));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_stays_held_while_the_ledger_is_silent() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut hold = hold_of(&session, "drop orders").await;
    house.vote("grace", hold.id(), true).await.unwrap();
    house.ledger.set(true);
    for _ in 0..3 {
        hold.wait().await;
        hold = held(hold.settle().await);
    }
    house.ledger.set(false);
    let _permit = permitted(ended(hold).await);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_cancelled_again_and_again_still_looks_again() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut hold = hold_of(&session, "drop orders").await;
    house.ledger.set(true);
    house.gate.directory_changed();
    hold.wait().await;
    hold = held(hold.settle().await);
    house.ledger.set(false);
    house.vote("grace", hold.id(), true).await.unwrap();
    let mut tries = 0;
    while tokio::time::timeout(Duration::from_millis(100), hold.wait())
        .await
        .is_err()
    {
        tries += 1;
        assert!(tries < 20, "starved");
    }
    let _permit = permitted(ended(hold).await);
}

#[tokio::test(start_paused = true)]
async fn a_hold_ends_in_time_though_the_ledger_is_silent_and_is_withdrawn_later() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    let id = hold.id();
    house.ledger.set(true);
    assert_eq!(word(ended(hold).await), "expired");
    house.ledger.set(false);
    house.gate.settled().await;
    let row = house
        .questions()
        .await
        .into_iter()
        .find(|row| row.id == id)
        .unwrap();
    assert_eq!(row.question.state, State::Withdrawn);
}

async fn failing() -> (House, gate::Session) {
    let plan = Plan {
        patience: Duration::from_millis(200),
        ..Plan::default()
    };
    let house = House::build(plan).await;
    let session = house.open("ada").await;
    (house, session)
}

#[tokio::test]
async fn without_an_account_nothing_is_permitted_or_denied() {
    for broken in [
        DiskFault::WriteFails { after: 0 },
        DiskFault::Full { left: 0 },
        DiskFault::WriteHangs,
    ] {
        let (house, session) = failing().await;
        let mut backend = Backend::of(&house, &session).await;
        house.disk.set(broken);
        for text in ["select a", "insert a", "truncate a", "drop a"] {
            let decision = session.authorize(Fake::of(text)).await;
            let Decision::Fault(request, Fault::AuditUnwritable(_)) = decision else {
                panic!("{text} passed with {broken:?}")
            };
            assert_eq!(&*request.text, text);
        }
        assert!(session.own(Purpose::LookUp, vec![]).await.is_err());
        assert_eq!(backend.seen().await, "");
        // a question that could not be accounted for does not stay
        house.gate.settled().await;
        assert!(
            house
                .questions()
                .await
                .iter()
                .all(|row| row.question.state.is_final())
        );
        house.disk.set(DiskFault::None);
    }
}

#[tokio::test]
async fn a_vote_that_cannot_be_accounted_for_releases_nothing() {
    let (house, session) = failing().await;
    let hold = hold_of(&session, "drop orders").await;
    house.disk.set(DiskFault::WriteFails { after: 0 });
    assert!(house.vote("grace", hold.id(), true).await.is_err());
    house.gate.settled().await;
    house.disk.set(DiskFault::None);
    assert_eq!(house.questions().await[0].question.state, State::Withdrawn);
    drop(hold);
}

#[tokio::test]
async fn administration_that_cannot_be_recorded_is_refused() {
    let (house, _session) = failing().await;
    let root = house.people.identity("root", 1);
    let ada = house.people.identity("ada", 1);
    house.gate.administer(&root, "kill", "x").await.unwrap();
    assert!(house.gate.administer(&ada, "kill", "x").await.is_err());
    house.disk.set(DiskFault::WriteFails { after: 0 });
    assert!(house.gate.administer(&root, "kill", "x").await.is_err());
    house.disk.set(DiskFault::None);
}
