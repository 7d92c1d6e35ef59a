//! Reads the fields of a packet, none beyond its end, and writes those of the gateway's own.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Attributes, Malformed};

/// What is left of a packet.
pub(super) struct Fields(pub(super) Bytes);

impl Fields {
    pub(super) fn number(&mut self) -> Result<u32, Malformed> {
        match self.0.len() {
            0..4 => Err(Malformed::Cut),
            _ => Ok(self.0.get_u32()),
        }
    }

    pub(super) fn long(&mut self) -> Result<u64, Malformed> {
        match self.0.len() {
            0..8 => Err(Malformed::Cut),
            _ => Ok(self.0.get_u64()),
        }
    }

    /// Bytes with their length before them, not copied.
    pub(super) fn string(&mut self) -> Result<Bytes, Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed::Cut)?;
        match self.0.len() >= length {
            true => Ok(self.0.split_to(length)),
            false => Err(Malformed::Cut),
        }
    }

    pub(super) fn attributes(&mut self) -> Result<Attributes, Malformed> {
        let flags = self.number()?;
        if flags & !KNOWN != 0 {
            return Err(Malformed::Flags(flags));
        }
        let mut attributes = Attributes::default();
        if flags & SIZE != 0 {
            attributes.size = Some(self.long()?);
        }
        if flags & OWNER != 0 {
            attributes.owner = Some((self.number()?, self.number()?));
        }
        if flags & PERMISSIONS != 0 {
            attributes.permissions = Some(self.number()?);
        }
        if flags & TIMES != 0 {
            attributes.times = Some((self.number()?, self.number()?));
        }
        if flags & EXTENDED != 0 {
            for _ in 0..self.number()? {
                self.string()?;
                self.string()?;
                attributes.extended = true;
            }
        }
        Ok(attributes)
    }

    pub(super) fn end(self) -> Result<(), Malformed> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Malformed::Trailing),
        }
    }
}

/// A packet of the gateway's own.
pub(super) fn packet(kind: u8, fields: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u8(kind);
    fields(&mut body);
    let mut packet = BytesMut::with_capacity(body.len() + 4);
    packet.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
    packet.extend_from_slice(&body);
    packet.freeze()
}

pub(super) fn put_string(into: &mut BytesMut, bytes: &[u8]) {
    into.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    into.extend_from_slice(bytes);
}

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const PERMISSIONS: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;
const KNOWN: u32 = SIZE | OWNER | PERMISSIONS | TIMES | EXTENDED;
