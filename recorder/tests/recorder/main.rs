//! The recorder from the outside: what is acknowledged stays, what was changed is named, what cannot be written is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod append;
mod faults;
mod fixture;
mod recovery;
mod second_verifier;
mod seeds;
mod tampering;
mod tapes;
mod terminals;
