//! Reload against authorize: after the change has returned, nothing that it forbids is good any more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gate::testing::House;
use gate::testing::fake::Fake;
use gate::{Decision, Outcome, OutcomeKind, Session, Upstream};
use tokio::task::JoinSet;

const SESSIONS: usize = 8;

/// Permits and forwards in every session while `change` runs; how many were forwarded, and how many outlived it.
async fn round(house: &House, sessions: &[Session], change: impl AsyncFnOnce()) -> (usize, usize) {
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for session in sessions {
        let (near, far) = tokio::io::duplex(1 << 16);
        let permit = house.connect(session).await;
        let (mut upstream, connected) = Upstream::in_memory(permit, near).unwrap();
        let (session, over) = (session.clone(), over.clone());
        tasks.spawn(async move {
            let mut sent = Vec::new();
            while !over.load(Ordering::SeqCst) {
                if let Decision::Permit(permit) = session.authorize(Fake::of("select a")).await
                    && let Ok((_, underway)) = upstream.forward(permit)
                {
                    sent.push(underway);
                }
            }
            drop((upstream, far, connected));
            sent
        });
    }
    tokio::task::yield_now().await;
    change().await;
    over.store(true, Ordering::SeqCst);
    let (mut permits, mut outlived) = (0, 0);
    while let Some(sent) = tasks.join_next().await {
        for underway in sent.unwrap() {
            permits += 1;
            outlived += usize::from(underway.check().is_ok());
            underway.done(Outcome::of(OutcomeKind::Completed));
        }
    }
    (permits, outlived)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_permit_outlives_a_change_that_forbids_it() {
    let house = House::new().await;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(house.open("ada").await);
    }
    let (mut permits, mut outlived) = (0, 0);
    for number in 0..400 {
        let rules = (number % 8 == 0).then(|| house.rules(CONNECT_ONLY));
        let reloaded = rules.is_some();
        let change = async || match rules {
            Some(rules) => house.gate.reload(rules).await,
            None => {
                house.people.leave("ada", "engineers");
                house.gate.directory_changed();
            }
        };
        let (more, slipped) = round(&house, &sessions, change).await;
        (permits, outlived) = (permits + more, outlived + slipped);
        if reloaded {
            house.reload(gate::testing::house::POLICIES).await;
        }
        house.people.join("ada", "engineers", "root");
        house.gate.directory_changed();
    }
    assert_eq!(outlived, 0, "of {permits}");
    assert!(permits > 2000, "only {permits} permits were tried");
}

const CONNECT_ONLY: &str =
    "@id(\"connect\") permit (principal, action == Action::\"connect\", resource);";
