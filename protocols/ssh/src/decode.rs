//! From the bytes of a request to what it asks for: pure, free of policy, and exact or opaque.
//!
//! [`command`] reads the command line of an `exec` request, [`sftp`] the packets of the SFTP subsystem.

mod argument;
mod command;
mod cost;
mod heredoc;
mod judge;
mod leaf;
mod options;
mod programs;
mod scan;
pub mod sftp;
mod shells;
mod tools;
mod walk;
mod word;
mod wrappers;

pub use command::{Command, Direction, Leaf, STACK, Tool, ToolName, command, other_shell};
