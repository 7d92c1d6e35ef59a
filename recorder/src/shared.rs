//! What the callers, the writer, the sequencer and the watch share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::appended::Slot;
use crate::audit::Durability;
use crate::checkpoint::Checkpoint;
use crate::entry::{OutcomeKind, Sequence};
use crate::error::Unwritable;
use crate::id::RequestId;
use crate::queue::{Item, Queue, Role};
use crate::sink::SinkFile;
use crate::watch::Watch;

pub(crate) struct Shared {
    pub(crate) queue: Queue,
    /// What the writer is writing right now.
    pub(crate) writing: Mutex<Vec<Record>>,
    pub(crate) tail: Tail,
    pub(crate) writer: Health,
    pub(crate) sequencer: Health,
    pub(crate) watch: Watch,
    /// Bytes of payload that are queued or not synced yet.
    pub(crate) backlog: AtomicUsize,
    pub(crate) latest: Mutex<Option<Checkpoint>>,
    /// Settles when both threads have ended.
    pub(crate) ended: Arc<Slot>,
    pub(crate) deadline: Duration,
}

/// An entry with its place.
pub(crate) struct Record {
    pub(crate) sequence: Sequence,
    pub(crate) payload: Vec<u8>,
    pub(crate) role: Role,
    pub(crate) durability: Durability,
    pub(crate) slot: Arc<Slot>,
}

impl Shared {
    /// Whether the log is known to be unwritable now.
    pub(crate) fn healthy(&self) -> Result<(), Unwritable> {
        self.writer.check(self.deadline)?;
        self.sequencer.check(self.deadline)
    }

    /// Writes the outcome of an intent that is in the log although its promise failed.
    pub(crate) fn owe_not_sent(&self, request: RequestId) {
        let slot = Slot::new(Instant::now() + self.deadline);
        let item = Item::closing(request, OutcomeKind::NotSent, slot, now());
        self.backlog
            .fetch_add(item.payload.len(), Ordering::Relaxed);
        self.queue.owe(item);
    }
}

/// Nanoseconds since 1970-01-01 UTC.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one thread knows of its disk, and since when it waits for it.
pub(crate) struct Health {
    origin: Instant,
    /// Nanoseconds after `origin` at which the call in progress began; 0 when there is none.
    since: AtomicU64,
    is_sick: AtomicBool,
    sickness: Mutex<Option<Unwritable>>,
}

impl Health {
    pub(crate) fn new() -> Self {
        let origin = Instant::now();
        Self {
            origin,
            since: AtomicU64::new(0),
            is_sick: AtomicBool::new(false),
            sickness: Mutex::new(None),
        }
    }

    /// Runs a call that may hang.
    pub(crate) fn during<T>(&self, call: impl FnOnce() -> T) -> T {
        self.since.store(self.elapsed().max(1), Ordering::SeqCst);
        let result = call();
        self.since.store(0, Ordering::SeqCst);
        result
    }

    pub(crate) fn set(&self, sickness: Option<Unwritable>) {
        *lock(&self.sickness) = sickness;
        if self.is_sick.swap(sickness.is_some(), Ordering::SeqCst) != sickness.is_some() {
            match sickness {
                Some(reason) => {
                    tracing::error!(%reason, "the audit log cannot be written; requests are refused")
                }
                None => tracing::info!("the audit log can be written again"),
            }
        }
    }

    fn check(&self, deadline: Duration) -> Result<(), Unwritable> {
        if self.is_sick.load(Ordering::SeqCst)
            && let Some(reason) = *lock(&self.sickness)
        {
            return Err(reason);
        }
        match self.since.load(Ordering::SeqCst) {
            0 => Ok(()),
            since if Duration::from_nanos(self.elapsed().saturating_sub(since)) < deadline => {
                Ok(())
            }
            _ => Err(Unwritable::Hanging),
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// What is written and not yet synced, in order.
pub(crate) struct Tail {
    state: Mutex<Unsynced>,
    changed: Condvar,
}

pub(crate) struct Unsynced {
    /// The segment being written.
    pub(crate) file: Arc<dyn SinkFile>,
    /// The first sequence of that segment.
    pub(crate) first: Sequence,
    /// The last sequence written.
    pub(crate) last: Sequence,
    /// The last sequence known to survive a loss of power.
    pub(crate) durable: Sequence,
    /// Kept whole, so that they can be written again after a failed sync. Those up to `durable` wait to be sealed.
    pub(crate) records: VecDeque<(Sequence, Vec<u8>)>,
    /// Promises that wait for the sync.
    pub(crate) waiting: VecDeque<(Sequence, Role, Arc<Slot>)>,
    /// When the oldest record was written.
    pub(crate) oldest: Option<Instant>,
    pub(crate) urgent: bool,
    /// A sync failed: the file must not be synced again, the writer makes another.
    pub(crate) failed: bool,
    pub(crate) closing: bool,
    /// When the sequencer wakes by itself.
    pub(crate) wakes: Instant,
}

impl Tail {
    pub(crate) fn new(unsynced: Unsynced) -> Self {
        Self {
            state: Mutex::new(unsynced),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Unsynced> {
        lock(&self.state)
    }

    pub(crate) fn notify(&self) {
        self.changed.notify_one();
    }

    /// Rests until `due`, or until it is called.
    pub(crate) fn rest<'a>(
        &self,
        mut state: MutexGuard<'a, Unsynced>,
        due: Instant,
    ) -> MutexGuard<'a, Unsynced> {
        state.wakes = due;
        let limit = due.saturating_duration_since(Instant::now());
        self.changed
            .wait_timeout(state, limit)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}
