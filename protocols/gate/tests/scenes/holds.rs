//! Held on a live connection: granted, refused, expired, withdrawn, and everything that happens meanwhile.

use std::time::Duration;

use gate::ledger::ApprovalId;
use gate::testing::House;
use gate::testing::fake::Fake;
use gate::testing::house::{POLICIES, Plan, permitted};
use gate::{Circumstances, Decision, Outcome, OutcomeKind, Reason};
use policy::approval::State;
use recorder::entry::{ApprovalEvent, OutcomeKind as Recorded, Verdict};

use crate::scene::{
    Backend, denied, ended, granted_drop, held, held_drop, hold_of, now, quiet, steps, word,
};

async fn state(house: &House, id: ApprovalId) -> State {
    house
        .gate
        .approvals()
        .show(&house.people.identity("root", 1), id)
        .await
        .unwrap()
        .question
        .state
}

#[tokio::test]
async fn granted_is_forwarded_once() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut backend = Backend::of(&house, &session).await;
    let mut questions = house.gate.questions();
    questions.mark_unchanged();
    let hold = hold_of(&session, "drop orders").await;
    assert!(questions.has_changed().unwrap(), "nobody was told");
    let id = hold.id();
    assert_eq!(hold.asks()[0].groups, ["dba"]);
    assert_eq!(backend.seen().await, "");
    house.vote("grace", id, true).await.unwrap();
    let permit = permitted(ended(hold).await);
    assert_eq!(state(&house, id).await, State::Used);
    let (_, underway) = backend.upstream.forward(permit).unwrap();
    assert_eq!(backend.seen().await, "drop orders");
    underway.done(Outcome::of(OutcomeKind::Completed));
    let account = house.account().await;
    let approved = (
        Verdict::Allow,
        "approval".to_owned(),
        vec![Recorded::Completed],
    );
    assert_eq!(account[1], approved);
    assert_eq!(house.decided().await[1].approval, Some(id.to_string()));
    let ada = || "user:ada".to_owned();
    assert_eq!(
        house.approvals().await,
        [
            (ApprovalEvent::Asked, ada()),
            (ApprovalEvent::Granted, "user:grace".to_owned()),
            (ApprovalEvent::Used, ada()),
        ]
    );
    // used: the same request asks again
    let _again = hold_of(&session, "drop orders").await;
}

#[tokio::test]
async fn refused_is_denied_with_who_and_why() {
    let (house, _session, hold) = held_drop().await;
    let id = hold.id();
    house.vote("grace", id, false).await.unwrap();
    let refused = denied(ended(hold).await);
    let words = Some("seen".to_owned());
    assert_eq!(
        *refused.reason(),
        Reason::Refused {
            approval: id,
            by: "grace".into(),
            words
        }
    );
    let account = house.account().await;
    assert_eq!(account, [(Verdict::Deny, "refused".to_owned(), vec![])]);
    assert_eq!(
        steps(&house).await,
        [ApprovalEvent::Asked, ApprovalEvent::Refused]
    );
}

#[tokio::test]
async fn a_refusal_wins_over_a_grant_that_was_not_used() {
    let (house, _session, hold) = granted_drop().await;
    house.vote("heidi", hold.id(), false).await.unwrap();
    assert_eq!(word(ended(hold).await), "refused");
}

#[tokio::test]
async fn expired_is_denied_and_a_late_vote_finds_it_decided() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let short = Fake {
        circumstances: Circumstances {
            hold_at_most: Some(Duration::from_secs(10)),
            ..Circumstances::default()
        },
        ..Fake::of("drop orders")
    };
    let before = tokio::time::Instant::now();
    let hold = quiet(held(session.authorize(short).await)).await;
    let id = hold.id();
    tokio::time::pause();
    let decision = ended(hold).await;
    assert!(before.elapsed() >= Duration::from_secs(10));
    assert!(before.elapsed() < Duration::from_secs(20));
    tokio::time::resume();
    assert_eq!(word(decision), "expired");
    assert_eq!(
        house.account().await,
        [(Verdict::Hold, "expired".to_owned(), vec![])]
    );
    assert!(house.vote("grace", id, true).await.is_err());
    let last = house.approvals().await.pop().unwrap();
    assert_eq!(last, (ApprovalEvent::Expired, "gateway".to_owned()));
}

