//! A client of the wire itself, for what no honest client sends: start-up packets byte by byte, in plaintext or within TLS.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;

use anyhow::{Context, ensure};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::gateway::Place;
use crate::watchdog::WATCHDOG;

/// The whole packet of an SSLRequest.
pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// The whole packet of a GSSENCRequest.
pub const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

/// What a CancelRequest has in place of a version.
const CANCEL_REQUEST: [u8; 4] = [0x04, 0xd2, 0x16, 0x2e];

/// A plain connection to the gateway's listener.
#[expect(
    clippy::disallowed_methods,
    reason = "the stand is a client of the gateway"
)]
pub fn connect(place: &Place) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, place.ports.postgres))?;
    stream.set_read_timeout(Some(WATCHDOG))?;
    stream.set_write_timeout(Some(WATCHDOG))?;
    Ok(stream)
}

/// A connection within TLS, as libpq's `verify-full` makes it.
pub fn secured(place: &Place) -> anyhow::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut stream = connect(place)?;
    stream.write_all(&SSL_REQUEST)?;
    ensure!(byte(&mut stream)? == b'S', "TLS is not spoken");
    within(place, stream, &[])
}

/// A TLS handshake on a connection of which nothing is left to be read, with these protocols named in it.
pub fn within(
    place: &Place,
    stream: TcpStream,
    protocols: &[&[u8]],
) -> anyhow::Result<StreamOwned<ClientConnection, TcpStream>> {
    let config = crate::driver::trusting(place, protocols)?;
    let name = ServerName::try_from("localhost")?;
    let connection = ClientConnection::new(Arc::new(config), name)?;
    Ok(StreamOwned::new(connection, stream))
}

/// A StartupMessage of protocol 3.0.
pub fn startup(parameters: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    startup_of(0, parameters)
}

/// The same of another minor version of protocol 3.
pub fn startup_of(minor: u8, parameters: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    let mut body = vec![0, 3, 0, minor];
    for (name, value) in parameters {
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        body.extend_from_slice(value.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4)?;
    let mut packet = length.to_be_bytes().to_vec();
    packet.extend_from_slice(&body);
    Ok(packet)
}

/// A CancelRequest with a process and a key as BackendKeyData told them; what is answered, once it is closed.
pub fn cancel(place: &Place, key: &[u8]) -> anyhow::Result<Vec<u8>> {
    let length = u32::try_from(key.len() + 8)?.to_be_bytes();
    let mut stream = connect(place)?;
    stream.write_all(&[&length[..], &CANCEL_REQUEST[..], key].concat())?;
    Ok(rest(&mut stream))
}

pub fn byte(stream: &mut impl Read) -> anyhow::Result<u8> {
    let mut one = [0];
    stream
        .read_exact(&mut one)
        .context("an answer of one byte")?;
    let [one] = one;
    Ok(one)
}

/// The fields of an ErrorResponse, which must be what comes next.
pub fn error(stream: &mut impl Read) -> anyhow::Result<BTreeMap<char, String>> {
    let tag = byte(stream)?;
    ensure!(
        tag == b'E',
        "`{}` comes in place of an error",
        char::from(tag)
    );
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    ensure!((4..10_000).contains(&length), "an error of {length} bytes");
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body)?;
    let fields = body.split(|byte| *byte == 0).filter_map(|field| {
        let (code, text) = field.split_first()?;
        Some((
            char::from(*code),
            String::from_utf8_lossy(text).into_owned(),
        ))
    });
    Ok(fields.collect())
}

/// Everything until the gateway closes; a reset is a close as well.
pub fn rest(stream: &mut impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    // what came before an unclean end is kept
    drop(stream.read_to_end(&mut rest));
    rest
}
