//! Remembers: the audit log (write-ahead, chained, signed) and the tapes of sessions.

pub mod audit;
pub mod checkpoint;
pub mod entry;
pub mod error;
pub mod export;
pub mod id;
pub mod keys;
pub mod sink;
pub mod tape;
pub mod terminal;
pub mod verify;
pub mod visible;

mod appended;
mod blocks;
mod field;
mod frame;
mod mend;
mod queue;
mod recover;
mod seal;
mod segments;
mod sequencer;
mod shared;
mod start;
mod watch;
mod writer;

pub use appended::Appended;
pub use audit::{Audit, Durability, Settings};
pub use checkpoint::Checkpoint;
pub use entry::{Entry, Sequence};
pub use error::{Error, Unwritable};
pub use id::{RequestId, SessionId};
pub use recover::Recovered;
