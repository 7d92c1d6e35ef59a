//! What the tests of several crates share: a ready gate in memory, and what every ledger must keep. Behind the feature
//! `testing`, which no product build has: it makes identities without proof.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests"
)]

pub mod fake;
pub mod house;
pub mod ledger;
mod memory;
mod people;
mod silent;

pub use house::{House, Plan};
pub use memory::MemoryLedger;
pub use people::{FakeClock, People};
pub use silent::Silent;
