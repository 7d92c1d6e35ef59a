//! Questions that outlive their client, and who may come back for them.

use std::time::Duration;

use gate::ledger::{ApprovalId, Binding};
use gate::testing::House;
use gate::testing::fake::Fake;
use gate::testing::house::permitted;
use gate::{Authenticated, Circumstances, Denied, Hold, Manner, Reason, Session, Until};
use policy::approval::State;

use crate::scene::{ended, held, hold_of, quiet, word};

const LONG: Duration = Duration::from_secs(600);

async fn parked(house: &House, session: &Session, request: Fake) -> ApprovalId {
    let hold = quiet(held(session.authorize(request).await)).await;
    let ticket = hold.park(LONG).await.unwrap();
    assert!(matches!(
        house.questions().await[0].question.binding,
        Binding::Identity { .. }
    ));
    ticket.id
}

async fn state(house: &House, id: ApprovalId) -> State {
    house
        .questions()
        .await
        .into_iter()
        .find(|row| row.id == id)
        .unwrap()
        .question
        .state
}

#[tokio::test]
async fn the_same_content_finds_its_parked_approval_once() {
    let house = House::new().await;
    let first = house.open("ada").await;
    let id = parked(&house, &first, Fake::of("drop orders")).await;
    drop(first);
    house.vote("grace", id, true).await.unwrap();
    let second = house.open("ada").await;
    drop(permitted(second.authorize(Fake::of("drop orders")).await));
    assert_eq!(state(&house, id).await, State::Used);
    let third = hold_of(&second, "drop orders").await;
    assert_ne!(third.id(), id);
}

#[tokio::test]
async fn other_content_or_another_credential_is_another_question() {
    let house = House::new().await;
    house.people.give_token("ada", 2, "root");
    let session = house.open("ada").await;
    let request = || Fake::of("drop orders").wire(&[b"drop", b"orders", b"1"]);
    let id = parked(&house, &session, request()).await;
    house.vote("grace", id, true).await.unwrap();
    let others = [
        ("a fingerprint", request().meaning(&[b"role=admin"])),
        ("a parameter", request().wire(&[b"drop", b"orders", b"2"])),
        ("a byte", request().wire(&[b"droP", b"orders", b"1"])),
        ("the lengths", request().wire(&[b"dropo", b"rders", b"1"])),
        (
            "the count",
            request().wire(&[b"drop", b"orders", b"1", b""]),
        ),
    ];
    for (what, other) in others {
        let hold = held(session.authorize(other).await);
        assert_ne!(hold.id(), id, "{what}");
    }
    let another = Authenticated::assumed(house.people.identity("ada", 2));
    let hold = held(house.open_as(another).await.authorize(request()).await);
    assert_ne!(hold.id(), id, "a credential lineage");
    let robot = held(house.open("robot").await.authorize(request()).await);
    assert_ne!(robot.id(), id, "an identity");
    // and the one it was granted for still finds it
    drop(permitted(session.authorize(request()).await));
}

#[tokio::test]
async fn a_live_question_of_another_session_is_not_taken() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    house.vote("grace", hold.id(), true).await.unwrap();
    let thief = house.open("ada").await;
    let _held = held(thief.authorize(Fake::of("drop orders")).await);
}

#[tokio::test]
async fn letting_go_of_a_parked_question_only_detaches() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let id = parked(&house, &session, Fake::of("drop orders")).await;
    let again = hold_of(&session, "drop orders").await;
    assert_eq!(again.id(), id);
    drop(again);
    assert_eq!(
        word(hold_of(&session, "drop orders").await.withdraw().await),
        "withdrawn"
    );
    house.gate.settled().await;
    assert_eq!(state(&house, id).await, State::Asked);
    let asked = house.approvals().await;
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[tokio::test]
async fn of_two_that_came_back_one_is_released_and_both_hear() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let id = parked(&house, &session, Fake::of("drop orders")).await;
    let first = hold_of(&session, "drop orders").await;
    let second = hold_of(&session, "drop orders").await;
    assert_eq!((first.id(), second.id()), (id, id));
    let (first, second) = (tokio::spawn(ended(first)), tokio::spawn(ended(second)));
    house.vote("grace", id, true).await.unwrap();
    let both = tokio::time::timeout(Duration::from_secs(20), async {
        [first.await.unwrap(), second.await.unwrap()]
    });
    let released = both
        .await
        .unwrap()
        .into_iter()
        .filter(|decision| matches!(decision, gate::Decision::Permit(_)));
    assert_eq!(released.count(), 1);
}

#[tokio::test]
async fn a_parked_refusal_is_told_to_who_comes_back() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let id = parked(&house, &session, Fake::of("drop orders")).await;
    house.vote("grace", id, false).await.unwrap();
    assert_eq!(
        word(session.authorize(Fake::of("drop orders")).await),
        "refused"
    );
}

#[tokio::test]
async fn a_parked_question_ends_with_its_time() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let id = parked(&house, &session, Fake::of("drop orders")).await;
    house.vote("grace", id, true).await.unwrap();
    house.clock.advance(601);
    let hold = hold_of(&session, "drop orders").await;
    assert_ne!(hold.id(), id);
    // nobody approves what is over
    let over = parked(&house, &session, Fake::of("drop customers")).await;
    house.clock.advance(601);
    assert!(house.vote("grace", over, true).await.is_err());
    assert_eq!(state(&house, over).await, State::Expired);
}

#[tokio::test]
async fn tickets_that_nobody_came_back_for_do_not_lock_their_asker_out() {
    let house = House::new().await;
    let session = house.open("ada").await;
    for number in 0..20 {
        parked(&house, &session, Fake::of(&format!("drop t{number}"))).await;
    }
    assert_eq!(
        word(session.authorize(Fake::of("drop more")).await),
        "too_many_questions"
    );
    house.clock.advance(601);
    let _held = hold_of(&session, "drop more").await;
}

