//! Access tokens: issued once, kept as hash and verifier, revoked for good.

use gate::scram::Verifier;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use gate::directory::Directory;

use crate::error::Error;
use crate::open::{Store, Touches};
use crate::token::TokenText;

/// So many proofs the gate tries at a login.
const MOST_LIVE: usize = 16;
pub(crate) const LONGEST_NAME: usize = 100;

#[derive(Debug, Clone)]
pub struct NewToken {
    pub account: String,
    /// What its holder calls it.
    pub name: String,
    pub by: String,
    /// Unix seconds; none is never.
    pub expires_at: Option<i64>,
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    pub id: String,
    pub account: String,
    pub name: String,
    pub issued_by: String,
    /// Unix seconds, as the times below.
    pub issued_at: i64,
    pub expires_at: Option<i64>,
    pub last_used: Option<i64>,
    pub revoked: Option<Revoked>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    pub at: i64,
    pub by: String,
}

impl Revoked {
    /// From the columns `revoked_at` and `revoked_by`.
    pub(crate) fn of(row: &SqliteRow) -> Result<Option<Self>, Error> {
        let (at, by): (Option<i64>, Option<String>) =
            (row.try_get("revoked_at")?, row.try_get("revoked_by")?);
        Ok(at.zip(by).map(|(at, by)| Self { at, by }))
    }
}

impl Store {
    /// Issues a token; its text is here for the last time.
    pub async fn issue_token(&self, new: NewToken, at: i64) -> Result<TokenText, Error> {
        if new.name.chars().count() > LONGEST_NAME {
            return Err(Error::TooLong("name", LONGEST_NAME));
        }
        if new.expires_at.is_some_and(|end| end <= at) {
            return Err(Error::ExpiredAtBirth);
        }
        let account = self
            .account(&new.account)
            .ok_or_else(|| Error::NoAccount(new.account.clone()))?;
        let made = tokio::task::spawn_blocking(move || {
            let token = TokenText::random()?;
            let verifier = Verifier::of(token.expose(), &account.salt, account.iterations);
            Ok((token, verifier))
        });
        let (token, verifier): (TokenText, Verifier) = made
            .await
            .unwrap_or_else(|_| Err(Error::Unavailable("a verifier was not made".into())))?;
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    refuse_more(connection, &new.account, at).await?;
                    insert(connection, new, (&token, &verifier), at).await?;
                    Ok(token)
                })
            })
            .await
    }

    /// The tokens of one account, or of all, live and dead, oldest first.
    pub async fn tokens(&self, account: Option<&str>) -> Result<Vec<TokenRecord>, Error> {
        let rows = sqlx::query(
            "SELECT id, account, name, issued_by, issued_at, expires_at, last_used, revoked_at, revoked_by
             FROM token WHERE ?1 IS NULL OR account = ?1 ORDER BY issued_at, id",
        )
        .bind(account)
        .fetch_all(&self.shared.readers);
        let rows = self.shared.read(rows).await?;
        rows.iter().map(|row| self.record(row)).collect()
    }

    /// Ends a token for good. To end one that is ended already changes nothing.
    pub async fn revoke_token(&self, id: &str, by: &str, at: i64) -> Result<(), Error> {
        let (id, by) = (id.to_owned(), by.to_owned());
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    let found = sqlx::query(
                        "UPDATE token SET revoked_at = coalesce(revoked_at, ?), revoked_by = coalesce(revoked_by, ?)
                         WHERE id = ?",
                    )
                    .bind(at)
                    .bind(by)
                    .bind(&id)
                    .execute(connection)
                    .await?;
                    if found.rows_affected() == 0 { Err(Error::NoToken(id)) } else { Ok(()) }
                })
            })
            .await
    }

    fn record(&self, row: &SqliteRow) -> Result<TokenRecord, Error> {
        let id: String = row.try_get("id")?;
        let written: Option<i64> = row.try_get("last_used")?;
        Ok(TokenRecord {
            last_used: written.max(self.shared.directory.unwritten_use(&id)),
            id,
            account: row.try_get("account")?,
            name: row.try_get("name")?,
            issued_by: row.try_get("issued_by")?,
            issued_at: row.try_get("issued_at")?,
            expires_at: row.try_get("expires_at")?,
            revoked: Revoked::of(row)?,
        })
    }
}

async fn refuse_more(
    connection: &mut SqliteConnection,
    account: &str,
    at: i64,
) -> Result<(), Error> {
    let live: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM token
         WHERE account = ? AND revoked_at IS NULL AND (expires_at IS NULL OR ? < expires_at)",
    )
    .bind(account)
    .bind(at)
    .fetch_one(connection)
    .await?;
    let live = usize::try_from(live).unwrap_or(usize::MAX);
    if live >= MOST_LIVE {
        return Err(Error::TooManyTokens {
            account: account.to_owned(),
            live,
        });
    }
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    new: NewToken,
    (token, verifier): (&TokenText, &Verifier),
    at: i64,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO token (id, account, name, hash, stored_key, server_key, issued_by, issued_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(token.id())
    .bind(new.account)
    .bind(new.name)
    .bind(token.hash().as_slice())
    .bind(verifier.stored_key.as_slice())
    .bind(verifier.server_key.as_slice())
    .bind(new.by)
    .bind(at)
    .bind(new.expires_at)
    .execute(connection)
    .await?;
    Ok(())
}
