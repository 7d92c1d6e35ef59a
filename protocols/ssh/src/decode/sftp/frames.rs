//! Cuts a stream into packets: exactly what was declared, without a copy where a packet lies in one piece.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use super::Malformed;

/// The largest packet that is passed on, as OpenSSH has it.
pub const MAX_FRAME: usize = 256 << 10;

/// A whole packet, its length included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    pub(super) kind: u8,
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a packet that lies in several pieces.
    partial: BytesMut,
    pieces: VecDeque<Bytes>,
}

impl Frame {
    /// What follows length and type.
    pub(super) fn body(&self) -> Bytes {
        self.bytes.slice(HEAD.min(self.bytes.len())..)
    }
}

impl Frames {
    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Bytes that are no whole packet yet, or were not asked for.
    pub(super) fn held(&self) -> usize {
        self.partial.len() + self.pieces.iter().map(Bytes::len).sum::<usize>()
    }

    pub(super) fn next(&mut self) -> Result<Option<Frame>, Malformed> {
        if self.partial.is_empty()
            && let Some(first) = self.pieces.front_mut()
            && let Some(length) = declared(first)?
            && first.len() >= length
        {
            let bytes = first.split_to(length);
            if first.is_empty() {
                self.pieces.pop_front();
            }
            return Ok(Some(frame(bytes)));
        }
        if !self.gather(LENGTH) {
            return Ok(None);
        }
        let Some(length) = declared(&self.partial)? else {
            return Ok(None);
        };
        if !self.gather(length) {
            return Ok(None);
        }
        Ok(Some(frame(self.partial.split_to(length).freeze())))
    }

    /// Moves bytes to the packet that is being put together, up to this many in all.
    fn gather(&mut self, wanted: usize) -> bool {
        while self.partial.len() < wanted {
            let Some(piece) = self.pieces.front_mut() else {
                return false;
            };
            let taken = piece.split_to(piece.len().min(wanted - self.partial.len()));
            self.partial.extend_from_slice(&taken);
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        true
    }
}

/// How long the packet is, its length included; none until its length is there.
fn declared(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(mut head) = bytes.get(..LENGTH) else {
        return Ok(None);
    };
    let declared = head.get_u32();
    let length = usize::try_from(declared).unwrap_or(usize::MAX);
    match length {
        0 => Err(Malformed::Empty),
        1..=MAX_FRAME => Ok(Some(length + LENGTH)),
        _ => Err(Malformed::Oversize(declared)),
    }
}

fn frame(bytes: Bytes) -> Frame {
    let kind = bytes.get(LENGTH).copied().unwrap_or_default();
    Frame { bytes, kind }
}

const LENGTH: usize = 4;
const HEAD: usize = 5;
