//! What waits to be written on the connection that pieces come from. The library writes nothing while it waits for room
//! here, and whoever makes room may be the one who writes: so while that waits, the sender is hardly slowed down.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::Inbox;

/// How long room is waited for meanwhile.
const PATIENCE: Duration = Duration::from_millis(20);
/// Past the limit of the file, where neither room comes nor what waits gets written.
pub(super) const STANDSTILL: Duration = Duration::from_secs(30);

/// How many wait, and since when any does.
#[derive(Default)]
pub(super) struct Debt {
    writes: usize,
    since: Option<Instant>,
}

impl Debt {
    pub(super) fn is_owed(&self) -> bool {
        self.writes > 0
    }

    /// When room is not waited for any more.
    pub(super) fn shortens(&self, deadline: Instant) -> Instant {
        match self.since {
            Some(since) => deadline.min(since + PATIENCE),
            None => deadline,
        }
    }

    fn add(&mut self) {
        self.writes += 1;
        self.since.get_or_insert_with(Instant::now);
    }

    fn take(&mut self) {
        self.writes -= 1;
        if self.writes == 0 {
            self.since = None;
        }
    }
}

impl Inbox {
    /// Writes on the connection that this comes from.
    pub(crate) async fn beside<T>(&self, writing: impl Future<Output = T>) -> T {
        let mut writing = pin!(writing);
        let at_once = poll_fn(|context| Poll::Ready(writing.as_mut().poll(context)));
        if let Poll::Ready(written) = at_once.await {
            return written;
        }
        let _owing = Owing::of(self);
        writing.await
    }
}

/// Something waits to be written.
struct Owing<'a>(&'a Inbox);

impl<'a> Owing<'a> {
    fn of(inbox: &'a Inbox) -> Self {
        inbox.state().debt.add();
        inbox.0.room.notify_one();
        Self(inbox)
    }
}

impl Drop for Owing<'_> {
    fn drop(&mut self) {
        self.0.state().debt.take();
        self.0.0.room.notify_one();
    }
}
