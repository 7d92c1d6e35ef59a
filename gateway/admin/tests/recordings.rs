//! Recordings as players read them and as they are followed, and pauses, over the API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod house;

use axum::http::{StatusCode, header};
use bytes::Bytes;
use house::House;
use recorder::tape::{Event, Header, Kind, Moment, Size, Tape};
use recorder::{RequestId, SessionId};
use serde_json::{Value, json};

async fn begun(house: &House, session: SessionId) -> Tape {
    let header = Header {
        actor: "user:ada".into(),
        target: "box".into(),
        protocol: "ssh".into(),
        at: 60_000_000_000,
    };
    house.tapes.start(session, header).await.unwrap()
}

async fn push(tape: &Tape, request: u128, kind: Kind) {
    let event = Event {
        at: 61_000_000_000,
        request: Some(RequestId::from(request)),
        kind,
    };
    tape.push(event).await.unwrap();
}

/// A terminal in which one thing was shown.
async fn terminal(tape: &Tape, request: u128, shown: &'static [u8]) {
    push(tape, request, Kind::Statement(format!("shell {request}"))).await;
    let size = Size {
        columns: 90,
        rows: 25,
    };
    push(tape, request, Kind::Moment(Moment::Terminal(size))).await;
    push(tape, request, Kind::Reply(Bytes::from_static(shown))).await;
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_terminal_is_cast_and_one_of_several_is_chosen() {
    let house = House::new().await;
    let session = SessionId::from(7);
    let path = format!("/v1/sessions/{session}/recording?format=asciicast");
    let tape = begun(&house, session).await;
    terminal(&tape, 1, b"\x1b]0;title\x07one").await;
    tape.seal().await.unwrap();
    let answer = house.get("root", &path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/x-asciicast"
    );
    let cast = lines(&answer.text);
    assert_eq!(
        cast[0],
        json!({"version": 2, "width": 90, "height": 25, "timestamp": 61, "title": "user:ada at box: shell 1"})
    );
    assert_eq!(cast[1], json!([0.0, "o", "one"]));
    assert_eq!(cast.len(), 3, "what puts a terminal in order comes last");

    let session = SessionId::from(8);
    let path = format!("/v1/sessions/{session}/recording?format=asciicast");
    let tape = begun(&house, session).await;
    terminal(&tape, 1, b"one").await;
    terminal(&tape, 2, b"two").await;
    tape.seal().await.unwrap();
    let answer = house.get("root", &path).await;
    assert_eq!(
        (answer.status, answer.problem()),
        (StatusCode::CONFLICT, "several-terminals".into())
    );
    let second = RequestId::from(2);
    assert!(answer.text.contains(&second.to_string()), "{}", answer.text);
    let chosen = house
        .get("root", &format!("{path}&request={second}"))
        .await
        .text;
    assert!(
        chosen.contains("two") && !chosen.contains("one"),
        "{chosen}"
    );
}

#[tokio::test]
async fn what_cannot_be_cast_says_why() {
    let house = House::new().await;
    let session = SessionId::from(9);
    let path = format!("/v1/sessions/{session}/recording");
    let tape = begun(&house, session).await;
    push(&tape, 1, Kind::Statement("uptime".into())).await;
    tape.seal().await.unwrap();
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    for (query, status, problem) in [
        ("?format=asciicast", StatusCode::CONFLICT, "no-terminal"),
        ("?format=asciicast&follow=true", unfit, "invalid"),
        ("?request=7", unfit, "invalid"),
        ("?format=other", StatusCode::BAD_REQUEST, "malformed"),
        ("?more=1", StatusCode::BAD_REQUEST, "malformed"),
    ] {
        let answer = house.get("root", &format!("{path}{query}")).await;
        let expected = (status, problem.to_owned());
        assert_eq!((answer.status, answer.problem()), expected, "{query}");
    }
    let ada = house.get("ada", &format!("{path}?follow=true")).await;
    assert_eq!(ada.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_recording_is_followed_to_its_seal() {
    let house = House::new().await;
    let session = SessionId::from(10);
    let tape = begun(&house, session).await;
    push(&tape, 1, Kind::Statement("first".into())).await;
    let path = format!("/v1/sessions/{session}/recording?follow=true");
    // its file is there once it can be read
    while house
        .get("root", &path.replace("?follow=true", ""))
        .await
        .status
        != StatusCode::OK
    {
        tokio::task::yield_now().await;
    }
    let more = async {
        push(&tape, 1, Kind::Statement("second".into())).await;
        push(&tape, 2, Kind::Statement("of another".into())).await;
        tape.seal().await.unwrap();
    };
    let only = format!("{path}&request={}", RequestId::from(1));
    let (answer, ()) = tokio::join!(house.get("root", &only), more);
    let seen: Vec<Value> = lines(&answer.text);
    let kinds: Vec<&str> = seen
        .iter()
        .map(|line| line["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["header", "statement", "statement", "end"]);
    assert_eq!(
        (&seen[2]["text"], &seen[3]["sealed"]),
        (&json!("second"), &json!(true))
    );
}

#[tokio::test]
async fn only_an_open_session_is_paused_and_only_by_who_may() {
    let house = House::new().await;
    let id = SessionId::from(11);
    for what in ["pause", "resume"] {
        let path = format!("/v1/sessions/{id}/{what}");
        let missing = house.post("root", &path, json!({})).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{}", missing.text);
        let ada = house.post("ada", &path, json!({})).await;
        assert_eq!(ada.status, StatusCode::FORBIDDEN, "{}", ada.text);
    }
    let path = format!("/v1/sessions/{id}/pause");
    for seconds in [0, 86_401] {
        let answer = house
            .post("root", &path, json!({ "seconds": seconds }))
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let acts = house.administration();
    assert_eq!(
        (acts[0].action.as_str(), acts[0].subject.as_str()),
        ("pause", format!("{id} for 900 s").as_str())
    );
}
