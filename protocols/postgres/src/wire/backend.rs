//! Typed readers of what a server sends, which may be hostile: each takes a whole body, or refuses it.

use super::Malformed;
use super::frame::Frame;
use super::reader::Reader;
use super::values::{Formats, Types, Values};

/// A server's message; borrows from its frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Backend<'a> {
    Authentication(Authentication<'a>),
    ParameterStatus {
        name: &'a str,
        value: &'a [u8],
    },
    BackendKeyData {
        pid: i32,
        key: &'a [u8],
    },
    ReadyForQuery(Status),
    RowDescription(RowDescription<'a>),
    DataRow(Values<'a>),
    CommandComplete(CommandTag<'a>),
    EmptyQueryResponse,
    ParseComplete,
    BindComplete,
    CloseComplete,
    NoData,
    PortalSuspended,
    ParameterDescription(Types<'a>),
    ErrorResponse(Fields<'a>),
    NoticeResponse(Fields<'a>),
    NotificationResponse {
        pid: i32,
        channel: &'a [u8],
        payload: &'a [u8],
    },
    CopyInResponse(CopyFormats<'a>),
    CopyOutResponse(CopyFormats<'a>),
    CopyBothResponse(CopyFormats<'a>),
    CopyData(&'a [u8]),
    CopyDone,
    FunctionCallResponse(Option<&'a [u8]>),
    NegotiateProtocolVersion(Negotiated<'a>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'a> {
    Ok,
    CleartextPassword,
    Md5Password {
        salt: &'a [u8],
    },
    /// The mechanisms' names, read with [`mechanisms`].
    Sasl {
        mechanisms: &'a [u8],
    },
    SaslContinue(&'a [u8]),
    SaslFinal(&'a [u8]),
    /// Kerberos, GSS, SSPI and what is not known: not spoken towards servers.
    Other(u32),
}

/// Where the server says its transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Idle,
    InTransaction,
    Failed,
}

/// The columns of rows to come; each has been checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RowDescription<'a> {
    count: u16,
    bytes: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    pub name: &'a [u8],
    /// Zero where the column is no plain column of a table.
    pub table: u32,
    /// From 1; zero as `table`.
    pub attribute: i16,
    pub type_oid: u32,
    pub type_size: i16,
    pub modifier: i32,
    /// False in the answer to Describe of a statement, whatever a Bind asks for later.
    pub binary: bool,
}

/// Such as `SELECT 3` or `CREATE TABLE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandTag<'a>(pub &'a str);

/// Fields of an error or a notice: a code and a text each; the text may be in any encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fields<'a> {
    bytes: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyFormats<'a> {
    pub binary: bool,
    pub columns: Formats<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated<'a> {
    /// The newest that the server speaks: major and minor, of some the minor alone.
    pub version: u32,
    /// How many protocol options the server did not know.
    pub unknown: u32,
    names: &'a [u8],
}

impl<'a> Backend<'a> {
    pub fn read(frame: &'a Frame) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.body());
        let reader = &mut reader;
        let message = match frame.tag() {
            b'R' => Self::Authentication(Authentication::read(reader)?),
            b'S' => Self::ParameterStatus {
                name: reader.text()?,
                value: reader.raw_text()?,
            },
            b'K' => {
                let (pid, key) = (reader.i32()?, take_all(reader));
                if !KEY.contains(&key.len()) {
                    return Err(Malformed::Format);
                }
                Self::BackendKeyData { pid, key }
            }
            b'Z' => Self::ReadyForQuery(Status::read(reader.u8()?)?),
            b'T' => Self::RowDescription(RowDescription::read(reader)?),
            b'D' => Self::DataRow(Values::read(reader)?),
            b'C' => Self::CommandComplete(CommandTag(reader.text()?)),
            b'I' => Self::EmptyQueryResponse,
            b'1' => Self::ParseComplete,
            b'2' => Self::BindComplete,
            b'3' => Self::CloseComplete,
            b'n' => Self::NoData,
            b's' => Self::PortalSuspended,
            b't' => Self::ParameterDescription(Types::read(reader)?),
            b'E' => Self::ErrorResponse(Fields::read(reader)?),
            b'N' => Self::NoticeResponse(Fields::read(reader)?),
            b'A' => Self::NotificationResponse {
                pid: reader.i32()?,
                channel: reader.raw_text()?,
                payload: reader.raw_text()?,
            },
            b'G' => Self::CopyInResponse(CopyFormats::read(reader)?),
            b'H' => Self::CopyOutResponse(CopyFormats::read(reader)?),
            b'W' => Self::CopyBothResponse(CopyFormats::read(reader)?),
            b'd' => Self::CopyData(take_all(reader)),
            b'c' => Self::CopyDone,
            b'V' => Self::FunctionCallResponse(reader.value()?),
            b'v' => Self::NegotiateProtocolVersion(Negotiated::read(reader)?),
            other => return Err(Malformed::Type(other)),
        };
        reader.end()?;
        Ok(message)
    }
}

/// The names in an AuthenticationSASL.
pub fn mechanisms(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
}

impl<'a> Authentication<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(match reader.u32()? {
            0 => Self::Ok,
            3 => Self::CleartextPassword,
            5 => Self::Md5Password {
                salt: reader.bytes(4)?,
            },
            10 => Self::Sasl {
                mechanisms: reader.span(skim_names)?,
            },
            11 => Self::SaslContinue(take_all(reader)),
            12 => Self::SaslFinal(take_all(reader)),
            other => {
                take_all(reader);
                Self::Other(other)
            }
        })
    }
}

impl Status {
    fn read(byte: u8) -> Result<Self, Malformed> {
        match byte {
            b'I' => Ok(Self::Idle),
            b'T' => Ok(Self::InTransaction),
            b'E' => Ok(Self::Failed),
            _ => Err(Malformed::Format),
        }
    }

    pub fn byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }
}

impl<'a> RowDescription<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = reader.u16()?;
        let bytes =
            reader.span(|reader| (0..count).try_for_each(|_| Column::read(reader).map(drop)))?;
        Ok(Self { count, bytes })
    }

    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = Column<'a>> + use<'a> {
        let (mut left, mut reader) = (self.count, Reader::new(self.bytes));
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            Column::read(&mut reader).ok()
        })
    }
}

impl<'a> Column<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            name: reader.raw_text()?,
            table: reader.u32()?,
            attribute: reader.i16()?,
            type_oid: reader.u32()?,
            type_size: reader.i16()?,
            modifier: reader.i32()?,
            binary: match reader.u16()? {
                0 => false,
                1 => true,
                _ => return Err(Malformed::Format),
            },
        })
    }
}

