//! The wire, without a socket: exact and bounded frames, typed readers and writers, native refusals.

pub mod backend;
pub mod copy;
pub mod frame;
pub mod frontend;
pub(crate) mod reader;
pub mod refusal;
pub mod startup;
pub mod substitute;
pub mod values;
pub mod write;

/// A peer broke the protocol: answered with 08P01, then the connection is closed and nothing of it forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("message type {0} is not expected here")]
    Type(u8),
    #[error("invalid message length")]
    Length,
    #[error("message of {length} bytes is over the limit of {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("invalid message format")]
    Format,
    #[error("text is not valid UTF-8")]
    Encoding,
    #[error("name is longer than 63 bytes")]
    Name,
    #[error("received data after the end of the session")]
    AfterTerminate,
    #[error("received unencrypted data after a request for encryption")]
    BeforeHandshake,
    #[error("a startup parameter is given twice")]
    Twice,
}
