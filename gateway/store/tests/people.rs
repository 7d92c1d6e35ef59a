//! Accounts, groups, tokens and locks, and what the directory says of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use gate::directory::{Directory, Membership};
use gate::scram::Verifier;
use policy::identity::Kind;
use store::{Error, Lock, Lockable, Name, NewAccount, NewToken, Store};
use tempfile::TempDir;

struct House {
    folder: TempDir,
    store: Store,
}

impl House {
    fn path(&self) -> PathBuf {
        self.folder.path().join("store.sqlite")
    }
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.sqlite"))
        .await
        .unwrap();
    House { folder, store }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn user(text: &str, groups: &[&str]) -> NewAccount {
    let groups = groups.iter().map(|group| name(group)).collect();
    NewAccount {
        name: name(text),
        owner: None,
        groups,
        by: "root".into(),
    }
}

fn token(account: &str) -> NewToken {
    NewToken {
        account: account.into(),
        name: "laptop".into(),
        by: "root".into(),
        expires_at: None,
    }
}

#[tokio::test]
async fn accounts_outlive_the_process() {
    let house = house().await;
    house
        .store
        .add_account(user("ada", &["engineers"]), 10)
        .await
        .unwrap();
    let robot = NewAccount {
        owner: Some(name("ada")),
        ..user("robot", &[])
    };
    house.store.add_account(robot, 11).await.unwrap();
    let salt = house.store.account("ada").unwrap().salt;
    house.store.close().await.unwrap();

    let again = Store::open(house.path()).await.unwrap();
    let ada = again.account("ada").unwrap();
    assert_eq!(ada.kind, Kind::User);
    assert_eq!(ada.salt, salt);
    assert_eq!(
        ada.groups["engineers"],
        Membership {
            given_by: "root".into(),
            given_at: 10
        }
    );
    let robot = again.account("robot").unwrap();
    assert_eq!(
        robot.kind,
        Kind::Service {
            owner: "ada".into()
        }
    );
    assert_ne!(robot.salt, salt);
    assert_eq!(again.accounts().len(), 2);
}

#[tokio::test]
async fn one_name_space_and_owners_are_users() {
    let house = house().await;
    house.store.add_account(user("ada", &[]), 10).await.unwrap();
    let service = |text, owner| NewAccount {
        owner: Some(name(owner)),
        ..user(text, &[])
    };
    let same = house.store.add_account(service("ada", "ada"), 10).await;
    assert!(matches!(same, Err(Error::Exists(_))));
    let nobody = house.store.add_account(service("robot", "grace"), 10).await;
    assert!(matches!(nobody, Err(Error::NoAccount(_))));
    house
        .store
        .add_account(service("robot", "ada"), 10)
        .await
        .unwrap();
    let chain = house
        .store
        .add_account(service("helper", "robot"), 10)
        .await;
    assert!(matches!(chain, Err(Error::NotAnOwner(_))));
    assert!(house.store.account("helper").is_none());
}

#[tokio::test]
async fn there_is_one_first_admin() {
    let house = house().await;
    let root = house.store.add_first_admin(name("root"), 10).await.unwrap();
    assert!(root.groups.contains_key("admin"));
    let second = house.store.add_first_admin(name("eve"), 11).await;
    assert!(matches!(second, Err(Error::AdminExists)));
    assert!(house.store.account("eve").is_none());
}

#[tokio::test]
async fn a_membership_keeps_its_giver() {
    let house = house().await;
    house
        .store
        .add_account(user("grace", &["dba"]), 10)
        .await
        .unwrap();
    house
        .store
        .join("grace", name("dba"), "ada".into(), 99)
        .await
        .unwrap();
    let given = |store: &Store| store.account("grace").unwrap().groups.get("dba").cloned();
    assert_eq!(given(&house.store).unwrap().given_by, "root");
    house.store.leave("grace", "dba").await.unwrap();
    assert_eq!(given(&house.store), None);
    house
        .store
        .join("grace", name("dba"), "ada".into(), 99)
        .await
        .unwrap();
    assert_eq!(
        given(&house.store).unwrap(),
        Membership {
            given_by: "ada".into(),
            given_at: 99
        }
    );
    let nobody = house.store.join("eve", name("dba"), "ada".into(), 99).await;
    assert!(matches!(nobody, Err(Error::NoAccount(_))));
}

#[tokio::test]
async fn a_token_is_kept_as_hash_and_verifier_only() {
    let house = house().await;
    house.store.add_account(user("ada", &[]), 10).await.unwrap();
    let text = house.store.issue_token(token("ada"), 20).await.unwrap();
    let ada = house.store.owner_of_token(text.id()).unwrap();
    assert_eq!(ada.name, "ada");
    let kept = &ada.tokens[0];
    assert!(kept.live(21));
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.expose().as_bytes());
    assert_eq!(kept.hash, hash.as_ref());
    let verifier = Verifier::of(text.expose(), &ada.salt, ada.iterations);
    assert_eq!(kept.verifier.stored_key, verifier.stored_key);
    assert_eq!(kept.verifier.server_key, verifier.server_key);

