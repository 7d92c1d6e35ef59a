//! What a server's packet answers.

use bytes::Bytes;

use super::fields::Fields;
use super::frames::Frame;
use super::{Malformed, kinds};

/// One packet of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Exactly what is sent on: the server's own bytes, but for the extensions of its VERSION.
    pub bytes: Bytes,
    /// None for the first packet of all.
    pub answers: Option<Answers>,
    pub outcome: Outcome,
}

/// The request that a reply answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    pub id: u32,
    /// Of a request on an open handle.
    pub handle: Option<Bytes>,
    /// Of a read.
    pub offset: u64,
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Version,
    /// The code; 0 is success, 1 the end of a file or folder.
    Status(u32),
    Handle(Bytes),
    Data(Bytes),
    Names(u32),
    Attributes,
    Extended,
}

/// Reads any packet but the first.
pub(super) fn read(frame: &Frame) -> Result<(u32, Outcome), Malformed> {
    let mut fields = Fields(frame.body());
    if !SERVER.contains(&frame.kind) {
        return Err(Malformed::Kind(frame.kind));
    }
    let id = fields.number()?;
    let outcome = match frame.kind {
        kinds::STATUS => {
            let code = fields.number()?;
            // message and language came with version 3; old servers leave them out
            while !fields.0.is_empty() {
                fields.string()?;
            }
            Outcome::Status(code)
        }
        kinds::HANDLE => Outcome::Handle(fields.string()?),
        kinds::DATA => Outcome::Data(fields.string()?),
        kinds::NAME => {
            let count = fields.number()?;
            for _ in 0..count {
                fields.string()?;
                fields.string()?;
                fields.attributes()?;
            }
            Outcome::Names(count)
        }
        kinds::ATTRS => {
            fields.attributes()?;
            Outcome::Attributes
        }
        _ => {
            fields.0.clear();
            Outcome::Extended
        }
    };
    fields.end()?;
    Ok((id, outcome))
}

/// Whether an outcome is one that a request of this kind can have.
pub(super) fn fits(kind: u8, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Status(_) => true,
        Outcome::Version => false,
        Outcome::Handle(_) => matches!(kind, kinds::OPEN | kinds::OPENDIR),
        Outcome::Data(_) => kind == kinds::READ,
        Outcome::Names(_) => matches!(
            kind,
            kinds::READDIR | kinds::REALPATH | kinds::READLINK | kinds::EXTENDED
        ),
        Outcome::Attributes => matches!(kind, kinds::STAT | kinds::LSTAT | kinds::FSTAT),
        Outcome::Extended => kind == kinds::EXTENDED,
    }
}

/// What a server may send after its first packet.
const SERVER: &[u8] = &[
    kinds::STATUS,
    kinds::HANDLE,
    kinds::DATA,
    kinds::NAME,
    kinds::ATTRS,
    kinds::EXTENDED_REPLY,
];
