//! What was permitted and is not any more: in the hand, underway, and whole sessions.

use std::time::Duration;

use bytes::Bytes;
use gate::testing::House;
use gate::testing::fake::Fake;
use gate::testing::house::{POLICIES, Plan, about, permitted};
use gate::{
    End, Masked, NotOpened, Outcome, OutcomeKind, Purpose, Reason, Revoked, Ungoverned, Whom,
};
use recorder::Entry;
use recorder::entry::OutcomeKind as Recorded;
use recorder::tape::RecordMode;

use crate::scene::{Backend, ended, hold_of, now};

/// Does something to a session, by its id.
type Blow = fn(&House, &str) -> End;

const BLOWS: [(&str, Blow); 6] = [
    ("kill", |house, id| {
        assert!(house.gate.kill(id));
        End::Killed
    }),
    ("lock a user", |house, _| {
        house.people.change("ada", |it| it.locked = true);
        house.gate.directory_changed();
        End::Locked
    }),
    ("revoke a token", |house, _| {
        house.people.change("ada", |it| it.tokens[0].revoked = true);
        assert_eq!(house.gate.revoke(&Whom::Token("ada-1".into())), 1);
        End::Locked
    }),
    ("lock the target", |house, _| {
        house.people.lock_target("shop");
        house.gate.directory_changed();
        End::Locked
    }),
    ("leave the group", |house, _| {
        house.people.leave("ada", "engineers");
        house.gate.directory_changed();
        End::Policy
    }),
    ("revoke the session", |house, id| {
        assert_eq!(house.gate.revoke(&Whom::Session(id.into())), 1);
        End::Locked
    }),
];

#[tokio::test]
async fn a_permit_dies_in_the_hand() {
    for (what, blow) in BLOWS {
        let house = House::new().await;
        let session = house.open("ada").await;
        let mut backend = Backend::of(&house, &session).await;
        let permit = permitted(session.authorize(Fake::of("select a")).await);
        let end = blow(&house, &session.id());
        let mut denied = backend.upstream.forward(permit).err().expect(what);
        assert_eq!(*denied.reason(), Reason::Revoked(end), "{what}");
        assert!(denied.refusal().is_none(), "{what}");
        assert_eq!(backend.seen().await, "", "{what}");
        assert_eq!(house.account().await[1].2, [Recorded::NotSent], "{what}");
    }
}

#[tokio::test]
async fn what_is_underway_ends() {
    for (what, blow) in BLOWS {
        let house = House::new().await;
        let session = house.open("ada").await;
        let mut backend = Backend::of(&house, &session).await;
        let permit = permitted(session.authorize(Fake::of("select a")).await);
        let (_, mut underway) = backend.upstream.forward(permit).unwrap();
        let mut revocation = underway.revocation();
        assert!(now(revocation.wait()).await.is_none(), "{what}");
        let end = blow(&house, &session.id());
        assert_eq!(now(revocation.wait()).await, Some(end), "{what}");
        assert_eq!(underway.check(), Err(Revoked(end)), "{what}");
        assert!(
            backend
                .upstream
                .more(&mut underway, Bytes::from_static(b"!"))
                .is_err(),
            "{what}"
        );
        let reply = Masked::ungoverned(Ungoverned::Lineage, Bytes::from_static(b"row"));
        assert!(underway.reply(reply).is_err(), "{what}");
        assert_eq!(backend.seen().await, "select a", "{what}");
        underway.done(Outcome::of(OutcomeKind::Revoked));
        assert_eq!(house.account().await[1].2, [Recorded::Revoked], "{what}");
        // the statement can still be stopped
        let cancel = session
            .own(Purpose::Cancel, vec![Bytes::from_static(b"cancel")])
            .await;
        let (_, cancel) = backend.upstream.forward(cancel.unwrap()).unwrap();
        cancel.done(Outcome::of(OutcomeKind::Completed));
        assert_eq!(backend.seen().await, "cancel", "{what}");
    }
}

#[tokio::test]
async fn a_reload_ends_what_it_forbids_and_nothing_else() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut backend = Backend::of(&house, &session).await;
    let mut send = async |text: &str| {
        let permit = permitted(session.authorize(Fake::of(text)).await);
        backend.upstream.forward(permit).unwrap().1
    };
    let read = send("select a").await;
    let write = send("insert a").await;
    house
        .reload(&POLICIES.replace(
            "in [Action::\"read\", Action::\"write\"]",
            "in [Action::\"read\"]",
        ))
        .await;
    assert!(read.check().is_ok());
    assert_eq!(write.check(), Err(Revoked(End::Policy)));
    assert_eq!(session.ended(), None);
    assert!(backend.connected.check().is_ok());
}

