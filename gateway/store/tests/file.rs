//! The file itself: versions of its schema, a locked one, checkpoints and sessions in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;

use gate::ledger::{Filter, Ledger, LedgerError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use store::{Error, KeptCheckpoint, Name, NewAccount, SessionRecord, Store};

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap()
}

fn ada() -> NewAccount {
    NewAccount {
        name: Name::new("ada").unwrap(),
        owner: None,
        groups: vec![],
        by: "root".into(),
    }
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    Store::open(&path).await.unwrap().close().await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (900, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&mut raw(&path).await)
    .await
    .unwrap();
    let Err(error) = Store::open(&path).await else {
        panic!("opened")
    };
    assert!(
        matches!(
            error,
            Error::Newer {
                found: 900,
                known: 4
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("newer version of this program"));
}

#[tokio::test]
async fn a_foreign_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    Store::open(&path).await.unwrap().close().await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2")
        .execute(&mut raw(&path).await)
        .await
        .unwrap();
    assert!(matches!(Store::open(&path).await, Err(Error::Altered(2))));
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    std::fs::write(&path, "x".repeat(5000)).unwrap();
    assert!(Store::open(&path).await.is_err());
    let nowhere = Store::open(folder.path().join("missing/store.sqlite")).await;
    assert!(matches!(nowhere, Err(Error::Open { .. })));
}

#[tokio::test]
async fn a_locked_file_is_unavailable_within_a_second_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let store = Store::open(&path).await.unwrap();
    let mut other = raw(&path).await;
    let hog = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let begun = std::time::Instant::now();
    let refused = store.add_account(ada(), 10).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))));
    let orphans = store.withdraw_orphans("boot", 10).await;
    assert!(matches!(orphans, Err(LedgerError::Unavailable(_))));
    assert!(begun.elapsed().as_secs_f64() < 2.5);
    hog.rollback().await.unwrap();
    assert!(store.accounts().is_empty());
    store.add_account(ada(), 10).await.unwrap();
    assert!(
        Ledger::list(&store, Filter::default())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_longest_checkpoint_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.sqlite"))
        .await
        .unwrap();
    assert_eq!(store.kept_checkpoint().await.unwrap(), None);
    let checkpoint = |size, byte| KeptCheckpoint {
        size,
        root: [byte; 32],
    };
    for (size, byte) in [(5, 1), (9, 2), (7, 3), (9, 4)] {
        store.keep_checkpoint(checkpoint(size, byte)).await.unwrap();
    }
    assert_eq!(
        store.kept_checkpoint().await.unwrap(),
        Some(checkpoint(9, 2))
    );
}

#[tokio::test]
async fn sessions_are_remembered_when_ended() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store.sqlite"))
        .await
        .unwrap();
    let session = |id: &str, opened_at| SessionRecord {
        id: id.into(),
        identity: "user:ada".into(),
        target: "shop".into(),
        protocol: "postgres".into(),
        address: "127.0.0.1".into(),
        opened_at,
        closed_at: None,
        tape: None,
    };
    for (id, opened_at) in [("a", 1), ("b", 2), ("c", 3)] {
        store.session_opened(session(id, opened_at));
    }
    store.session_closed("a", 5, Some("d1".into()));
    store.session_closed("a", 6, None);
    let closed = store.session("a").await.unwrap().unwrap();
    assert_eq!(
        (closed.closed_at, closed.tape.as_deref()),
        (Some(5), Some("d1"))
    );
    // what an earlier boot left open is closed, what this one opened is not
    let (earlier, this) = (
        format!("{:032x}", 1u128 << 64),
        format!("{:032x}", 2u128 << 64),
    );
    store.session_opened(session(&earlier, 4));
    store.session_opened(session(&this, 5));
    store.sessions(1).await.unwrap();
    store.withdraw_orphans(&this, 9).await.unwrap();
    assert_eq!(store.session(&this).await.unwrap().unwrap().closed_at, None);
    assert_eq!(
        store.session(&earlier).await.unwrap().unwrap().closed_at,
        Some(9)
    );
    let listed = store.sessions(3).await.unwrap();
    let listed: Vec<&str> = listed.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(listed, [this.as_str(), earlier.as_str(), "c"]);
    assert_eq!(store.session("z").await.unwrap(), None);
}
