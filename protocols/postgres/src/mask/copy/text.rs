//! COPY's text format: a line a row, backslashes before what would be taken for something else.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::Field;
use crate::decode::Layout;

/// Where the first row ends, its newline included; `looked` is how far it was looked for before.
pub(super) fn row_end(pending: &[u8], looked: &mut usize) -> Option<usize> {
    loop {
        let rest = pending.get(*looked..)?;
        let Some(at) = memchr::memchr2(b'\n', b'\\', rest) else {
            *looked = pending.len();
            return None;
        };
        if rest.get(at) == Some(&b'\n') {
            return Some(*looked + at + 1);
        }
        // whatever follows a backslash belongs to it
        if rest.len() < at + 2 {
            *looked += at;
            return None;
        }
        *looked += at + 2;
    }
}

pub(super) fn field<'r>(rest: &'r [u8], layout: &Layout) -> (Field<'r>, Option<&'r [u8]>) {
    let mut end = 0;
    let mut escaped = false;
    loop {
        match rest.get(end) {
            Some(b'\\') => {
                escaped = true;
                end += 2;
            }
            Some(byte) if *byte == layout.delimiter => break,
            Some(_) => end += 1,
            None => break,
        }
    }
    let end = end.min(rest.len());
    let raw = rest.get(..end).unwrap_or_default();
    let value = if raw == layout.null {
        None
    } else if escaped {
        Some(Cow::Owned(unescaped(raw)))
    } else {
        Some(Cow::Borrowed(raw))
    };
    let field = Field {
        raw,
        value,
        quoted: false,
    };
    (field, rest.get(end + 1..))
}

fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(after) = bytes.next() else { break };
        out.push(match after {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'0'..=b'7' => {
                let first = u32::from(after - b'0');
                digits(&mut bytes, (8, 2), first)
            }
            b'x' if bytes.peek().is_some_and(u8::is_ascii_hexdigit) => {
                digits(&mut bytes, (16, 2), 0)
            }
            other => other,
        });
    }
    out
}

/// A byte by its digits: at most so many more of them.
fn digits(
    bytes: &mut std::iter::Peekable<impl Iterator<Item = u8>>,
    (base, most): (u32, usize),
    first: u32,
) -> u8 {
    let mut number = first;
    for _ in 0..most {
        let digit = bytes
            .peek()
            .and_then(|byte| char::from(*byte).to_digit(base));
        let Some(digit) = digit else { break };
        number = number * base + digit;
        bytes.next();
    }
    u8::try_from(number & 0xff).unwrap_or_default()
}

pub(super) fn put(value: &[u8], delimiter: u8, out: &mut BytesMut) {
    for byte in value {
        let letter = match byte {
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            b'\\' => b'\\',
            other if *other == delimiter => delimiter,
            other => {
                out.put_u8(*other);
                continue;
            }
        };
        out.put_u8(b'\\');
        out.put_u8(letter);
    }
}
