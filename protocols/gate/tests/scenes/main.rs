//! The life of requests through the gate, told with a protocol that has no wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod faults;
mod holds;
mod masks;
mod parked;
mod permits;
mod revoked;
mod scene;
mod votes;
