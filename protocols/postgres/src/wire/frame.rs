//! Cuts a buffer into whole messages: exact length, types allowed by phase, every size capped before it is waited for.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::Malformed;

/// A type byte and a length of four bytes that counts itself.
pub const HEADER: usize = 5;

/// What a client may send, by where its session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Between the StartupMessage and AuthenticationOk: answers to a challenge alone.
    Authenticating,
    Ready,
    /// After CopyInResponse.
    CopyIn,
    /// The server ended a COPY; data that was on its way is still allowed, and is to be dropped by the caller.
    CopyEnded,
}

/// Sizes in bytes of whole messages, type and length included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Anything before AuthenticationOk, as PostgreSQL itself has it.
    pub before_login: usize,
    /// Query, Parse, Bind, FunctionCall and CopyData of a client.
    pub frame: usize,
    /// Describe, Execute, Close and CopyFail: what only names something.
    pub small: usize,
    /// A server's message that is read whole; longer rows and COPY data come as `BackendFrame::Large`.
    pub reply: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            before_login: 10_000,
            frame: 16 << 20,
            small: 10_000,
            reply: 16 << 20,
        }
    }
}

/// One whole message, exactly as it came; only this module makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    tag: u8,
    bytes: Bytes,
}

/// What came from a server: a message, or the start of one that is too long to be held in memory.
#[derive(Debug, PartialEq, Eq)]
pub enum BackendFrame {
    Whole(Frame),
    Large(Large),
}

/// A DataRow or CopyData over `Limits::reply`, to be passed on piece by piece; it cannot be masked.
#[derive(Debug, PartialEq, Eq)]
pub struct Large {
    tag: u8,
    remaining: usize,
}

/// The next whole message of a client, or `None` while it has not all come.
pub fn next_frontend(
    buffer: &mut BytesMut,
    phase: Phase,
    limits: &Limits,
) -> Result<Option<Frame>, Malformed> {
    let Some(&tag) = buffer.first() else {
        return Ok(None);
    };
    if !phase.takes(tag) {
        return Err(Malformed::Type(tag));
    }
    let Some(total) = message_length(buffer)? else {
        return Ok(None);
    };
    let limit = match (phase, tag) {
        (Phase::Authenticating, _) => limits.before_login,
        (_, b'H' | b'S' | b'X' | b'c') => HEADER,
        (_, b'D' | b'E' | b'C' | b'f') => limits.small.min(limits.frame),
        (_, _) => limits.frame,
    };
    if total > limit {
        return Err(if limit == HEADER {
            Malformed::Format
        } else {
            Malformed::TooLong {
                length: total,
                limit,
            }
        });
    }
    if buffer.len() < total {
        return Ok(None);
    }
    let frame = Frame {
        tag,
        bytes: buffer.split_to(total).freeze(),
    };
    if tag == b'X' && !buffer.is_empty() {
        return Err(Malformed::AfterTerminate);
    }
    Ok(Some(frame))
}

/// The next message of a server, or `None` while it has not all come.
pub fn next_backend(
    buffer: &mut BytesMut,
    limits: &Limits,
) -> Result<Option<BackendFrame>, Malformed> {
    let Some(&tag) = buffer.first() else {
        return Ok(None);
    };
    if !BACKEND.contains(&tag) {
        return Err(Malformed::Type(tag));
    }
    let Some(total) = message_length(buffer)? else {
        return Ok(None);
    };
    if total > limits.reply {
        return match tag {
            b'D' | b'd' => Ok(Some(BackendFrame::Large(Large {
                tag,
                remaining: total,
            }))),
            _ => Err(Malformed::TooLong {
                length: total,
                limit: limits.reply,
            }),
        };
    }
    if buffer.len() < total {
        return Ok(None);
    }
    Ok(Some(BackendFrame::Whole(Frame {
        tag,
        bytes: buffer.split_to(total).freeze(),
    })))
}

/// As many whole DataRows as lie at the front of the buffer, uncut, and how many they are.
///
/// For rows that no mask concerns: only their headers are read. Stops at anything that is not a whole, plausible row.
pub fn pass_rows(buffer: &mut BytesMut) -> (Bytes, u64) {
    let (mut end, mut rows) = (0, 0);
    while let Some((b'D', after)) = buffer
        .get(end..)
        .and_then(<[u8]>::split_first)
        .map(|(tag, after)| (*tag, after))
    {
        let Some(length) = after
            .first_chunk()
            .map(|length| u32::from_be_bytes(*length) as usize)
        else {
            break;
        };
        // a row has at least its count of columns
        if length < 6 || after.len() < length {
            break;
        }
        end += 1 + length;
        rows += 1;
    }
    (buffer.split_to(end).freeze(), rows)
}

/// Whether a message of a type may come next, after some of other types: as far as can be seen in a buffer.
pub fn precedes(buffer: &[u8], tag: u8, after: &[u8]) -> bool {
    let mut rest = buffer;
    loop {
        match rest.first() {
            None => return true,
            Some(first) if *first == tag => return true,
            Some(first) if !after.contains(first) => return false,
            Some(_) => {}
        }
        let next = match message_length(rest) {
            Ok(Some(length)) => rest.get(length..),
            Ok(None) | Err(_) => None,
        };
        match next {
            Some(next) => rest = next,
            None => return true,
        }
    }
}

impl Frame {
    /// Of a message that was read before: its length must be its own.
    pub(crate) fn whole(bytes: Bytes) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let length = u32::from_be_bytes(*rest.first_chunk()?);
        let tag = *tag;
        (usize::try_from(length) == Ok(rest.len())).then_some(Self { tag, bytes })
    }

    /// The type byte.
    pub fn tag(&self) -> u8 {
        self.tag
    }

    /// The whole message, type and length included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    pub fn body(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }
}

impl Large {
    pub fn tag(&self) -> u8 {
        self.tag
    }

    /// Bytes of the message, its header included, that have not been taken.
    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// What the buffer holds of it; empty when all of it was taken or more must be read.
    pub fn take(&mut self, buffer: &mut BytesMut) -> Bytes {
        let count = self.remaining.min(buffer.len());
        self.remaining -= count;
        buffer.split_to(count).freeze()
    }
}

impl Phase {
    fn takes(self, tag: u8) -> bool {
        match self {
            Self::Authenticating => tag == b'p',
            Self::Ready => READY.contains(&tag),
            Self::CopyIn => COPY.contains(&tag) || matches!(tag, b'H' | b'S' | b'X'),
            Self::CopyEnded => COPY.contains(&tag) || READY.contains(&tag),
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // never the body: it is a client's text or a person's data
        write!(
            f,
            "Frame({:?}, {} bytes)",
            char::from(self.tag),
            self.bytes.len()
        )
    }
}

/// Query, Parse, Bind, Describe, Execute, Close, Flush, Sync, FunctionCall, Terminate.
const READY: &[u8] = b"QPBDECHSFX";
/// CopyData, CopyDone, CopyFail.
const COPY: &[u8] = b"dcf";
/// Every type that a server may send, in the order of the manual's chapter on message formats.
const BACKEND: &[u8] = b"RK23CdcGHWDIEVvnNAtS1sZT";

/// Bytes of the message at the front of the buffer, once its length is there.
pub(super) fn message_length(buffer: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(length) = buffer.get(1..).and_then(<[u8]>::first_chunk) else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(*length);
    match usize::try_from(length) {
        Ok(length) if length >= HEADER - 1 => Ok(Some(length + 1)),
        Ok(_) | Err(_) => Err(Malformed::Length),
    }
}