#[tokio::test]
async fn who_came_back_waits_its_own_time_and_the_question_goes_on() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let id = parked(&house, &session, Fake::of("drop orders")).await;
    let hold_at_most = Some(Duration::from_secs(10));
    let short = Fake {
        circumstances: Circumstances {
            hold_at_most,
            ..Circumstances::default()
        },
        ..Fake::of("drop orders")
    };
    let hold = quiet(held(session.authorize(short).await)).await;
    tokio::time::pause();
    assert_eq!(word(ended(hold).await), "expired");
    tokio::time::resume();
    assert_eq!(state(&house, id).await, State::Asked);
    house.vote("grace", id, true).await.unwrap();
    drop(permitted(session.authorize(Fake::of("drop orders")).await));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_parked_is_withdrawn() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    let id = hold.id();
    house.ledger.set(true);
    assert!(hold.park(LONG).await.is_err());
    house.ledger.set(false);
    house.gate.settled().await;
    assert_eq!(state(&house, id).await, State::Withdrawn);
}

async fn ticket(hold: Hold<Fake>) -> Denied<Fake> {
    match hold.ticket().await {
        Ok(denied) => denied,
        Err((_, fault)) => panic!("fault: {fault}"),
    }
}

/// What a denial with a ticket says of it.
fn told(denied: &Denied<Fake>) -> (ApprovalId, Until) {
    match denied.reason() {
        Reason::Parked {
            approval, until, ..
        } => (*approval, *until),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn services_get_tickets_and_people_wait_unless_a_policy_says_otherwise() {
    let policies = |hold: &str| {
        gate::testing::house::POLICIES.replace("@timeout", &format!("{hold} @timeout"))
    };
    let cases = [
        ("", Manner::Ticket, Manner::Wait),
        (r#"@hold("ticket")"#, Manner::Ticket, Manner::Ticket),
        (r#"@hold("wait")"#, Manner::Wait, Manner::Wait),
    ];
    for (hold, service, person) in cases {
        let house = House::with(&policies(hold)).await;
        for (name, manner) in [("robot", service), ("ada", person)] {
            let hold = hold_of(&house.open(name).await, "drop orders").await;
            assert_eq!(hold.manner(), manner, "{name} {hold:?}", hold = hold.id());
        }
    }
}

#[tokio::test]
async fn of_two_policies_one_that_gives_a_ticket_is_enough() {
    let besides = r#"
@id("another") @approve("sre") @hold("ticket")
forbid (principal, action == Fake::Action::"drop", resource);
"#;
    let waits = gate::testing::house::POLICIES.replace("@timeout", r#"@hold("wait") @timeout"#);
    let house = House::with(&format!("{waits}{besides}")).await;
    let hold = hold_of(&house.open("ada").await, "drop orders").await;
    assert_eq!(hold.manner(), Manner::Ticket);
}

#[tokio::test]
async fn a_ticket_lasts_as_long_as_its_policies_say_and_no_retry_prolongs_it() {
    let house = House::new().await;
    let session = house.open("robot").await;
    let short = Fake {
        circumstances: Circumstances {
            hold_at_most: Some(Duration::from_secs(10)),
            ..Circumstances::default()
        },
        ..Fake::of("drop orders")
    };
    let first = ticket(held(session.authorize(short).await)).await;
    let (id, until) = told(&first);
    house.clock.advance(100);
    let again = house.open("robot").await;
    let second = ticket(hold_of(&again, "drop orders").await).await;
    assert_eq!(told(&second), (id, until));
    let asked = house.questions().await;
    assert_eq!(asked[0].question.expires_at, until.0);
    assert_eq!(until.0 - asked[0].question.asked_at, 15 * 60);
    assert_eq!(until.to_string().len(), "2026-11-21T10:15:00Z".len());
}

#[tokio::test]
async fn who_came_back_too_late_is_told_that_it_was_used() {
    let house = House::new().await;
    let session = house.open("robot").await;
    let id = told(&ticket(hold_of(&session, "drop orders").await).await).0;
    let first = hold_of(&session, "drop orders").await;
    let second = hold_of(&session, "drop orders").await;
    house.vote("grace", id, true).await.unwrap();
    drop(permitted(first.settle().await));
    assert_eq!(word(second.settle().await), "spent");
    assert_eq!(state(&house, id).await, State::Used);
}

#[tokio::test]
async fn of_two_questions_about_the_same_the_answered_one_is_found() {
    let house = House::new().await;
    let session = house.open("robot").await;
    // both asked before either was parked
    let first = hold_of(&session, "drop orders").await;
    let second = hold_of(&session, "drop orders").await;
    let (first, second) = (told(&ticket(first).await).0, told(&ticket(second).await).0);
    assert_ne!(first, second);
    house.vote("grace", first, true).await.unwrap();
    drop(permitted(session.authorize(Fake::of("drop orders")).await));
    assert_eq!(state(&house, first).await, State::Used);
    assert_eq!(state(&house, second).await, State::Asked);
}

#[tokio::test]
async fn a_retry_finds_rules_that_ask_less() {
    let house =
        House::with(&gate::testing::house::POLICIES.replace(r#"@quorum("1")"#, r#"@quorum("2")"#))
            .await;
    let session = house.open("robot").await;
    let id = told(&ticket(hold_of(&session, "drop orders").await).await).0;
    house.vote("grace", id, true).await.unwrap();
    assert_eq!(
        told(&ticket(hold_of(&session, "drop orders").await).await).0,
        id
    );
    house.reload(gate::testing::house::POLICIES).await;
    drop(permitted(session.authorize(Fake::of("drop orders")).await));
}
