//! Counts the open channels of one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Open channels of one connection: one that is alone may be slowed down, as nobody suffers with it.
#[derive(Clone, Default)]
pub(crate) struct Siblings(Arc<Counted>);

#[derive(Default)]
struct Counted {
    open: AtomicUsize,
    joined: Notify,
}

/// One open channel.
pub(crate) struct Seat(Siblings);

impl Siblings {
    /// `None` where `limit` are open.
    pub(crate) fn join(&self, limit: usize) -> Option<Seat> {
        let joined = self
            .0
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < limit).then_some(open + 1)
            });
        joined.ok()?;
        self.0.joined.notify_waiters();
        Some(Seat(self.clone()))
    }

    pub(crate) fn none(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) == 0
    }

    pub(super) fn alone(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) <= 1
    }

    /// Resolves when another one joins, from now on.
    pub(super) fn joined(&self) -> Notified<'_> {
        self.0.joined.notified()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
