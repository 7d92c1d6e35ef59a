//! Cancel keys of the gateway's own: a CancelRequest finds the session it belongs to, and nothing else.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::wire::startup::Cancel;

/// Bytes of a key: protocol 3.0 has room for four, 3.2 for more.
pub(crate) const SHORT_KEY: usize = 4;
pub(crate) const LONG_KEY: usize = 32;

/// Who guesses keys of 32 bits has so long a connection for each; a source has so many connections at once as `caps` says.
const WRONG_KEY: Duration = Duration::from_secs(1);

/// Sessions by the process id that they were told.
#[derive(Clone, Default)]
pub(crate) struct Cancels {
    sessions: Arc<Mutex<HashMap<i32, Entry>>>,
    next: Arc<AtomicI32>,
}

struct Entry {
    key: Bytes,
    bell: mpsc::Sender<()>,
}

/// A session's place in the table; leaving it drops the key.
pub(crate) struct Registration {
    cancels: Cancels,
    pub(crate) pid: i32,
    pub(crate) key: Bytes,
    pub(crate) rung: mpsc::Receiver<()>,
}

impl Cancels {
    /// With a key of `length` bytes.
    pub(crate) fn register(&self, length: usize) -> Registration {
        let mut key = vec![0; length];
        // without randomness the key stays zero, and nobody is registered under a guessable one: see `ring`
        let random = aws_lc_rs::rand::fill(&mut key).is_ok();
        let key = Bytes::from(key);
        let (bell, rung) = mpsc::channel(1);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = loop {
            let pid = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1) & i32::MAX;
            if pid != 0 && !sessions.contains_key(&pid) {
                break pid;
            }
        };
        if random {
            sessions.insert(
                pid,
                Entry {
                    key: key.clone(),
                    bell,
                },
            );
        }
        drop(sessions);
        Registration {
            cancels: self.clone(),
            pid,
            key,
            rung,
        }
    }

    /// Rings the session's bell if the key is right. The client is not told whether it was, and waits where it was one
    /// short enough to be guessed.
    pub(crate) async fn ring(&self, cancel: &Cancel) {
        if !self.rings(cancel) && cancel.key.len() <= SHORT_KEY {
            tokio::time::sleep(WRONG_KEY).await;
        }
    }

    fn rings(&self, cancel: &Cancel) -> bool {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let right = sessions.get(&cancel.pid).filter(|entry| {
            constant_time::verify_slices_are_equal(&entry.key, &cancel.key).is_ok()
        });
        if let Some(entry) = right {
            // a full channel means that the bell rings already
            let _ = entry.bell.try_send(());
        }
        right.is_some()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut sessions = self
            .cancels
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sessions.remove(&self.pid);
    }
}