#[tokio::test]
async fn what_was_countersigned_stands_until_other_words_are_asked_for() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut backend = Backend::of(&house, &session).await;
    let hold = hold_of(&session, "drop orders").await;
    house.vote("grace", hold.id(), true).await.unwrap();
    let (_, underway) = backend
        .upstream
        .forward(permitted(ended(hold).await))
        .unwrap();
    house.reload(POLICIES).await;
    house
        .reload(&POLICIES.replace("@timeout(\"15m\")", "@timeout(\"5m\")"))
        .await;
    assert!(underway.check().is_ok());
    house
        .reload(&POLICIES.replace(
            "action == Fake::Action::\"drop\"",
            "action in [Fake::Action::\"drop\"]",
        ))
        .await;
    assert_eq!(underway.check(), Err(Revoked(End::Policy)));
}

#[tokio::test]
async fn nothing_is_opened_for_or_at_what_is_locked() {
    let house = House::new().await;
    let ada = house.login("ada");
    house.people.change("ada", |it| it.locked = true);
    let opened = house.gate.open(ada, about("shop", &[])).await;
    assert_eq!(opened.err(), Some(NotOpened::Locked("ada".into())));
    house.people.lock_target("shop");
    let opened = house
        .gate
        .open(house.login("grace"), about("shop", &[]))
        .await;
    assert_eq!(opened.err(), Some(NotOpened::Locked("shop".into())));
    assert!(house.gate.sessions().is_empty());
}

#[tokio::test]
async fn groups_that_changed_between_login_and_session_are_seen() {
    let house = House::new().await;
    let ada = house.login("ada");
    house.people.leave("ada", "engineers");
    let session = house.open_as(ada).await;
    assert!(session.identity().groups.is_empty());
}

#[tokio::test]
async fn a_session_is_announced_and_closed_with_its_sealed_tape() {
    let house = House::build(Plan {
        tapes: Some(RecordMode::Full),
        ..Plan::default()
    })
    .await;
    for _ in 0..20 {
        let session = house.open("ada").await;
        let mut backend = Backend::of(&house, &session).await;
        let permit = permitted(session.authorize(Fake::of("select a")).await);
        let (_, mut underway) = backend.upstream.forward(permit).unwrap();
        let reply = Masked::ungoverned(Ungoverned::Lineage, Bytes::from_static(b"row"));
        underway.reply(reply).unwrap();
        underway.done(Outcome::of(OutcomeKind::Completed));
        session.recorded().await.unwrap();
    }
    let entries = house.entries().await;
    let opened = entries
        .iter()
        .filter(|entry| matches!(entry, Entry::SessionOpened(_)))
        .count();
    let sealed = entries.iter().filter(|entry| match entry {
        Entry::SessionClosed(closed) => closed.tape.as_ref().is_some_and(|tape| tape.events >= 4),
        _ => false,
    });
    assert_eq!((opened, sealed.count()), (20, 20));
}

#[tokio::test]
async fn a_drain_ends_idle_sessions_at_once_and_busy_ones_in_the_end() {
    let house = House::new().await;
    let idle = house.open("ada").await;
    let idle_backend = Backend::of(&house, &idle).await;
    let busy = house.open("ada").await;
    let mut backend = Backend::of(&house, &busy).await;
    let permit = permitted(busy.authorize(Fake::of("select a")).await);
    let (_, underway) = backend.upstream.forward(permit).unwrap();
    let gate = house.gate.clone();
    let draining = tokio::spawn(async move { gate.drain(Duration::from_millis(300)).await });
    assert_eq!(idle.end().wait().await, End::Drained);
    assert!(underway.check().is_ok());
    drop((idle, idle_backend));
    let refused = crate::scene::fault(busy.authorize(Fake::of("select b")).await);
    assert_eq!(refused, gate::Fault::Draining);
    assert!(
        house
            .gate
            .open(house.login("ada"), about("shop", &[]))
            .await
            .is_err()
    );
    assert_eq!(busy.end().wait().await, End::Drained);
    assert!(underway.check().is_err());
    drop((busy, backend, underway));
    draining.await.unwrap();
    assert!(house.gate.sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_credential() {
    let house = House::new().await;
    let until = house.gate.now() / 1_000_000_000 + 60;
    house
        .people
        .change("ada", |it| it.tokens[0].expires_at = Some(until));
    let session = house.open("ada").await;
    let other = house.open("grace").await;
    let mut end = session.end();
    house.clock.advance(59);
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(now(end.wait()).await, None);
    house.clock.advance(2);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(end.wait().await, End::Locked);
    assert_eq!(other.ended(), None);
}
