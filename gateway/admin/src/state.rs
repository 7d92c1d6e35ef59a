//! What the handlers work with.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use gate::Gate;
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
    /// Those who may watch sessions at once.
    pub(crate) watchers: Arc<Semaphore>,
}

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

    /// Unix seconds, by the gate's clock.
    pub(crate) fn now(&self) -> i64 {
        self.gate.now() / 1_000_000_000
    }
}

/// Where a request comes from: whoever serves the router puts it into the request's extensions. A request without it is
/// refused, for a rule may ask for the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);
