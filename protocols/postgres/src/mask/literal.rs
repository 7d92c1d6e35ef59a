//! A binary value in the form that people read and write in SQL: what a client binds is shown to who is asked about it.

use super::inspect::{address, is_array};
use super::number;
use crate::wire::reader::Reader;

/// How deep arrays lie within arrays.
const DEEPEST: usize = 4;
/// Elements of an array that are shown; of a longer one none are.
const LONGEST: u32 = 1_000;
/// The day that dates and times are counted from, 2000-01-01, as a Julian day.
const EPOCH: i64 = 2_451_545;
const DAY: i64 = 86_400_000_000;
/// Oids from here on are of objects that somebody made.
const MADE: u32 = 16_384;

/// The value's text, as its type's output function writes it where that is short; `None`: bytes that nobody reads.
pub(crate) fn literal(type_oid: u32, value: &[u8]) -> Option<String> {
    within(type_oid, value, 0)
}

fn within(type_oid: u32, value: &[u8], depth: usize) -> Option<String> {
    match type_oid {
        16 => match value {
            [0] => Some("false".to_owned()),
            [1] => Some("true".to_owned()),
            _ => None,
        },
        // int8, int2, int4; oid and what stands for one, xid, cid, xid8
        20 | 21 | 23 => number::integer(value, true),
        24 | 26 | 28 | 29 | 2202..=2206 | 4089 | 4096 | 5069 => number::integer(value, false),
        700 => Some(f32::from_be_bytes(value.try_into().ok()?).to_string()),
        701 => Some(f64::from_be_bytes(value.try_into().ok()?).to_string()),
        1700 => number::decimal(value),
        1082 => date(i32::from_be_bytes(value.try_into().ok()?).into()),
        1083 => clock(i64::from_be_bytes(value.try_into().ok()?)),
        1114 => moment(value),
        1184 => moment(value).map(|moment| moment + "+00"),
        1186 => interval(value),
        2950 => uuid(value),
        650 | 869 => network(value),
        3802 => match value.split_first() {
            Some((1, document)) => plain(document),
            _ => None,
        },
        other if is_array(other) => array(value, depth),
        // char, name, text, xml, bpchar, varchar, refcursor, cstring, json; bytea that holds text
        18 | 19 | 25 | 142 | 1042 | 1043 | 1790 | 2275 | 114 | 17 => plain(value),
        // somebody made it: an enum's value is its name, but a domain's may be a number that reads like one
        MADE.. => plain(value).map(|text| format!("<binary: {} bytes: {text}>", value.len())),
        _ => None,
    }
}

/// Text that has no control characters but those of paragraphs.
fn plain(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let hidden = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\r' | '\t');
    (!text.contains(hidden)).then(|| text.to_owned())
}

fn uuid(value: &[u8]) -> Option<String> {
    let digits = format!("{:032x}", u128::from_be_bytes(value.try_into().ok()?));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part));
    Some(parts.into_iter().collect::<Option<Vec<_>>>()?.join("-"))
}

/// An address, and the length of its mask where that is not all of it.
fn network(value: &[u8]) -> Option<String> {
    let (&[_, mask, _, length], _) = value.split_first_chunk()?;
    let address = address(value)?;
    Some(match u16::from(mask) == u16::from(length) * 8 {
        true => address,
        false => format!("{address}/{mask}"),
    })
}

/// Days since the epoch.
fn date(days: i64) -> Option<String> {
    match i32::try_from(days).ok()? {
        i32::MAX => return Some("infinity".to_owned()),
        i32::MIN => return Some("-infinity".to_owned()),
        _ => {}
    }
    let date = time::Date::from_julian_day(i32::try_from(EPOCH + days).ok()?).ok()?;
    let (year, month, day) = date.to_calendar_date();
    (year > 0).then(|| format!("{year:04}-{:02}-{day:02}", u8::from(month)))
}

