//! Which sessions there were: the gate knows the live ones, the store also the ended.

use std::sync::Mutex;

use sqlx::{FromRow, SqliteConnection};

use crate::directory::unpoisoned;
use crate::error::Error;
use crate::open::Store;

/// More than the keeper's second can bring; a store that is silent for longer loses the rest.
const MOST_NOTES: usize = 100_000;
const BATCH: usize = 1_000;

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

/// What happened to a session and is not written down yet.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    Opened(Box<SessionRecord>),
    Closed {
        id: String,
        at: i64,
        tape: Option<String>,
    },
}

/// Waits for the keeper, so that opening and closing a session never wait for the disk.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<Note>>);

impl Notes {
    fn add(&self, note: Note) {
        let mut notes = unpoisoned(&self.0);
        if notes.len() < MOST_NOTES {
            notes.push(note);
        } else {
            tracing::warn!("the store does not take sessions down: its list of them has a gap");
        }
    }

    /// As many as can be written down within the deadline of a call.
    pub(crate) fn oldest(&self) -> Vec<Note> {
        unpoisoned(&self.0).iter().take(BATCH).cloned().collect()
    }

    /// Forgets the oldest `count`: they are written down.
    pub(crate) fn written(&self, count: usize) {
        let mut notes = unpoisoned(&self.0);
        let count = count.min(notes.len());
        notes.drain(..count);
    }
}

/// To write the same note twice changes nothing.
pub(crate) async fn write(connection: &mut SqliteConnection, note: Note) -> Result<(), Error> {
    match note {
        Note::Opened(session) => insert(connection, *session).await,
        Note::Closed { id, at, tape } => {
            sqlx::query(
                "UPDATE session SET closed_at = coalesce(closed_at, ?), tape = coalesce(tape, ?) WHERE id = ?",
            )
            .bind(at)
            .bind(tape)
            .bind(id)
            .execute(connection)
            .await?;
            Ok(())
        }
    }
}

/// Sessions that an earlier boot left open are closed: their clients are gone. A session's id begins with its boot's.
pub(crate) async fn close_orphans(
    connection: &mut SqliteConnection,
    boot: &str,
    at: i64,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE session SET closed_at = ? WHERE closed_at IS NULL AND substr(id, 1, 16) <> substr(?, 1, 16)",
    )
    .bind(at)
    .bind(boot)
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, session: SessionRecord) -> Result<(), Error> {
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
}

impl Store {
    /// Does not wait: the keeper writes it down within a second.
    pub fn session_opened(&self, session: SessionRecord) {
        self.shared.notes.add(Note::Opened(Box::new(session)));
    }

    /// Does not wait either. The first closing stays; a tape that comes later is added.
    pub fn session_closed(&self, id: &str, at: i64, tape: Option<String>) {
        self.shared.notes.add(Note::Closed {
            id: id.to_owned(),
            at,
            tape,
        });
    }

    /// At most `limit`, newest first.
    pub async fn sessions(&self, limit: u32) -> Result<Vec<SessionRecord>, Error> {
        self.shared.flush().await?;
        let rows = sqlx::query_as("SELECT * FROM session ORDER BY opened_at DESC, id DESC LIMIT ?")
            .bind(limit)
            .fetch_all(&self.shared.readers);
        self.shared.read(rows).await
    }

    pub async fn session(&self, id: &str) -> Result<Option<SessionRecord>, Error> {
        self.shared.flush().await?;
        let row = sqlx::query_as("SELECT * FROM session WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.shared.readers);
        self.shared.read(row).await
    }
}
