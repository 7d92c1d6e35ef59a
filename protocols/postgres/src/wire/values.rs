//! Lists inside messages, checked when the message is read, so that walking them cannot fail.

use super::Malformed;
use super::reader::Reader;

/// Format codes of a Bind's parameters or results: none is all text, one holds for all, else one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats<'a>(&'a [u8]);

/// Type oids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types<'a>(&'a [u8]);

/// Values of a Bind, a FunctionCall or a DataRow; `None` is NULL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Values<'a> {
    count: u16,
    bytes: &'a [u8],
}

impl<'a> Formats<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = usize::from(reader.u16()?);
        let codes = reader.bytes(count * 2)?;
        if codes.chunks_exact(2).all(|code| matches!(code, [0, 0 | 1])) {
            Ok(Self(codes))
        } else {
            Err(Malformed::Format)
        }
    }

    /// As they came, to be hashed.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the value at this place, from 0, is binary.
    pub fn is_binary(&self, place: usize) -> bool {
        let place = if self.len() == 1 { 0 } else { place };
        self.0
            .chunks_exact(2)
            .nth(place)
            .is_some_and(|code| code == [0, 1])
    }

    /// Whether these codes fit so many values.
    pub fn fit(&self, count: usize) -> bool {
        self.len() < 2 || self.len() == count
    }
}

impl<'a> Types<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = usize::from(reader.u16()?);
        reader.bytes(count * 4).map(Self)
    }

    /// As they came, to be hashed.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    pub fn len(&self) -> usize {
        self.0.len() / 4
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.0
            .as_chunks()
            .0
            .iter()
            .map(|oid| u32::from_be_bytes(*oid))
    }

    /// As they stood in the message.
    pub fn bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Values<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = reader.u16()?;
        let bytes = reader.span(|reader| (0..count).try_for_each(|_| reader.value().map(drop)))?;
        Ok(Self { count, bytes })
    }

    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let (mut left, mut reader) = (self.count, Reader::new(self.bytes));
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            reader.value().ok()
        })
    }

    /// Lengths and values as they stood in the message, without their count.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl std::fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Values({})", self.count)
    }
}
