//! SSH keys and certificates, and what the directory says of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use gate::directory::Directory;
use gate::ssh_fingerprint;
use store::{
    Error, Lock, Lockable, Name, NewAccount, NewSshCertificate, NewSshKey, NewToken, Store,
};
use tempfile::TempDir;

struct House {
    folder: TempDir,
    store: Store,
}

/// With the users ada and grace.
async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.sqlite"))
        .await
        .unwrap();
    for name in ["ada", "grace"] {
        let account = NewAccount {
            name: Name::new(name).unwrap(),
            owner: None,
            groups: vec![],
            by: "root".into(),
        };
        store.add_account(account, 1).await.unwrap();
    }
    House { folder, store }
}

fn key(account: &str, blob: &[u8]) -> NewSshKey {
    NewSshKey {
        account: account.into(),
        name: "laptop".into(),
        blob: blob.to_vec(),
        by: "root".into(),
        expires_at: None,
    }
}

fn certificate(account: &str, issued_with: &str, valid_until: i64) -> NewSshCertificate {
    NewSshCertificate {
        account: account.into(),
        fingerprint: ssh_fingerprint(b"key"),
        issued_with: issued_with.into(),
        valid_until,
    }
}

#[tokio::test]
async fn keys_outlive_the_process() {
    let house = house().await;
    let added = house.store.add_ssh_key(key("ada", b"key"), 20).await;
    let added = added.unwrap();
    house.store.used(&added.id, 77);
    house.store.close().await.unwrap();

    let again = Store::open(house.folder.path().join("store.sqlite"));
    let again = again.await.unwrap();
    let owner = again.owner_of_ssh_key(&ssh_fingerprint(b"key")).unwrap();
    assert_eq!(owner.name, "ada");
    let kept = &owner.ssh_keys[0];
    assert_eq!(
        (kept.id.as_str(), kept.blob.as_slice()),
        (added.id.as_str(), b"key".as_slice())
    );
    assert_eq!((kept.added_by.as_str(), kept.added_at), ("root", 20));
    assert!(kept.live(21));
    let listed = again.ssh_keys(Some("ada")).await.unwrap();
    assert_eq!(listed[0].last_used, Some(77));
    assert!(again.ssh_keys(Some("grace")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_belongs_to_one_account() {
    let house = house().await;
    let first = house
        .store
        .add_ssh_key(key("ada", b"key"), 20)
        .await
        .unwrap();
    for account in ["grace", "ada"] {
        let taken = house.store.add_ssh_key(key(account, b"key"), 21).await;
        assert!(matches!(taken, Err(Error::KeyTaken(_))), "{account}");
    }
    let nobody = house.store.add_ssh_key(key("eve", b"other"), 21).await;
    assert!(matches!(nobody, Err(Error::NoAccount(_))));
    // once it is removed it may be added again
    house
        .store
        .revoke_ssh_key(&first.id, None, "root", 30)
        .await
        .unwrap();
    assert!(house.store.owner_of_ssh_key(&first.fingerprint).is_none());
    house
        .store
        .add_ssh_key(key("grace", b"key"), 31)
        .await
        .unwrap();
    let owner = house.store.owner_of_ssh_key(&first.fingerprint).unwrap();
    assert_eq!(owner.name, "grace");
}

#[tokio::test]
async fn a_revoked_or_locked_key_is_dead() {
    let house = house().await;
    let one = house
        .store
        .add_ssh_key(key("ada", b"one"), 20)
        .await
        .unwrap();
    let two = house
        .store
        .add_ssh_key(key("ada", b"two"), 21)
        .await
        .unwrap();
    let live = || {
        let ada = house.store.account("ada").unwrap();
        let keys = ada.ssh_keys.iter();
        keys.map(|key| key.live(50)).collect::<Vec<_>>()
    };
    let not_hers = house
        .store
        .revoke_ssh_key(&one.id, Some("grace"), "grace", 30)
        .await;
    assert!(matches!(not_hers, Err(Error::NoKey(_))));
    assert_eq!(live(), [true, true]);
    let mut changed = house.store.changed();
    changed.mark_unchanged();
    house
        .store
        .revoke_ssh_key(&one.id, Some("ada"), "ada", 30)
        .await
        .unwrap();
    assert!(changed.has_changed().unwrap());
    house
        .store
        .revoke_ssh_key(&one.id, None, "eve", 40)
        .await
        .unwrap();
    let lock = Lock {
        kind: Lockable::Token,
        name: two.id.clone(),
        by: "root".into(),
        at: 31,
        reason: None,
    };
    house.store.lock(lock).await.unwrap();
    assert_eq!(live(), [false, false]);
    assert!(house.store.owner_of_ssh_key(&two.fingerprint).is_none());
    house.store.unlock(Lockable::Token, &two.id).await.unwrap();
    assert_eq!(live(), [false, true]);
    let listed = house.store.ssh_keys(None).await.unwrap();
    let revoked = listed[0].revoked.as_ref().unwrap();
    assert_eq!((revoked.at, revoked.by.as_str()), (30, "ada"));
}

#[tokio::test]
async fn at_most_sixteen_live_keys_and_none_that_is_no_key() {
    let house = house().await;
    let short = NewSshKey {
        expires_at: Some(30),
        ..key("ada", b"short")
    };
    house.store.add_ssh_key(short, 20).await.unwrap();
    for number in 0..15 {
        house
            .store
            .add_ssh_key(key("ada", &[number]), 20)
            .await
            .unwrap();
    }
    let one_more = house.store.add_ssh_key(key("ada", b"more"), 29).await;
    assert!(matches!(one_more, Err(Error::TooManyKeys { live: 16, .. })));
    house
        .store
        .add_ssh_key(key("ada", b"more"), 30)
        .await
        .unwrap();
    for blob in [vec![], vec![7; 2049]] {
        let refused = house.store.add_ssh_key(key("grace", &blob), 20).await;
        assert!(matches!(refused, Err(Error::BadKey)));
    }
    let dead = NewSshKey {
        expires_at: Some(30),
        ..key("grace", b"dead")
    };
    let dead = house.store.add_ssh_key(dead, 30).await;
    assert!(matches!(dead, Err(Error::ExpiredAtBirth)));
    let long = NewSshKey {
        name: "x".repeat(101),
        ..key("grace", b"long")
    };
    let long = house.store.add_ssh_key(long, 30).await;
    assert!(matches!(long, Err(Error::TooLong("name", 100))));
}

#[tokio::test]
async fn a_certificate_is_revoked_by_its_serial() {
    let house = house().await;
    let serial = house
        .store
        .note_ssh_certificate(certificate("ada", "t", 90), 20)
        .await;
    let serial = serial.unwrap();
    let other = house
        .store
        .note_ssh_certificate(certificate("ada", "t", 90), 21)
        .await;
    assert_ne!(serial, other.unwrap());
    let void = || {
        let ada = house.store.account("ada").unwrap();
        ada.revoked_certificates.iter().copied().collect::<Vec<_>>()
    };
    let not_hers = house
        .store
        .revoke_ssh_certificate(serial, Some("grace"), "grace", 30)
        .await;
    assert!(matches!(not_hers, Err(Error::NoCertificate(_))));
    assert!(void().is_empty());
    house
        .store
        .revoke_ssh_certificate(serial, None, "root", 30)
        .await
        .unwrap();
    assert_eq!(void(), [serial]);
    let listed = house.store.ssh_certificates(Some("ada")).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1].revoked.as_ref().unwrap().by, "root");
    for unknown in [0, 7, u64::MAX] {
        let missing = house
            .store
            .revoke_ssh_certificate(unknown, None, "root", 30)
            .await;
        assert!(matches!(missing, Err(Error::NoCertificate(_))));
    }
    let nobody = house
        .store
        .note_ssh_certificate(certificate("eve", "t", 90), 20)
        .await;
    assert!(matches!(nobody, Err(Error::NoAccount(_))));
    let over = house
        .store
        .note_ssh_certificate(certificate("ada", "t", 20), 20)
        .await;
    assert!(matches!(over, Err(Error::ExpiredAtBirth)));
}

#[tokio::test]
async fn a_certificate_ends_with_the_token_that_it_was_asked_for_with() {
    let house = house().await;
    let token = NewToken {
        account: "ada".into(),
        name: "laptop".into(),
        by: "root".into(),
        expires_at: None,
    };
    let token = house.store.issue_token(token, 10).await.unwrap();
    let by_token = certificate("ada", token.id(), 90);
    let serial = house
        .store
        .note_ssh_certificate(by_token, 20)
        .await
        .unwrap();
    house
        .store
        .note_ssh_certificate(certificate("ada", "other", 90), 20)
        .await
        .unwrap();
    assert!(
        house
            .store
            .account("ada")
            .unwrap()
            .revoked_certificates
            .is_empty()
    );
    house
        .store
        .revoke_token(token.id(), "root", 30)
        .await
        .unwrap();
    let void = &house.store.account("ada").unwrap().revoked_certificates;
    assert_eq!(void.iter().copied().collect::<Vec<_>>(), [serial]);
    let late = house
        .store
        .note_ssh_certificate(certificate("ada", token.id(), 90), 31)
        .await;
    assert!(matches!(late, Err(Error::NoToken(_))));
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten() {
    let house = house().await;
    let week = 7 * 24 * 3600;
    house
        .store
        .note_ssh_certificate(certificate("ada", "t", 90), 20)
        .await
        .unwrap();
    let late = certificate("ada", "t", week + 200);
    house
        .store
        .note_ssh_certificate(late.clone(), week + 90)
        .await
        .unwrap();
    assert_eq!(house.store.ssh_certificates(None).await.unwrap().len(), 2);
    house
        .store
        .note_ssh_certificate(late, week + 91)
        .await
        .unwrap();
    assert_eq!(house.store.ssh_certificates(None).await.unwrap().len(), 2);
}
