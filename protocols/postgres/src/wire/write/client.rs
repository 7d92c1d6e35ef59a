//! What the gateway says to clients.

use bytes::{BufMut, Bytes, BytesMut};

use super::super::backend::Status;
use super::{message, put_shown};

/// An error or a notice in the words of PostgreSQL; empty parts are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report<'a> {
    /// `ERROR`, `FATAL`, `NOTICE`, `WARNING` ...
    pub severity: &'a str,
    /// Five characters.
    pub sqlstate: &'a str,
    pub message: &'a str,
    pub detail: &'a str,
    pub hint: &'a str,
    /// In characters of the statement, from 1.
    pub position: Option<u32>,
}

/// Answers to SSLRequest and GSSENCRequest: one byte, no message.
pub const ACCEPT_TLS: &[u8] = b"S";
pub const REFUSE_ENCRYPTION: &[u8] = b"N";

pub fn authentication_ok(out: &mut BytesMut) {
    message(out, b'R', |out| out.put_u32(0));
}

pub fn authentication_cleartext(out: &mut BytesMut) {
    message(out, b'R', |out| out.put_u32(3));
}

/// Mechanisms in the order of preference.
pub fn authentication_sasl(out: &mut BytesMut, mechanisms: &[&str]) {
    message(out, b'R', |out| {
        out.put_u32(10);
        for mechanism in mechanisms {
            put_shown(out, mechanism.as_bytes());
        }
        out.put_u8(0);
    });
}

pub fn authentication_sasl_continue(out: &mut BytesMut, data: &[u8]) {
    message(out, b'R', |out| {
        out.put_u32(11);
        out.put_slice(data);
    });
}

pub fn authentication_sasl_final(out: &mut BytesMut, data: &[u8]) {
    message(out, b'R', |out| {
        out.put_u32(12);
        out.put_slice(data);
    });
}

pub fn parameter_status(out: &mut BytesMut, name: &str, value: &[u8]) {
    message(out, b'S', |out| {
        put_shown(out, name.as_bytes());
        put_shown(out, value);
    });
}

/// The key has 4 bytes in protocol 3.0 and up to 256 in 3.2.
pub fn backend_key_data(out: &mut BytesMut, pid: i32, key: &[u8]) {
    message(out, b'K', |out| {
        out.put_i32(pid);
        out.put_slice(key);
    });
}

pub fn ready_for_query(out: &mut BytesMut, status: Status) {
    message(out, b'Z', |out| out.put_u8(status.byte()));
}

/// The newest minor version spoken here, and the names of protocol options that are not known.
pub fn negotiate_protocol_version(out: &mut BytesMut, minor: u16, unknown: &[String]) {
    message(out, b'v', |out| {
        // the whole version, as the server itself sends it: libpq takes a bare minor for something before 3.0
        out.put_u32(3 << 16 | u32::from(minor));
        out.put_u32(u32::try_from(unknown.len()).unwrap_or(u32::MAX));
        for name in unknown {
            put_shown(out, name.as_bytes());
        }
    });
}

pub fn error_response(report: &Report<'_>) -> Bytes {
    encode(b'E', report)
}

/// May be sent between any two messages.
pub fn notice_response(report: &Report<'_>) -> Bytes {
    encode(b'N', report)
}

fn encode(tag: u8, report: &Report<'_>) -> Bytes {
    let mut out = BytesMut::with_capacity(
        64 + report.message.len() + report.detail.len() + report.hint.len(),
    );
    let position = report
        .position
        .map(|position| position.to_string())
        .unwrap_or_default();
    message(&mut out, tag, |out| {
        let fields = [
            (b'S', report.severity),
            (b'V', report.severity),
            (b'C', report.sqlstate),
            (b'M', report.message),
            (b'D', report.detail),
            (b'H', report.hint),
            (b'P', &position),
        ];
        for (code, text) in fields {
            if !text.is_empty() {
                out.put_u8(code);
                put_shown(out, text.as_bytes());
            }
        }
        out.put_u8(0);
    });
    out.freeze()
}
