//! Counts the open channels of one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Open channels of one connection: one that is alone may be slowed down, as nobody suffers with it.
#[derive(Clone, Default)]
pub(crate) struct Siblings(Arc<AtomicUsize>);

/// One open channel.
pub(crate) struct Seat(Siblings);

impl Siblings {
    /// `None` where `limit` are open.
    pub(crate) fn join(&self, limit: usize) -> Option<Seat> {
        let joined = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < limit).then_some(open + 1)
            });
        joined.ok().map(|_| Seat(self.clone()))
    }

    pub(super) fn alone(&self) -> bool {
        self.0.load(Ordering::Relaxed) <= 1
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
