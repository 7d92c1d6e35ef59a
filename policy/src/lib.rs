//! Decides: what a request means in the words of policy, who may do it, and who must countersign. No I/O, no clock.

pub mod approval;
pub mod digest;
pub mod error;
mod evaluate;
pub mod identity;
pub mod mask;
pub mod operation;
pub mod policies;
pub mod target;
pub mod verdict;
pub mod vocabulary;

pub use error::Error;
