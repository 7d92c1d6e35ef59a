//! COPY's CSV format: quotes around what would be taken for something else, newlines included.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::Field;
use crate::decode::Layout;

/// Where the first row ends, its newline included; `looked` and `quoted` are how far it was looked for before.
pub(super) fn row_end(
    pending: &[u8],
    looked: &mut usize,
    quoted: &mut bool,
    (quote, escape): (u8, u8),
) -> Option<usize> {
    while let Some(byte) = pending.get(*looked).copied() {
        if *quoted && byte == escape && escape != quote {
            // what it stands before may not have come yet
            match pending.get(*looked + 1) {
                None => return None,
                Some(next) if *next == quote || *next == escape => *looked += 1,
                Some(_) => {}
            }
        } else if byte == quote {
            // a doubled quote ends and begins at once
            *quoted = !*quoted;
        } else if byte == b'\n' && !*quoted {
            return Some(*looked + 1);
        }
        *looked += 1;
    }
    None
}

pub(super) fn field<'r>(
    rest: &'r [u8],
    layout: &Layout,
    (quote, escape): (u8, u8),
) -> (Field<'r>, Option<&'r [u8]>) {
    let mut value: Option<Vec<u8>> = None;
    let (mut inside, mut at) = (false, 0);
    while let Some(byte) = rest.get(at).copied() {
        let next = rest.get(at + 1).copied();
        if inside && byte == escape && next.is_some_and(|next| next == quote || next == escape) {
            value.get_or_insert_default().extend(next);
            at += 2;
            continue;
        }
        if byte == quote {
            inside = !inside;
            value.get_or_insert_with(|| rest.get(..at).unwrap_or_default().to_vec());
        } else if byte == layout.delimiter && !inside {
            break;
        } else if let Some(value) = &mut value {
            value.push(byte);
        }
        at += 1;
    }
    let raw = rest.get(..at).unwrap_or_default();
    let quoted = value.is_some();
    let value = match value {
        Some(value) => Some(Cow::Owned(value)),
        None if raw == layout.null => None,
        None => Some(Cow::Borrowed(raw)),
    };
    let field = Field { raw, value, quoted };
    (field, rest.get(at + 1..))
}

pub(super) fn put(
    value: &[u8],
    (layout, quoted): (&Layout, bool),
    (quote, escape): (u8, u8),
    out: &mut BytesMut,
) {
    let special = |byte: &u8| {
        *byte == quote || *byte == layout.delimiter || matches!(byte, b'\n' | b'\r' | b'\\')
    };
    if !quoted && value != layout.null && !value.iter().any(special) {
        out.put_slice(value);
        return;
    }
    out.put_u8(quote);
    for byte in value {
        if *byte == quote || *byte == escape {
            out.put_u8(escape);
        }
        out.put_u8(*byte);
    }
    out.put_u8(quote);
}
