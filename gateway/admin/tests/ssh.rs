//! SSH keys and certificates over the API, and what OpenSSH itself says of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod house;

use axum::http::StatusCode;
use gate::{SshCertificate, ssh_fingerprint};
use house::House;
use serde_json::{Value, json};
use store::NewToken;

const ED25519: [&str; 1] = ["ed25519"];

fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    since.as_secs().try_into().unwrap()
}

/// The lines that `ssh-keygen -L` indents under a title.
fn under<'a>(told: &'a str, title: &str) -> Vec<&'a str> {
    let lines = told.lines().skip_while(|line| line.trim() != title).skip(1);
    let indented = lines.take_while(|line| line.starts_with("                "));
    indented.map(str::trim).collect()
}

async fn issue(house: &House, person: &str, key: &str, seconds: u32) -> Value {
    let body = json!({ "key": key, "valid_seconds": seconds });
    let issued = house.post(person, "/v1/me/ssh-certificates", body).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.text);
    issued.json()
}

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
    let certificate = issue(&house, "ada", &good, 60).await;
    let certificate = certificate["certificate"].as_str().unwrap();
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

#[tokio::test]
async fn a_certificate_is_what_openssh_expects_of_one() {
    let house = House::with_ssh().await;
    for (name, kind, algorithm) in [
        ("one", vec!["ed25519"], "ssh-ed25519-cert-v01@openssh.com"),
        (
            "two",
            vec!["ecdsa", "-b", "256"],
            "ecdsa-sha2-nistp256-cert-v01@openssh.com",
        ),
    ] {
        let key = house.key(name, &kind);
        let before = now();
        let issued = issue(&house, "ada", &key, 3600).await;
        house.write("signed-cert.pub", issued["certificate"].as_str().unwrap());
        let told = house.keygen(&["-L", "-f", "signed-cert.pub"]);
        let fingerprint = |file: String| {
            let line = house.keygen(&["-l", "-f", &file]);
            line.split(' ').nth(1).unwrap().to_owned()
        };
        for words in [
            format!("Type: {algorithm} user certificate"),
            format!("-CERT {}", fingerprint(format!("{name}.pub"))),
            format!(
                "Signing CA: ED25519 {} (using ssh-ed25519)",
                fingerprint("user-ca.pub".into())
            ),
            "Key ID: \"user:ada\"".to_owned(),
            format!("Serial: {}", issued["serial"].as_str().unwrap()),
            "Critical Options: (none)".to_owned(),
        ] {
            assert!(told.contains(&words), "{words}:\n{told}");
        }
        assert_eq!(under(&told, "Principals:"), ["ada"]);
        let extensions = [
            "permit-X11-forwarding",
            "permit-agent-forwarding",
            "permit-port-forwarding",
            "permit-pty",
        ];
        assert_eq!(under(&told, "Extensions:"), extensions);
        let certificate =
            ssh_key::Certificate::from_openssh(issued["certificate"].as_str().unwrap());
        let certificate = certificate.unwrap();
        let (from, until) = (certificate.valid_after(), certificate.valid_before());
        let before = before.unsigned_abs();
        assert!(
            (before - 60..before - 55).contains(&from),
            "{from} {before}"
        );
        assert!(
            (before + 3600..before + 3605).contains(&until),
            "{until} {before}"
        );
        assert_eq!(
            (&issued["principal"], &issued["key_id"]),
            (&json!("ada"), &json!("user:ada"))
        );
    }
    let again = house.keygen(&["-y", "-f", "one"]);
    let (one, two) = (
        issue(&house, "ada", &again, 60).await,
        issue(&house, "ada", &again, 60).await,
    );
    assert_ne!(one["serial"], two["serial"]);
    let service = issue(&house, "robot", &again, 60).await;
    assert_eq!(
        (&service["principal"], &service["key_id"]),
        (&json!("robot"), &json!("service:robot"))
    );
}

