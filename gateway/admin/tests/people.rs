//! Users, groups, tokens and locks over the API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod house;

use axum::http::{Method, StatusCode};
use house::House;
use serde_json::{Value, json};

fn entry<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut list = list.as_array().unwrap().iter();
    list.find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn users_and_services_are_added() {
    let house = House::new().await;
    let ivan = json!({"name": "ivan", "kind": "user", "groups": ["dba"]});
    let added = house.post("root", "/v1/users", ivan.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let again = house.post("root", "/v1/users", ivan).await;
    assert_eq!(
        (again.status, again.problem()),
        (StatusCode::CONFLICT, "conflict".into())
    );
    let service = json!({"name": "nightly", "kind": "service", "owner": "ivan"});
    let added = house.post("root", "/v1/users", service).await;
    assert_eq!(added.json()["owner"], "ivan");
    let list = house.get("root", "/v1/users").await.json();
    let ivan = entry(&list, "ivan");
    assert_eq!(
        (&ivan["kind"], &ivan["groups"][0]["given_by"]),
        (&json!("user"), &json!("root"))
    );
    for wrong in [
        json!({"name": "Ivan", "kind": "user"}),
        json!({"name": "oidc", "kind": "user"}),
        json!({"name": "lost", "kind": "service"}),
        json!({"name": "owned", "kind": "user", "owner": "ada"}),
        json!({"name": "owned", "kind": "service", "owner": "robot"}),
        json!({"name": "grouped", "kind": "user", "groups": ["Not A Group"]}),
    ] {
        let answer = house.post("root", "/v1/users", wrong.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert_eq!(answer.problem(), "invalid");
    }
}

#[tokio::test]
async fn groups_are_given_and_taken() {
    let house = House::new().await;
    let path = "/v1/users/bob/groups/dba";
    let given = house.call("root", Method::PUT, path, None).await;
    assert_eq!(given.status, StatusCode::NO_CONTENT);
    assert_eq!(
        house.get("bob", "/v1/me").await.json()["groups"],
        json!(["dba", "engineers"])
    );
    assert_eq!(
        house.delete("root", path).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        house.get("bob", "/v1/me").await.json()["groups"],
        json!(["engineers"])
    );
    let nobody = house
        .call("root", Method::PUT, "/v1/users/eve/groups/dba", None)
        .await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let house = House::new().await;
    let new = json!({"account": "bob", "name": "phone", "expires_at": "2100-01-01T00:00:00Z"});
    let issued = house.post("root", "/v1/tokens", new).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.text);
    let issued = issued.json();
    let (id, token) = (
        issued["id"].as_str().unwrap(),
        issued["token"].as_str().unwrap(),
    );
    let me = house.get_with(token, "/v1/me").await;
    assert_eq!(me.json()["token"], id);
    let list = house.get("root", "/v1/tokens?account=bob").await;
    assert!(!list.text.contains(token));
    let listed = list.json();
    let listed = entry(&listed, "phone");
    assert_eq!(listed["expires_at"], "2100-01-01T00:00:00Z");
    assert_eq!(listed["issued_by"], "root");
    assert!(listed["last_used"].is_string());
    let revoked = house.delete("root", &format!("/v1/tokens/{id}")).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let me = house.get_with(token, "/v1/me").await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
    let list = house.get("root", "/v1/tokens?account=bob").await.json();
    assert_eq!(entry(&list, "phone")["revoked"]["by"], "root");
}

#[tokio::test]
async fn owners_see_the_tokens_of_their_services_only() {
    let house = House::new().await;
    let accounts = |list: Value| {
        let list = list.as_array().unwrap().iter();
        list.map(|token| token["account"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        accounts(house.get("ada", "/v1/tokens").await.json()),
        ["robot"]
    );
    assert!(accounts(house.get("ada", "/v1/tokens?account=ada").await.json()).is_empty());
    assert!(accounts(house.get("bob", "/v1/tokens").await.json()).is_empty());
    assert_eq!(
        accounts(house.get("root", "/v1/tokens").await.json()).len(),
        5
    );
}

#[tokio::test]
async fn a_lock_keeps_out_until_it_is_taken_away() {
    let house = House::new().await;
    let lock = json!({"kind": "user", "name": "bob", "reason": "left"});
    let locked = house.post("root", "/v1/locks", lock).await;
    assert_eq!(
        (locked.status, locked.json()),
        (StatusCode::OK, json!({"sessions_ended": 0}))
    );
    let refused = house.get("bob", "/v1/me").await;
    assert_eq!(
        (refused.status, refused.problem()),
        (StatusCode::FORBIDDEN, "locked".into())
    );
    let locks = house.get("root", "/v1/locks").await.json();
    assert_eq!(
        (&locks[0]["name"], &locks[0]["by"]),
        (&json!("bob"), &json!("root"))
    );
    let gone = house.delete("root", "/v1/locks/user/bob").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(house.get("bob", "/v1/me").await.status, StatusCode::OK);
    for missing in ["/v1/locks/user/bob", "/v1/locks/planet/mars"] {
        assert_eq!(
            house.delete("root", missing).await.status,
            StatusCode::NOT_FOUND
        );
    }
    for missing in ["user", "token", "session"] {
        let lock = json!({"kind": missing, "name": "nobody"});
        let answer = house.post("root", "/v1/locks", lock).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}");
    }
}
