//! Who gets through the door: credentials, rules, limits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod house;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use house::House;
use serde_json::json;

fn request(path: &str) -> axum::http::request::Builder {
    Request::builder().uri(path)
}

#[tokio::test]
async fn without_a_valid_token_there_is_nothing() {
    let house = House::new().await;
    let token = house.token("ada").to_owned();
    let wrong = format!("Bearer {}x", token);
    let basic = format!("Basic {token}");
    let right = format!("Bearer {token}");
    for sent in [
        vec![],
        vec![wrong.as_str()],
        vec![&basic],
        vec!["Bearer "],
        vec![&right, &right],
    ] {
        let mut builder = request("/v1/me");
        for header in &sent {
            builder = builder.header(header::AUTHORIZATION, *header);
        }
        let answer = house.send(builder.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{sent:?}");
        assert_eq!(answer.problem(), "unauthenticated");
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        assert!(!answer.text.contains(&token));
    }
}

#[tokio::test]
async fn without_an_address_there_is_nothing() {
    let house = House::new().await;
    let bearer = format!("Bearer {}", house.token("root"));
    let request = request("/v1/me").header(header::AUTHORIZATION, bearer);
    let answer = house.send_raw(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn me() {
    let house = House::new().await;
    let me = house.get("robot", "/v1/me").await;
    assert_eq!(me.status, StatusCode::OK);
    assert_eq!(me.headers[header::CACHE_CONTROL], "no-store");
    let id = house.token("robot").split('_').nth(1).unwrap();
    let expected = json!({
        "name": "robot", "kind": "service", "owner": "ada", "groups": ["robots"], "token": id
    });
    assert_eq!(me.json(), expected);
}

/// What only administrators may do, and by which action.
fn administrative(session: &str) -> Vec<(Method, String, &'static str)> {
    vec![
        (Method::GET, "/v1/sessions".to_owned(), "view_session"),
        (
            Method::GET,
            format!("/v1/sessions/{session}"),
            "view_session",
        ),
        (Method::POST, format!("/v1/sessions/{session}/kill"), "kill"),
        (
            Method::GET,
            format!("/v1/sessions/{session}/recording"),
            "view_recording",
        ),
        (Method::GET, "/v1/locks".to_owned(), "lock"),
        (Method::POST, "/v1/locks".to_owned(), "lock"),
        (Method::DELETE, "/v1/locks/user/bob".to_owned(), "lock"),
        (Method::GET, "/v1/users".to_owned(), "manage_users"),
        (Method::POST, "/v1/users".to_owned(), "manage_users"),
        (
            Method::PUT,
            "/v1/users/ada/groups/admin".to_owned(),
            "manage_users",
        ),
        (
            Method::DELETE,
            "/v1/users/ada/groups/engineers".to_owned(),
            "manage_users",
        ),
        (Method::POST, "/v1/tokens".to_owned(), "manage_tokens"),
        (Method::DELETE, "/v1/tokens/abc".to_owned(), "manage_tokens"),
        (Method::POST, "/v1/ssh-keys".to_owned(), "manage_tokens"),
        (
            Method::DELETE,
            "/v1/ssh-keys/abc".to_owned(),
            "manage_tokens",
        ),
        (
            Method::DELETE,
            "/v1/ssh-certificates/7".to_owned(),
            "manage_tokens",
        ),
        (Method::GET, "/v1/audit/checkpoint".to_owned(), "read_audit"),
    ]
}

#[tokio::test]
async fn only_administrators_administer_and_refusals_are_recorded() {
    let house = House::new().await;
    let session = "0".repeat(32);
    let routes = administrative(&session);
    for person in ["ada", "grace", "robot"] {
        for (method, path, action) in &routes {
            let answer = house.call(person, method.clone(), path, None).await;
            assert_eq!(
                answer.status,
                StatusCode::FORBIDDEN,
                "{person} {method} {path}"
            );
            assert_eq!(answer.problem(), "forbidden");
            assert!(
                answer.json()["detail"].as_str().unwrap().contains(action),
                "{path}"
            );
        }
    }
    let recorded = house.administration();
    assert_eq!(recorded.len(), 3 * routes.len());
    assert!(recorded.iter().all(|entry| !entry.allowed));
    assert_eq!(recorded[0].actor, "user:ada");
    assert_eq!(recorded[0].subject, "/v1/sessions");
}

#[tokio::test]
async fn acts_are_recorded_with_their_subject_and_looks_are_not() {
    let house = House::new().await;
    house.get("root", "/v1/users").await;
    house
        .post(
            "root",
            "/v1/users",
            json!({"name": "ivan", "kind": "user", "groups": ["dba"]}),
        )
        .await;
    house
        .post(
            "root",
            "/v1/tokens",
            json!({"account": "ivan", "name": "phone"}),
        )
        .await;
    house.delete("root", "/v1/tokens/none").await;
    let recorded: Vec<(String, String)> = house
        .administration()
        .into_iter()
        .map(|entry| (entry.action, entry.subject))
        .collect();
    let expected = [
        ("manage_users", "ivan dba"),
        ("manage_tokens", "ivan phone"),
        ("manage_tokens", "none"),
    ];
    let expected: Vec<(String, String)> = expected
        .into_iter()
        .map(|(action, subject)| (action.into(), subject.into()))
        .collect();
    assert_eq!(recorded, expected);
}

#[tokio::test]
async fn bodies_are_bounded_and_typed() {
    let house = House::new().await;
    let long = json!({"name": "x".repeat(70_000), "kind": "user"});
    let answer = house.post("root", "/v1/users", long).await;
    assert_eq!(
        (answer.status, answer.problem()),
        (StatusCode::PAYLOAD_TOO_LARGE, "malformed".into())
    );
    let unknown = json!({"name": "ivan", "kind": "user", "admin": true});
    let answer = house.post("root", "/v1/users", unknown).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.json()["detail"].as_str().unwrap().contains("admin"));
    let bearer = format!("Bearer {}", house.token("root"));
    let plain = request("/v1/users")
        .method(Method::POST)
        .header(header::AUTHORIZATION, bearer)
        .body(Body::from("{}"))
        .unwrap();
    let answer = house.send(plain).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(house.administration().is_empty());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let house = House::new().await;
    let nowhere = house.get("root", "/v2/users").await;
    assert_eq!(
        (nowhere.status, nowhere.problem()),
        (StatusCode::NOT_FOUND, "not-found".into())
    );
    let method = house.delete("root", "/v1/users").await;
    assert_eq!(
        (method.status, method.problem()),
        (StatusCode::METHOD_NOT_ALLOWED, "method".into())
    );
}
