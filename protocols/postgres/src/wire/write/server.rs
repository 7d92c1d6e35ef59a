//! What the gateway says to servers on its own account; what a client said is forwarded as it came.

use bytes::{BufMut, Bytes, BytesMut};

use super::super::Malformed;
use super::super::frontend::{self, Named};
use super::super::startup::{CANCEL_REQUEST, Cancel, SSL_REQUEST};
use super::{message, untagged};

/// A Bind of text parameters; results come as text too unless `binary_results`.
#[derive(Clone, Copy)]
pub struct Bind<'a> {
    pub portal: &'a str,
    pub statement: &'a str,
    pub parameters: &'a [Option<&'a [u8]>],
    pub binary_results: bool,
}

pub fn ssl_request() -> Bytes {
    packet(|out| out.put_u32(SSL_REQUEST))
}

pub fn cancel_request(cancel: &Cancel) -> Bytes {
    packet(|out| {
        out.put_u32(CANCEL_REQUEST);
        out.put_i32(cancel.pid);
        out.put_slice(&cancel.key);
    })
}

/// A StartupMessage of protocol 3.0.
pub fn startup(parameters: &[(&str, &str)]) -> Result<Bytes, Malformed> {
    let texts = parameters.iter().flat_map(|(name, value)| [*name, *value]);
    if !texts.clone().all(is_text) || parameters.iter().any(|(name, _)| name.is_empty()) {
        return Err(Malformed::Format);
    }
    Ok(packet(|out| {
        out.put_u32(3 << 16);
        texts.for_each(|text| put_text(out, text));
        out.put_u8(0);
    }))
}

pub fn sasl_initial_response(mechanism: &str, response: &[u8]) -> Result<Bytes, Malformed> {
    let length = u32::try_from(response.len()).map_err(|_| Malformed::Length)?;
    texts([mechanism])?;
    Ok(tagged(b'p', |out| {
        put_text(out, mechanism);
        out.put_u32(length);
        out.put_slice(response);
    }))
}

pub fn sasl_response(response: &[u8]) -> Bytes {
    tagged(b'p', |out| out.put_slice(response))
}

/// A password, or its digest as text.
pub fn password(text: &str) -> Result<Bytes, Malformed> {
    texts([text])?;
    Ok(tagged(b'p', |out| put_text(out, text)))
}

pub fn query(text: &str) -> Result<Bytes, Malformed> {
    texts([text])?;
    Ok(tagged(b'Q', |out| put_text(out, text)))
}

/// The server finds the types of parameters where `types` gives none.
pub fn parse(name: &str, text: &str, types: &[u32]) -> Result<Bytes, Malformed> {
    texts([name, text])?;
    let count = u16::try_from(types.len()).map_err(|_| Malformed::Length)?;
    Ok(tagged(b'P', |out| {
        put_text(out, name);
        put_text(out, text);
        out.put_u16(count);
        types.iter().for_each(|oid| out.put_u32(*oid));
    }))
}

pub fn bind(bind: &Bind<'_>) -> Result<Bytes, Malformed> {
    texts([bind.portal, bind.statement])?;
    let count = u16::try_from(bind.parameters.len()).map_err(|_| Malformed::Length)?;
    let lengths: Result<Vec<_>, _> = bind
        .parameters
        .iter()
        .map(|value| value.map_or(Ok(-1), |value| i32::try_from(value.len())))
        .collect();
    let lengths = lengths.map_err(|_| Malformed::Length)?;
    Ok(tagged(b'B', |out| {
        put_text(out, bind.portal);
        put_text(out, bind.statement);
        out.put_u16(0);
        out.put_u16(count);
        for (length, value) in lengths.iter().zip(bind.parameters) {
            out.put_i32(*length);
            out.put_slice(value.unwrap_or_default());
        }
        out.put_u16(1);
        out.put_u16(u16::from(bind.binary_results));
    }))
}

/// The parameters of a client's Bind, for the unnamed statement; results come as text.
pub fn bind_same(bind: &frontend::Bind<'_>) -> Result<Bytes, Malformed> {
    let formats = u16::try_from(bind.formats.len()).map_err(|_| Malformed::Length)?;
    let count = u16::try_from(bind.parameters.len()).map_err(|_| Malformed::Length)?;
    Ok(tagged(b'B', |out| {
        put_text(out, "");
        put_text(out, "");
        out.put_u16(formats);
        out.put_slice(bind.formats.as_bytes());
        out.put_u16(count);
        out.put_slice(bind.parameters.bytes());
        out.put_u16(0);
    }))
}

pub fn describe(named: Named<'_>) -> Result<Bytes, Malformed> {
    name_message(b'D', named)
}

pub fn close(named: Named<'_>) -> Result<Bytes, Malformed> {
    name_message(b'C', named)
}

/// Zero rows are all.
pub fn execute(portal: &str, rows: i32) -> Result<Bytes, Malformed> {
    texts([portal])?;
    Ok(tagged(b'E', |out| {
        put_text(out, portal);
        out.put_i32(rows);
    }))
}

pub fn sync() -> Bytes {
    Bytes::from_static(b"S\0\0\0\x04")
}

pub fn flush() -> Bytes {
    Bytes::from_static(b"H\0\0\0\x04")
}

pub fn terminate() -> Bytes {
    Bytes::from_static(b"X\0\0\0\x04")
}

pub fn copy_fail(message: &str) -> Result<Bytes, Malformed> {
    texts([message])?;
    Ok(tagged(b'f', |out| put_text(out, message)))
}

fn name_message(tag: u8, named: Named<'_>) -> Result<Bytes, Malformed> {
    let (kind, name) = match named {
        Named::Statement(name) => (b'S', name),
        Named::Portal(name) => (b'P', name),
    };
    texts([name])?;
    Ok(tagged(tag, |out| {
        out.put_u8(kind);
        put_text(out, name);
    }))
}

fn tagged(tag: u8, body: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    message(&mut out, tag, body);
    out.freeze()
}

fn packet(body: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    untagged(&mut out, body);
    out.freeze()
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.put_slice(text.as_bytes());
    out.put_u8(0);
}

/// A NUL inside a text would end it there: towards a server nothing is cut or mended.
fn texts<const N: usize>(texts: [&str; N]) -> Result<(), Malformed> {
    if texts.into_iter().all(is_text) {
        Ok(())
    } else {
        Err(Malformed::Format)
    }
}

fn is_text(text: &str) -> bool {
    !text.as_bytes().contains(&0)
}
