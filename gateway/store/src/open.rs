//! Opens the file, brings its schema up to date, and gives all else its one writer and its few readers.

use std::fs::{OpenOptions, Permissions};
use std::future::Future;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::directory::{Memory, Snapshot};
use crate::error::Error;
use crate::keeper::Keeper;
use crate::sessions::Notes;

/// A call that takes longer is answered `Unavailable`.
pub(crate) const DEADLINE: Duration = Duration::from_secs(1);
/// Shorter than the deadline, so that a change given up is also a change not made.
const BUSY: Duration = Duration::from_millis(800);
const READERS: u32 = 4;

/// The gateway's memory. Cloning it is cheap; all clones are one store.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    keeper: Arc<Keeper>,
}

pub(crate) struct Shared {
    /// SQLite has one writer at a time anyway: here they queue in order.
    writer: Arc<Mutex<SqliteConnection>>,
    pub(crate) readers: SqlitePool,
    pub(crate) directory: Arc<Memory>,
    pub(crate) notes: Notes,
    /// One flush at a time.
    pub(crate) flushing: Mutex<()>,
}

/// A change as a boxed future: it borrows the connection that it is made on.
pub(crate) type Change<'c, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'c>>;

/// What a change may have changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touches {
    /// Accounts, groups, tokens or locks: what the directory knows by heart.
    Directory,
    Rest,
}

impl Store {
    /// Opens or makes the store at `path` (mode 0600), and brings an older schema up to date.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let failed = |cause: String| Error::Open {
            path: path.to_owned(),
            cause,
        };
        keep_private(path).map_err(|error| failed(error.to_string()))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let mut writer = options
            .clone()
            .connect()
            .await
            .map_err(|error| failed(error.to_string()))?;
        migrate(&mut writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(DEADLINE)
            .connect_with(options.read_only(true))
            .await
            .map_err(|error| failed(error.to_string()))?;
        let version = data_version(&mut writer).await?;
        let directory = Arc::new(Memory::new(Snapshot::load(&mut writer).await?, version));
        let writer = Arc::new(Mutex::new(writer));
        let (notes, flushing) = (Notes::default(), Mutex::default());
        let shared = Arc::new(Shared {
            writer,
            readers,
            directory,
            notes,
            flushing,
        });
        let keeper = Arc::new(Keeper::start(&shared));
        Ok(Self { shared, keeper })
    }

    /// Raised after every change of accounts, groups, tokens or locks.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.shared.directory.changed()
    }

    /// Writes what is still in memory and lets go of the readers; changes under way end first.
    pub async fn close(&self) -> Result<(), Error> {
        self.keeper.stop();
        let flushed = self.shared.flush().await;
        self.shared.readers.close().await;
        flushed
    }
}

impl Shared {
    /// Makes one change in a transaction of its own. Once begun it runs to its end even if the caller goes away: its task
    /// is owned by the guard of the one writer, for which `close` waits.
    pub(crate) async fn change<T, F>(&self, touches: Touches, change: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Change<'c, T> + Send + 'static,
    {
        let deadline = Instant::now() + DEADLINE;
        let writer = self.writer.clone().lock_owned();
        let mut writer = timeout_at(deadline, writer)
            .await
            .map_err(|_| Error::silent())?;
        let directory = self.directory.clone();
        let task = tokio::spawn(async move {
            let made = commit(&mut writer, touches, &directory, change).await;
            if matches!(made, Err(Error::Unavailable(_))) && touches == Touches::Directory {
                directory.doubt();
            }
            made
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) => Err(Error::Unavailable("a change broke off".into())),
            Err(_) => Err(Error::silent()),
        }
    }

    /// Waits for an answer of the readers, but not longer than a call may take.
    pub(crate) async fn read<T, E: Into<Error>>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        match timeout(DEADLINE, answer).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(Error::silent()),
        }
    }

    /// Learns what another process changed, or what a failed change left in doubt.
    pub(crate) async fn refresh(&self) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        let version = data_version(&mut writer).await?;
        if self.directory.outdated(version) {
            let snapshot = Snapshot::load(&mut writer).await?;
            self.directory.replace(snapshot);
            self.directory.trust(version);
        }
        Ok(())
    }
}

async fn commit<T, F>(
    writer: &mut SqliteConnection,
    touches: Touches,
    directory: &Memory,
    change: F,
) -> Result<T, Error>
where
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Change<'c, T> + Send,
{
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    let made = change(&mut transaction).await?;
    // Read before the commit: what cannot be read back is not made.
    let snapshot = match touches {
        Touches::Directory => Some(Snapshot::load(&mut transaction).await?),
        Touches::Rest => None,
    };
    transaction.commit().await?;
    if let Some(snapshot) = snapshot {
        directory.replace(snapshot);
    }
    Ok(made)
}

/// Rises when another process has changed the file.
async fn data_version(writer: &mut SqliteConnection) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(writer)
        .await?)
}

async fn migrate(writer: &mut SqliteConnection) -> Result<(), Error> {
    let migrations: Migrator = sqlx::migrate!("./migrations");
    let known = migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    match migrations.run(&mut *writer).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(_)) => {
            let found = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
                .fetch_one(writer)
                .await?;
            Err(Error::Newer { found, known })
        }
        Err(MigrateError::VersionMismatch(version)) => Err(Error::Altered(version)),
        Err(error) => Err(Error::Unavailable(error.to_string())),
    }
}

/// SQLite gives its `-wal` and `-shm` files the mode of the main one.
fn keep_private(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    let permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}
