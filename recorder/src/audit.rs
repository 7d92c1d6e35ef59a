//! The audit log as its callers see it: append and wait, or be refused within the deadline.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::appended::{Appended, Slot};
use crate::checkpoint::Checkpoint;
use crate::entry::Entry;
use crate::error::{Error, Unwritable};
use crate::frame::PAYLOAD;
use crate::queue::{Item, Role};
use crate::recover::Recovered;
use crate::shared::{Shared, lock};
use crate::sink::Sink;
use crate::start::start;

/// The most bytes that may wait for the disk; more is refused.
const BACKLOG: usize = 64 << 20;

/// Where the log lies and how patient it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Made when it is not there. One process at a time.
    pub directory: PathBuf,
    /// The Ed25519 key that signs checkpoints, mode 0600 (`keys::Key`).
    pub key_file: PathBuf,
    /// After this time a promise fails by itself.
    pub write_deadline: Duration,
    /// A segment that is longer than this is followed by a new one.
    pub segment_bytes: u64,
    /// How far `Lagging` and `Written` entries may be behind the disk when the power fails.
    pub sync_lag: Duration,
    /// Space set aside for the outcomes of what is under way when the disk fills up.
    pub reserve_bytes: u64,
}

impl Settings {
    /// The settings that suit most: 800 ms, 64 MiB, 100 ms, 1 MiB.
    pub fn new(directory: PathBuf, key_file: PathBuf) -> Self {
        Self {
            directory,
            key_file,
            write_deadline: Duration::from_millis(800),
            segment_bytes: 64 << 20,
            sync_lag: Duration::from_millis(100),
            reserve_bytes: 1 << 20,
        }
    }
}

/// When a promise is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After the write: survives the end of the process. Synced with whatever comes next, within `Settings::sync_lag`.
    Written,
    /// After a sync that many share: survives a loss of power.
    Synced,
    /// After the write; the sync follows within `Settings::sync_lag` (100 ms unless set otherwise).
    Lagging,
}

/// The audit log of one gateway. Clones are handles of the same log; when the last one goes, the log is closed.
#[derive(Clone)]
pub struct Audit(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.queue.close();
        self.shared.watch.call();
    }
}

impl Audit {
    /// Recovers what is there and begins a new segment. A torn tail is cut off, but never within what a checkpoint
    /// vouches for; open intents get the outcome `unknown`. Blocks until that is on the disk.
    pub fn open(settings: Settings, sink: Arc<dyn Sink>) -> Result<(Audit, Recovered), Error> {
        let (shared, recovered) = start(settings, sink)?;
        Ok((Audit(Arc::new(Handle { shared })), recovered))
    }

    /// Enqueues at once: the order of calls is the order in the log. An outcome whose request has no open intent, or
    /// has an outcome already, is not written (`Unwritable::NoIntent`).
    pub fn append(&self, entry: Entry, durability: Durability) -> Appended {
        let shared = &self.0.shared;
        let role = Role::of(&entry);
        // what closes something is taken even when the disk is known to be full or hanging
        if !role.must_be_written()
            && let Err(reason) = self.admit()
        {
            return Appended::refused(reason);
        }
        let payload = entry.encode();
        if payload.len() > PAYLOAD {
            return Appended::refused(Unwritable::TooLarge);
        }
        let slot = Slot::new(Instant::now() + shared.deadline);
        let item = Item {
            payload,
            role,
            durability,
            slot: slot.clone(),
        };
        shared
            .backlog
            .fetch_add(item.payload.len(), Ordering::Relaxed);
        if !shared.queue.push(item) {
            return Appended::refused(Unwritable::Closed);
        }
        shared.watch.call();
        Appended::new(slot, shared.clone())
    }

    /// Whether the log is known to be unwritable now; costs a few loads.
    pub fn healthy(&self) -> Result<(), Unwritable> {
        self.0.shared.healthy()
    }

    /// The newest checkpoint.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        lock(&self.0.shared.latest).clone()
    }

    /// Writes what is queued and a last checkpoint, and ends the threads; fails when that takes longer than the
    /// write deadline.
    pub async fn close(self) -> Result<(), Unwritable> {
        let shared = self.0.shared.clone();
        shared.queue.close();
        shared.watch.call();
        Appended::new(shared.ended.clone(), shared)
            .await
            .map(|_| ())
    }

    fn admit(&self) -> Result<(), Unwritable> {
        self.0.shared.healthy()?;
        if self.0.shared.backlog.load(Ordering::Relaxed) > BACKLOG {
            return Err(Unwritable::Overloaded);
        }
        Ok(())
    }
}