/// Microseconds of a day.
fn clock(micros: i64) -> Option<String> {
    let (seconds, rest) = (micros.checked_div(1_000_000)?, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = match rest {
        0 => String::new(),
        rest => format!(".{rest:06}").trim_end_matches('0').to_owned(),
    };
    (0..=DAY)
        .contains(&micros)
        .then(|| format!("{hours:02}:{minutes:02}:{seconds:02}{fraction}"))
}

/// Microseconds since the epoch.
fn moment(value: &[u8]) -> Option<String> {
    match i64::from_be_bytes(value.try_into().ok()?) {
        i64::MAX => Some("infinity".to_owned()),
        i64::MIN => Some("-infinity".to_owned()),
        micros => {
            let (day, time) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
            Some(format!("{} {}", date(day)?, clock(time)?))
        }
    }
}

fn interval(value: &[u8]) -> Option<String> {
    let mut reader = Reader::new(value);
    let micros = i64::from_be_bytes(reader.bytes(8).ok()?.try_into().ok()?);
    let days = i32::from_be_bytes(reader.bytes(4).ok()?.try_into().ok()?);
    let months = i32::from_be_bytes(reader.bytes(4).ok()?.try_into().ok()?);
    reader.end().ok()?;
    let seconds = micros.unsigned_abs() / 1_000_000;
    let (sign, fraction) = (
        if micros < 0 { "-" } else { "" },
        micros.unsigned_abs() % 1_000_000,
    );
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Some(format!(
        "{months} mons {days} days {sign}{hours:02}:{minutes:02}:{seconds:02}.{fraction:06}"
    ))
}

/// Of one dimension; its elements have a type of their own.
fn array(value: &[u8], depth: usize) -> Option<String> {
    let mut reader = Reader::new(value);
    let mut word = || reader.u32().ok();
    let (dimensions, _, of) = (word()?, word()?, word()?);
    if dimensions == 0 {
        return Some("{}".to_owned());
    }
    let (count, _) = (word()?, word()?);
    if dimensions > 1 || count > LONGEST || depth == DEEPEST {
        return None;
    }
    let mut elements = Vec::new();
    for _ in 0..count {
        elements.push(match reader.value().ok()? {
            None => "NULL".to_owned(),
            Some(element) => quoted(within(of, element, depth + 1)?),
        });
    }
    reader.end().ok()?;
    Some(format!("{{{}}}", elements.join(",")))
}

/// An element as an array's text has it.
fn quoted(text: String) -> String {
    let bare = !text.is_empty()
        && !text.contains(['{', '}', ',', '"', '\\', ' ', '\n', '\r', '\t'])
        && !text.eq_ignore_ascii_case("null");
    if bare {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `SELECT ...send(...)` of PostgreSQL 15 gives, and the value's text there.
    #[test]
    fn values_read_as_the_server_writes_them() {
        let cases: &[(u32, &[u8], &str)] = &[
            (16, &[1], "true"),
            (23, &[0xff, 0xff, 0xff, 0xfe], "-2"),
            (20, &[0, 0, 0, 0, 0, 0, 1, 0], "256"),
            (26, &[0xff, 0xff, 0xff, 0xff], "4294967295"),
            (701, &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "1.5"),
            (1700, &[0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 0x0d, 0x48], "12.34"),
            (1700, &[0, 1, 0, 1, 0x40, 0, 0, 0, 0, 5], "-50000"),
            (1700, &[0, 1, 0xff, 0xff, 0, 0, 0, 4, 0, 5], "0.0005"),
            (1700, &[0, 0, 0, 0, 0xc0, 0, 0, 0], "NaN"),
            (1082, &[0, 0, 0x26, 0xa2], "2027-01-29"),
            (1082, &[0xff, 0xff, 0xff, 0xff], "1999-12-31"),
            (1083, &[0, 0, 0, 0x0a, 0x5c, 0x1a, 0x16, 0x80], "12:21:34.886528"),
            (869, &[2, 32, 0, 4, 10, 0, 0, 1], "10.0.0.1"),
            (869, &[2, 8, 1, 4, 10, 0, 0, 0], "10.0.0.0/8"),
            (1114, &[0, 0, 0, 0, 0, 0, 0, 1], "2000-01-01 00:00:00.000001"),
            (1184, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "1999-12-31 23:59:59.999999+00"),
            (25, b"DROP", "DROP"),
            (3802, b"\x01{\"a\": 1}", "{\"a\": 1}"),
            (99_999, b"sad", "<binary: 3 bytes: sad>"),
            (2950, &[0x55; 16], "55555555-5555-5555-5555-555555555555"),
            (
                1009,
                b"\0\0\0\x01\0\0\0\x01\0\0\0\x19\0\0\0\x03\0\0\0\x01\0\0\0\x01a\xff\xff\xff\xff\0\0\0\x03b,c",
                "{a,NULL,\"b,c\"}",
            ),
        ];
        for (of, value, text) in cases {
            assert_eq!(literal(*of, value).as_deref(), Some(*text), "type {of}");
        }
    }

    #[test]
    fn what_is_not_of_its_type_is_not_guessed() {
        for (of, value) in [
            (23, &[1u8, 2, 3][..]),
            (16, &[2]),
            (1082, &[0]),
            (1700, &[0, 9, 0, 0]),
            (17, &[0, 1, 2]),
            (1009, &[0, 0, 0, 1]),
            (2950, &[0; 15]),
            // a client's `unknown` is read as the type that the server finds
            (705, b" 100"),
            (1700, &[0, 0, 0x7f, 0xff, 0, 0, 0, 0]),
            (1700, &[0, 0, 0, 0, 0, 0, 0xff, 0xff]),
            (0, b"ABCD"),
            (790, b"ABCDEFGH"),
        ] {
            assert_eq!(literal(of, value), None, "type {of}");
        }
    }
}
