//! Detection inside a JSON document that the server has validated: in what its strings mean, whatever their escapes, and in
//! its numbers. What is found leaves a valid document.

use std::borrow::Cow;

use super::{Detect, number};

/// A copy with what was found hidden, or the text itself. What is no document is hidden whole.
pub(super) fn detect<'v>(text: &'v [u8], detect: &Detect<'_>) -> Cow<'v, [u8]> {
    let mut masked: Option<Vec<u8>> = None;
    let (mut place, mut copied) = (0, 0);
    loop {
        let (start, end) = next_scalar(text, place);
        if !text
            .get(place..start)
            .unwrap_or_default()
            .iter()
            .all(is_structure)
        {
            return Cow::Owned(string(HIDDEN));
        }
        let token = text.get(start..end).unwrap_or_default();
        if token.is_empty() {
            break;
        }
        if let Some(hidden) = hide(token, detect) {
            let masked = masked.get_or_insert_with(|| Vec::with_capacity(text.len()));
            masked.extend_from_slice(text.get(copied..start).unwrap_or_default());
            masked.extend_from_slice(&hidden);
            copied = end;
        }
        place = end;
    }
    match masked {
        None => Cow::Borrowed(text),
        Some(mut masked) => {
            masked.extend_from_slice(text.get(copied..).unwrap_or_default());
            Cow::Owned(masked)
        }
    }
}

/// A JSON string of this text.
pub(super) fn string(text: &[u8]) -> Vec<u8> {
    serde_json::Value::from(String::from_utf8_lossy(text))
        .to_string()
        .into_bytes()
}

fn hide(token: &[u8], detect: &Detect<'_>) -> Option<Vec<u8>> {
    let Some(rest) = token.strip_prefix(b"\"") else {
        // with an exponent its digits do not stand as they are meant
        let plain = match token.iter().any(|byte| matches!(byte, b'e' | b'E')) {
            true => Cow::Owned(
                number::within(token)
                    .next()
                    .unwrap_or_default()
                    .into_bytes(),
            ),
            false => Cow::Borrowed(number::whole(token)),
        };
        return detect(&plain).map(|masked| string(&masked));
    };
    match rest.strip_suffix(b"\"") {
        Some(plain) if !plain.contains(&b'\\') => detect(plain).map(|masked| string(&masked)),
        Some(_) | None => match serde_json::from_slice::<String>(token) {
            Ok(text) => detect(text.as_bytes()).map(|masked| string(&masked)),
            // half a surrogate pair, or no end: what it means cannot be told
            Err(_) => Some(string(HIDDEN)),
        },
    }
}

/// What stands between strings and numbers: brackets, commas, colons, white space, `true`, `false`, `null`.
fn is_structure(byte: &u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\n' | b'\r' | b'{' | b'}' | b'[' | b']' | b':' | b',' | b'a'..=b'z'
    )
}

const HIDDEN: &[u8] = b"***";

/// Where the next string, with its quotes, or number at or after a place begins and ends; empty at the end of the text.
fn next_scalar(text: &[u8], place: usize) -> (usize, usize) {
    let rest = text.get(place..).unwrap_or_default();
    let skipped = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'-' | b'0'..=b'9'))
        .unwrap_or(rest.len());
    let rest = rest.get(skipped..).unwrap_or_default();
    let length = match rest.first() {
        None => 0,
        Some(b'"') => string_length(rest),
        Some(_) => rest
            .iter()
            .position(|byte| !matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
            .unwrap_or(rest.len()),
    };
    (place + skipped, place + skipped + length)
}

fn string_length(rest: &[u8]) -> usize {
    let mut escaped = false;
    for (index, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    rest.len()
}
