//! SSH keys over the API, and what OpenSSH itself says of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod house;

use axum::http::StatusCode;
use gate::ssh_fingerprint;
use house::House;
use serde_json::json;

const ED25519: [&str; 1] = ["ed25519"];

#[tokio::test]
async fn people_register_their_own_keys() {
    let house = House::new().await;
    let key = house.key("id", &ED25519);
    let body = json!({ "name": "laptop", "key": key });
    let added = house.post("ada", "/v1/me/ssh-keys", body.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let added = added.json();
    let shown = house.keygen(&["-l", "-f", "id.pub"]);
    let fingerprint = added["fingerprint"].as_str().unwrap();
    assert_eq!(shown.split(' ').nth(1), Some(fingerprint));
    assert_eq!(
        (&added["account"], &added["added_by"]),
        (&json!("ada"), &json!("ada"))
    );
    // as the gate knows it
    let owner = gate::directory::Directory::owner_of_ssh_key(&house.store, fingerprint);
    let owner = owner.unwrap();
    assert_eq!(owner.name, "ada");
    assert_eq!(ssh_fingerprint(&owner.ssh_keys[0].blob), fingerprint);
    assert_eq!(
        house.gate.ssh_key_owner(&owner.ssh_keys[0].blob).as_deref(),
        Some("ada")
    );
    // nobody else's
    let again = house.post("bob", "/v1/me/ssh-keys", body).await;
    assert_eq!(
        (again.status, again.problem()),
        (StatusCode::CONFLICT, "conflict".into())
    );
    let users = house.get("root", "/v1/users").await.json();
    assert_eq!(users[0]["live_ssh_keys"], 1);
    let recorded = house.administration();
    let subject = format!("{fingerprint} laptop");
    assert_eq!(
        (
            recorded[0].action.as_str(),
            recorded[0].subject.as_str(),
            recorded[0].actor.as_str()
        ),
        ("manage_own_keys", subject.as_str(), "user:ada")
    );
}

#[tokio::test]
async fn administrators_register_anybodys_keys_and_services_none() {
    let house = House::new().await;
    let key = house.key("id", &["ecdsa", "-b", "384"]);
    let own = json!({ "name": "ci", "key": key });
    let refused = house.post("robot", "/v1/me/ssh-keys", own).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let body = json!({ "account": "robot", "name": "ci", "key": key, "expires_at": "2100-01-01T00:00:00Z" });
    let refused = house.post("ada", "/v1/ssh-keys", body.clone()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let added = house.post("root", "/v1/ssh-keys", body).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    assert_eq!(added.json()["expires_at"], "2100-01-01T00:00:00Z");
    let nobody = json!({ "account": "eve", "name": "x", "key": house.key("other", &ED25519) });
    let nobody = house.post("root", "/v1/ssh-keys", nobody).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn keys_are_seen_by_their_holder_the_owner_and_administrators() {
    let house = House::new().await;
    for (account, name) in [("ada", "a"), ("robot", "r"), ("bob", "b")] {
        let key = house.key(name, &ED25519);
        let body = json!({ "account": account, "name": name, "key": key });
        house.post("root", "/v1/ssh-keys", body).await;
    }
    let seen = async |person: &str, query: &str| {
        let list = house
            .get(person, &format!("/v1/ssh-keys{query}"))
            .await
            .json();
        let mut seen: Vec<String> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["account"].as_str().unwrap().to_owned())
            .collect();
        seen.sort();
        seen
    };
    assert_eq!(seen("ada", "").await, ["ada", "robot"]);
    assert_eq!(seen("bob", "").await, ["bob"]);
    assert!(seen("bob", "?account=ada").await.is_empty());
    assert_eq!(seen("root", "").await, ["ada", "bob", "robot"]);
}

#[tokio::test]
async fn a_removed_key_is_dead_and_only_ones_own_can_be_removed() {
    let house = House::new().await;
    let key = house.key("id", &ED25519);
    let added = house
        .post("ada", "/v1/me/ssh-keys", json!({ "name": "x", "key": key }))
        .await;
    let id = added.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/me/ssh-keys/{id}");
    assert_eq!(
        house.delete("bob", &path).await.status,
        StatusCode::NOT_FOUND
    );
    let owner = || {
        let ada = gate::directory::Directory::account(&house.store, "ada").unwrap();
        house.gate.ssh_key_owner(&ada.ssh_keys[0].blob)
    };
    assert!(owner().is_some());
    assert_eq!(
        house.delete("ada", &path).await.status,
        StatusCode::NO_CONTENT
    );
    assert!(owner().is_none());
    let list = house.get("ada", "/v1/ssh-keys").await.json();
    assert_eq!(list[0]["revoked"]["by"], "ada");
    let other = format!("/v1/ssh-keys/{id}");
    assert_eq!(
        house.delete("root", &other).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        house.delete("root", "/v1/ssh-keys/none").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn what_is_no_key_or_of_no_use_is_refused() {
    let house = House::with_ssh().await;
    let rsa = house.key("rsa", &["rsa", "-b", "2048"]);
    let good = house.key("id", &ED25519);
    let private = house
        .keygen(&["-y", "-f", "id"])
        .replace("ssh-ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----");
    let body = json!({ "key": good, "valid_seconds": 60 });
    let issued = house.post("ada", "/v1/me/ssh-certificates", body).await;
    let issued = issued.json();
    let certificate = issued["certificate"].as_str().unwrap();
    let two = format!("{good}{good}");
    let options = format!("command=\"x\" {good}");
    for wrong in [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        &rsa,
        &private,
        certificate,
        &two,
        &options,
    ] {
        let key = house
            .post(
                "ada",
                "/v1/me/ssh-keys",
                json!({ "name": "x", "key": wrong }),
            )
            .await;
        assert_eq!(key.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        let body = json!({ "key": wrong, "valid_seconds": 60 });
        let signed = house.post("ada", "/v1/me/ssh-certificates", body).await;
        assert_eq!(signed.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert!(
        house
            .get("ada", "/v1/ssh-keys")
            .await
            .json()
            .as_array()
            .unwrap()
            .is_empty()
    );
    for seconds in [0, 86_401] {
        let body = json!({ "key": good, "valid_seconds": seconds });
        let refused = house.post("ada", "/v1/me/ssh-certificates", body).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{seconds}"
        );
    }
    let recorded = house.administration();
    assert!(recorded.iter().any(|entry| entry.subject == "unreadable x"));
    assert!(
        recorded
            .iter()
            .all(|entry| !entry.subject.contains("BEGIN"))
    );
}
