//! One value: what is hidden of it stays a valid value of its type, or becomes NULL.

use std::borrow::Cow;
use std::str::FromStr;

use super::{Column, Hide, Rule, Unmaskable, inspect, json, number};

/// What a type's values can hold and bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text is a valid value; the binary format is the text.
    Text,
    Json,
    /// In binary format a version byte and the text.
    Jsonb,
    Int2,
    Int4,
    Int8,
    /// May hold text, which its own text format hides.
    Bytea,
    /// Numbers with decimals, one or many.
    Numbers,
    /// Holds no text, and no number of anything.
    Mute,
    Other,
}

impl Kind {
    pub(super) fn of(type_oid: u32) -> Self {
        match type_oid {
            // name, text, unknown, bpchar, varchar, cstring
            19 | 25 | 705 | 1042 | 1043 | 2275 => Self::Text,
            114 => Self::Json,
            3802 => Self::Jsonb,
            21 => Self::Int2,
            23 => Self::Int4,
            20 => Self::Int8,
            17 => Self::Bytea,
            // float4, float8, numeric, their arrays and ranges; points and what is made of them
            700 | 701 | 1700 | 1021 | 1022 | 1231 | 3906 | 4532 | 600..=604 | 628 | 718 => {
                Self::Numbers
            }
            // bool, dates and times, uuid, macaddr, void
            16 | 1082 | 1083 | 1266 | 1114 | 1184 | 1186 | 2950 | 829 | 774 | 2278 => Self::Mute,
            _ => Self::Other,
        }
    }
}

/// `None` is NULL.
pub(super) fn hide<'v>(
    column: &Column,
    value: &'v [u8],
    hide: Hide<'_>,
) -> Result<Option<Cow<'v, [u8]>>, Unmaskable> {
    match column.rule {
        Rule::Keep => return Ok(Some(Cow::Borrowed(value))),
        Rule::Whole => return Ok(None),
        Rule::Detect | Rule::Class(_) => {}
    }
    let rule = &column.rule;
    match (column.kind, column.binary) {
        (Kind::Text, _) => Ok(plain(rule, value, hide).filter(|text| !text.contains(&0))),
        (Kind::Json, _) | (Kind::Jsonb, false) => Ok(document(rule, value, hide)),
        (Kind::Jsonb, true) => {
            let Some((1, text)) = value.split_first().map(|(version, text)| (*version, text))
            else {
                return Err(Unmaskable::Shape);
            };
            Ok(document(rule, text, hide).map(|masked| match masked {
                Cow::Borrowed(_) => Cow::Borrowed(value),
                Cow::Owned(text) => Cow::Owned([&[1], &text[..]].concat()),
            }))
        }
        (Kind::Int2, binary) => integer::<i16, 2>(
            rule,
            value,
            binary,
            hide,
            (i16::from_be_bytes, i16::to_be_bytes),
        ),
        (Kind::Int4, binary) => integer::<i32, 4>(
            rule,
            value,
            binary,
            hide,
            (i32::from_be_bytes, i32::to_be_bytes),
        ),
        (Kind::Int8, binary) => integer::<i64, 8>(
            rule,
            value,
            binary,
            hide,
            (i64::from_be_bytes, i64::to_be_bytes),
        ),
        (Kind::Bytea | Kind::Numbers | Kind::Mute | Kind::Other, _) => {
            let shown = *rule == Rule::Detect && holds_nothing(column, value, hide);
            Ok(shown.then_some(Cow::Borrowed(value)))
        }
    }
}

/// Whether detectors find nothing in a value of which nothing can be replaced.
fn holds_nothing(column: &Column, value: &[u8], hide: Hide<'_>) -> bool {
    let clean = |text: &[u8]| (hide.detect)(text).is_none();
    match column.kind {
        _ if column.binary => inspect::is_clean(column.type_oid, value, hide.detect),
        Kind::Mute => true,
        Kind::Numbers => number::within(value).all(|number| clean(number.as_bytes())),
        Kind::Bytea => clean(value) && hexadecimal(value).is_none_or(|bytes| clean(&bytes)),
        Kind::Text
        | Kind::Json
        | Kind::Jsonb
        | Kind::Int2
        | Kind::Int4
        | Kind::Int8
        | Kind::Other => is_clean_literal(value, hide),
    }
}

fn plain<'v>(rule: &Rule, text: &'v [u8], hide: Hide<'_>) -> Option<Cow<'v, [u8]>> {
    match rule {
        Rule::Keep => Some(Cow::Borrowed(text)),
        Rule::Detect => Some((hide.detect)(text).unwrap_or(Cow::Borrowed(text))),
        Rule::Class(class) => (hide.mask)(class, text).map(Cow::Owned),
        Rule::Whole => None,
    }
}

fn document<'v>(rule: &Rule, text: &'v [u8], hide: Hide<'_>) -> Option<Cow<'v, [u8]>> {
    match rule {
        Rule::Keep => Some(Cow::Borrowed(text)),
        Rule::Detect => Some(json::detect(text, hide.detect)),
        Rule::Class(class) => {
            (hide.mask)(class, text).map(|masked| Cow::Owned(json::string(&masked)))
        }
        Rule::Whole => None,
    }
}

/// Reads and writes an integer's binary format.
type Codec<I, const N: usize> = (fn([u8; N]) -> I, fn(I) -> [u8; N]);

fn integer<'v, I: FromStr + ToString, const N: usize>(
    rule: &Rule,
    value: &'v [u8],
    binary: bool,
    hide: Hide<'_>,
    (read, write): Codec<I, N>,
) -> Result<Option<Cow<'v, [u8]>>, Unmaskable> {
    let text = match binary {
        true => Cow::Owned(
            read(<[u8; N]>::try_from(value).map_err(|_| Unmaskable::Shape)?)
                .to_string()
                .into_bytes(),
        ),
        false => Cow::Borrowed(value),
    };
    let masked = match plain(rule, &text, hide) {
        Some(masked) if *masked == *text => return Ok(Some(Cow::Borrowed(value))),
        Some(masked) => std::str::from_utf8(&masked)
            .ok()
            .and_then(|text| text.parse::<I>().ok()),
        None => None,
    };
    Ok(masked.map(|number| {
        Cow::Owned(if binary {
            write(number).to_vec()
        } else {
            number.to_string().into_bytes()
        })
    }))
}

/// The same of a literal that may hold others: with what backslashes hide in it laid open.
fn is_clean_literal(literal: &[u8], hide: Hide<'_>) -> bool {
    let clean = |text: &[u8]| (hide.detect)(text).is_none();
    if !clean(literal) {
        return false;
    }
    if !literal.contains(&b'\\') {
        return true;
    }
    let escapes = literal.windows(6).any(
        |six| matches!(six, [b'\\', b'u', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit)),
    );
    let plain: Vec<u8> = literal
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\\' | b'"'))
        .collect();
    // bytes of a `bytea` within
    let words = plain.split(|byte| b"{}(),".contains(byte));
    let mut bytes = words.filter_map(|word| hexadecimal(&[b"\\", word].concat()));
    !escapes && clean(&plain) && bytes.all(|bytes| clean(&bytes))
}

/// Bytes of bytea's `\x` format.
fn hexadecimal(value: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = value.strip_prefix(b"\\x")?.as_chunks::<2>().0;
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}
