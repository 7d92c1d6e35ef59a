//! Allowed and denied: what reaches the backend, and what the account says of it.

use bytes::Bytes;
use gate::testing::House;
use gate::testing::fake::Fake;
use gate::testing::house::{about, permitted};
use gate::{Decision, Masked, Outcome, OutcomeKind, Purpose, Reason, Ungoverned};
use recorder::Entry;
use recorder::entry::{OutcomeKind as Recorded, Verdict};

use crate::scene::{Backend, denied};

#[tokio::test]
async fn allowed_is_forwarded_and_accounted_once() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut backend = Backend::of(&house, &session).await;
    let permit = permitted(session.authorize(Fake::of("select orders")).await);
    let (request, mut underway) = backend.upstream.forward(permit).unwrap();
    assert_eq!(&*request.text, "select orders");
    backend
        .upstream
        .more(&mut underway, Bytes::from_static(b" more"))
        .unwrap();
    assert_eq!(backend.seen().await, "select orders more");
    let reply = Masked::ungoverned(Ungoverned::Lineage, Bytes::from_static(b"row"));
    assert_eq!(underway.reply(reply).unwrap(), "row");
    underway.done(Outcome {
        rows: 1,
        ..Outcome::of(OutcomeKind::Completed)
    });
    backend.connected.done(Outcome::of(OutcomeKind::Completed));
    let account = house.account().await;
    let once = |reason: &str| (Verdict::Allow, reason.to_owned(), vec![Recorded::Completed]);
    assert_eq!(account, [once("permitted"), once("permitted")]);
    let decided = house.decided().await;
    assert_eq!(decided[1].summary, "select orders");
    assert_eq!(decided[1].operations[0].resource_id, "shop/orders");
    assert_eq!(decided[1].policies, ["engineers-change"]);
}

#[tokio::test]
async fn an_outcome_with_a_code_of_any_length_is_recorded() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut backend = Backend::of(&house, &session).await;
    let permit = permitted(session.authorize(Fake::of("select orders")).await);
    let (_, underway) = backend.upstream.forward(permit).unwrap();
    underway.done(Outcome {
        // longer than an entry of the log may be
        code: Some("é".repeat(1 << 20)),
        ..Outcome::of(OutcomeKind::Failed)
    });
    let entries = house.entries().await;
    let codes: Vec<&str> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Outcome(outcome) => Some(outcome.code.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(codes, ["é".repeat(128)]);
}

#[tokio::test]
async fn denied_sends_only_its_substitute_and_owes_no_outcome() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut backend = Backend::of(&house, &session).await;
    let mut refused = denied(session.authorize(Fake::of("truncate orders")).await);
    assert_eq!(refused.reason().as_str(), "forbidden");
    assert_eq!(refused.reason().policies()[0].id, "no-truncate");
    let refusal = refused.refusal().unwrap();
    assert!(refused.refusal().is_none(), "a second one");
    let (_, underway) = backend.upstream.forward(refusal).unwrap();
    // other rules do not end a refusal on its way
    house.reload(gate::testing::house::POLICIES).await;
    underway.check().unwrap();
    underway.done(Outcome::of(OutcomeKind::Refused));
    assert_eq!(backend.seen().await, "refuse");
    let account = house.account().await;
    assert_eq!(account[1], (Verdict::Deny, "forbidden".to_owned(), vec![]));
    assert_eq!(account.len(), 2);
}

#[tokio::test]
async fn the_strictest_of_several_operations_wins() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let decision = session
        .authorize(Fake::of("select a; truncate b; select c"))
        .await;
    assert_eq!(denied(decision).reason().as_str(), "forbidden");
    let decision = session.authorize(Fake::of("select a; grant b")).await;
    assert_eq!(denied(decision).reason().as_str(), "no_permit");
}

#[tokio::test]
async fn what_is_not_understood_is_denied() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let unclear = denied(session.authorize(Fake::unclear("?")).await);
    assert!(matches!(unclear.reason(), Reason::Unclear(_)));
    let nothing = Fake {
        operations: Ok(std::sync::Arc::new(
            gate::words::Operations::new(Vec::new()),
        )),
        ..Fake::of("select a")
    };
    assert_eq!(
        denied(session.authorize(nothing).await).reason().as_str(),
        "no_permit"
    );
}

