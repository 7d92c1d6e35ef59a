//! Typed readers of what a client sends: each takes a whole body, or refuses it.

use super::Malformed;
use super::frame::Frame;
use super::reader::Reader;
use super::values::{Formats, Types, Values};

/// A client's message after login; borrows from its frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Frontend<'a> {
    Query(Query<'a>),
    Parse(Parse<'a>),
    Bind(Bind<'a>),
    Describe(Named<'a>),
    Execute(Execute<'a>),
    Close(Named<'a>),
    Flush,
    Sync,
    FunctionCall(FunctionCall<'a>),
    CopyData(&'a [u8]),
    CopyDone,
    CopyFail { message: &'a str },
    Terminate,
}

/// A simple query: any number of statements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    pub text: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parse<'a> {
    /// Empty is the unnamed statement.
    pub name: &'a str,
    pub text: &'a str,
    /// Oid 0 leaves a type to the server.
    pub types: Types<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    pub portal: &'a str,
    pub statement: &'a str,
    pub formats: Formats<'a>,
    pub parameters: Values<'a>,
    pub result_formats: Formats<'a>,
}

/// What a Describe or a Close is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    Statement(&'a str),
    Portal(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execute<'a> {
    pub portal: &'a str,
    /// Zero or less is all of them.
    pub rows: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionCall<'a> {
    pub function: u32,
    pub formats: Formats<'a>,
    pub arguments: Values<'a>,
    pub binary_result: bool,
}

/// The first answer to AuthenticationSASL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslInitial<'a> {
    pub mechanism: &'a str,
    /// `None` where the client sent none.
    pub response: Option<&'a [u8]>,
}

impl<'a> Frontend<'a> {
    /// Reads a frame of any phase after login; a `p` is not one.
    pub fn read(frame: &'a Frame) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.body());
        let message = match frame.tag() {
            b'Q' => Self::Query(Query {
                text: reader.text()?,
            }),
            b'P' => Self::Parse(Parse {
                name: reader.name()?,
                text: reader.text()?,
                types: Types::read(&mut reader)?,
            }),
            b'B' => Self::Bind(Bind::read(&mut reader)?),
            b'D' => Self::Describe(Named::read(&mut reader)?),
            b'E' => Self::Execute(Execute {
                portal: reader.name()?,
                rows: reader.i32()?,
            }),
            b'C' => Self::Close(Named::read(&mut reader)?),
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'F' => Self::FunctionCall(FunctionCall::read(&mut reader)?),
            b'd' => return Ok(Self::CopyData(frame.body())),
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail {
                message: reader.text()?,
            },
            b'X' => Self::Terminate,
            other => return Err(Malformed::Type(other)),
        };
        reader.end()?;
        Ok(message)
    }
}

/// A PasswordMessage: one text. It is a secret; keep it no longer than the check takes.
pub fn password(frame: &Frame) -> Result<&str, Malformed> {
    let mut reader = authentication(frame)?;
    let password = reader.text()?;
    reader.end()?;
    Ok(password)
}

/// A SASLResponse: the mechanism's own bytes.
pub fn sasl_response(frame: &Frame) -> Result<&[u8], Malformed> {
    authentication(frame).map(Reader::remaining)
}

impl<'a> SaslInitial<'a> {
    pub fn read(frame: &'a Frame) -> Result<Self, Malformed> {
        let mut reader = authentication(frame)?;
        let (mechanism, response) = (reader.text()?, reader.value()?);
        reader.end()?;
        Ok(Self {
            mechanism,
            response,
        })
    }
}

impl<'a> Bind<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (portal, statement) = (reader.name()?, reader.name()?);
        let formats = Formats::read(reader)?;
        let parameters = Values::read(reader)?;
        let result_formats = Formats::read(reader)?;
        if !formats.fit(parameters.len()) {
            return Err(Malformed::Format);
        }
        Ok(Self {
            portal,
            statement,
            formats,
            parameters,
            result_formats,
        })
    }
}

impl<'a> FunctionCall<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let function = reader.u32()?;
        let formats = Formats::read(reader)?;
        let arguments = Values::read(reader)?;
        let binary_result = match reader.u16()? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::Format),
        };
        if !formats.fit(arguments.len()) {
            return Err(Malformed::Format);
        }
        Ok(Self {
            function,
            formats,
            arguments,
            binary_result,
        })
    }
}

impl<'a> Named<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        match reader.u8()? {
            b'S' => reader.name().map(Self::Statement),
            b'P' => reader.name().map(Self::Portal),
            _ => Err(Malformed::Format),
        }
    }
}

// what a client wrote stays out of diagnostics
impl std::fmt::Debug for Frontend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Query(query) => query.fmt(f),
            Self::Parse(parse) => parse.fmt(f),
            Self::Bind(bind) => bind.fmt(f),
            Self::Describe(named) => write!(f, "Describe({named:?})"),
            Self::Execute(execute) => execute.fmt(f),
            Self::Close(named) => write!(f, "Close({named:?})"),
            Self::Flush => f.write_str("Flush"),
            Self::Sync => f.write_str("Sync"),
            Self::FunctionCall(call) => call.fmt(f),
            Self::CopyData(data) => write!(f, "CopyData({} bytes)", data.len()),
            Self::CopyDone => f.write_str("CopyDone"),
            Self::CopyFail { .. } => f.write_str("CopyFail"),
            Self::Terminate => f.write_str("Terminate"),
        }
    }
}

impl std::fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Query({} bytes)", self.text.len())
    }
}

impl std::fmt::Debug for Parse<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Parse({:?}, {} bytes, {} types)",
            self.name,
            self.text.len(),
            self.types.len()
        )
    }
}

fn authentication(frame: &Frame) -> Result<Reader<'_>, Malformed> {
    match frame.tag() {
        b'p' => Ok(Reader::new(frame.body())),
        other => Err(Malformed::Type(other)),
    }
}
