//! Which sessions there were: the gate knows the live ones, the store also the ended.

use sqlx::FromRow;

use crate::error::Error;
use crate::open::{Store, Touches};

#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SessionRecord {
    pub id: String,
    /// `user:ada`, `service:robot`.
    pub identity: String,
    pub target: String,
    pub protocol: String,
    pub address: String,
    /// Unix seconds, as `closed_at`.
    pub opened_at: i64,
    pub closed_at: Option<i64>,
    /// Digest of the sealed recording, hex.
    pub tape: Option<String>,
}

impl Store {
    pub async fn session_opened(&self, session: SessionRecord) -> Result<(), Error> {
        self.shared
            .change(Touches::Rest, move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO session (id, identity, target, protocol, address, opened_at, closed_at, tape)
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                    )
                    .bind(session.id)
                    .bind(session.identity)
                    .bind(session.target)
                    .bind(session.protocol)
                    .bind(session.address)
                    .bind(session.opened_at)
                    .bind(session.closed_at)
                    .bind(session.tape)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// The first closing stays; a tape that comes later is added.
    pub async fn session_closed(
        &self,
        id: &str,
        at: i64,
        tape: Option<String>,
    ) -> Result<(), Error> {
        let id = id.to_owned();
        self.shared
            .change(Touches::Rest, move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "UPDATE session SET closed_at = coalesce(closed_at, ?), tape = coalesce(tape, ?) WHERE id = ?",
                    )
                    .bind(at)
                    .bind(tape)
                    .bind(id)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Sessions that an earlier run left open are closed: their clients are gone. Returns how many.
    pub async fn close_orphaned_sessions(&self, at: i64) -> Result<u64, Error> {
        self.shared
            .change(Touches::Rest, move |connection| {
                Box::pin(async move {
                    let closed =
                        sqlx::query("UPDATE session SET closed_at = ? WHERE closed_at IS NULL")
                            .bind(at)
                            .execute(connection)
                            .await?;
                    Ok(closed.rows_affected())
                })
            })
            .await
    }

    /// At most `limit`, newest first.
    pub async fn sessions(&self, limit: u32) -> Result<Vec<SessionRecord>, Error> {
        let rows =
            sqlx::query_as("SELECT * FROM session ORDER BY opened_at DESC, id DESC LIMIT ?")
                .bind(limit)
                .fetch_all(&self.shared.readers);
        self.shared.read(rows).await
    }

    pub async fn session(&self, id: &str) -> Result<Option<SessionRecord>, Error> {
        let row = sqlx::query_as("SELECT * FROM session WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.shared.readers);
        self.shared.read(row).await
    }
}
