//! Masking of what flows back: rows, errors, notices, notifications, COPY lines. Never another count or type of columns.

pub mod copy;
pub mod fields;
mod inspect;
mod json;
pub(crate) mod literal;
mod number;
mod value;

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use crate::wire::Malformed;
use crate::wire::frame::HEADER;
use crate::wire::reader::Reader;
use value::Kind;

/// What is done with the values of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    Keep,
    /// What a detector finds in it is hidden.
    Detect,
    /// Every value is hidden as its data class says.
    Class(String),
    /// Every value is NULL.
    Whole,
}

/// Finds and hides; `None` is: nothing found.
pub type Detect<'a> = dyn for<'v> Fn(&'v [u8]) -> Option<Cow<'v, [u8]>> + 'a;

/// Hides a whole value of the data class that is named; `None` is NULL.
pub type Mask<'a> = dyn Fn(&str, &[u8]) -> Option<Vec<u8>> + 'a;

/// How values are hidden. Both take text, whatever format the wire has.
#[derive(Clone, Copy)]
pub struct Hide<'a> {
    pub detect: &'a Detect<'a>,
    pub mask: &'a Mask<'a>,
}

/// Why a result cannot be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmaskable {
    #[error("a row is too long to be masked")]
    TooLong,
    /// The server breaks the protocol.
    #[error("a row does not fit its description")]
    Shape,
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// The rules for the rows of one result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowMask {
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    rule: Rule,
    kind: Kind,
    type_oid: u32,
    binary: bool,
}

impl RowMask {
    /// For each column its rule, the oid of its type, and whether its values are binary.
    pub fn new(columns: impl IntoIterator<Item = (Rule, u32, bool)>) -> Self {
        let columns = columns.into_iter().map(|(rule, type_oid, binary)| Column {
            rule,
            kind: Kind::of(type_oid),
            type_oid,
            binary,
        });
        Self {
            columns: columns.collect(),
        }
    }

    pub fn len(&self) -> usize {
        self.columns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Whether every row may pass as it is, by [`crate::wire::frame::pass_rows`].
    pub fn keeps_all(&self) -> bool {
        self.columns.iter().all(|column| column.rule == Rule::Keep)
    }

    /// Appends the masked copy of a whole DataRow. On an error nothing is appended.
    pub fn rewrite_row(
        &self,
        frame: &[u8],
        hide: Hide<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unmaskable> {
        let start = out.len();
        self.append(frame, hide, out)
            .inspect_err(|_| out.truncate(start))
    }

    fn append(&self, frame: &[u8], hide: Hide<'_>, out: &mut BytesMut) -> Result<(), Unmaskable> {
        let start = out.len();
        let mut reader = Reader::new(frame);
        if reader.u8()? != b'D' || reader.u32()? as usize + 1 != frame.len() {
            return Err(Unmaskable::Shape);
        }
        out.reserve(frame.len());
        out.put_slice(b"D\0\0\0\0");
        self.append_tuple(reader.remaining(), hide, out)?;
        let length = i32::try_from(out.len() - start - 1).map_err(|_| Unmaskable::Shape)?;
        let place = out
            .get_mut(start + 1..start + HEADER)
            .ok_or(Unmaskable::Shape)?;
        place.copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// A count of columns, and for each its length and its value.
    fn append_tuple(
        &self,
        tuple: &[u8],
        hide: Hide<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unmaskable> {
        let mut reader = Reader::new(tuple);
        let count = reader.u16()?;
        if usize::from(count) != self.columns.len() {
            return Err(Unmaskable::Shape);
        }
        out.put_u16(count);
        for column in &self.columns {
            let masked = match reader.value()? {
                Some(value) => value::hide(column, value, hide)?,
                None => None,
            };
            match masked {
                Some(value) => {
                    out.put_i32(i32::try_from(value.len()).map_err(|_| Unmaskable::Shape)?);
                    out.put_slice(&value);
                }
                None => out.put_i32(-1),
            }
        }
        Ok(reader.end()?)
    }
}
