//! Who one is by an SSH key or certificate, and how long that lasts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::net::IpAddr;
use std::time::Duration;

use gate::testing::House;
use gate::underway::End;
use gate::{About, LoginRefused, SshCertificate, Whom, ssh_fingerprint};

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const KEY: &[u8] = b"ada's key";

fn certificate(house: &House, serial: u64, seconds: i64) -> SshCertificate {
    SshCertificate {
        serial,
        key_id: "user:ada".into(),
        valid_until: house.gate.now() / 1_000_000_000 + seconds,
    }
}

async fn house() -> House {
    let house = House::new().await;
    house.people.give_ssh_key("ada", KEY, "root");
    house
}

#[tokio::test]
async fn a_key_proves_its_owner_and_names_itself() {
    let house = house().await;
    let who = house.gate.ssh_key("ada", KEY, SOURCE).unwrap();
    let identity = who.identity();
    let credential = &identity.credential;
    assert_eq!(identity.label(), "user:ada");
    assert_eq!(
        (credential.kind.as_str(), credential.id.as_str()),
        ("ssh-key", "ada-key")
    );
    assert_eq!(credential.lineage.0, "ada-key");
    assert!(identity.groups.contains("engineers"));
    assert_eq!(house.gate.ssh_key_owner(KEY).as_deref(), Some("ada"));
    assert_eq!(house.gate.ssh_key_owner(b"another key"), None);
}

#[tokio::test]
async fn a_fingerprint_is_what_openssh_shows() {
    // the hash of nothing, in base64 without padding
    assert_eq!(
        ssh_fingerprint(b""),
        "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
    );
}

#[tokio::test]
async fn a_key_that_is_not_this_persons_live_key_proves_nothing() {
    let house = house().await;
    let refused = |user: &str, key: &[u8]| house.gate.ssh_key(user, key, SOURCE).unwrap_err();
    for (user, key) in [
        ("grace", KEY),
        ("nobody", KEY),
        ("", KEY),
        ("ada", b"ada's ke"),
        ("ada", b"ada's key "),
        ("ada", b""),
    ] {
        assert_eq!(refused(user, key), LoginRefused::WrongCredential, "{user}");
    }
    let now = house.gate.now() / 1_000_000_000;
    house
        .people
        .change("ada", |it| it.ssh_keys[0].expires_at = Some(now));
    assert_eq!(refused("ada", KEY), LoginRefused::WrongCredential);
    assert_eq!(house.gate.ssh_key_owner(KEY), None);
    house.people.change("ada", |it| {
        it.ssh_keys[0].expires_at = Some(now + 1);
        it.ssh_keys[0].revoked = true;
    });
    assert_eq!(refused("ada", KEY), LoginRefused::WrongCredential);
    assert_eq!(house.gate.ssh_key_owner(KEY), None);
    house
        .people
        .change("ada", |it| it.ssh_keys[0].revoked = false);
    house.people.change("ada", |it| it.locked = true);
    assert_eq!(refused("ada", KEY), LoginRefused::Locked);
}

#[tokio::test]
async fn a_certificate_proves_whom_it_was_made_for() {
    let house = house().await;
    let first = certificate(&house, 7, 60);
    let who = house.gate.ssh_certificate("ada", &first, SOURCE).unwrap();
    let credential = &who.identity().credential;
    assert_eq!(credential.kind, "ssh-certificate");
    assert_eq!(credential.id, "ssh-certificate-7");
    // the next certificate continues what was asked with this one
    let next = certificate(&house, u64::MAX, 60);
    let next = house.gate.ssh_certificate("ada", &next, SOURCE).unwrap();
    assert_eq!(credential.lineage.0, "ssh-ca:ada");
    assert_eq!(next.identity().credential.lineage, credential.lineage);
}

#[tokio::test]
async fn a_certificate_that_is_over_revoked_or_nobodys_proves_nothing() {
    let house = house().await;
    let refused = |user: &str, certificate: &SshCertificate| {
        house
            .gate
            .ssh_certificate(user, certificate, SOURCE)
            .unwrap_err()
    };
    let wrong = LoginRefused::WrongCredential;
    assert_eq!(refused("nobody", &certificate(&house, 7, 60)), wrong);
    assert_eq!(refused("ada", &certificate(&house, 7, 0)), wrong);
    house
        .people
        .change("ada", |it| it.revoked_certificates.extend([7]));
    assert_eq!(refused("ada", &certificate(&house, 7, 60)), wrong);
    house
        .gate
        .ssh_certificate("ada", &certificate(&house, 8, 60), SOURCE)
        .unwrap();
    house.people.change("ada", |it| it.locked = true);
    assert_eq!(
        refused("ada", &certificate(&house, 8, 60)),
        LoginRefused::Locked
    );
}

