//! What stands on a tape: a header, then one event after another. Kinds are only ever added.

use bytes::Bytes;

use crate::error::Error;
use crate::field::{Field, Input, fields, length};
use crate::id::RequestId;

/// What a tape begins with. Times are nanoseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    pub actor: String,
    pub target: String,
    pub protocol: String,
    pub at: u64,
}

/// One thing that happened, with everything masked by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: u64,
    pub request: Option<RequestId>,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// What was asked.
    Statement(String),
    /// A piece of the answer, or of standard output.
    Reply(Bytes),
    /// The end of an answer.
    ReplyEnd(ReplyEnd),
    Notice(String),
    Refusal(String),
    Note(String),
    /// A piece of standard error.
    ErrorReply(Bytes),
    Moment(Moment),
}

/// What a protocol tells of what runs, beside its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// It runs in a terminal of this size: the answer is kept whole.
    Terminal(Size),
    Resized(Size),
    /// The protocol's own code of the end: an exit status, SFTP's status.
    Exited(u32),
    /// Ended by a signal, without `SIG`.
    Signalled(String),
    /// A line that somebody seems to have entered, read from what the terminal showed: no more than a hint.
    Advisory(String),
    /// What became of a file that was opened.
    File(File),
}

/// Characters across and lines down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: u32,
    pub rows: u32,
}

/// A file from its opening to its closing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub read: Content,
    pub written: Content,
    /// False where the channel ended first.
    pub closed: bool,
}

/// What passed in one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    pub bytes: u64,
    /// SHA-256 of it, where it passed in one piece from the beginning of the file.
    pub digest: Option<[u8; 32]>,
    /// Why there is none, though something passed.
    pub unhashed: String,
}

/// All of an answer in figures, with a hash of what was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyEnd {
    pub rows: u64,
    pub bytes: u64,
    /// How many of the bytes are not on the tape, and their hash.
    pub rest: Option<Rest>,
}

/// What was not kept of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    pub bytes: u64,
    /// BLAKE3, for much may pass: SHA-256 takes three times as long.
    pub digest: [u8; 32],
}

fields!(Header {
    actor,
    target,
    protocol,
    at
});
fields!(Rest { bytes, digest });
fields!(ReplyEnd { rows, bytes, rest });
fields!(Event { at, request, kind });
fields!(Size { columns, rows });
fields!(Content {
    bytes,
    digest,
    unhashed
});
fields!(File {
    path,
    read,
    written,
    closed
});

impl Field for Bytes {
    fn put(&self, output: &mut Vec<u8>) {
        length(self.len()).put(output);
        output.extend_from_slice(self);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        let count = u32::take(input)? as usize;
        input.bytes(count).map(Bytes::copy_from_slice)
    }
}

fn put(output: &mut Vec<u8>, code: u8, contents: &impl Field) {
    code.put(output);
    contents.put(output);
}

impl Field for Kind {
    fn put(&self, output: &mut Vec<u8>) {
        match self {
            Self::Statement(text) => put(output, 1, text),
            Self::Reply(bytes) => put(output, 2, bytes),
            Self::ReplyEnd(end) => put(output, 3, end),
            Self::Notice(text) => put(output, 4, text),
            Self::Refusal(text) => put(output, 5, text),
            Self::Note(text) => put(output, 6, text),
            Self::ErrorReply(bytes) => put(output, 7, bytes),
            Self::Moment(Moment::Terminal(size)) => put(output, 8, size),
            Self::Moment(Moment::Resized(size)) => put(output, 9, size),
            Self::Moment(Moment::Exited(code)) => put(output, 10, code),
            Self::Moment(Moment::Signalled(name)) => put(output, 11, name),
            Self::Moment(Moment::Advisory(line)) => put(output, 12, line),
            Self::Moment(Moment::File(file)) => put(output, 13, file),
        }
    }
    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        Ok(match u8::take(input)? {
            1 => Self::Statement(Field::take(input)?),
            2 => Self::Reply(Field::take(input)?),
            3 => Self::ReplyEnd(Field::take(input)?),
            4 => Self::Notice(Field::take(input)?),
            5 => Self::Refusal(Field::take(input)?),
            6 => Self::Note(Field::take(input)?),
            7 => Self::ErrorReply(Field::take(input)?),
            8 => Self::Moment(Moment::Terminal(Field::take(input)?)),
            9 => Self::Moment(Moment::Resized(Field::take(input)?)),
            10 => Self::Moment(Moment::Exited(Field::take(input)?)),
            11 => Self::Moment(Moment::Signalled(Field::take(input)?)),
            12 => Self::Moment(Moment::Advisory(Field::take(input)?)),
            13 => Self::Moment(Moment::File(Field::take(input)?)),
            _ => return Err(Error::Malformed("a kind of event that does not exist")),
        })
    }
}
