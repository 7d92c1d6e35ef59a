//! Sessions, recordings and the audit log's checkpoint over the API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod house;

use axum::http::{StatusCode, header};
use house::House;
use recorder::SessionId;
use recorder::tape::{Event, Header, Kind};
use serde_json::{Value, json};
use store::SessionRecord;

fn ended(id: &str) -> SessionRecord {
    SessionRecord {
        id: id.into(),
        identity: "user:ada".into(),
        target: "shop".into(),
        protocol: "postgres".into(),
        address: "127.0.0.1".into(),
        opened_at: 60,
        closed_at: None,
        tape: None,
    }
}

#[tokio::test]
async fn ended_sessions_are_listed_and_shown() {
    let house = House::new().await;
    let id = SessionId::from(5).to_string();
    house.store.session_opened(ended(&id));
    house.store.session_closed(&id, 120, Some("ab".into()));
    let expected = json!({
        "id": id, "as": "user:ada", "target": "shop", "protocol": "postgres",
        "address": "127.0.0.1", "opened_at": "1970-01-01T00:01:00Z",
        "closed_at": "1970-01-01T00:02:00Z", "client": null, "requests": null, "paused_by": null, "paused_until": null,
        "recording": "ab",
    });
    assert_eq!(
        house.get("root", "/v1/sessions").await.json(),
        json!([expected])
    );
    assert_eq!(
        house
            .get("root", &format!("/v1/sessions/{id}"))
            .await
            .json(),
        expected
    );
    let missing = house.get("root", "/v1/sessions/none").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let killed = house
        .post("root", &format!("/v1/sessions/{id}/kill"), json!(null))
        .await;
    assert_eq!(killed.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_recording_is_replayed_line_by_line() {
    let house = House::new().await;
    let session = SessionId::from(7);
    let header = Header {
        actor: "user:ada".into(),
        target: "shop".into(),
        protocol: "postgres".into(),
        at: 60_000_000_000,
    };
    let tape = house.tapes.start(session, header).await.unwrap();
    let statement = "SELECT\u{1b}[2J\n1";
    for number in 0..100 {
        let kind = Kind::Statement(format!("{statement} {number}"));
        tape.push(Event {
            at: 61_000_000_000,
            request: None,
            kind,
        })
        .await
        .unwrap();
    }
    let reply = Kind::Reply(bytes::Bytes::from_static(b"\x00\xff"));
    tape.push(Event {
        at: 62_000_000_000,
        request: Some(9.into()),
        kind: reply,
    })
    .await
    .unwrap();
    tape.seal().await.unwrap();
    let answer = house
        .get("root", &format!("/v1/sessions/{session}/recording"))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/x-ndjson");
    let lines: Vec<Value> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 103);
    assert_eq!(
        (&lines[0]["kind"], &lines[0]["actor"]),
        (&json!("header"), &json!("user:ada"))
    );
    assert_eq!(lines[1]["text"], format!("{statement} 0"));
    assert_eq!(lines[1]["at"], "1970-01-01T00:01:01Z");
    assert_eq!(
        (&lines[101]["kind"], &lines[101]["bytes"]),
        (&json!("reply"), &json!("AP8="))
    );
    assert_eq!(
        (&lines[102]["kind"], &lines[102]["sealed"]),
        (&json!("end"), &json!(true))
    );
    let acts = house.administration();
    assert_eq!(
        (acts[0].action.as_str(), acts[0].subject.as_str()),
        ("view_recording", session.to_string().as_str())
    );
}

#[tokio::test]
async fn what_is_no_recording_is_not_found() {
    let house = House::new().await;
    for id in [
        SessionId::from(8).to_string(),
        "..%2f..%2fetc%2fpasswd".into(),
        "7".into(),
    ] {
        let answer = house
            .get("root", &format!("/v1/sessions/{id}/recording"))
            .await;
        assert_eq!(
            (answer.status, answer.problem()),
            (StatusCode::NOT_FOUND, "not-found".into())
        );
    }
}

#[tokio::test]
async fn the_checkpoint_is_the_newest() {
    let house = House::new().await;
    // an act is recorded, and with it the log is not empty
    house.delete("root", "/v1/tokens/none").await;
    let answer = loop {
        let answer = house.get("root", "/v1/audit/checkpoint").await;
        if answer.status == StatusCode::OK && answer.json()["size"].as_u64() > Some(0) {
            break answer.json();
        }
        tokio::task::yield_now().await;
    };
    let text: recorder::Checkpoint = answer["text"].as_str().unwrap().parse().unwrap();
    assert_eq!(answer["size"], text.size);
    assert_eq!(answer["root"].as_str().unwrap().len(), 64);
}
