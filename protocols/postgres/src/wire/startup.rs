//! The first packet of a connection, which has no type byte: a wish for encryption, a cancellation, or a session.

use bytes::{Bytes, BytesMut};

use super::Malformed;
use super::backend::KEY;
use super::frame::Limits;
use super::reader::Reader;

/// The newest minor version of protocol 3 that is spoken here; 1 was never given out.
pub const MINOR: u16 = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum First {
    /// A TLS handshake begins at once, as libpq does with `sslnegotiation=direct`; nothing was taken from the buffer.
    DirectTls,
    SslRequest,
    GssencRequest,
    CancelRequest(Cancel),
    Startup(Startup),
    /// Another major version than 3.
    Unsupported {
        major: u16,
        minor: u16,
    },
}

/// Whose statement is to be cancelled. Compare the key in constant time.
#[derive(Clone, PartialEq, Eq)]
pub struct Cancel {
    pub pid: i32,
    /// 4 to 256 bytes.
    pub key: Bytes,
}

/// A StartupMessage of protocol 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    /// As the client asked; see [`Startup::agreed_minor`].
    pub minor: u16,
    /// In the client's order, no name twice, none that begins with `_pq_.`.
    pub parameters: Vec<(String, String)>,
    /// Names that begin with `_pq_.`: protocol options, of which none is known here.
    pub options: Vec<String>,
}

/// The first packet, or `None` while it has not all come.
///
/// Nothing may follow a request for encryption in the same buffer: it would be read as if it had been encrypted.
pub fn next_first(buffer: &mut BytesMut, limits: &Limits) -> Result<Option<First>, Malformed> {
    if buffer.first() == Some(&TLS_HANDSHAKE) {
        return Ok(Some(First::DirectTls));
    }
    let Some(length) = buffer.first_chunk() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length) as usize;
    if length < 8 {
        return Err(Malformed::Length);
    }
    if length > limits.before_login {
        return Err(Malformed::TooLong {
            length,
            limit: limits.before_login,
        });
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let packet = buffer.split_to(length).freeze();
    let mut reader = Reader::new(&packet);
    reader.u32()?;
    let code = reader.u32()?;
    let first = match code {
        SSL_REQUEST => First::SslRequest,
        GSSENC_REQUEST => First::GssencRequest,
        CANCEL_REQUEST => {
            let (pid, key) = (reader.i32()?, packet.slice_ref(reader.remaining()));
            if !KEY.contains(&key.len()) {
                return Err(Malformed::Format);
            }
            return if buffer.is_empty() {
                Ok(Some(First::CancelRequest(Cancel { pid, key })))
            } else {
                Err(Malformed::AfterTerminate)
            };
        }
        _ => {
            let (major, minor) = ((code >> 16) as u16, code as u16);
            return match major {
                3 => Startup::read(minor, reader).map(|startup| Some(First::Startup(startup))),
                _ => Ok(Some(First::Unsupported { major, minor })),
            };
        }
    };
    reader.end()?;
    if buffer.is_empty() {
        Ok(Some(first))
    } else {
        Err(Malformed::BeforeHandshake)
    }
}

impl Startup {
    fn read(minor: u16, mut reader: Reader<'_>) -> Result<Self, Malformed> {
        let (mut parameters, mut options) = (Vec::<(String, String)>::new(), Vec::new());
        loop {
            let name = reader.text()?;
            if name.is_empty() {
                break;
            }
            let value = reader.text()?;
            if name.starts_with("_pq_.") {
                options.push(name.to_owned());
            } else if parameters.iter().any(|(known, _)| known == name) {
                return Err(Malformed::Twice);
            } else {
                parameters.push((name.to_owned(), value.to_owned()));
            }
        }
        reader.end()?;
        Ok(Self {
            minor,
            parameters,
            options,
        })
    }

    /// The minor version that both sides speak.
    pub fn agreed_minor(&self) -> u16 {
        self.minor.min(MINOR)
    }

    /// Whether a NegotiateProtocolVersion must tell the client that it asked for more than there is.
    pub fn needs_negotiation(&self) -> bool {
        self.minor > MINOR || !self.options.is_empty()
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cancel({})", self.pid)
    }
}

/// The record type that opens a TLS handshake; as the first byte of a length it would mean 369 MB.
const TLS_HANDSHAKE: u8 = 0x16;
pub(super) const SSL_REQUEST: u32 = 1234 << 16 | 5679;
pub(super) const GSSENC_REQUEST: u32 = 1234 << 16 | 5680;
pub(super) const CANCEL_REQUEST: u32 = 1234 << 16 | 5678;
