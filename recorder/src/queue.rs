//! What waits to be written, and the writer's rest.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::appended::Slot;
use crate::audit::Durability;
use crate::entry::{Entry, Outcome, OutcomeKind, Verdict};
use crate::id::RequestId;

/// How long the writer stays half awake after a batch; what nobody waits for is written after that time at the latest.
const DOZE: Duration = Duration::from_millis(5);
/// The most bytes of payload in one write, so that no acknowledgement waits for a long one.
const BATCH: usize = 1 << 20;

/// What an entry means for the counting rule, and whether it is still written when the disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// An intent: owes an outcome.
    Opens(RequestId),
    /// An outcome.
    Closes(RequestId),
    /// Closes something else, so it is never dropped either.
    Closing,
    Plain,
}

impl Role {
    pub(crate) fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Decided(decided) if decided.verdict == Verdict::Allow => {
                Self::Opens(decided.request)
            }
            Entry::Outcome(outcome) => Self::Closes(outcome.request),
            Entry::SessionClosed(_) => Self::Closing,
            Entry::Boot(_)
            | Entry::Segment(_)
            | Entry::SessionOpened(_)
            | Entry::Decided(_)
            | Entry::Approval(_)
            | Entry::Administration(_)
            | Entry::Reload(_) => Self::Plain,
        }
    }

    /// It is kept until it is written, whatever became of its promise.
    pub(crate) fn must_be_written(self) -> bool {
        matches!(self, Self::Closes(_) | Self::Closing)
    }
}

pub(crate) struct Item {
    pub(crate) payload: Vec<u8>,
    pub(crate) role: Role,
    pub(crate) durability: Durability,
    pub(crate) slot: Arc<Slot>,
}

impl Item {
    /// The outcome that the recorder itself writes.
    pub(crate) fn closing(request: RequestId, kind: OutcomeKind, slot: Arc<Slot>, at: u64) -> Self {
        let outcome = Outcome {
            request,
            kind,
            rows: 0,
            bytes: 0,
            code: String::new(),
            at,
        };
        let payload = Entry::Outcome(outcome).encode();
        Self {
            payload,
            role: Role::Closes(request),
            durability: Durability::Lagging,
            slot,
        }
    }
}

#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// Somebody waits, or the writer is called for another reason.
    hurry: bool,
    rest: Rest,
    closing: bool,
}

#[derive(Default, PartialEq, Eq)]
enum Rest {
    #[default]
    Awake,
    /// Wakes by itself within `DOZE`.
    Dozing,
    Asleep,
}

pub(crate) struct Work {
    pub(crate) items: Vec<Item>,
    /// Nothing will come after this.
    pub(crate) closing: bool,
}

impl Queue {
    /// Appends without waking a writer that wakes by itself; `false` when the log was closed.
    pub(crate) fn push(&self, item: Item) -> bool {
        let mut state = self.lock();
        if state.closing {
            return false;
        }
        state.items.push_back(item);
        let asleep = state.rest == Rest::Asleep;
        self.wake(state, asleep);
        true
    }

    /// Puts items back in front, in their order.
    pub(crate) fn put_back(&self, items: Vec<Item>) {
        let mut state = self.lock();
        for item in items.into_iter().rev() {
            state.items.push_front(item);
        }
    }

    /// What the recorder owes goes in even while the log is closing.
    pub(crate) fn owe(&self, item: Item) {
        let mut state = self.lock();
        state.items.push_back(item);
        let asleep = state.rest == Rest::Asleep;
        self.wake(state, asleep);
    }

    /// Somebody waits: the writer begins now.
    pub(crate) fn hurry(&self) {
        let mut state = self.lock();
        state.hurry = true;
        let resting = state.rest != Rest::Awake;
        self.wake(state, resting);
    }

    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.hurry();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().items.is_empty()
    }

    /// The next batch; rests until there is one, or until it is called.
    pub(crate) fn take(&self) -> Work {
        let mut state = self.lock();
        while !state.hurry && !state.closing {
            state.rest = Rest::Dozing;
            let (woken, slept) = self
                .changed
                .wait_timeout(state, DOZE)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if !slept.timed_out() || state.hurry {
                continue;
            }
            if !state.items.is_empty() {
                break;
            }
            state.rest = Rest::Asleep;
            while state.items.is_empty() && !state.hurry && !state.closing {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        Self::batch(state)
    }

    /// As `take`, but when nothing calls, it returns after `limit`: for a writer in trouble.
    pub(crate) fn take_within(&self, limit: Duration) -> Work {
        let mut state = self.lock();
        state.rest = Rest::Awake;
        (state, _) = self
            .changed
            .wait_timeout(state, limit)
            .unwrap_or_else(PoisonError::into_inner);
        Self::batch(state)
    }

    fn batch(mut state: MutexGuard<'_, State>) -> Work {
        let mut bytes = 0;
        let count = state.items.iter().take_while(|item| {
            let fits = bytes < BATCH;
            bytes += item.payload.len();
            fits
        });
        let count = count.count();
        let items: Vec<Item> = state.items.drain(..count).collect();
        state.hurry = !state.items.is_empty();
        state.rest = Rest::Awake;
        Work {
            items,
            closing: state.closing && state.items.is_empty(),
        }
    }

    /// Shows every waiting item, oldest first, while `look` wants more.
    pub(crate) fn inspect(&self, mut look: impl FnMut(&Item) -> bool) {
        for item in &self.lock().items {
            if !look(item) {
                break;
            }
        }
    }

    fn wake(&self, mut state: MutexGuard<'_, State>, wake: bool) {
        if wake {
            state.rest = Rest::Awake;
            drop(state);
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
