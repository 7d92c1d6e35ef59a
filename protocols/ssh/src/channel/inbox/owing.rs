//! What waits to be written on the connection that pieces come from. The library writes nothing while it waits for room
//! here, and whoever makes room may be the one who writes: so while that waits, the sender is slowed down by little.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::{Inbox, State};
use crate::channel::spill::Spill;

/// How long a piece waits for room meanwhile, once for so many bytes: what is to be written goes out before the next is
/// taken.
const PATIENCE: Duration = Duration::from_millis(1);
const AT_ONCE: usize = 32 << 10;
/// And how much longer where the file is full, with the square of how full it is: what cannot be written for want of the
/// reader slows the sender in the end.
const FULL: Duration = Duration::from_secs(2);

impl State {
    /// How long a piece of this length may wait; `None` where one waited lately.
    pub(super) fn patience(&mut self, length: usize) -> Option<Duration> {
        self.hurried += length;
        if self.hurried < AT_ONCE {
            return None;
        }
        self.hurried = 0;
        let filled = self.spill.as_ref().map_or(0.0, Spill::filled);
        Some(PATIENCE + FULL.mul_f64(filled * filled))
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
