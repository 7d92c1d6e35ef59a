//! Decides: what a request means in the words of policy, who may do it, and who must countersign. No I/O, no clock.

pub mod identity;
pub mod operation;
pub mod target;
