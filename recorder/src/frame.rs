//! How entries lie in a segment file: length, sequence, CRC, payload.

use crate::field::length;

/// The head of every file: its magic, the sequence it begins with, a CRC over both.
pub(crate) const HEADER: usize = 20;
/// What precedes a payload: length (4), sequence (8), CRC (4).
pub(crate) const PREFIX: usize = 16;
/// The most bytes of one payload.
pub(crate) const PAYLOAD: usize = 1 << 20;

pub(crate) const SEGMENT: &[u8; 8] = b"CSAUDIT1";
pub(crate) const SEAL: &[u8; 8] = b"CSSEALS1";

pub(crate) fn header(magic: &[u8; 8], first: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let (head, crc) = header.split_at_mut(16);
    let (name, number) = head.split_at_mut(8);
    name.copy_from_slice(magic);
    number.copy_from_slice(&first.to_be_bytes());
    crc.copy_from_slice(&crc32fast::hash(head).to_be_bytes());
    header
}

/// The sequence that a file begins with, or `None` when its head is not whole and true.
pub(crate) fn read_header(magic: &[u8; 8], file: &[u8]) -> Option<u64> {
    let found: &[u8; HEADER] = file.first_chunk()?;
    let number: [u8; 8] = found.get(8..16)?.try_into().ok()?;
    let first = u64::from_be_bytes(number);
    (*found == header(magic, first)).then_some(first)
}

/// Appends one frame to `output`.
pub(crate) fn put(sequence: u64, payload: &[u8], output: &mut Vec<u8>) {
    let mut head = [0; 12];
    let (count, number) = head.split_at_mut(4);
    count.copy_from_slice(&length(payload.len()).to_be_bytes());
    number.copy_from_slice(&sequence.to_be_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&head);
    crc.update(payload);
    output.extend_from_slice(&head);
    output.extend_from_slice(&crc.finalize().to_be_bytes());
    output.extend_from_slice(payload);
}

/// Why the next frame cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Torn {
    /// The file ends within the frame.
    Short,
    Length,
    Sequence,
    Crc,
}

impl Torn {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Short => "the file ends within it",
            Self::Length => "its length is not possible",
            Self::Sequence => "its sequence is not the next",
            Self::Crc => "its CRC does not match",
        }
    }
}

/// Reads frames one after the other, each with the sequence that is due.
pub(crate) struct Frames<'a> {
    file: &'a [u8],
    offset: usize,
    next: u64,
}

impl<'a> Frames<'a> {
    /// `file` is the whole file, header included.
    pub(crate) fn new(file: &'a [u8], first: u64) -> Self {
        Self::at(file, HEADER, first)
    }

    /// Goes on at a place where a frame begins.
    pub(crate) fn at(file: &'a [u8], offset: usize, next: u64) -> Self {
        Self { file, offset, next }
    }

    /// Where the next frame begins.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The sequence that is due.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The next payload; `None` at the end of the file. After an error there is nothing more to read.
    pub(crate) fn read(&mut self) -> Result<Option<&'a [u8]>, Torn> {
        let rest = self.file.get(self.offset..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let (head, rest) = rest.split_first_chunk::<PREFIX>().ok_or(Torn::Short)?;
        let [l0, l1, l2, l3, number @ .., c0, c1, c2, c3] = *head;
        let count = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        if count == 0 || count > PAYLOAD {
            return Err(Torn::Length);
        }
        if u64::from_be_bytes(number) != self.next {
            return Err(Torn::Sequence);
        }
        let payload = rest.get(..count).ok_or(Torn::Short)?;
        let mut crc = crc32fast::Hasher::new();
        crc.update(head.get(..12).unwrap_or_default());
        crc.update(payload);
        if crc.finalize() != u32::from_be_bytes([c0, c1, c2, c3]) {
            return Err(Torn::Crc);
        }
        self.offset += PREFIX + count;
        self.next += 1;
        Ok(Some(payload))
    }
}
