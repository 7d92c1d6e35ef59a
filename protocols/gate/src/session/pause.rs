//! A session that is stopped for a look: nothing passes until somebody resumes it, and it ends when nobody does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{Session, SessionState};
use crate::underway::{End, lock};

/// Who stopped it, and when it ends unless it is resumed, in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Paused {
    pub by: String,
    pub until: i64,
}

/// Why a session was not paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPaused {
    #[error("there is no such open session")]
    NoSession,
    #[error("its protocol cannot be paused")]
    Unable,
    #[error("it is paused already")]
    Already,
    #[error("it is ending")]
    Ending,
}

#[derive(Default)]
pub(crate) struct Pause {
    state: watch::Sender<Option<Paused>>,
    /// Its protocol asks before it passes anything.
    able: AtomicBool,
    /// What ends it in time.
    limit: Mutex<Option<AbortHandle>>,
}

impl Pause {
    pub(super) fn over(&self) {
        if let Some(limit) = lock(&self.limit).take() {
            limit.abort();
        }
    }
}

impl Session {
    /// Said once by a protocol that asks `flows` before it passes anything.
    pub fn can_pause(&self) {
        self.0.pause.able.store(true, Ordering::Relaxed);
    }

    /// Resolves at once, or when the session is not paused any more. Cancel-safe.
    pub async fn flows(&self) {
        let paused = &self.0.pause.state;
        if paused.borrow().is_some() {
            // fails only where the session is gone, which is this value's own
            let _ = paused.subscribe().wait_for(Option::is_none).await;
        }
    }

    pub fn paused(&self) -> Option<Paused> {
        self.0.pause.state.borrow().clone()
    }

    /// Changes whenever the session is paused or resumed.
    pub fn pauses(&self) -> watch::Receiver<Option<Paused>> {
        self.0.pause.state.subscribe()
    }

    pub(crate) fn pause(&self, by: &str, within: Duration) -> Result<Paused, NotPaused> {
        let pause = &self.0.pause;
        if !pause.able.load(Ordering::Relaxed) {
            return Err(NotPaused::Unable);
        }
        if self.ended().is_some() {
            return Err(NotPaused::Ending);
        }
        let seconds = i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
        let paused = Paused {
            by: by.to_owned(),
            until: (self.0.gate.now() / 1_000_000_000).saturating_add(seconds),
        };
        // a resume waits until this is through
        let mut limit = lock(&pause.limit);
        let first = pause.state.send_if_modified(|state| {
            let free = state.is_none();
            if free {
                *state = Some(paused.clone());
            }
            free
        });
        if !first {
            return Err(NotPaused::Already);
        }
        let text = format!("paused by {by} for {} s", within.as_secs());
        self.0.tape.notice(text);
        let state = std::sync::Arc::downgrade(&self.0);
        let watch = tokio::spawn(async move {
            tokio::time::sleep(within).await;
            if let Some(state) = state.upgrade() {
                state.pause_ran_out();
            }
        });
        *limit = Some(watch.abort_handle());
        Ok(paused)
    }

    pub(crate) fn resume(&self, by: &str) -> bool {
        let pause = &self.0.pause;
        let was = pause.state.send_if_modified(|state| state.take().is_some());
        if was {
            pause.over();
            self.0.tape.notice(format!("resumed by {by}"));
        }
        was
    }
}

impl SessionState {
    /// What was stopped for a look does not go on unseen.
    fn pause_ran_out(&self) {
        self.tape
            .notice("ended: the pause ran out and nobody resumed it".to_owned());
        self.end(End::Killed);
    }
}