    house.store.close().await.unwrap();
    let secret = text.expose().rsplit('_').next().unwrap().as_bytes();
    for file in std::fs::read_dir(house.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
}

#[tokio::test]
async fn a_revoked_or_locked_token_is_dead() {
    let house = house().await;
    house.store.add_account(user("ada", &[]), 10).await.unwrap();
    let first = house.store.issue_token(token("ada"), 20).await.unwrap();
    let second = house.store.issue_token(token("ada"), 21).await.unwrap();
    let mut changed = house.store.changed();
    changed.mark_unchanged();
    house
        .store
        .revoke_token(first.id(), "root", 30)
        .await
        .unwrap();
    assert!(changed.has_changed().unwrap());
    house
        .store
        .revoke_token(first.id(), "eve", 40)
        .await
        .unwrap();
    let lock = Lock {
        kind: Lockable::Token,
        name: second.id().into(),
        by: "root".into(),
        at: 31,
        reason: None,
    };
    house.store.lock(lock).await.unwrap();
    let live = |store: &Store| {
        store
            .account("ada")
            .unwrap()
            .tokens
            .iter()
            .map(|token| token.live(50))
            .collect::<Vec<_>>()
    };
    assert_eq!(live(&house.store), [false, false]);
    assert!(
        house
            .store
            .unlock(Lockable::Token, second.id())
            .await
            .unwrap()
    );
    assert_eq!(live(&house.store), [false, true]);
    let listed = house.store.tokens(Some("ada")).await.unwrap();
    let revoked = listed[0].revoked.as_ref().unwrap();
    assert_eq!((revoked.at, revoked.by.as_str()), (30, "root"));
    let unknown = house.store.revoke_token("nothing", "root", 30).await;
    assert!(matches!(unknown, Err(Error::NoToken(_))));
}

#[tokio::test]
async fn at_most_sixteen_live_tokens() {
    let house = house().await;
    house.store.add_account(user("ada", &[]), 10).await.unwrap();
    let short = NewToken {
        expires_at: Some(30),
        ..token("ada")
    };
    house.store.issue_token(short, 20).await.unwrap();
    for _ in 0..15 {
        house.store.issue_token(token("ada"), 20).await.unwrap();
    }
    let one_more = house.store.issue_token(token("ada"), 29).await;
    assert!(matches!(
        one_more,
        Err(Error::TooManyTokens { live: 16, .. })
    ));
    house.store.issue_token(token("ada"), 30).await.unwrap();
    let dead = NewToken {
        expires_at: Some(30),
        ..token("ada")
    };
    let dead = house.store.issue_token(dead, 30).await;
    assert!(matches!(dead, Err(Error::ExpiredAtBirth)));
}

#[tokio::test]
async fn the_last_use_is_listed_at_once_and_written_at_the_end() {
    let house = house().await;
    house.store.add_account(user("ada", &[]), 10).await.unwrap();
    let text = house.store.issue_token(token("ada"), 20).await.unwrap();
    house.store.used(text.id(), 77);
    assert_eq!(
        house.store.tokens(None).await.unwrap()[0].last_used,
        Some(77)
    );
    house.store.close().await.unwrap();
    let again = Store::open(house.path()).await.unwrap();
    assert_eq!(again.tokens(None).await.unwrap()[0].last_used, Some(77));
}

#[tokio::test]
async fn locks_on_users_and_targets() {
    let house = house().await;
    house.store.add_account(user("ada", &[]), 10).await.unwrap();
    let lock = |kind, name: &str| Lock {
        kind,
        name: name.into(),
        by: "root".into(),
        at: 12,
        reason: Some("left".into()),
    };
    house.store.lock(lock(Lockable::User, "ada")).await.unwrap();
    house
        .store
        .lock(lock(Lockable::Target, "shop"))
        .await
        .unwrap();
    assert!(house.store.account("ada").unwrap().locked);
    assert!(house.store.target_locked("shop"));
    assert!(!house.store.target_locked("box"));
    assert_eq!(
        house.store.locks().await.unwrap(),
        [lock(Lockable::Target, "shop"), lock(Lockable::User, "ada")]
    );
    assert!(house.store.lock(lock(Lockable::User, "eve")).await.is_err());
    assert!(house.store.unlock(Lockable::User, "ada").await.unwrap());
    assert!(!house.store.unlock(Lockable::User, "ada").await.unwrap());
    assert!(!house.store.account("ada").unwrap().locked);
}

#[tokio::test]
async fn another_process_is_noticed() {
    let house = house().await;
    let mut changed = house.store.changed();
    changed.mark_unchanged();
    let other = Store::open(house.path()).await.unwrap();
    other.add_account(user("ada", &[]), 10).await.unwrap();
    changed.changed().await.unwrap();
    assert!(house.store.account("ada").is_some());
}

#[tokio::test]
async fn the_file_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = Store::open(&path).await.unwrap();
    store.add_account(user("ada", &[]), 10).await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}