#[tokio::test]
async fn withdrawn_by_its_client_is_denied() {
    let (house, _session, hold) = held_drop().await;
    let id = hold.id();
    assert_eq!(word(hold.withdraw().await), "withdrawn");
    assert_eq!(state(&house, id).await, State::Withdrawn);
    assert_eq!(
        house.account().await,
        [(Verdict::Hold, "withdrawn".to_owned(), vec![])]
    );
    assert!(house.vote("grace", id, true).await.is_err());
}

#[tokio::test]
async fn a_client_that_is_gone_withdraws() {
    let (house, session, hold) = granted_drop().await;
    let id = hold.id();
    // granted already, and yet nothing runs
    drop(hold);
    drop(session);
    house.gate.settled().await;
    assert_eq!(state(&house, id).await, State::Withdrawn);
    assert_eq!(steps(&house).await.pop(), Some(ApprovalEvent::Withdrawn));
    assert!(house.account().await.is_empty());
}

#[tokio::test]
async fn killed_while_held() {
    let (house, session, mut hold) = granted_drop().await;
    let id = hold.id();
    assert!(house.gate.kill(&session.id()));
    hold.wait().await;
    let mut revoked = denied(hold.settle().await);
    assert_eq!(*revoked.reason(), Reason::Revoked(gate::End::Killed));
    assert_eq!(state(&house, id).await, State::Withdrawn);
    // nothing passes an ended session, not even a refusal
    let (near, _far) = tokio::io::duplex(64);
    let other = house.open("ada").await;
    let connect = house.connect(&other).await;
    let (mut upstream, _connected) = gate::Upstream::in_memory(connect, near).unwrap();
    assert!(upstream.forward(revoked.refusal().unwrap()).is_err());
    assert_eq!(
        house.account().await[0],
        (Verdict::Deny, "revoked".to_owned(), vec![])
    );
}

#[tokio::test]
async fn the_wait_loses_nothing_when_it_is_cancelled() {
    let (_house, _session, mut hold) = granted_drop().await;
    // polled by a select that then took another branch, twice
    for _ in 0..2 {
        let mut wait = std::pin::pin!(hold.wait());
        tokio::select! {
            biased;
            () = std::future::ready(()) => {}
            () = &mut wait => panic!("not polled"),
        }
    }
    hold.wait().await;
    let _permit = permitted(hold.settle().await);
}

#[tokio::test]
async fn rules_that_allow_meanwhile_release_without_an_approval() {
    let (house, _session, hold) = held_drop().await;
    let id = hold.id();
    house
        .reload(&POLICIES.replace("\"env:prod\"", "\"env:other\""))
        .await;
    let _permit = permitted(ended(hold).await);
    assert_eq!(state(&house, id).await, State::Withdrawn);
    let decided = house.decided().await;
    assert_eq!(
        (decided[0].reason.as_str(), &decided[0].approval),
        ("permitted", &Some(id.to_string()))
    );
}

#[tokio::test]
async fn rules_that_deny_meanwhile_deny_what_was_granted() {
    let (house, _session, hold) = granted_drop().await;
    let id = hold.id();
    house
        .reload(&POLICIES.replace("@approve(\"dba\") @quorum(\"1\") @timeout(\"15m\")", ""))
        .await;
    assert_eq!(word(ended(hold).await), "forbidden");
    assert_eq!(state(&house, id).await, State::Withdrawn);
}

#[tokio::test]
async fn a_grown_quorum_keeps_the_vote_and_asks_on_the_same_hold() {
    let (house, _session, hold) = granted_drop().await;
    let id = hold.id();
    house
        .reload(&POLICIES.replace("@quorum(\"1\")", "@quorum(\"2\")"))
        .await;
    let mut hold = quiet(hold).await;
    assert_eq!(hold.id(), id);
    assert_eq!(hold.asks()[0].quorum, 2);
    assert!(now(hold.wait()).await.is_none());
    house.vote("bob", id, true).await.unwrap();
    let _permit = permitted(ended(hold).await);
    use ApprovalEvent::{Asked, AskedAgain, Granted, Used};
    assert_eq!(
        steps(&house).await,
        [Asked, Granted, AskedAgain, Granted, Used]
    );
}

