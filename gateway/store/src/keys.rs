//! Public keys of accounts: registered as the line that OpenSSH writes, compared byte by byte, removed for good.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gate::directory::Key;
use gate::login::key_id;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::error::Error;
use crate::open::{Store, Touches};
use crate::tokens::Revoked;

/// Those whose proof can be checked whole: of a security key's signature nobody sees whether it was touched.
const KINDS: [&str; 4] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
];
const LONGEST_NAME: usize = 100;
const LONGEST_KEY: usize = 1024;
const MOST_LIVE: i64 = 64;

#[derive(Debug, Clone)]
pub struct NewKey {
    pub account: String,
    /// A line of `id_ed25519.pub`: kind, key, comment.
    pub line: String,
    /// In place of the comment.
    pub name: Option<String>,
    pub by: String,
}

/// A key as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    pub id: String,
    pub account: String,
    pub name: String,
    pub added_by: String,
    /// Unix seconds.
    pub added_at: i64,
    pub revoked: Option<Revoked>,
}

impl Store {
    /// Registers a key, and returns its id.
    pub async fn add_key(&self, new: NewKey, at: i64) -> Result<String, Error> {
        let (blob, comment) = parse(&new.line)?;
        let name = new.name.clone().unwrap_or(comment);
        if name.chars().count() > LONGEST_NAME {
            return Err(Error::TooLong("name", LONGEST_NAME));
        }
        let id = key_id(&blob);
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    refuse(connection, &new.account, &id).await?;
                    sqlx::query(
                        "INSERT INTO public_key (id, account, name, blob, added_by, added_at) VALUES (?, ?, ?, ?, ?, ?)",
                    )
                    .bind(&id)
                    .bind(new.account)
                    .bind(name)
                    .bind(blob)
                    .bind(new.by)
                    .bind(at)
                    .execute(connection)
                    .await?;
                    Ok(id)
                })
            })
            .await
    }

    /// The keys of one account, or of all, live and dead, oldest first.
    pub async fn keys(&self, account: Option<&str>) -> Result<Vec<KeyRecord>, Error> {
        let rows = sqlx::query(
            "SELECT id, account, name, added_by, added_at, revoked_at, revoked_by
             FROM public_key WHERE ?1 IS NULL OR account = ?1 ORDER BY added_at, id",
        )
        .bind(account)
        .fetch_all(&self.shared.readers);
        let rows = self.shared.read(rows).await?;
        rows.iter().map(record).collect()
    }

    /// Ends a key; it may be registered again.
    pub async fn remove_key(&self, id: &str, by: &str, at: i64) -> Result<(), Error> {
        let (id, by) = (id.to_owned(), by.to_owned());
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    let found = sqlx::query(
                        "UPDATE public_key SET revoked_at = ?, revoked_by = ? WHERE id = ? AND revoked_at IS NULL",
                    )
                    .bind(at)
                    .bind(by)
                    .bind(&id)
                    .execute(connection)
                    .await?;
                    if found.rows_affected() == 0 { Err(Error::NoKey(id)) } else { Ok(()) }
                })
            })
            .await
    }
}

async fn refuse(connection: &mut SqliteConnection, account: &str, id: &str) -> Result<(), Error> {
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM account WHERE name = ?")
        .bind(account)
        .fetch_one(&mut *connection)
        .await?;
    if known == 0 {
        return Err(Error::NoAccount(account.to_owned()));
    }
    let taken: i64 =
        sqlx::query_scalar("SELECT count(*) FROM public_key WHERE id = ? AND revoked_at IS NULL")
            .bind(id)
            .fetch_one(&mut *connection)
            .await?;
    if taken > 0 {
        return Err(Error::KeyExists(id.to_owned()));
    }
    let live: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM public_key WHERE account = ? AND revoked_at IS NULL",
    )
    .bind(account)
    .fetch_one(connection)
    .await?;
    if live >= MOST_LIVE {
        return Err(Error::TooManyKeys(account.to_owned()));
    }
    Ok(())
}

/// All keys with the names of their accounts.
pub(crate) async fn load(connection: &mut SqliteConnection) -> Result<Vec<(String, Key)>, Error> {
    let rows = sqlx::query(
        "SELECT k.account, k.id, k.blob, k.name, k.added_by, k.added_at,
                k.revoked_at IS NOT NULL OR l.name IS NOT NULL AS revoked
         FROM public_key k LEFT JOIN lock l ON l.kind = 'token' AND l.name = k.id
         ORDER BY k.added_at, k.id",
    )
    .fetch_all(connection)
    .await?;
    let key = |row: SqliteRow| {
        let key = Key {
            id: row.try_get("id")?,
            blob: row.try_get("blob")?,
            name: row.try_get("name")?,
            added_by: row.try_get("added_by")?,
            added_at: row.try_get("added_at")?,
            revoked: row.try_get("revoked")?,
        };
        Ok((row.try_get("account")?, key))
    };
    rows.into_iter().map(key).collect()
}

/// The bytes of a key and its comment.
fn parse(line: &str) -> Result<(Vec<u8>, String), Error> {
    let mut words = line.trim().splitn(3, ' ');
    let (kind, text) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let comment = words.next().unwrap_or("").trim().to_owned();
    if !KINDS.contains(&kind) {
        return Err(Error::BadKey(
            "use ssh-ed25519 or ecdsa-sha2-nistp256, 384 or 521",
        ));
    }
    let malformed = Error::BadKey("not a line of a public key file");
    let Ok(blob) = STANDARD.decode(text) else {
        return Err(malformed);
    };
    // the blob begins with its own kind, so that one key has one form
    let own = blob
        .first_chunk::<4>()
        .map(|length| u32::from_be_bytes(*length))
        .and_then(|length| usize::try_from(length).ok())
        .and_then(|length| blob.get(4..4 + length));
    if own != Some(kind.as_bytes()) || blob.len() > LONGEST_KEY {
        return Err(malformed);
    }
    Ok((blob, comment))
}

fn record(row: &SqliteRow) -> Result<KeyRecord, Error> {
    let (at, by): (Option<i64>, Option<String>) =
        (row.try_get("revoked_at")?, row.try_get("revoked_by")?);
    Ok(KeyRecord {
        id: row.try_get("id")?,
        account: row.try_get("account")?,
        name: row.try_get("name")?,
        added_by: row.try_get("added_by")?,
        added_at: row.try_get("added_at")?,
        revoked: at.zip(by).map(|(at, by)| Revoked { at, by }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAaH9xGkV4EFXkSyoHjDUtJzEN+yDi1mWbcUL1sGPZRM ada's laptop";

    #[test]
    fn a_public_line_is_read() {
        let (blob, comment) = parse(LINE).unwrap();
        assert_eq!(blob.len(), 51);
        assert_eq!(comment, "ada's laptop");
    }

    #[test]
    fn other_lines_are_refused() {
        let key = LINE.split(' ').nth(1).unwrap();
        for line in [
            String::new(),
            "ssh-ed25519".to_owned(),
            format!("ssh-rsa {key}"),
            format!("ecdsa-sha2-nistp256 {key}"),
            format!("sk-ssh-ed25519@openssh.com {key}"),
            "ssh-ed25519 AAAA".to_owned(),
            "ssh-ed25519 //////////8=".to_owned(),
            format!("command=\"x\" ssh-ed25519 {key}"),
        ] {
            assert!(parse(&line).is_err(), "{line}");
        }
    }
}
