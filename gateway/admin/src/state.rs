//! What the handlers work with.

use std::net::IpAddr;

use gate::Gate;
use store::Store;

/// The store and the gate behind the API; cheap to clone.
#[derive(Clone)]
pub struct Admin {
    pub(crate) store: Store,
    pub(crate) gate: Gate,
}

impl Admin {
    pub fn new(store: Store, gate: Gate) -> Self {
        Self { store, gate }
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
