//! Questions over the API: who sees them, who decides, and what a second decision is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod house;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use gate::ledger::Row;
use house::{Answer, House};
use policy::approval::State;
use serde_json::{Value, json};

async fn decide(house: &House, person: &str, row: &Row, decision: &str) -> Answer {
    let body = json!({"decision": decision, "digest": row.question.digest.to_string()});
    house
        .post(person, &format!("/v1/approvals/{}/decision", row.id), body)
        .await
}

fn ids(list: &Value) -> Vec<u64> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_question_is_seen_by_those_asked_its_asker_and_administrators() {
    let house = House::new().await;
    let row = house.ask(1).await;
    for (person, sees) in [
        ("grace", true),
        ("ada", true),
        ("root", true),
        ("bob", false),
    ] {
        let list = house.get(person, "/v1/approvals?state=asked").await;
        assert_eq!(ids(&list.json()) == [row.id.0], sees, "{person}");
        let shown = house
            .get(person, &format!("/v1/approvals/{}", row.id))
            .await;
        let expected = if sees {
            StatusCode::OK
        } else {
            StatusCode::NOT_FOUND
        };
        assert_eq!(shown.status, expected, "{person}");
    }
    assert!(ids(&house.get("grace", "/v1/approvals?state=used").await.json()).is_empty());
}

#[tokio::test]
async fn the_listing_is_what_bots_rely_on() {
    let house = House::new().await;
    let row = house.ask(1).await;
    let list = house.get("grace", "/v1/approvals").await.json();
    let expected = json!({
        "id": row.id.0,
        "state": "asked",
        "digest": "01".repeat(32),
        "as": "user:ada",
        "target": "shop",
        "operations": [{"action": "fake.drop", "resource": "shop/orders"}],
        "policies": ["destructive"],
        "asked_at": "1970-01-01T00:00:10Z",
        "expires_at": "1970-01-01T00:05:10Z",
        "ended": null,
    });
    assert_eq!(list, json!([expected]));
}

#[tokio::test]
async fn one_is_shown_with_all_that_an_approver_needs() {
    let house = House::new().await;
    let row = house.ask(1).await;
    let shown = house
        .get("grace", &format!("/v1/approvals/{}", row.id))
        .await
        .json();
    assert_eq!(shown["rendering"], row.question.rendering);
    assert_eq!(shown["reason"], "because");
    let required = json!([{
        "policy": "destructive", "message": "needs a DBA", "groups": ["dba"], "quorum": 1,
        "approved_by": [],
    }]);
    assert_eq!(shown["requirements"], required);
}

#[tokio::test]
async fn approved_once() {
    let house = House::new().await;
    let row = house.ask(1).await;
    let granted = decide(&house, "grace", &row, "approve").await;
    assert_eq!(granted.status, StatusCode::OK, "{}", granted.text);
    let granted = granted.json();
    assert_eq!(granted["state"], "granted");
    assert_eq!(granted["requirements"][0]["approved_by"], json!(["grace"]));
    let again = decide(&house, "grace", &row, "approve").await;
    assert_eq!(
        (again.status, again.problem()),
        (StatusCode::CONFLICT, "already-decided".into())
    );
    let decision = &again.json()["approval"];
    assert_eq!(
        (&decision["state"], &decision["ended"]["by"]),
        (&json!("granted"), &json!("grace"))
    );
}

#[tokio::test]
async fn a_refusal_wins_over_a_grant_that_was_not_used() {
    let house = House::new().await;
    let row = house.ask(1).await;
    decide(&house, "grace", &row, "approve").await;
    let refused = decide(&house, "grace", &row, "refuse").await;
    assert_eq!(refused.json()["state"], "refused");
    let again = decide(&house, "grace", &row, "approve").await;
    assert_eq!(
        (again.status, again.problem()),
        (StatusCode::CONFLICT, "already-decided".into())
    );
}

#[tokio::test]
async fn refused_with_a_reason() {
    let house = House::new().await;
    let row = house.ask(1).await;
    let body = json!({
        "decision": "refuse", "digest": row.question.digest.to_string(), "reason": "not today"
    });
    let refused = house
        .post("grace", &format!("/v1/approvals/{}/decision", row.id), body)
        .await;
    assert_eq!(refused.json()["state"], "refused");
    assert_eq!(refused.json()["ended"]["why"], "not today");
}

#[tokio::test]
async fn another_digest_is_a_conflict_and_no_vote() {
    let house = House::new().await;
    let row = house.ask(1).await;
    let path = format!("/v1/approvals/{}/decision", row.id);
    let other = json!({"decision": "approve", "digest": "02".repeat(32)});
    let answer = house.post("grace", &path, other).await;
    assert_eq!(
        (answer.status, answer.problem()),
        (StatusCode::CONFLICT, "other-digest".into())
    );
    assert_eq!(answer.json()["approval"]["digest"], "01".repeat(32));
    let short = json!({"decision": "approve", "digest": "02"});
    let answer = house.post("grace", &path, short).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let shown = house
        .get("grace", &format!("/v1/approvals/{}", row.id))
        .await
        .json();
    assert_eq!(
        (&shown["state"], &shown["votes"]),
        (&json!("asked"), &json!([]))
    );
}

#[tokio::test]
async fn who_may_not_decide() {
    let house = House::new().await;
    let row = house.ask(1).await;
    house
        .store
        .join("ada", store::Name::new("dba").unwrap(), "root".into(), 1)
        .await
        .unwrap();
    house
        .store
        .join("robot", store::Name::new("dba").unwrap(), "root".into(), 1)
        .await
        .unwrap();
    for person in ["ada", "robot", "root"] {
        let answer = decide(&house, person, &row, "approve").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{person}");
        assert_eq!(answer.problem(), "not-eligible", "{person}");
    }
    // nobody learns of a question that they may not see
    assert_eq!(
        decide(&house, "bob", &row, "approve").await.status,
        StatusCode::NOT_FOUND
    );
    let kept = house
        .get("root", &format!("/v1/approvals/{}", row.id))
        .await
        .json();
    assert_eq!(kept["state"], "asked");
}

/// Polls with what was seen last.
async fn poll(house: &House, tag: &str, wait: u32) -> Answer {
    let request = Request::builder()
        .uri(format!("/v1/approvals?state=asked&wait={wait}"))
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", house.token("grace")),
        )
        .header(header::IF_NONE_MATCH, tag);
    house.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_poll_ends_with_news() {
    let house = House::new().await;
    let (first, second) = (house.ask(1).await, house.ask(2).await);
    let list = house
        .get("grace", "/v1/approvals?state=asked&wait=60")
        .await;
    assert_eq!(ids(&list.json()), [second.id.0, first.id.0]);
    let tag = list.headers[header::ETAG].to_str().unwrap().to_owned();
    let same = poll(&house, &tag, 0).await;
    assert_eq!(
        (same.status, same.text.as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );
    let (news, refused) = tokio::join!(
        poll(&house, &tag, 60),
        decide(&house, "grace", &first, "refuse")
    );
    assert_eq!(refused.status, StatusCode::OK);
    assert_eq!(ids(&news.json()), [second.id.0]);
    assert_eq!(house.store_state(first.id).await, State::Refused);
}
