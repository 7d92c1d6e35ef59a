//! What waits for the tape writer: it is not woken for every event, but gathers them for some milliseconds.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::chunk::PLAIN;
use super::deck::Message;

/// How long the writer stays half awake after a batch: an event that nobody waits for is taken by then.
const DOZE: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    messages: Vec<Message>,
    /// The writer sleeps until it is called.
    asleep: bool,
    /// Somebody waits for what is there.
    urgent: bool,
    closed: bool,
}

/// What was taken at once.
pub(super) struct Taken {
    pub(super) messages: Vec<Message>,
    /// Nothing will come after this.
    pub(super) closed: bool,
}

impl Inbox {
    /// False when it is closed.
    pub(super) fn put(&self, message: Message) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        state.urgent |= match &message {
            Message::Seal { .. } => true,
            // those who wait for room do not wait long
            Message::Event { record, .. } => record.len() >= PLAIN,
            Message::Start { .. } => false,
        };
        state.messages.push(message);
        let wake = state.urgent || state.asleep;
        drop(state);
        if wake {
            self.changed.notify_one();
        }
        true
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// All that came; rests until there is something, or until the time.
    pub(super) fn take(&self, until: Option<Instant>) -> Taken {
        let dozing = |state: &mut State| !state.urgent && !state.closed;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), DOZE, dozing)
            .unwrap_or_else(PoisonError::into_inner);
        state.asleep = true;
        let resting = |state: &mut State| state.messages.is_empty() && !state.closed;
        state = match until {
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                let rest = self.changed.wait_timeout_while(state, left, resting);
                rest.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let rest = self.changed.wait_while(state, resting);
                rest.unwrap_or_else(PoisonError::into_inner)
            }
        };
        state.asleep = false;
        state.urgent = false;
        Taken {
            messages: std::mem::take(&mut state.messages),
            closed: state.closed,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
