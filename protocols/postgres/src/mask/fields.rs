//! Errors, notices and notifications: their texts pass the detectors too.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};

use super::Detect;
use crate::wire::Malformed;
use crate::wire::backend::Backend;
use crate::wire::frame::Frame;

/// The masked copy of an ErrorResponse or NoticeResponse.
///
/// `drop_detail` takes out DETAIL, CONTEXT and the internal query: where a governed relation is named they hold its values.
pub fn scrub_fields(
    frame: &Frame,
    detect: &Detect<'_>,
    drop_detail: bool,
) -> Result<Bytes, Malformed> {
    let fields = match Backend::read(frame)? {
        Backend::ErrorResponse(fields) | Backend::NoticeResponse(fields) => fields,
        _ => return Err(Malformed::Type(frame.tag())),
    };
    let mut out = BytesMut::with_capacity(frame.bytes().len());
    for (code, text) in fields.iter() {
        match code {
            b'D' | b'W' | b'q' | b'p' if drop_detail => {}
            _ => {
                out.put_u8(code);
                put_text(&mut out, &detect(text).unwrap_or(Cow::Borrowed(text)));
            }
        }
    }
    out.put_u8(0);
    message(frame.tag(), &out)
}

/// An ErrorResponse or NoticeResponse of which only the code and the place in the client's own text are left.
pub fn withhold(frame: &Frame) -> Result<Bytes, Malformed> {
    let fields = match Backend::read(frame)? {
        Backend::ErrorResponse(fields) | Backend::NoticeResponse(fields) => fields,
        _ => return Err(Malformed::Type(frame.tag())),
    };
    let mut out = BytesMut::with_capacity(frame.bytes().len());
    for (code, text) in fields.iter() {
        match code {
            b'S' | b'V' | b'C' | b'P' | b'F' | b'L' | b'R' => {
                out.put_u8(code);
                put_text(&mut out, text);
            }
            b'M' => {
                out.put_u8(code);
                put_text(&mut out, HIDDEN.as_bytes());
            }
            // names too: code may fill them with anything
            _ => {}
        }
    }
    out.put_u8(0);
    message(frame.tag(), &out)
}

/// The masked copy of a ParameterStatus, or `None` where nothing was found.
pub fn scrub_parameter(frame: &Frame, detect: &Detect<'_>) -> Result<Option<Bytes>, Malformed> {
    let Backend::ParameterStatus { name, value } = Backend::read(frame)? else {
        return Err(Malformed::Type(frame.tag()));
    };
    let Some(masked) = detect(value) else {
        return Ok(None);
    };
    let mut out = BytesMut::with_capacity(frame.bytes().len());
    put_text(&mut out, name.as_bytes());
    put_text(&mut out, &masked);
    message(frame.tag(), &out).map(Some)
}

/// The masked copy of a NotificationResponse: its payload is any client's text.
pub fn scrub_notification(frame: &Frame, detect: &Detect<'_>) -> Result<Bytes, Malformed> {
    let Backend::NotificationResponse {
        pid,
        channel,
        payload,
    } = Backend::read(frame)?
    else {
        return Err(Malformed::Type(frame.tag()));
    };
    let mut out = BytesMut::with_capacity(frame.bytes().len());
    out.put_i32(pid);
    put_text(&mut out, &detect(channel).unwrap_or(Cow::Borrowed(channel)));
    put_text(&mut out, &detect(payload).unwrap_or(Cow::Borrowed(payload)));
    message(frame.tag(), &out)
}

/// In place of a text that may quote what is hidden.
const HIDDEN: &str = "the text is hidden, for it may quote masked values";

fn put_text(out: &mut BytesMut, text: &[u8]) {
    text.split(|byte| *byte == 0)
        .for_each(|part| out.put_slice(part));
    out.put_u8(0);
}

fn message(tag: u8, body: &[u8]) -> Result<Bytes, Malformed> {
    let length = i32::try_from(body.len() + 4).map_err(|_| Malformed::Length)?;
    let mut out = BytesMut::with_capacity(body.len() + 5);
    out.put_u8(tag);
    out.put_i32(length);
    out.put_slice(body);
    Ok(out.freeze())
}
