//! Encoders of all that the gateway says by itself, in both directions.

pub mod client;
pub mod server;

use bytes::{BufMut, BytesMut};

/// Appends a message: its type, its length once `body` has been written, its body.
fn message(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    out.put_u8(tag);
    untagged(out, body);
}

fn untagged(out: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32(0);
    body(out);
    // bodies are built here from capped parts; one that did not fit is a length that every reader refuses
    let length = u32::try_from(out.len() - start).unwrap_or(0);
    if let Some(place) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *place = length.to_be_bytes();
    }
}

/// Text for a client: a NUL would end it early and let the rest be read as something else.
fn put_shown(out: &mut BytesMut, text: &[u8]) {
    for part in text.split(|byte| *byte == 0) {
        out.put_slice(part);
    }
    out.put_u8(0);
}
