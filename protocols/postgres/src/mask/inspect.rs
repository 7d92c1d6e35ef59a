//! Whether a detector finds anything in a binary value: looked into by the oid of its type, arrays, rows and ranges included.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Detect, json, number};
use crate::wire::Malformed;
use crate::wire::reader::Reader;

/// How deep values lie within values; deeper ones count as full of secrets.
const DEEPEST: usize = 16;

/// How a type's binary format is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Text, or bytes in which text stands as it is.
    Plain,
    Json,
    Jsonb,
    /// Integers of any width.
    Integer {
        signed: bool,
    },
    Numeric,
    /// Floating-point numbers of this width after so many bytes.
    Floats {
        after: usize,
        width: usize,
    },
    /// Of exactly so many bytes that are no text: dates, times, identifiers.
    Mute(usize),
    Address,
    Array,
    Record,
    Range {
        of: u32,
    },
    Multirange {
        of: u32,
    },
    /// A type that somebody made.
    Unknown,
}

/// Whether nothing is found in it. What cannot be read holds something.
pub(super) fn is_clean(type_oid: u32, value: &[u8], detect: &Detect<'_>) -> bool {
    Look { detect }.holds_nothing(type_oid, value, 0)
}

struct Look<'a> {
    detect: &'a Detect<'a>,
}

/// `None` where the bytes are not of that shape.
type Seen = Result<bool, Malformed>;

impl Look<'_> {
    fn finds(&self, text: &[u8]) -> bool {
        (self.detect)(text).is_some()
    }

    fn holds_nothing(&self, type_oid: u32, value: &[u8], depth: usize) -> bool {
        if depth > DEEPEST {
            return false;
        }
        let seen = match shape(type_oid) {
            Shape::Plain => Ok(!self.finds(value)),
            Shape::Json => Ok(self.document(value)),
            Shape::Jsonb => match value.split_first() {
                Some((1, text)) => Ok(self.document(text)),
                Some(_) | None => Err(Malformed::Format),
            },
            Shape::Integer { signed } => number::integer(value, signed)
                .map(|text| !self.finds(text.as_bytes()))
                .ok_or(Malformed::Format),
            Shape::Numeric => number::numeric(value)
                .map(|text| !self.finds(text.as_bytes()))
                .ok_or(Malformed::Format),
            Shape::Floats { after, width } => self.floats(value, after, width),
            Shape::Mute(length) if value.len() == length => Ok(true),
            Shape::Mute(_) => Err(Malformed::Format),
            Shape::Address => address(value)
                .map(|text| !self.finds(text.as_bytes()))
                .ok_or(Malformed::Format),
            Shape::Array => self.array(value, depth),
            Shape::Record => self.record(value, depth),
            Shape::Range { of } => self.range(of, value, depth),
            Shape::Multirange { of } => self.multirange(of, value, depth),
            Shape::Unknown => Ok(self.unknown(value, depth)),
        };
        seen.unwrap_or(false)
    }

    fn document(&self, text: &[u8]) -> bool {
        matches!(
            json::detect(text, self.detect),
            std::borrow::Cow::Borrowed(_)
        )
    }

    fn floats(&self, value: &[u8], after: usize, width: usize) -> Seen {
        let numbers = value.get(after..).ok_or(Malformed::Format)?;
        if numbers.len() % width != 0 {
            return Err(Malformed::Format);
        }
        let mut texts = numbers.chunks_exact(width).map(number::float);
        Ok(texts.all(|text| text.is_some_and(|text| !self.finds(text.as_bytes()))))
    }

    /// Dimensions, then elements of one type.
    fn array(&self, value: &[u8], depth: usize) -> Seen {
        let mut reader = Reader::new(value);
        let (dimensions, flags, of) = (reader.u32()?, reader.u32()?, reader.u32()?);
        if dimensions > 6 || flags > 1 {
            return Err(Malformed::Format);
        }
        let mut count: u64 = u64::from(dimensions > 0);
        for _ in 0..dimensions {
            count = count.saturating_mul(u64::from(reader.u32()?));
            reader.u32()?;
        }
        let mut clean = true;
        while !reader.remaining().is_empty() {
            count = count.checked_sub(1).ok_or(Malformed::Format)?;
            let element = reader.value()?;
            clean =
                clean && element.is_none_or(|element| self.holds_nothing(of, element, depth + 1));
        }
        match count {
            0 => Ok(clean),
            _ => Err(Malformed::Format),
        }
    }

    /// Fields, each with its type.
    fn record(&self, value: &[u8], depth: usize) -> Seen {
        let mut reader = Reader::new(value);
        let mut clean = true;
        for _ in 0..reader.u32()? {
            let (of, field) = (reader.u32()?, reader.value()?);
            clean = clean && field.is_none_or(|field| self.holds_nothing(of, field, depth + 1));
        }
        reader.end()?;
        Ok(clean)
    }

    fn range(&self, of: u32, value: &[u8], depth: usize) -> Seen {
        const EMPTY: u8 = 0x01;
        /// Infinite or NULL, of the lower and the upper bound.
        const WITHOUT: [u8; 2] = [0x08 | 0x20, 0x10 | 0x40];
        let mut reader = Reader::new(value);
        let flags = reader.u8()?;
        if flags > 0x7f {
            return Err(Malformed::Format);
        }
        let mut clean = true;
        for without in WITHOUT {
            if flags & (EMPTY | without) == 0 {
                let bound = reader.value()?.ok_or(Malformed::Format)?;
                clean = clean && self.holds_nothing(of, bound, depth + 1);
            }
        }
        reader.end()?;
        Ok(clean)
    }

    fn multirange(&self, of: u32, value: &[u8], depth: usize) -> Seen {
        let mut reader = Reader::new(value);
        let mut clean = true;
        for _ in 0..reader.u32()? {
            let range = reader.value()?.ok_or(Malformed::Format)?;
            clean &= self.range(of, range, depth + 1)?;
        }
        reader.end()?;
        Ok(clean)
    }

    /// Keys and values, as `hstore` has them.
    fn pairs(&self, value: &[u8], depth: usize) -> Seen {
        let mut reader = Reader::new(value);
        let mut clean = true;
        for _ in 0..reader.u32()? {
            for part in [reader.value()?, reader.value()?].into_iter().flatten() {
                clean = clean && self.holds_nothing(TEXT, part, depth + 1);
            }
        }
        reader.end()?;
        Ok(clean)
    }

    /// Enums and texts are text; the rest is read as what it looks like, and else holds something.
    fn unknown(&self, value: &[u8], depth: usize) -> bool {
        if self.finds(value) {
            return false;
        }
        if std::str::from_utf8(value).is_ok() && !value.contains(&0) {
            return true;
        }
        self.array(value, depth)
            .or_else(|_| self.record(value, depth))
            .or_else(|_| self.pairs(value, depth))
            .or_else(|_| self.range(0, value, depth))
            .or_else(|_| self.multirange(0, value, depth))
            .unwrap_or(false)
    }
}

