//! Frames of the agent protocol, as far as the gateway has to know them: who asks for what, and what would be signed.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::{Buf, Bytes, BytesMut};
use gate::words::visible;
use russh::keys::ssh_key::Fingerprint;

use crate::words::Signs;

/// As OpenSSH caps them.
const LONGEST: usize = 256 << 10;
/// The longest name that is told.
const TOLD: usize = 255;

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const EXTENSION: u8 = 27;
/// Of SSH itself: what a login by key is signed over.
const USERAUTH_REQUEST: u8 = 50;
/// It only narrows what the agent does on this channel.
const BINDING: &[u8] = b"session-bind@openssh.com";

/// What a frame asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// The list of keys, or to be bound to a session.
    Harmless,
    Signature(Signature),
    /// Anything else, in a word for the record.
    Refused(&'static str),
}

/// A signature that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// The key's fingerprint.
    pub(super) key: String,
    pub(super) signs: Signs,
}

impl Signature {
    pub(super) fn text(&self) -> String {
        let signs = match &self.signs {
            Signs::Login { user, service } => format!("log in as {user} ({service})"),
            Signs::File { namespace } => format!("sign for {namespace}"),
            Signs::Other => "sign something unknown".to_owned(),
        };
        visible(&format!("with the lent key {}: {signs}", self.key))
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Takes a whole frame out, its length included.
pub(super) fn cut(buffer: &mut BytesMut) -> Result<Option<Bytes>, TooLong> {
    let Some(length) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| TooLong)?;
    if length == 0 || length > LONGEST {
        return Err(TooLong);
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    Ok(Some(buffer.split_to(4 + length).freeze()))
}

/// The answer to whatever is refused.
pub(super) fn failure() -> Bytes {
    Bytes::from_static(&[0, 0, 0, 1, FAILURE])
}

pub(super) fn is_signature(frame: &Bytes) -> bool {
    frame.get(4) == Some(&SIGN_RESPONSE)
}

pub(super) fn asks(frame: &Bytes) -> Asks {
    let mut rest = frame.slice(frame.len().min(4)..);
    match byte(&mut rest) {
        Some(REQUEST_IDENTITIES) if rest.is_empty() => Asks::Harmless,
        Some(SIGN_REQUEST) => match signature(rest) {
            Some(signature) => Asks::Signature(signature),
            None => Asks::Refused("sign something unreadable"),
        },
        Some(EXTENSION) => match string(&mut rest) {
            Some(name) if name == BINDING => Asks::Harmless,
            Some(_) | None => Asks::Refused("run an extension"),
        },
        Some(17 | 25) => Asks::Refused("take a key"),
        Some(18 | 19) => Asks::Refused("forget keys"),
        Some(20 | 21 | 26) => Asks::Refused("load or drop a token's library"),
        Some(22 | 23) => Asks::Refused("lock or unlock itself"),
        Some(_) | None => Asks::Refused("do something unknown"),
    }
}

fn signature(mut rest: Bytes) -> Option<Signature> {
    let key = string(&mut rest)?;
    let data = string(&mut rest)?;
    // the flags, and nothing behind them
    (rest.len() == 4).then_some(())?;
    Some(Signature {
        key: fingerprint(&key)?,
        signs: signs(data),
    })
}

fn fingerprint(key: &Bytes) -> Option<String> {
    let hash: [u8; 32] = digest(&SHA256, key).as_ref().try_into().ok()?;
    Some(Fingerprint::Sha256(hash).to_string())
}

fn signs(data: Bytes) -> Signs {
    let login = |mut rest: Bytes| {
        let session = string(&mut rest)?;
        (byte(&mut rest)? == USERAUTH_REQUEST && !session.is_empty()).then_some(())?;
        let user = text(&mut rest)?;
        let service = text(&mut rest)?;
        string(&mut rest)?.starts_with(b"publickey").then_some(())?;
        (byte(&mut rest)? == 1).then_some(())?;
        Some(Signs::Login { user, service })
    };
    let file = |mut rest: Bytes| {
        rest.starts_with(b"SSHSIG").then_some(())?;
        rest.advance(6);
        let namespace = text(&mut rest)?;
        Some(Signs::File { namespace })
    };
    file(data.clone())
        .or_else(|| login(data))
        .unwrap_or(Signs::Other)
}

fn byte(rest: &mut Bytes) -> Option<u8> {
    rest.try_get_u8().ok()
}

fn string(rest: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(rest.try_get_u32().ok()?).ok()?;
    (rest.len() >= length).then(|| rest.split_to(length))
}

fn text(rest: &mut Bytes) -> Option<String> {
    let bytes = string(rest)?;
    (bytes.len() <= TOLD).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
