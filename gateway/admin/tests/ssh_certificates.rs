//! SSH certificates over the API, and what OpenSSH itself says of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod house;

use admin::Ssh;
use axum::http::StatusCode;
use gate::{Registry, SshCertificate};
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

/// It began a minute before it was asked for, and ends an hour after.
fn within_the_hour(issued: &Value, asked: i64) {
    let line = issued["certificate"].as_str().unwrap();
    let certificate = ssh_key::Certificate::from_openssh(line).unwrap();
    let (from, until) = (certificate.valid_after(), certificate.valid_before());
    let asked = asked.unsigned_abs();
    assert!((asked - 60..asked - 55).contains(&from), "{from} {asked}");
    assert!(
        (asked + 3600..asked + 3605).contains(&until),
        "{until} {asked}"
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
        within_the_hour(&issued, before);
        assert_eq!(
            (&issued["principal"], &issued["key_id"]),
            (&json!("ada"), &json!("user:ada"))
        );
    }
}

#[tokio::test]
async fn each_certificate_is_of_its_own_serial_and_in_the_name_of_who_asks() {
    let house = House::with_ssh().await;
    let again = house.key("one", &ED25519);
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

#[tokio::test]
async fn an_authority_must_be_an_ed25519_key_without_a_passphrase() {
    let house = House::with_ssh().await;
    house.keygen(&["-q", "-t", "ed25519", "-N", "secret", "-f", "locked"]);
    house.key("other", &["ecdsa"]);
    house.write("nonsense", "no key");
    for (file, words) in [
        ("locked", "is encrypted"),
        ("other", "is no Ed25519 key"),
        ("nonsense", "nonsense"),
        ("missing", "missing"),
        ("user-ca.pub", "user-ca.pub"),
    ] {
        let (good, bad) = (house.path("user-ca"), house.path(file));
        for (user, host) in [(&good, &bad), (&bad, &good)] {
            let loaded = Ssh::load(user, host, vec![], Registry::default());
            let told = loaded.err().unwrap().to_string();
            assert!(told.contains(words), "{told}");
        }
    }
}
