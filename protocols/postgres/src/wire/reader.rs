//! Reads one message body and nothing beyond it; what is left over at the end is an error.

use super::Malformed;

/// The longest name that the server tells apart: its tables of statements and portals cut longer ones.
const NAME: usize = 63;

#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Format)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::Format)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    /// A length of four bytes and as many bytes; -1 is NULL, anything else below zero is refused.
    pub(crate) fn value(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.i32()? {
            -1 => Ok(None),
            length => self
                .bytes(usize::try_from(length).map_err(|_| Malformed::Format)?)
                .map(Some),
        }
    }

    /// Bytes up to the next NUL, which must be there.
    pub(crate) fn raw_text(&mut self) -> Result<&'a [u8], Malformed> {
        let end = memchr::memchr(0, self.rest).ok_or(Malformed::Format)?;
        let text = self.bytes(end)?;
        self.u8()?;
        Ok(text)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.raw_text()?).map_err(|_| Malformed::Encoding)
    }

    /// The name of a statement or portal.
    pub(crate) fn name(&mut self) -> Result<&'a str, Malformed> {
        let name = self.text()?;
        if name.len() > NAME {
            Err(Malformed::Name)
        } else {
            Ok(name)
        }
    }

    /// What `skim` walked over, so that it can be walked again without a chance to fail.
    pub(crate) fn span(
        &mut self,
        skim: impl FnOnce(&mut Self) -> Result<(), Malformed>,
    ) -> Result<&'a [u8], Malformed> {
        let whole = self.rest;
        skim(self)?;
        whole
            .get(..whole.len() - self.rest.len())
            .ok_or(Malformed::Format)
    }

    pub(crate) fn remaining(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed::Format)
        }
    }
}
