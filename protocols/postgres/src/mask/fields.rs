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