#[tokio::test]
async fn a_certificate_never_outlives_the_token_that_asked_for_it() {
    let house = House::with_ssh().await;
    let key = house.key("id", &ED25519);
    let end = now() + 600;
    let token = NewToken {
        account: "ada".into(),
        name: "short".into(),
        by: "root".into(),
        expires_at: Some(end),
    };
    let token = house.store.issue_token(token, now()).await.unwrap();
    let body = json!({ "key": key, "valid_seconds": 3600 });
    let request = axum::http::Request::builder()
        .method("POST")
        .uri("/v1/me/ssh-certificates")
        .header("authorization", format!("Bearer {}", token.expose()))
        .header("content-type", "application/json")
        .body(axum::body::Body::from(body.to_string()));
    let issued = house.send(request.unwrap()).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.text);
    let issued = issued.json();
    let line = issued["certificate"].as_str().unwrap();
    let certificate = ssh_key::Certificate::from_openssh(line).unwrap();
    assert_eq!(certificate.valid_before(), end.unsigned_abs());
    // and ends with it
    let shown = SshCertificate {
        serial: certificate.serial(),
        key_id: certificate.key_id().to_owned(),
        valid_until: end,
    };
    let login = || {
        house
            .gate
            .ssh_certificate("ada", &shown, [192, 0, 2, 1].into())
    };
    login().unwrap();
    let path = format!("/v1/tokens/{}", token.id());
    assert_eq!(
        house.delete("root", &path).await.status,
        StatusCode::NO_CONTENT
    );
    login().unwrap_err();
}

#[tokio::test]
async fn a_certificate_is_revoked_by_its_holder_or_an_administrator() {
    let house = House::with_ssh().await;
    let key = house.key("id", &ED25519);
    let serial = async |person: &str| {
        let issued = issue(&house, person, &key, 600).await;
        issued["serial"].as_str().unwrap().to_owned()
    };
    let login = |serial: &str| {
        let certificate = SshCertificate {
            serial: serial.parse().unwrap(),
            key_id: "user:ada".into(),
            valid_until: now() + 600,
        };
        house
            .gate
            .ssh_certificate("ada", &certificate, [192, 0, 2, 1].into())
    };
    let (mine, other) = (serial("ada").await, serial("ada").await);
    let path = format!("/v1/me/ssh-certificates/{mine}");
    assert_eq!(
        house.delete("bob", &path).await.status,
        StatusCode::NOT_FOUND
    );
    login(&mine).unwrap();
    assert_eq!(
        house.delete("ada", &path).await.status,
        StatusCode::NO_CONTENT
    );
    login(&mine).unwrap_err();
    login(&other).unwrap();
    let path = format!("/v1/ssh-certificates/{other}");
    assert_eq!(
        house.delete("root", &path).await.status,
        StatusCode::NO_CONTENT
    );
    login(&other).unwrap_err();
    let list = house.get("ada", "/v1/ssh-certificates").await.json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let token = house.token("ada").split('_').nth(1).unwrap();
    assert_eq!(list[0]["issued_with"], token);
    let hers = house.get("bob", "/v1/ssh-certificates").await.json();
    assert!(hers.as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_client_is_told_what_it_must_know() {
    let house = House::with_ssh().await;
    let told = house.get("robot", "/v1/ssh").await.json();
    assert_eq!(
        (&told["ports"], &told["targets"]),
        (&json!([2222]), &json!(["box"]))
    );
    for (field, file) in [("host_authority", "host-ca"), ("user_authority", "user-ca")] {
        house.write("told.pub", told[field].as_str().unwrap());
        let line = |file: &str| house.keygen(&["-l", "-f", file]);
        let (told, made) = (line("told.pub"), line(&format!("{file}.pub")));
        assert_eq!(told.split(' ').nth(1), made.split(' ').nth(1));
    }
    let without = House::new().await;
    let body = json!({ "key": house.key("id", &ED25519), "valid_seconds": 60 });
    for answer in [
        without.get("ada", "/v1/ssh").await,
        without.post("ada", "/v1/me/ssh-certificates", body).await,
    ] {
        assert_eq!(
            (answer.status, answer.problem()),
            (StatusCode::CONFLICT, "conflict".into())
        );
    }
}
