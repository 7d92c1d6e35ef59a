//! Where a target listens for one connection right now: what comes from anywhere else is not let through.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gate::Leave;
use tokio::sync::watch;
use tokio::time::Instant;

use super::At;

/// How long a connection waits for the answer that says where it came in.
const WITHIN: Duration = Duration::from_secs(5);

/// Those of one connection, shared with the library's callbacks.
#[derive(Default)]
pub(crate) struct Listenings {
    standing: Mutex<HashMap<At, Arc<Listening>>>,
    /// How many the target is asked for right now: connections may come before its answer is read.
    asked: watch::Sender<usize>,
}

/// The target is asked, until this is dropped.
pub(crate) struct Asked<'a>(&'a watch::Sender<usize>);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|asked| *asked -= 1);
    }
}

/// One of them.
pub(crate) struct Listening {
    pub(crate) at: At,
    /// What was countersigned for it covers its connections.
    pub(crate) leave: Leave,
    cancelled: watch::Sender<bool>,
}

impl Listening {
    /// Resolves when the client wants no more of it. Cancel-safe.
    pub(crate) async fn cancelled(&self) {
        let mut cancelled = self.cancelled.subscribe();
        // fails only where the sender is gone, which is this value's own
        let _ = cancelled.wait_for(|cancelled| *cancelled).await;
    }
}

impl Listenings {
    pub(crate) fn asked(&self) -> Asked<'_> {
        self.asked.send_modify(|asked| *asked += 1);
        Asked(&self.asked)
    }

    pub(crate) fn stand(&self, at: At, leave: Leave) -> Arc<Listening> {
        let listening = Arc::new(Listening {
            at: at.clone(),
            leave,
            cancelled: watch::Sender::new(false),
        });
        self.all().insert(at, listening.clone());
        listening
    }

    pub(crate) fn end(&self, at: &At) {
        self.all().remove(at);
    }

    /// The client's own word; whether there was such a one. Nothing new passes from now on.
    pub(crate) fn cancel(&self, at: &At) -> bool {
        let Some(listening) = self.all().remove(at) else {
            return false;
        };
        listening.cancelled.send_replace(true);
        true
    }

    /// Where a connection came in; waits for answers of the target that are on their way.
    pub(crate) async fn find(&self, at: &At) -> Option<Arc<Listening>> {
        let mut asked = self.asked.subscribe();
        let deadline = Instant::now() + WITHIN;
        loop {
            let waits = *asked.borrow_and_update() > 0;
            let found = self.now(at);
            if found.is_some() || !waits {
                return found;
            }
            let changed = tokio::time::timeout_at(deadline, asked.changed());
            if !matches!(changed.await, Ok(Ok(()))) {
                return self.now(at);
            }
        }
    }

    /// Targets spell addresses as they like; a port they share with nobody.
    fn now(&self, at: &At) -> Option<Arc<Listening>> {
        let all = self.all();
        if let Some(exact) = all.get(at) {
            return Some(exact.clone());
        }
        let At::Port { port, .. } = at else {
            return None;
        };
        let mut same = all
            .values()
            .filter(|one| matches!(&one.at, At::Port { port: own, .. } if own == port));
        let found = same.next().cloned();
        found.filter(|_| same.next().is_none())
    }

    pub(crate) fn count(&self) -> usize {
        self.all().len()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<At, Arc<Listening>>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
