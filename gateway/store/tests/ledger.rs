//! The conformance suite of ledgers over SQLite, and what only a file can show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Mutex;

use gate::ledger::{Binding, Ledger, LedgerError};
use gate::testing::ledger::{conform, question};
use policy::approval::State;
use store::Store;

#[tokio::test]
async fn conforms() {
    let folders = Mutex::new(Vec::new());
    conform(|| async {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store.sqlite"))
            .await
            .unwrap();
        folders.lock().unwrap().push(folder);
        store
    })
    .await;
}

#[tokio::test]
async fn numbers_rise_over_restarts_and_questions_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let store = Store::open(&path).await.unwrap();
    let asked = store.ask(question("ada", 1), 20).await.unwrap();
    store.close().await.unwrap();
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.read(asked.id).await.unwrap(), asked);
    assert!(store.ask(question("ada", 2), 20).await.unwrap().id > asked.id);
}

#[tokio::test]
async fn withdrawn_orphans_can_be_read_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.sqlite"))
        .await
        .unwrap();
    let mut granted = store.ask(question("ada", 1), 20).await.unwrap();
    granted.question.state = State::Granted;
    let granted = store.swap(granted).await.unwrap();
    let mut refused = store.ask(question("ada", 2), 20).await.unwrap();
    refused.question.state = State::Refused;
    let refused = store.swap(refused).await.unwrap();
    assert_eq!(store.withdraw_orphans("boot-2", 50).await.unwrap(), 1);
    let withdrawn = store.read(granted.id).await.unwrap();
    assert_eq!(
        (withdrawn.version, withdrawn.question.state),
        (3, State::Withdrawn)
    );
    let ended = withdrawn.question.ended.unwrap();
    assert_eq!((ended.at, ended.by), (50, None));
    assert!(ended.why.is_some());
    assert_eq!(store.read(refused.id).await.unwrap(), refused);
    assert_eq!(
        store.swap(granted.clone()).await,
        Err(LedgerError::Stale(granted.id))
    );
}

#[tokio::test]
async fn a_new_binding_is_found_by_the_next_boot() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.sqlite"))
        .await
        .unwrap();
    let mut parked = store.ask(question("ada", 1), 20).await.unwrap();
    parked.question.binding = Binding::Identity { until: 900 };
    store.swap(parked).await.unwrap();
    assert_eq!(store.withdraw_orphans("boot-2", 50).await.unwrap(), 0);
}

/// Many at once on one row: one wins each version.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn swaps_race() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.sqlite"))
        .await
        .unwrap();
    let row = store.ask(question("ada", 1), 20).await.unwrap();
    let racers = (0..16).map(|number: i64| {
        let (store, mut row) = (store.clone(), row.clone());
        row.question.expires_at = number;
        tokio::spawn(async move { store.swap(row).await })
    });
    let mut won = 0;
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error, LedgerError::Stale(row.id)),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(store.read(row.id).await.unwrap().version, 2);
}
