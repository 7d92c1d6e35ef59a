//! Public keys of people and services: added once, belonging to one account, revoked for good.

use gate::ssh_fingerprint;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::error::Error;
use crate::open::{Store, Touches};
use crate::token::public_id;
use crate::tokens::{LONGEST_NAME, Revoked};

const MOST_LIVE: usize = 16;
/// The largest key of any kind that is taken, in its wire form.
const LARGEST: usize = 2048;

#[derive(Debug, Clone)]
pub struct NewSshKey {
    pub account: String,
    /// What its holder calls it.
    pub name: String,
    /// The wire form.
    pub blob: Vec<u8>,
    pub by: String,
    /// Unix seconds; none is never.
    pub expires_at: Option<i64>,
}

/// A key as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKeyRecord {
    pub id: String,
    pub account: String,
    pub name: String,
    pub fingerprint: String,
    pub added_by: String,
    /// Unix seconds, as the times below.
    pub added_at: i64,
    pub expires_at: Option<i64>,
    pub last_used: Option<i64>,
    pub revoked: Option<Revoked>,
}

impl Store {
    /// Adds a key to an account, unless it is somebody's already.
    pub async fn add_ssh_key(&self, new: NewSshKey, at: i64) -> Result<SshKeyRecord, Error> {
        if new.name.chars().count() > LONGEST_NAME {
            return Err(Error::TooLong("name", LONGEST_NAME));
        }
        if new.blob.is_empty() || new.blob.len() > LARGEST {
            return Err(Error::BadKey);
        }
        if new.expires_at.is_some_and(|end| end <= at) {
            return Err(Error::ExpiredAtBirth);
        }
        let record = SshKeyRecord {
            id: public_id()?,
            fingerprint: ssh_fingerprint(&new.blob),
            account: new.account,
            name: new.name,
            added_by: new.by,
            added_at: at,
            expires_at: new.expires_at,
            last_used: None,
            revoked: None,
        };
        let (blob, added) = (new.blob, record.clone());
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    refuse(connection, &record, at).await?;
                    insert(connection, record, blob).await
                })
            })
            .await?;
        Ok(added)
    }

    /// The keys of one account, or of all, live and dead, oldest first.
    pub async fn ssh_keys(&self, account: Option<&str>) -> Result<Vec<SshKeyRecord>, Error> {
        let rows = sqlx::query(
            "SELECT id, account, name, fingerprint, added_by, added_at, expires_at, last_used, revoked_at, revoked_by
             FROM ssh_key WHERE ?1 IS NULL OR account = ?1 ORDER BY added_at, id",
        )
        .bind(account)
        .fetch_all(&self.shared.readers);
        let rows = self.shared.read(rows).await?;
        rows.iter().map(|row| self.ssh_key_record(row)).collect()
    }

    /// Ends a key for good, where it is `account`'s if one is named. To end one that is ended already changes nothing.
    pub async fn revoke_ssh_key(
        &self,
        id: &str,
        account: Option<&str>,
        by: &str,
        at: i64,
    ) -> Result<(), Error> {
        let (id, by) = (id.to_owned(), by.to_owned());
        let account = account.map(str::to_owned);
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    let found = sqlx::query(
                        "UPDATE ssh_key SET revoked_at = coalesce(revoked_at, ?), revoked_by = coalesce(revoked_by, ?)
                         WHERE id = ?3 AND (?4 IS NULL OR account = ?4)",
                    )
                    .bind(at)
                    .bind(by)
                    .bind(&id)
                    .bind(account)
                    .execute(connection)
                    .await?;
                    if found.rows_affected() == 0 { Err(Error::NoKey(id)) } else { Ok(()) }
                })
            })
            .await
    }

    fn ssh_key_record(&self, row: &SqliteRow) -> Result<SshKeyRecord, Error> {
        let id: String = row.try_get("id")?;
        let written: Option<i64> = row.try_get("last_used")?;
        Ok(SshKeyRecord {
            last_used: written.max(self.shared.directory.unwritten_use(&id)),
            id,
            account: row.try_get("account")?,
            name: row.try_get("name")?,
            fingerprint: row.try_get("fingerprint")?,
            added_by: row.try_get("added_by")?,
            added_at: row.try_get("added_at")?,
            expires_at: row.try_get("expires_at")?,
            revoked: Revoked::of(row)?,
        })
    }
}

async fn refuse(
    connection: &mut SqliteConnection,
    new: &SshKeyRecord,
    at: i64,
) -> Result<(), Error> {
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM account WHERE name = ?)")
        .bind(&new.account)
        .fetch_one(&mut *connection)
        .await?;
    if !known {
        return Err(Error::NoAccount(new.account.clone()));
    }
    let taken: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM ssh_key WHERE fingerprint = ? AND revoked_at IS NULL)",
    )
    .bind(&new.fingerprint)
    .fetch_one(&mut *connection)
    .await?;
    if taken {
        return Err(Error::KeyTaken(new.fingerprint.clone()));
    }
    let live: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM ssh_key
         WHERE account = ? AND revoked_at IS NULL AND (expires_at IS NULL OR ? < expires_at)",
    )
    .bind(&new.account)
    .bind(at)
    .fetch_one(connection)
    .await?;
    let live = usize::try_from(live).unwrap_or(usize::MAX);
    if live >= MOST_LIVE {
        let account = new.account.clone();
        return Err(Error::TooManyKeys { account, live });
    }
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    new: SshKeyRecord,
    blob: Vec<u8>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO ssh_key (id, account, name, blob, fingerprint, added_by, added_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.id)
    .bind(new.account)
    .bind(new.name)
    .bind(blob)
    .bind(new.fingerprint)
    .bind(new.added_by)
    .bind(new.added_at)
    .bind(new.expires_at)
    .execute(connection)
    .await?;
    Ok(())
}
