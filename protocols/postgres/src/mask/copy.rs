//! COPY to the client: rows put together from pieces of any size, masked field by field, and laid out as they were.

mod binary;
mod csv;
mod text;

use bytes::{BufMut, BytesMut};

use super::{Hide, RowMask, Rule, Unmaskable, value};
use crate::decode::{Format, Layout};

/// A longer row is not put together.
const LONGEST: usize = 16 << 20;

/// The rules for the rows of one COPY, and the row that has not all come yet.
#[derive(Debug)]
pub struct CopyMask {
    rows: RowMask,
    layout: Layout,
    pending: BytesMut,
    /// How much of it was looked at for the end of its row.
    looked: usize,
    place: Place,
    /// Within the quotes of a CSV field.
    quoted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Names, or the header of the binary format.
    Header,
    Rows,
    /// After the trailer of the binary format.
    Ended,
}

/// One field of a row: where it stands, and what it is.
struct Field<'r> {
    raw: &'r [u8],
    /// `None` is NULL.
    value: Option<std::borrow::Cow<'r, [u8]>>,
    quoted: bool,
}

impl CopyMask {
    /// `rows` has a rule for each column, in the format of the layout.
    #[must_use]
    pub fn new(rows: RowMask, layout: Layout) -> Self {
        let place = if layout.header || layout.format == Format::Binary {
            Place::Header
        } else {
            Place::Rows
        };
        Self {
            rows,
            layout,
            pending: BytesMut::new(),
            looked: 0,
            place,
            quoted: false,
        }
    }

    /// Takes a piece, and appends the masked copies of the rows that are whole with it.
    ///
    /// # Errors
    /// [`Unmaskable`] where it cannot be followed: nothing of the rest may be passed on.
    pub fn push(
        &mut self,
        data: &[u8],
        hide: Hide<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unmaskable> {
        self.pending.put_slice(data);
        while let Some(end) = self.row_end()? {
            let row = self.pending.split_to(end);
            self.looked = 0;
            self.row(&row, hide, out)?;
        }
        if self.pending.len() > LONGEST {
            return Err(Unmaskable::TooLong);
        }
        Ok(())
    }

    /// The end of the data: a last line may lack its newline.
    ///
    /// # Errors
    /// [`Unmaskable::Shape`] where it ends in the middle of a row.
    pub fn finish(&mut self, hide: Hide<'_>, out: &mut BytesMut) -> Result<(), Unmaskable> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.quoted || self.layout.format == Format::Binary {
            return Err(Unmaskable::Shape);
        }
        let row = self.pending.split();
        self.row(&row, hide, out)
    }

    fn row_end(&mut self) -> Result<Option<usize>, Unmaskable> {
        match self.layout.format {
            Format::Text => Ok(text::row_end(&self.pending, &mut self.looked)),
            Format::Csv { quote, escape } => Ok(csv::row_end(
                &self.pending,
                &mut self.looked,
                &mut self.quoted,
                (quote, escape),
            )),
            Format::Binary => match self.place {
                Place::Header => binary::header_end(&self.pending),
                Place::Rows => binary::row_end(&self.pending),
                Place::Ended if self.pending.is_empty() => Ok(None),
                Place::Ended => Err(Unmaskable::Shape),
            },
        }
    }

    fn row(&mut self, row: &[u8], hide: Hide<'_>, out: &mut BytesMut) -> Result<(), Unmaskable> {
        if self.place == Place::Header {
            self.place = Place::Rows;
            out.put_slice(row);
            return Ok(());
        }
        match self.layout.format {
            Format::Binary if binary::is_trailer(row) => {
                self.place = Place::Ended;
                out.put_slice(row);
                Ok(())
            }
            Format::Binary => self.rows.append_tuple(row, hide, out),
            Format::Text | Format::Csv { .. } => self.line(row, hide, out),
        }
    }

    fn line(&self, row: &[u8], hide: Hide<'_>, out: &mut BytesMut) -> Result<(), Unmaskable> {
        let (line, newline) = match row.split_last() {
            Some((b'\n', line)) => (line, true),
            _ => (row, false),
        };
        let mut rest = Some(line);
        let columns = &self.rows.columns;
        for (number, column) in columns.iter().enumerate() {
            if number > 0 {
                out.put_u8(self.layout.delimiter);
            }
            let (field, after) = self.field(rest.ok_or(Unmaskable::Shape)?);
            rest = after;
            if column.rule == Rule::Keep {
                out.put_slice(field.raw);
                continue;
            }
            let Some(held) = &field.value else {
                out.put_slice(field.raw);
                continue;
            };
            match value::hide(column, held, hide)? {
                Some(masked) if *masked == **held => out.put_slice(field.raw),
                Some(masked) => self.put(&masked, field.quoted, out),
                None => out.put_slice(&self.layout.null),
            }
        }
        // a row without columns is an empty line
        if rest.is_some_and(|rest| !(columns.is_empty() && rest.is_empty())) {
            return Err(Unmaskable::Shape);
        }
        if newline {
            out.put_u8(b'\n');
        }
        Ok(())
    }

    /// The next field, and what follows its delimiter.
    fn field<'r>(&self, rest: &'r [u8]) -> (Field<'r>, Option<&'r [u8]>) {
        match self.layout.format {
            Format::Csv { quote, escape } => csv::field(rest, &self.layout, (quote, escape)),
            Format::Text | Format::Binary => text::field(rest, &self.layout),
        }
    }

    fn put(&self, value: &[u8], quoted: bool, out: &mut BytesMut) {
        match self.layout.format {
            Format::Csv { quote, escape } => {
                csv::put(value, (&self.layout, quoted), (quote, escape), out);
            }
            Format::Text | Format::Binary => text::put(value, self.layout.delimiter, out),
        }
    }
}