#[tokio::test]
async fn a_rewritten_policy_asks_everybody_anew() {
    let (house, _session, hold) = granted_drop().await;
    let id = hold.id();
    house
        .reload(&POLICIES.replace(
            "action == Fake::Action::\"drop\"",
            "action in [Fake::Action::\"drop\"]",
        ))
        .await;
    let hold = quiet(hold).await;
    house.vote("grace", id, true).await.unwrap();
    let _permit = permitted(ended(hold).await);
}

#[tokio::test]
async fn a_reload_of_the_same_rules_burns_no_approval() {
    let house = House::new().await;
    let session = house.open("ada").await;
    for _ in 0..20 {
        let hold = hold_of(&session, "drop orders").await;
        house.vote("grace", hold.id(), true).await.unwrap();
        let gate = house.gate.clone();
        let rules = house.rules(POLICIES);
        let reload = tokio::spawn(async move { gate.reload(rules).await });
        let permit = permitted(ended(hold).await);
        reload.await.unwrap();
        let mut upstream = Backend::of(&house, &session).await.upstream;
        assert!(upstream.forward(permit).is_ok());
    }
}

#[tokio::test]
async fn twenty_questions_and_no_more() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let mut holds = Vec::new();
    for number in 0..20 {
        holds.push(hold_of(&session, &format!("drop t{number}")).await);
    }
    let refused = denied(session.authorize(Fake::of("drop one_more")).await);
    assert_eq!(*refused.reason(), Reason::TooManyQuestions { open: 20 });
    // another session of the same identity counts with it, another identity does not
    let second = house.open("ada").await;
    assert_eq!(
        word(second.authorize(Fake::of("drop x")).await),
        "too_many_questions"
    );
    let robot = house.open("robot").await;
    let _held = hold_of(&robot, "drop x").await;
    // one that is withdrawn makes room
    drop(holds.pop());
    house.gate.settled().await;
    let _held = hold_of(&session, "drop one_more").await;
}

#[tokio::test]
async fn an_authorization_given_up_while_it_asks_leaves_no_question() {
    let house = House::build(Plan::default()).await;
    let session = house.open("ada").await;
    house.ledger.set(true);
    {
        let mut asking = std::pin::pin!(session.authorize(Fake::of("drop orders")));
        assert!(now(&mut asking).await.is_none());
    }
    house.ledger.set(false);
    drop(session);
    // whatever was put is withdrawn
    loop {
        house.gate.settled().await;
        let open = house
            .questions()
            .await
            .iter()
            .filter(|row| !row.question.state.is_final())
            .count();
        if open == 0 && house.gate.sessions().is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_held_connect_is_a_hold_like_any_other() {
    let held_connect = format!(
        "{POLICIES}\n@id(\"knock\") @approve(\"dba\") forbid (principal, action == Action::\"connect\", resource);"
    );
    let house = House::with(&held_connect).await;
    let session = house.open("ada").await;
    let detail = [("database", "a\u{202e}b")];
    let hold = held(
        session
            .authorize(gate::Connect::to(&session, &detail, Vec::new()))
            .await,
    );
    let row = house.questions().await.remove(0);
    assert!(
        !row.question.rendering.contains('\u{202e}'),
        "{}",
        row.question.rendering
    );
    house.vote("grace", hold.id(), true).await.unwrap();
    let permit = permitted(ended(hold).await);
    let (near, _far) = tokio::io::duplex(64);
    let (_, connected) = gate::Upstream::in_memory(permit, near).unwrap();
    // a rule against it ends the session's leave to be there
    house
        .reload("@id(\"none\") forbid (principal, action, resource);")
        .await;
    assert!(connected.check().is_err());
}

#[tokio::test]
async fn a_decision_may_be_dropped_at_any_time() {
    let (house, _session, hold) = granted_drop().await;
    let Decision::Permit(permit) = ended(hold).await else {
        panic!("not released")
    };
    drop(permit);
    assert_eq!(house.account().await[0].2, [Recorded::NotSent]);
}