#[tokio::test]
async fn a_permit_that_is_dropped_was_not_sent() {
    let house = House::new().await;
    let session = house.open("ada").await;
    drop(permitted(session.authorize(Fake::of("select a")).await));
    let not_sent = (
        Verdict::Allow,
        "permitted".to_owned(),
        vec![Recorded::NotSent],
    );
    assert_eq!(house.account().await, [not_sent]);
}

#[tokio::test]
async fn an_authorization_that_is_given_up_was_not_sent() {
    let house = House::new().await;
    let session = house.open("ada").await;
    // dropped while the intent is on its way to the disk
    let given_up = crate::scene::now(session.authorize(Fake::of("insert a"))).await;
    if given_up.is_none() {
        let account = house.account().await;
        assert_eq!(account[0].2, [Recorded::NotSent]);
        assert_eq!(account.len(), 1);
    }
}

#[tokio::test]
async fn an_underway_that_is_dropped_ended_unknown() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut backend = Backend::of(&house, &session).await;
    let permit = permitted(session.authorize(Fake::of("select a")).await);
    drop(backend.upstream.forward(permit).unwrap());
    assert_eq!(house.account().await[1].2, [Recorded::Unknown]);
}

#[tokio::test]
async fn the_gateway_accounts_for_what_it_sends_itself() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut backend = Backend::of(&house, &session).await;
    let own = session
        .own(Purpose::LookUp, vec![Bytes::from_static(b"oids")])
        .await
        .unwrap();
    let (_, underway) = backend.upstream.forward(own).unwrap();
    underway.done(Outcome::of(OutcomeKind::Completed));
    assert_eq!(backend.seen().await, "oids");
    let own = &house.decided().await[1];
    assert_eq!(
        (own.actor.as_str(), own.purpose.as_deref()),
        ("gateway", Some("look_up"))
    );
    assert_eq!(house.account().await[1].2, [Recorded::Completed]);
}

#[tokio::test]
async fn a_permit_for_another_target_is_not_taken() {
    let house = House::new().await;
    let shop = house.open("ada").await;
    let other = house
        .gate
        .open(house.login("ada"), about("other", &[]))
        .await
        .unwrap();
    let mut backend = Backend::of(&house, &other).await;
    let permit = permitted(shop.authorize(Fake::of("select a")).await);
    assert!(backend.upstream.forward(permit).is_err());
    assert_eq!(backend.seen().await, "");
    assert_eq!(house.account().await[1].2, [Recorded::NotSent]);
}

#[tokio::test]
async fn within_covers_only_what_was_countersigned() {
    let two = format!(
        "{}\n@id(\"insert-too\") @approve(\"sre\") forbid (principal, action == Fake::Action::\"insert\", resource);",
        gate::testing::house::POLICIES
    );
    let house = House::with(&two).await;
    let session = house.open("ada").await;
    let mut backend = Backend::of(&house, &session).await;
    let hold = crate::scene::hold_of(&session, "drop a").await;
    house.vote("grace", hold.id(), true).await.unwrap();
    let permit = permitted(crate::scene::ended(hold).await);
    let (_, underway) = backend.upstream.forward(permit).unwrap();
    let leave = underway.leave();
    // the same policy: covered
    let second = permitted(session.authorize_within(&leave, Fake::of("drop b")).await);
    drop(second);
    // another policy: only that one is asked
    let mixed = session
        .authorize_within(&leave, Fake::of("drop b; insert c"))
        .await;
    let hold = crate::scene::held(mixed);
    assert_eq!(hold.asks().len(), 1);
    assert_eq!(hold.asks()[0].policy, "insert-too");
    house.vote("heidi", hold.id(), true).await.unwrap();
    let permit = permitted(crate::scene::ended(hold).await);
    house.reload(&two).await;
    let (_, both) = backend.upstream.forward(permit).unwrap();
    assert!(both.check().is_ok());
    // a denial is never covered, nor is anything in another session
    assert_eq!(
        crate::scene::word(
            session
                .authorize_within(&leave, Fake::of("truncate a"))
                .await
        ),
        "forbidden"
    );
    let other = house.open("ada").await;
    let _held = crate::scene::held(other.authorize_within(&leave, Fake::of("drop b")).await);
    // nor what the rules ask with other words
    house
        .reload(&two.replace(
            "action == Fake::Action::\"drop\"",
            "action in [Fake::Action::\"drop\"]",
        ))
        .await;
    let again = session.authorize_within(&leave, Fake::of("drop b")).await;
    assert!(matches!(again, Decision::Hold(_)));
}
