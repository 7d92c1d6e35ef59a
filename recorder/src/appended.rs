//! The promise that an entry is written, and the slot through which it is kept.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use crate::entry::Sequence;
use crate::error::Unwritable;
use crate::shared::Shared;

/// Resolves when the entry is as durable as was asked, or when it failed; it fails by itself after the write deadline.
///
/// Dropping it cancels nothing. An entry whose promise failed may be in the log nevertheless; if it is an intent, the
/// recorder itself writes its outcome `not_sent`, and the caller must write none.
#[must_use = "an entry counts only when its promise has resolved"]
pub struct Appended {
    slot: Arc<Slot>,
    /// Whose writer is to be woken by the first poll.
    shared: Option<Arc<Shared>>,
}

impl Appended {
    pub(crate) fn new(slot: Arc<Slot>, shared: Arc<Shared>) -> Self {
        Self {
            slot,
            shared: Some(shared),
        }
    }

    pub(crate) fn refused(reason: Unwritable) -> Self {
        let slot = Slot::new(Instant::now());
        slot.settle(Err(reason));
        Self { slot, shared: None }
    }

    /// For callers that are no tasks; blocks the thread.
    pub fn wait(mut self) -> Result<Sequence, Unwritable> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            match Pin::new(&mut self).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => return result,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl Future for Appended {
    type Output = Result<Sequence, Unwritable>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = self.slot.poll(context);
        // the writer dozes while nobody waits: what is only appended rides with the next batch
        if result.is_pending()
            && let Some(shared) = self.shared.take()
        {
            shared.queue.hurry();
        }
        result
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) struct Slot {
    state: Mutex<State>,
    pub(crate) deadline: Instant,
}

#[derive(Default)]
struct State {
    result: Option<Result<Sequence, Unwritable>>,
    waker: Option<Waker>,
}

impl Slot {
    pub(crate) fn new(deadline: Instant) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            deadline,
        })
    }

    /// Settles it once; `false` when it was settled before.
    pub(crate) fn settle(&self, result: Result<Sequence, Unwritable>) -> bool {
        let mut state = self.lock();
        if state.result.is_some() {
            return false;
        }
        state.result = Some(result);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.lock().result.is_some()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Result<Sequence, Unwritable>> {
        let mut state = self.lock();
        match state.result {
            Some(result) => Poll::Ready(result),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
