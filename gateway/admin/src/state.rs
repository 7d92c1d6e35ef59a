//! What the handlers work with.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use gate::{Authenticated, Boxed, Gate};
use recorder::tape::TapeKey;
use store::Store;
use tokio::sync::Semaphore;

use crate::ssh::Ssh;

/// Each looks at a file five times a second.
const WATCHERS: usize = 64;

/// The store, the gate and the recordings behind the API; cheap to clone.
#[derive(Clone)]
pub struct Admin {
    pub(crate) store: Store,
    pub(crate) gate: Gate,
    pub(crate) recordings: Option<Arc<Recordings>>,
    pub(crate) ssh: Option<Arc<Ssh>>,
    pub(crate) look_up: Option<LookUp>,
    /// Those who may watch sessions at once.
    pub(crate) watchers: Arc<Semaphore>,
}

/// Tells what a target holds, in a session of the caller's own: target and database.
pub type LookUp =
    Arc<dyn Fn(Authenticated, String, Option<String>) -> Boxed<LookedUp> + Send + Sync>;

/// What it holds, or why it is not told; `None` where there is no such target.
pub type LookedUp = Result<Option<serde_json::Value>, String>;

/// Where the tapes lie, and the key that opens them.
pub struct Recordings {
    pub directory: PathBuf,
    pub key: TapeKey,
}

impl Admin {
    /// Without `recordings` there is nothing to replay.
    pub fn new(store: Store, gate: Gate, recordings: Option<Recordings>) -> Self {
        Self {
            store,
            gate,
            recordings: recordings.map(Arc::new),
            ssh: None,
            look_up: None,
            watchers: Arc::new(Semaphore::new(WATCHERS)),
        }
    }

    /// With authorities for SSH, where there are some.
    pub fn with_ssh(self, ssh: Option<Ssh>) -> Self {
        Self {
            ssh: ssh.map(Arc::new),
            ..self
        }
    }

    /// With a way to look into targets.
    pub fn with_look_up(self, look_up: LookUp) -> Self {
        Self {
            look_up: Some(look_up),
            ..self
        }
    }

    /// Unix seconds, by the gate's clock.
    pub(crate) fn now(&self) -> i64 {
        self.gate.now() / 1_000_000_000
    }
}

/// Where a request comes from: whoever serves the router puts it into the request's extensions. A request without it is
/// refused, for a rule may ask for the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);
