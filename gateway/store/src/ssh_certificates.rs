//! SSH certificates that the gateway signs: each has a serial of its own, by which it is revoked before its time.

use aws_lc_rs::rand;
use gate::directory::Directory;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::error::Error;
use crate::open::{Store, Touches};
use crate::tokens::Revoked;

/// Per account: more is a client that asks in a loop.
const MOST_LIVE: usize = 1000;
/// Forgotten so many seconds after their end; the audit log remembers who asked for them.
const KEPT: i64 = 7 * 24 * 3600;

#[derive(Debug, Clone)]
pub struct NewSshCertificate {
    pub account: String,
    /// Of the public key that is signed.
    pub fingerprint: String,
    /// Id of the credential that it was asked for with.
    pub issued_with: String,
    /// Unix seconds.
    pub valid_until: i64,
}

/// A certificate as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshCertificateRecord {
    pub serial: u64,
    pub account: String,
    pub fingerprint: String,
    pub issued_with: String,
    /// Unix seconds, as the time below.
    pub issued_at: i64,
    pub valid_until: i64,
    pub revoked: Option<Revoked>,
}

impl Store {
    /// Remembers a certificate that is about to be signed, and gives it its serial.
    pub async fn note_ssh_certificate(
        &self,
        new: NewSshCertificate,
        at: i64,
    ) -> Result<u64, Error> {
        if new.valid_until <= at {
            return Err(Error::ExpiredAtBirth);
        }
        if self.account(&new.account).is_none() {
            return Err(Error::NoAccount(new.account));
        }
        let serial = serial()?;
        self.shared
            .change(Touches::Rest, move |connection| {
                Box::pin(async move {
                    sqlx::query("DELETE FROM ssh_certificate WHERE valid_until < ?")
                        .bind(at - KEPT)
                        .execute(&mut *connection)
                        .await?;
                    refuse(connection, &new, at).await?;
                    sqlx::query(
                        "INSERT INTO ssh_certificate (serial, account, fingerprint, issued_with, issued_at, valid_until)
                         VALUES (?, ?, ?, ?, ?, ?)",
                    )
                    .bind(serial)
                    .bind(new.account)
                    .bind(new.fingerprint)
                    .bind(new.issued_with)
                    .bind(at)
                    .bind(new.valid_until)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await?;
        Ok(serial.unsigned_abs())
    }

    /// Those of one account, or of all, newest first; what ended long ago is forgotten.
    pub async fn ssh_certificates(
        &self,
        account: Option<&str>,
    ) -> Result<Vec<SshCertificateRecord>, Error> {
        let rows = sqlx::query(
            "SELECT serial, account, fingerprint, issued_with, issued_at, valid_until, revoked_at, revoked_by
             FROM ssh_certificate WHERE ?1 IS NULL OR account = ?1 ORDER BY issued_at DESC, serial",
        )
        .bind(account)
        .fetch_all(&self.shared.readers);
        let rows = self.shared.read(rows).await?;
        rows.iter().map(record).collect()
    }

    /// Ends a certificate, where it is `account`'s if one is named.
    pub async fn revoke_ssh_certificate(
        &self,
        serial: u64,
        account: Option<&str>,
        by: &str,
        at: i64,
    ) -> Result<(), Error> {
        let missing = || Error::NoCertificate(serial);
        let key = i64::try_from(serial).map_err(|_| missing())?;
        let (by, account) = (by.to_owned(), account.map(str::to_owned));
        let found = self
            .shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    let found = sqlx::query(
                        "UPDATE ssh_certificate
                         SET revoked_at = coalesce(revoked_at, ?), revoked_by = coalesce(revoked_by, ?)
                         WHERE serial = ?3 AND (?4 IS NULL OR account = ?4)",
                    )
                    .bind(at)
                    .bind(by)
                    .bind(key)
                    .bind(account)
                    .execute(connection)
                    .await?;
                    Ok(found.rows_affected())
                })
            })
            .await?;
        if found == 0 { Err(missing()) } else { Ok(()) }
    }
}

async fn refuse(
    connection: &mut SqliteConnection,
    new: &NewSshCertificate,
    at: i64,
) -> Result<(), Error> {
    // revoked since it was shown: what is made with it now would outlive it
    let revoked: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM token WHERE id = ? AND revoked_at IS NOT NULL)",
    )
    .bind(&new.issued_with)
    .fetch_one(&mut *connection)
    .await?;
    if revoked {
        return Err(Error::NoToken(new.issued_with.clone()));
    }
    let live: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM ssh_certificate WHERE account = ? AND ? < valid_until",
    )
    .bind(&new.account)
    .bind(at)
    .fetch_one(connection)
    .await?;
    let live = usize::try_from(live).unwrap_or(usize::MAX);
    if live >= MOST_LIVE {
        let account = new.account.clone();
        return Err(Error::TooManyCertificates { account, live });
    }
    Ok(())
}

fn record(row: &SqliteRow) -> Result<SshCertificateRecord, Error> {
    let serial: i64 = row.try_get("serial")?;
    Ok(SshCertificateRecord {
        serial: serial.unsigned_abs(),
        account: row.try_get("account")?,
        fingerprint: row.try_get("fingerprint")?,
        issued_with: row.try_get("issued_with")?,
        issued_at: row.try_get("issued_at")?,
        valid_until: row.try_get("valid_until")?,
        revoked: Revoked::of(row)?,
    })
}

/// Above zero, and fits what SQLite counts with: 62 bits that cannot be guessed.
fn serial() -> Result<i64, Error> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_err(|_| Error::Unavailable("no randomness".into()))?;
    Ok((i64::from_be_bytes(bytes) & i64::MAX) | 1)
}