const TEXT: u32 = 25;

fn shape(type_oid: u32) -> Shape {
    match type_oid {
        // char, name, text, xml, unknown, bpchar, varchar, refcursor, cstring; bytea, bit, varbit, jsonpath, tsvector, tsquery
        18 | 19 | 25 | 142 | 705 | 1042 | 1043 | 1790 | 2275 | 17 | 1560 | 1562 | 4072 | 3614
        | 3615 => Shape::Plain,
        114 => Shape::Json,
        3802 => Shape::Jsonb,
        // int8, int2, int4, money
        20 | 21 | 23 | 790 => Shape::Integer { signed: true },
        // oid and what stands for one, xid, cid, xid8
        24 | 26 | 28 | 29 | 2202..=2206 | 3734 | 3769 | 4089 | 4096 | 4191 | 5069 => {
            Shape::Integer { signed: false }
        }
        1700 => Shape::Numeric,
        700 => Shape::Floats { after: 0, width: 4 },
        // float8, point, lseg, box, line, circle
        701 | 600 | 601 | 603 | 628 | 718 => Shape::Floats { after: 0, width: 8 },
        602 => Shape::Floats { after: 5, width: 8 },
        604 => Shape::Floats { after: 4, width: 8 },
        2278 => Shape::Mute(0),
        16 => Shape::Mute(1),
        1082 => Shape::Mute(4),
        // tid, macaddr
        27 | 829 => Shape::Mute(6),
        // macaddr8, time, timestamp, timestamptz, pg_lsn
        774 | 1083 | 1114 | 1184 | 3220 => Shape::Mute(8),
        1266 => Shape::Mute(12),
        // interval, uuid
        1186 | 2950 => Shape::Mute(16),
        650 | 869 => Shape::Address,
        2249 => Shape::Record,
        3904 => Shape::Range { of: 23 },
        3906 => Shape::Range { of: 1700 },
        3908 => Shape::Range { of: 1114 },
        3910 => Shape::Range { of: 1184 },
        3912 => Shape::Range { of: 1082 },
        3926 => Shape::Range { of: 20 },
        4451 => Shape::Multirange { of: 23 },
        4532 => Shape::Multirange { of: 1700 },
        4533 => Shape::Multirange { of: 1114 },
        4534 => Shape::Multirange { of: 1184 },
        4535 => Shape::Multirange { of: 1082 },
        4536 => Shape::Multirange { of: 20 },
        other if is_array(other) => Shape::Array,
        _ => Shape::Unknown,
    }
}

/// Arrays of the server's own types, and the vectors that are sent like them.
pub(super) fn is_array(type_oid: u32) -> bool {
    matches!(
        type_oid,
        22 | 30
            | 143
            | 199
            | 271
            | 629
            | 651
            | 719
            | 775
            | 791
            | 1000..=1028
            | 1040
            | 1041
            | 1115
            | 1182
            | 1183
            | 1185
            | 1187
            | 1231
            | 1263
            | 1270
            | 1561
            | 1563
            | 2201
            | 2207..=2211
            | 2287
            | 2951
            | 3221
            | 3643
            | 3645
            | 3735
            | 3770
            | 3807
            | 3905
            | 3907
            | 3909
            | 3911
            | 3913
            | 3927
            | 4073
            | 4090
            | 4097
            | 4192
            | 6150..=6157
    )
}

/// An `inet` or `cidr` as text, without its mask.
pub(super) fn address(value: &[u8]) -> Option<String> {
    let (&[_, _, _, length], address) = value.split_first_chunk()?;
    if usize::from(length) != address.len() {
        return None;
    }
    let address = match *address {
        [a, b, c, d] => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?)),
    };
    Some(address.to_string())
}
