//! Who may countersign, and whose votes count when it matters.

use gate::VoteError;
use gate::desk::Answer;
use gate::ledger::{ApprovalId, Row};
use gate::testing::House;
use gate::testing::fake::Fake;
use gate::testing::house::{POLICIES, Plan, permitted};
use policy::approval::State;
use policy::mask::{DataClass, Detector, How};

use crate::scene::{ended, held, hold_of, now, quiet, word};

fn not_eligible(result: Result<Row, VoteError>, word: &str) {
    match result {
        Err(VoteError::NotEligible(why)) => assert!(why.contains(word), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// The shop's rules with other words in place of `@quorum("1")`, and more.
fn rules(annotations: &str, more: &str) -> String {
    format!(
        "{}\n{more}",
        POLICIES.replace("@quorum(\"1\")", annotations)
    )
}

#[tokio::test]
async fn nobody_approves_their_own_request_by_whatever_credential() {
    let house = House::new().await;
    house.people.join("ada", "dba", "root");
    house.people.give_token("ada", 2, "root");
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    not_eligible(house.vote("ada", hold.id(), true).await, "own request");
    not_eligible(
        house.vote_as("ada", 2, hold.id(), true).await,
        "own request",
    );
}

#[tokio::test]
async fn the_owner_of_a_service_approves_it_only_where_the_policy_says_so() {
    let house = House::new().await;
    house.people.join("ada", "dba", "root");
    let session = house.open("robot").await;
    let hold = hold_of(&session, "drop orders").await;
    not_eligible(house.vote("ada", hold.id(), true).await, "owns");
    house.reload(&rules("@owner(\"may-approve\")", "")).await;
    let hold = quiet(hold).await;
    house.vote("ada", hold.id(), true).await.unwrap();
    let _permit = permitted(ended(hold).await);
}

#[tokio::test]
async fn a_service_does_not_approve_for_its_owner() {
    let house = House::new().await;
    house.people.join("robot", "dba", "root");
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    not_eligible(house.vote("robot", hold.id(), true).await, "service");
}

#[tokio::test]
async fn what_the_asker_gave_away_does_not_vote() {
    let house = House::new().await;
    house.people.give_token("grace", 2, "ada");
    house.people.join("root", "dba", "ada");
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    not_eligible(house.vote_as("grace", 2, hold.id(), true).await, "issued");
    not_eligible(house.vote("root", hold.id(), true).await, "membership");
    // nor by a key that the asker registered for somebody, nor by one that was revoked
    for (who, added_by, why) in [("bob", "ada", "issued"), ("heidi", "root", "revoked")] {
        house.people.give_ssh_key(who, who.as_bytes(), added_by);
        let login = house
            .gate
            .ssh_key(who, who.as_bytes(), [10, 0, 0, 1].into());
        house
            .people
            .change(who, |it| it.ssh_keys[0].revoked = why == "revoked");
        let answer = Answer {
            approve: true,
            digest: house.questions().await[0].question.digest,
            reason: None,
        };
        let desk = house.gate.approvals();
        let vote = desk
            .decide(hold.id(), login.unwrap().identity(), &answer)
            .await;
        not_eligible(vote, why);
    }
}

#[tokio::test]
async fn a_quorum_is_of_different_people() {
    let house = House::with(&rules("@quorum(\"2\")", "")).await;
    house.people.give_token("grace", 2, "root");
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    let id = hold.id();
    assert_eq!(
        house.vote("grace", id, true).await.unwrap().question.state,
        State::Asked
    );
    assert_eq!(
        house
            .vote_as("grace", 2, id, true)
            .await
            .unwrap()
            .question
            .state,
        State::Asked
    );
    let mut hold = quiet(hold).await;
    assert!(now(hold.wait()).await.is_none());
    assert_eq!(
        house.vote("bob", id, true).await.unwrap().question.state,
        State::Granted
    );
    let _permit = permitted(ended(hold).await);
}

const SRE_TOO: &str = "@id(\"sre-too\") @approve(\"sre\") forbid (principal, action == Fake::Action::\"drop\", resource);";

#[tokio::test]
async fn heidi_and_grace_satisfy_two_requirements() {
    let house = House::with(&rules("", SRE_TOO)).await;
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    let id = hold.id();
    assert_eq!(hold.asks().len(), 2);
    assert_eq!(
        house.vote("grace", id, true).await.unwrap().question.state,
        State::Asked
    );
    assert_eq!(
        house.vote("heidi", id, true).await.unwrap().question.state,
        State::Granted
    );
    let _permit = permitted(ended(hold).await);
}

#[tokio::test]
async fn one_person_satisfies_two_requirements_unless_one_is_distinct() {
    let house = House::with(&rules("", SRE_TOO)).await;
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    assert_eq!(
        house
            .vote("heidi", hold.id(), true)
            .await
            .unwrap()
            .question
            .state,
        State::Granted
    );
    let distinct = House::with(&rules("@distinct", SRE_TOO)).await;
    let session = distinct.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    assert_eq!(
        distinct
            .vote("heidi", hold.id(), true)
            .await
            .unwrap()
            .question
            .state,
        State::Asked
    );
    assert_eq!(
        distinct
            .vote("bob", hold.id(), true)
            .await
            .unwrap()
            .question
            .state,
        State::Granted
    );
}

async fn granted_then(change: impl AsyncFnOnce(&House, ApprovalId)) {
    let house = House::new().await;
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    let id = hold.id();
    house.vote("grace", id, true).await.unwrap();
    change(&house, id).await;
    house.gate.directory_changed();
    let mut hold = quiet(hold).await;
    assert!(
        now(hold.wait()).await.is_none(),
        "released by a vote that counts no more"
    );
    house.vote("bob", id, true).await.unwrap();
    let _permit = permitted(ended(hold).await);
}

#[tokio::test]
async fn votes_are_counted_as_people_are_at_the_release() {
    granted_then(async |house, _| house.people.leave("grace", "dba")).await;
    granted_then(async |house, _| house.people.change("grace", |it| it.locked = true)).await;
    granted_then(async |house, _| {
        house
            .people
            .change("grace", |it| it.tokens[0].revoked = true)
    })
    .await;
}

#[tokio::test]
async fn a_vote_says_what_was_seen() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    let other = hold_of(&session, "drop customers").await;
    let digest = house.questions().await[0].question.digest;
    let grace = house.people.identity("grace", 1);
    let answer = Answer {
        approve: true,
        digest,
        reason: None,
    };
    let confused = house
        .gate
        .approvals()
        .decide(hold.id(), &grace, &answer)
        .await;
    assert!(matches!(confused, Err(VoteError::OtherDigest(_))));
    house
        .gate
        .approvals()
        .decide(other.id(), &grace, &answer)
        .await
        .unwrap();
    let twice = house
        .gate
        .approvals()
        .decide(other.id(), &grace, &answer)
        .await;
    assert!(matches!(twice, Err(VoteError::AlreadyDecided(_))));
}

#[tokio::test]
async fn a_policy_narrows_who_may_answer_by_address() {
    let inside = "@id(\"inside\") forbid (principal, action == Action::\"approve\", resource) unless { context.address.isInRange(ip(\"10.0.0.0/8\")) };";
    let house = House::with(&rules("", inside)).await;
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    let digest = house.questions().await[0].question.digest;
    let answer = Answer {
        approve: true,
        digest,
        reason: None,
    };
    let mut outside = house.people.identity("grace", 1);
    outside.address = "192.0.2.1".parse().unwrap();
    not_eligible(
        house
            .gate
            .approvals()
            .decide(hold.id(), &outside, &answer)
            .await,
        "policy",
    );
    // from inside it counts, then and when it is counted again
    house.vote("grace", hold.id(), true).await.unwrap();
    let _permit = permitted(ended(hold).await);
}

#[tokio::test]
async fn who_decides_on_masked_values_must_see_them() {
    let cards = DataClass {
        name: "email".into(),
        columns: Vec::new(),
        detectors: vec![Detector::Email],
        how: How::Redact,
    };
    let reveal = "@id(\"sre-see\") permit (principal in Group::\"sre\", action == Action::\"reveal\", resource);";
    let policies = rules("", reveal);
    let plan = Plan {
        policies: &policies,
        classes: vec![cards],
        ..Plan::default()
    };
    let house = House::build(plan).await;
    let session = house.open("ada").await;
    let request = Fake {
        redacted: ["payment-card".to_owned()].into(),
        ..Fake::of("drop orders")
    };
    let hold = held(session.authorize(request).await);
    not_eligible(house.vote("grace", hold.id(), true).await, "masked");
    house.vote("heidi", hold.id(), true).await.unwrap();
    // refusing needs no sight
    let request = Fake {
        redacted: ["payment-card".to_owned()].into(),
        ..Fake::of("drop orders")
    };
    let hold = held(session.authorize(request).await);
    house.vote("grace", hold.id(), false).await.unwrap();
    assert_eq!(word(ended(hold).await), "refused");
}

#[tokio::test]
async fn what_nobody_sees_whole_can_only_be_refused() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let request = Fake {
        cut: true,
        ..Fake::of("drop orders")
    };
    let hold = held(session.authorize(request).await);
    not_eligible(house.vote("grace", hold.id(), true).await, "too long");
    house.vote("grace", hold.id(), false).await.unwrap();
    assert_eq!(word(ended(hold).await), "refused");
}

#[tokio::test]
async fn questions_are_seen_by_those_whom_they_concern() {
    let house = House::new().await;
    house
        .people
        .add("eve", policy::identity::Kind::User, &["engineers"]);
    let session = house.open("ada").await;
    let _hold = hold_of(&session, "drop orders").await;
    let seen = async |name| {
        let identity = house.people.identity(name, 1);
        house
            .gate
            .approvals()
            .list(&identity, Default::default())
            .await
            .unwrap()
            .len()
    };
    assert_eq!(seen("ada").await, 1);
    assert_eq!(seen("grace").await, 1);
    assert_eq!(seen("root").await, 1);
    assert_eq!(seen("eve").await, 0);
    let unseen = house.vote("eve", house.questions().await[0].id, true).await;
    assert!(matches!(unseen, Err(VoteError::Ledger(_))));
}
