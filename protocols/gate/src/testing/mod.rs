//! What the tests of several crates share: a ledger in memory, its conformance suite, and a ready gate.

pub mod ledger;
mod memory;

pub use memory::MemoryLedger;
