//! SFTP version 3 as a tap on both directions: frames pass as they are, each request is told to whoever judges it.
//!
//! No I/O and no waiting. Bytes go into a [`Tap`], packets come out of it; a name is bytes, in whatever encoding.

mod attributes;
mod extensions;
mod fields;
mod frames;
mod kinds;
mod reply;
mod request;
mod status;
mod tap;

pub use attributes::Attributes;
pub use extensions::EXTENSIONS;
pub use frames::MAX_FRAME;
pub use reply::{Answers, Outcome, Reply};
pub use request::{Ask, Continued, OpenFlags, Packet, Request};
pub use status::{Status, permission_denied, status};
pub use tap::{MAX_HANDLES, MAX_WAITING, Tap};

/// Why a stream is no SFTP: the channel ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a packet of `{0}` bytes is larger than the largest that is passed on")]
    Oversize(u32),
    #[error("a packet without a type")]
    Empty,
    #[error("a packet ends before its fields do")]
    Cut,
    #[error("bytes follow the last field of a packet")]
    Trailing,
    #[error("the flags `{0:#x}` are not those of version 3")]
    Flags(u32),
    #[error("a packet of type `{0}` is not one that this side sends")]
    Kind(u8),
    #[error("version `{0}` is not spoken")]
    Version(u32),
    #[error("a packet comes before the version or after it a second time")]
    OutOfPhase,
    #[error("the id `{0}` is waiting for its answer already")]
    RepeatedId(u32),
    #[error("nobody asked for the answer with the id `{0}`")]
    UnknownId(u32),
    #[error("the answer with the id `{0}` is not of the kind that was asked for")]
    Mismatched(u32),
    #[error("a handle is given out twice or is too long")]
    Handle,
    #[error("more handles are open than one session may have")]
    TooManyHandles,
}