impl CommandTag<'_> {
    /// Rows selected or changed, where the command counts them.
    pub fn rows(&self) -> Option<u64> {
        self.0.rsplit(' ').next()?.parse().ok()
    }
}

impl<'a> Fields<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let bytes = reader.span(|reader| {
            while reader.u8()? != 0 {
                reader.raw_text()?;
            }
            Ok(())
        })?;
        Ok(Self { bytes })
    }

    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || {
            let code = reader.u8().ok().filter(|code| *code != 0)?;
            Some((code, reader.raw_text().ok()?))
        })
    }

    pub fn field(&self, code: u8) -> Option<&'a [u8]> {
        self.iter()
            .find_map(|(found, text)| (found == code).then_some(text))
    }

    pub fn sqlstate(&self) -> Option<&'a [u8]> {
        self.field(b'C')
    }

    /// Whether the server ends the session with this; `V` is never translated, `S` may be.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self.field(b'V').or_else(|| self.field(b'S')),
            Some(b"FATAL" | b"PANIC")
        )
    }
}

impl<'a> CopyFormats<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let binary = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::Format),
        };
        Ok(Self {
            binary,
            columns: Formats::read(reader)?,
        })
    }
}

impl<'a> Negotiated<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (version, unknown) = (reader.u32()?, reader.u32()?);
        let names =
            reader.span(|reader| (0..unknown).try_for_each(|_| reader.raw_text().map(drop)))?;
        Ok(Self {
            version,
            unknown,
            names,
        })
    }

    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.names
            .split(|byte| *byte == 0)
            .take(self.unknown as usize)
    }
}

// people's data and keys stay out of diagnostics
impl std::fmt::Debug for Backend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Backend({:?})", std::mem::discriminant(self))
    }
}

impl std::fmt::Debug for Authentication<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authentication({:?})", std::mem::discriminant(self))
    }
}

impl std::fmt::Debug for RowDescription<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowDescription({})", self.count)
    }
}

impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Fields({:?})",
            self.sqlstate().map(String::from_utf8_lossy)
        )
    }
}

/// Bytes of a cancellation key: four in protocol 3.0, up to 256 in 3.2.
pub(super) const KEY: std::ops::RangeInclusive<usize> = 4..=256;

fn skim_names(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    while !reader.raw_text()?.is_empty() {}
    Ok(())
}

fn take_all<'a>(reader: &mut Reader<'a>) -> &'a [u8] {
    let all = reader.remaining();
    *reader = Reader::new(&[]);
    all
}
