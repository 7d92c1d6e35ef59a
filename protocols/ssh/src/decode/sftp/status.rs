//! Answers of the gateway's own: one request is refused, the session goes on.

use bytes::{BufMut, Bytes};

use super::fields::{packet, put_string};
use super::kinds::STATUS;

/// Codes of a STATUS that the gateway gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    NoSuchFile,
    PermissionDenied,
    Failure,
    Unsupported,
}

impl Status {
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::NoSuchFile => 2,
            Self::PermissionDenied => 3,
            Self::Failure => 4,
            Self::Unsupported => 8,
        }
    }
}

/// The answer to one request.
#[must_use]
pub fn status(id: u32, status: Status, message: &str) -> Bytes {
    packet(STATUS, |body| {
        body.put_u32(id);
        body.put_u32(status.code());
        put_string(body, message.as_bytes());
        put_string(body, b"en");
    })
}

/// The answer to a request that policy refuses.
#[must_use]
pub fn permission_denied(id: u32, message: &str) -> Bytes {
    status(id, Status::PermissionDenied, message)
}