#[tokio::test]
async fn failing_again_costs_more_as_with_tokens() {
    let house = house().await;
    tokio::time::pause();
    let cost = async || {
        let before = tokio::time::Instant::now();
        house.gate.penalty("ada", SOURCE).await;
        before.elapsed()
    };
    for _ in 0..2 {
        house.gate.ssh_key("ada", b"guess", SOURCE).unwrap_err();
        let old = certificate(&house, 7, 0);
        house.gate.ssh_certificate("ada", &old, SOURCE).unwrap_err();
    }
    assert!(!cost().await.is_zero());
    // one proof of several forgives nothing: its holder could guess the next one at no cost
    house.gate.ssh_key("ada", KEY, SOURCE).unwrap();
    assert!(!cost().await.is_zero());
    house.gate.welcome("ada", SOURCE);
    assert!(cost().await.is_zero());
}

#[tokio::test]
async fn two_proofs_are_one_persons_and_end_with_the_first_of_them() {
    let house = house().await;
    house.people.give_ssh_key("grace", b"grace's key", "root");
    let key = |name: &str, key: &[u8]| house.gate.ssh_key(name, key, SOURCE).unwrap();
    let short = certificate(&house, 7, 60);
    let short = house.gate.ssh_certificate("ada", &short, SOURCE).unwrap();
    let stranger = key("grace", b"grace's key").and(short.clone());
    assert_eq!(stranger.unwrap_err(), LoginRefused::WrongCredential);
    let both = || key("ada", KEY).and(short.clone()).unwrap();

    // revoking either of them ends the session
    let by_key = house.open_as(both()).await;
    assert_eq!(by_key.identity().credential.id, "ada-key");
    assert_eq!(house.gate.revoke(&Whom::Token("ada-key".into())), 1);
    assert_eq!(by_key.ended(), Some(End::Locked));
    drop(by_key);
    let by_certificate = house.open_as(both()).await;
    let serial = Whom::Token(SshCertificate::credential(7));
    assert_eq!(house.gate.revoke(&serial), 1);
    assert_eq!(by_certificate.ended(), Some(End::Locked));
    let seen = house.open_as(both()).await;
    let revoke = |it: &mut gate::directory::Account| it.revoked_certificates.extend([7]);
    house.people.change("ada", revoke);
    house.gate.directory_changed();
    assert_eq!(seen.ended(), Some(End::Locked));
    house
        .people
        .change("ada", |it| it.revoked_certificates.clear());

    // and so does the end of the one that ends first
    tokio::time::pause();
    let timed = house.open_as(both()).await;
    house.clock.advance(61);
    tokio::time::advance(Duration::from_secs(62)).await;
    assert_eq!(timed.end().wait().await, End::Locked);
}

#[tokio::test]
async fn a_session_ends_when_its_key_is_revoked_or_expires() {
    let house = house().await;
    let revoked = house
        .open_as(house.gate.ssh_key("ada", KEY, SOURCE).unwrap())
        .await;
    let other = house.open("ada").await;
    house
        .people
        .change("ada", |it| it.ssh_keys[0].revoked = true);
    house.gate.directory_changed();
    assert_eq!(revoked.ended(), Some(End::Locked));
    assert_eq!(other.ended(), None);

    tokio::time::pause();
    let now = house.gate.now() / 1_000_000_000;
    house.people.change("ada", |it| {
        it.ssh_keys[0].revoked = false;
        it.ssh_keys[0].expires_at = Some(now + 60);
    });
    let expires = house
        .open_as(house.gate.ssh_key("ada", KEY, SOURCE).unwrap())
        .await;
    house.clock.advance(61);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(expires.end().wait().await, End::Locked);
}

#[tokio::test]
async fn revoking_by_id_ends_what_was_opened_with_it() {
    let house = house().await;
    let key = house
        .open_as(house.gate.ssh_key("ada", KEY, SOURCE).unwrap())
        .await;
    let seven = certificate(&house, 7, 60);
    let seven = house.gate.ssh_certificate("ada", &seven, SOURCE).unwrap();
    let eight = certificate(&house, 8, 60);
    let eight = house.gate.ssh_certificate("ada", &eight, SOURCE).unwrap();
    let (seven, eight) = (house.open_as(seven).await, house.open_as(eight).await);
    assert_eq!(house.gate.revoke(&Whom::Token("ada-key".into())), 1);
    assert_eq!(key.ended(), Some(End::Locked));
    house
        .people
        .change("ada", |it| it.revoked_certificates.extend([7]));
    house.gate.directory_changed();
    assert_eq!((seven.ended(), eight.ended()), (Some(End::Locked), None));
    assert_eq!(
        house
            .gate
            .revoke(&Whom::Token(SshCertificate::credential(8))),
        1
    );
    assert_eq!(eight.ended(), Some(End::Locked));
}

#[tokio::test]
async fn a_session_lasts_no_longer_than_its_certificate() {
    let house = house().await;
    tokio::time::pause();
    let short = certificate(&house, 7, 60);
    let who = house.gate.ssh_certificate("ada", &short, SOURCE).unwrap();
    let session = house.open_as(who.clone()).await;
    house.clock.advance(59);
    tokio::time::advance(Duration::from_secs(59)).await;
    house.gate.directory_changed();
    assert_eq!(session.ended(), None);
    house.clock.advance(1);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(session.end().wait().await, End::Locked);
    // a login that was proved in time opens nothing afterwards
    let about = About {
        protocol: "ssh",
        target: session.target().clone(),
        reason: None,
        client: "ssh".into(),
    };
    assert!(house.gate.open(who, about).await.is_err());
}
