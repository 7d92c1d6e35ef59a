//! What the tests of several crates share: a ledger in memory, its conformance suite, and a ready gate.

mod house;
pub mod ledger;
mod memory;

pub use house::{House, People};
pub use memory::MemoryLedger;
