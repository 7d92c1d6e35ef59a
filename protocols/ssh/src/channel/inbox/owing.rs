//! What waits to be written on the connection that pieces come from. The library writes nothing while it waits for room
//! here, and whoever makes room may be the one who writes: so while that waits, the sender is slowed down by little.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::Inbox;

/// How long each piece waits for room meanwhile: what cannot be written for want of the reader still slows the sender.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);
/// Past the limit of the file, where neither room comes nor what waits gets written. A reader may well rest so long.
pub(super) const STANDSTILL: Duration = Duration::from_secs(3600);

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
        inbox.state().owing += 1;
        inbox.0.room.notify_one();
        Self(inbox)
    }
}

impl Drop for Owing<'_> {
    fn drop(&mut self) {
        self.0.state().owing -= 1;
        self.0.0.room.notify_one();
    }
}
