//! What is locked until somebody unlocks it: users and services, tokens, targets.

use crate::error::Error;
use crate::open::{Store, Touches};

const LONGEST_REASON: usize = 500;

/// The kinds of what can be locked; a session's lock ends with the session and is the gate's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lockable {
    /// A user or a service.
    User,
    /// An access token or an SSH key.
    Token,
    Target,
}

impl Lockable {
    const ALL: [Self; 3] = [Self::User, Self::Token, Self::Target];

    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Token => "token",
            Self::Target => "target",
        }
    }

    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    pub kind: Lockable,
    /// Name of an account or target, or id of a token.
    pub name: String,
    pub by: String,
    /// Unix seconds.
    pub at: i64,
    pub reason: Option<String>,
}

impl Store {
    /// Locks what must exist, but for targets, which are not the store's. A lock that is there stays as it is.
    pub async fn lock(&self, lock: Lock) -> Result<(), Error> {
        if lock
            .reason
            .as_ref()
            .is_some_and(|reason| reason.chars().count() > LONGEST_REASON)
        {
            return Err(Error::TooLong("reason", LONGEST_REASON));
        }
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    let known: bool = sqlx::query_scalar(match lock.kind {
                        Lockable::User => "SELECT EXISTS (SELECT 1 FROM account WHERE name = ?)",
                        Lockable::Token => {
                            "SELECT EXISTS (SELECT 1 FROM token WHERE id = ?1)
                             OR EXISTS (SELECT 1 FROM ssh_key WHERE id = ?1)"
                        },
                        Lockable::Target => "SELECT ? IS NOT NULL",
                    })
                    .bind(&lock.name)
                    .fetch_one(&mut *connection)
                    .await?;
                    if !known {
                        return Err(match lock.kind {
                            Lockable::Token => Error::NoToken(lock.name),
                            Lockable::User | Lockable::Target => Error::NoAccount(lock.name),
                        });
                    }
                    sqlx::query(
                        "INSERT INTO lock (kind, name, locked_by, locked_at, reason) VALUES (?, ?, ?, ?, ?)
                         ON CONFLICT (kind, name) DO NOTHING",
                    )
                    .bind(lock.kind.word())
                    .bind(lock.name)
                    .bind(lock.by)
                    .bind(lock.at)
                    .bind(lock.reason)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Whether there was such a lock.
    pub async fn unlock(&self, kind: Lockable, name: &str) -> Result<bool, Error> {
        let name = name.to_owned();
        self.shared
            .change(Touches::Directory, move |connection| {
                Box::pin(async move {
                    let gone = sqlx::query("DELETE FROM lock WHERE kind = ? AND name = ?")
                        .bind(kind.word())
                        .bind(name)
                        .execute(connection)
                        .await?;
                    Ok(gone.rows_affected() > 0)
                })
            })
            .await
    }

    /// All locks, oldest first.
    pub async fn locks(&self) -> Result<Vec<Lock>, Error> {
        let rows = sqlx::query_as::<_, (String, String, String, i64, Option<String>)>(
            "SELECT kind, name, locked_by, locked_at, reason FROM lock ORDER BY locked_at, kind, name",
        )
        .fetch_all(&self.shared.readers);
        let rows = self.shared.read(rows).await?;
        let lock = |(kind, name, by, at, reason): (String, _, _, _, _)| {
            let kind = Lockable::of(&kind).ok_or(Error::Corrupt(kind))?;
            Ok(Lock {
                kind,
                name,
                by,
                at,
                reason,
            })
        };
        rows.into_iter().map(lock).collect()
    }
}
