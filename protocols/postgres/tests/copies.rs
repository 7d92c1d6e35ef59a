//! COPY to the client with something to hide: every layout, in pieces of any size, and values of every binary type.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::borrow::Cow;

use bytes::BytesMut;
use proptest::prelude::*;
use protocol_postgres::decode::{Format, Layout, analyse};
use protocol_postgres::mask::copy::CopyMask;
use protocol_postgres::mask::{Hide, RowMask, Rule, Unmaskable};
use protocol_postgres::wire::copy::{Run, pass};

const PLANTED: &[u8] = b"4111111111111111";

fn detect(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let at = text
        .windows(PLANTED.len())
        .position(|window| window == PLANTED)?;
    Some(Cow::Owned(
        [&text[..at], b"<card>", &text[at + PLANTED.len()..]].concat(),
    ))
}

fn mask(class: &str, _text: &[u8]) -> Option<Vec<u8>> {
    match class {
        "null" => None,
        "odd" => Some(b"a\t\"b\", \\\n".to_vec()),
        _ => Some(format!("<{class}>").into_bytes()),
    }
}

const HIDE: Hide<'static> = Hide {
    detect: &detect,
    mask: &mask,
};

fn layout(copy: &str) -> Layout {
    let text = format!("COPY t TO STDOUT {copy}");
    let analysis = analyse(&text).unwrap();
    let copy = analysis.statements[0].copied_out.clone().unwrap();
    copy.layout.unwrap()
}

fn class(name: &str) -> Rule {
    Rule::Class(name.to_owned())
}

fn copied(
    (copy, rules): (&str, &[(Rule, u32)]),
    data: &[u8],
    piece: usize,
) -> Result<Vec<u8>, Unmaskable> {
    let layout = layout(copy);
    let binary = layout.format == Format::Binary;
    let rows = RowMask::new(rules.iter().map(|(rule, oid)| (rule.clone(), *oid, binary)));
    let (mut mask, mut out) = (CopyMask::new(rows, layout), BytesMut::new());
    for piece in data.chunks(piece.max(1)) {
        mask.push(piece, HIDE, &mut out)?;
    }
    mask.finish(HIDE, &mut out)?;
    Ok(out.to_vec())
}

fn shown(what: (&str, &[(Rule, u32)]), data: &str) -> String {
    let whole = copied(what, data.as_bytes(), usize::MAX).unwrap();
    for piece in [1, 2, 7] {
        assert_eq!(copied(what, data.as_bytes(), piece).as_ref(), Ok(&whole));
    }
    String::from_utf8(whole).unwrap()
}

#[test]
fn lines_of_text_are_masked_field_by_field() {
    let rules = [(Rule::Keep, 23), (Rule::Detect, 25), (class("c"), 25)];
    assert_eq!(
        shown(
            ("", &rules),
            "1\tcard 4111111111111111\\tand\tx\n2\t\\N\t\\N\n3\tplain\\\\\ty\n"
        ),
        "1\tcard <card>\\tand\t<c>\n2\t\\N\t\\N\n3\tplain\\\\\t<c>\n"
    );
    // an escape hides nothing, a last line may lack its end, and a name is no value
    assert_eq!(
        shown(
            ("(HEADER)", &rules),
            "id\t4111111111111111\tc\n1\t\\x34111111111111111\t\n2\t\\064111111111111111\tz"
        ),
        "id\t4111111111111111\tc\n1\t<card>\t<c>\n2\t<card>\t<c>"
    );
    let odd = [(class("odd"), 25), (class("null"), 25), (Rule::Detect, 20)];
    assert_eq!(
        shown(
            ("(DELIMITER ',', NULL 'none')", &odd),
            "a,b,4111111111111111\nnone,none,7\n"
        ),
        "a\\t\"b\"\\, \\\\\\n,none,none\nnone,none,7\n"
    );
}

#[test]
fn lines_of_csv_are_masked_field_by_field() {
    let rules = [(Rule::Keep, 23), (Rule::Detect, 25), (class("odd"), 25)];
    assert_eq!(
        shown(
            ("CSV", &rules),
            "1,\"a, 4111111111111111\nb \"\"q\"\"\",x\n2,,\"\"\n\"3\",plain,\n"
        ),
        "1,\"a, <card>\nb \"\"q\"\"\",\"a\t\"\"b\"\", \\\n\"\n2,,\"a\t\"\"b\"\", \\\n\"\n\"3\",plain,\n"
    );
    let text = [(Rule::Detect, 25), (Rule::Detect, 3802)];
    assert_eq!(
        shown(
            (
                "(FORMAT csv, QUOTE '''', ESCAPE '\\', DELIMITER ';')",
                &text
            ),
            "'it\\'s 4111111111111111';'{\"a\": \"4111111111111111\"}'\n"
        ),
        "'it\\'s <card>';'{\"a\": \"<card>\"}'\n"
    );
}

#[test]
fn binary_rows_are_masked_like_results() {
    let mut data = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\x02xx".to_vec();
    let header = data.len();
    data.extend(b"\0\x02\0\0\0\x101234567890123456\0\0\0\x164111111111111111 there");
    data.extend(b"\0\x02\xff\xff\xff\xff\0\0\0\0\xff\xff");
    let rules = [(class("c"), 25), (Rule::Detect, 25)];
    let masked = copied(("BINARY", &rules), &data, usize::MAX).unwrap();
    assert_eq!(masked[..header], data[..header]);
    let rows = b"\0\x02\0\0\0\x03<c>\0\0\0\x0c<card> there\0\x02\xff\xff\xff\xff\0\0\0\0\xff\xff";
    assert_eq!(masked[header..], rows[..]);
    for piece in 1..9 {
        assert_eq!(
            copied(("BINARY", &rules), &data, piece).as_ref(),
            Ok(&masked)
        );
    }
    for cut in 1..data.len() - 1 {
        let result = copied(("BINARY", &rules), &data[..cut], usize::MAX);
        let whole = [header, data.len() - 12, data.len() - 2];
        assert_eq!(result.is_ok(), whole.contains(&cut), "{cut}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let rules = [(Rule::Detect, 25), (Rule::Keep, 25)];
    for (copy, data) in [
        ("", &b"one\n"[..]),
        ("", b"one\ttwo\tthree\n"),
        ("CSV", b"one,two,three\n"),
        ("CSV", b"one,\"two\n"),
        ("BINARY", b"one\ttwo\n"),
        ("BINARY", b"PGCOPY\n\xff\r\n\0\0\x01\0\0\0\0\0\0"),
        ("BINARY", b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\xff\xffx"),
        (
            "BINARY",
            b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02\xff\xff\xff\xfe",
        ),
    ] {
        let result = copied((copy, &rules), data, usize::MAX);
        assert_eq!(result, Err(Unmaskable::Shape), "{copy} {data:?}");
    }
    let endless = vec![b'x'; (16 << 20) + 1];
    assert_eq!(
        copied(("", &rules), &endless, 1 << 20),
        Err(Unmaskable::TooLong)
    );
}

#[test]
fn the_query_of_a_copy_is_its_own() {
    for (copy, query) in [
        ("COPY t TO STDOUT", "SELECT * FROM ONLY \"t\""),
        (
            "COPY \"S\".\"a\"\"b\" (x, \"Y\") TO STDOUT",
            "SELECT \"x\", \"Y\" FROM ONLY \"S\".\"a\"\"b\"",
        ),
        (
            "COPY (SELECT ')' /* ( */ , (1)) TO STDOUT (FORMAT csv)",
            "SELECT ')' /* ( */ , (1)",
        ),
        ("/* ( */ COPY (VALUES ($$)$$)) TO STDOUT", "VALUES ($$)$$)"),
    ] {
        let analysis = analyse(copy).unwrap();
        let found = analysis.statements[0].copied_out.as_ref().unwrap();
        assert_eq!(found.query, query, "{copy}");
    }
    for copy in [
        "COPY t FROM STDIN",
        "COPY t TO '/tmp/x'",
        "COPY t TO PROGRAM 'x'",
        "SELECT 1",
    ] {
        assert!(
            analyse(copy).unwrap().statements[0].copied_out.is_none(),
            "{copy}"
        );
    }
    for copy in [
        "ENCODING 'LATIN1'",
        "DELIMITER 'ab'",
        "FORMAT xml",
        "SOMETHING 1",
    ] {
        let analysis = analyse(&format!("COPY t TO STDOUT ({copy})")).unwrap();
        let found = analysis.statements[0].copied_out.as_ref().unwrap();
        assert!(found.layout.is_err(), "{copy}");
    }
}

#[test]
fn long_data_goes_in_pieces_and_short_data_as_it_came() {
    let message = |length: usize| {
        let mut message = vec![b'd'];
        message.extend((length as u32 + 4).to_be_bytes());
        message.extend(std::iter::repeat_n(b'x', length));
        message
    };
    let mut buffer = BytesMut::from(&[message(3), message(0), message(100_000)].concat()[..50_000]);
    let (mut run, mut bytes) = (Run::default(), 0);
    let mut take = |run: &mut Run, buffer: &mut BytesMut| {
        run.take(buffer, &mut |data| bytes += data.len()).unwrap()
    };
    assert_eq!(
        take(&mut run, &mut buffer),
        [message(3), message(0)].concat()
    );
    let piece = take(&mut run, &mut buffer);
    assert_eq!(piece, message(50_000 - 13 - 5));
    assert!(take(&mut run, &mut buffer).is_empty());
    buffer.extend_from_slice(&[b'x'; 1000]);
    assert_eq!(take(&mut run, &mut buffer), message(1000));
    buffer.extend_from_slice(&vec![b'x'; 60_000]);
    assert!(run.drop_rest(&mut buffer));
    assert_eq!(buffer.len(), 60_000 - (100_000 - 49_982 - 1000));
    assert_eq!(bytes, 3 + 49_982 + 1000);
    let mut rows = BytesMut::from(&[message(3), message(1), b"c\0\0\0\x04".to_vec()].concat()[..]);
    assert_eq!(pass(&mut rows).1, 2);
    assert_eq!(rows[..], b"c\0\0\0\x04"[..]);
}

/// Whether a binary value of a type is shown to who may not see what is planted.
fn passes(type_oid: u32, value: &[u8]) -> bool {
    is_shown(type_oid, true, value)
}

fn is_shown(type_oid: u32, binary: bool, value: &[u8]) -> bool {
    let row = [&b"\0\x01"[..], &(value.len() as u32).to_be_bytes(), value].concat();
    let frame = [&b"D"[..], &(row.len() as u32 + 4).to_be_bytes(), &row].concat();
    let mut out = BytesMut::new();
    let masked = RowMask::new([(Rule::Detect, type_oid, binary)]);
    masked.rewrite_row(&frame, HIDE, &mut out).unwrap();
    assert!(out[..] == frame[..] || out[7..] == [0xff; 4]);
    out[..] == frame[..]
}

const CARD: [u8; 8] = 4_111_111_111_111_111_i64.to_be_bytes();
const SEVEN: [u8; 8] = 7_i64.to_be_bytes();

fn numeric(digits: &[u16], weight: u16, scale: u16) -> Vec<u8> {
    let head = [digits.len() as u16, weight, 0, scale];
    let all = head.iter().chain(digits);
    all.flat_map(|digit| digit.to_be_bytes()).collect()
}

fn array(of: u32, elements: &[&[u8]]) -> Vec<u8> {
    let head = [1, 0, of, elements.len() as u32, 1];
    let mut value = head.map(u32::to_be_bytes).concat();
    for element in elements {
        value.extend((element.len() as u32).to_be_bytes());
        value.extend(*element);
    }
    value
}

fn record(of: u32, field: &[u8]) -> Vec<u8> {
    let head = [1, of, field.len() as u32].map(u32::to_be_bytes).concat();
    [&head, field].concat()
}

/// Without an upper bound.
fn range(bound: &[u8]) -> Vec<u8> {
    let length = (bound.len() as u32).to_be_bytes();
    [&[0x12], &length[..], bound].concat()
}

#[test]
fn binary_values_without_anything_to_hide_pass() {
    for (type_oid, clean) in [
        (16, vec![1]),
        (2278, Vec::new()),
        (1184, CARD.to_vec()),
        (2950, [0; 16].to_vec()),
        (1700, numeric(&[4111, 1111, 1111], 2, 0)),
        (1700, vec![0, 0, 0, 0, 0xc0, 0, 0, 0]),
        (701, 1.5_f64.to_be_bytes().to_vec()),
        (869, vec![2, 32, 0, 4, 127, 0, 0, 1]),
        (1009, array(25, &[b"a", b"b"])),
        (1007, [0_u32, 0, 23].map(u32::to_be_bytes).concat()),
        (2249, record(25, b"plain")),
        (3926, range(&SEVEN)),
        (17, b"\0\x01".to_vec()),
        (16_500, b"an enum's label".to_vec()),
        (16_500, array(20, &[&SEVEN])),
        (16_500, record(16_501, b"label")),
    ] {
        assert!(passes(type_oid, &clean), "{type_oid} {clean:?}");
    }
}

#[test]
fn binary_values_of_every_type_are_looked_into() {
    let (text, planted) = (PLANTED, numeric(&[4111, 1111, 1111, 1111], 3, 0));
    for (type_oid, full) in [
        (1700, planted.clone()),
        (1700, numeric(&[4111, 1111, 1111, 1111, 5000], 3, 1)),
        (701, 4_111_111_111_111_111_f64.to_be_bytes().to_vec()),
        (790, CARD.to_vec()),
        (1009, array(25, &[b"a", text])),
        (1016, array(20, &[&SEVEN, &CARD])),
        (1231, array(1700, &[&planted])),
        (2249, record(1043, text)),
        (2249, record(2249, &record(20, &CARD))),
        (3926, range(&CARD)),
        (3906, range(&planted)),
        (
            4536,
            [&[0, 0, 0, 1, 0, 0, 0, 13][..], &range(&CARD)].concat(),
        ),
        (17, [b"\0", text].concat()),
        (3614, text.to_vec()),
        (16_500, text.to_vec()),
        (16_500, array(20, &[&CARD])),
        (16_500, record(20, &CARD)),
        (16_500, range(&CARD)),
        (16_500, vec![0xff, 0, 1]),
        // what does not fit its type
        (16, text.to_vec()),
        (1009, vec![0, 0, 0, 9]),
        (1700, vec![0]),
    ] {
        assert!(!passes(type_oid, &full), "{type_oid} {full:?}");
    }
}

#[test]
fn decimals_and_dates_are_no_card_numbers() {
    for (type_oid, clean) in [
        (701, &b"0.4111111111111111"[..]),
        (701, b"NaN"),
        (1700, b"3.4111111111111111"),
        (600, b"(0.4111111111111111,2)"),
        (1231, b"{1.5,0.4111111111111111,NULL}"),
        (2950, b"41111111-1111-1111-aaaa-aaaaaaaaaaaa"),
        (1114, b"2026-01-01 00:00:00"),
        (16, b"t"),
    ] {
        assert!(is_shown(type_oid, false, clean), "{type_oid}");
    }
    for (type_oid, full) in [
        (701, &b"4.111111111111111e+15"[..]),
        (1700, b"4111111111111111.50"),
        (1231, b"{1.5,4111111111111111}"),
        (3906, b"[1,4111111111111111)"),
        (600, b"(1,4.111111111111111e+15)"),
        (17, b"\\x34313131313131313131313131313131"),
        (1001, b"{\"\\\\x34313131313131313131313131313131\"}"),
        (199, b"{\"{\\\"a\\\": \\\"\\\\u0034111\\\"}\"}"),
        (16_500, b"(\"4111111111111111\",x)"),
    ] {
        assert!(!is_shown(type_oid, false, full), "{type_oid}");
    }
}

proptest! {
    #[test]
    fn pieces_make_no_difference(data in proptest::collection::vec(proptest::sample::select(&b"41\\x\t\n,\"N"[..]), 0..60), piece in 1_usize..5, copy in proptest::sample::select(&["", "CSV", "(FORMAT csv, ESCAPE '\\')"][..])) {
        let rules = [(Rule::Detect, 25), (class("odd"), 25)];
        prop_assert_eq!(copied((copy, &rules), &data, usize::MAX).ok(), copied((copy, &rules), &data, piece).ok());
    }

    #[test]
    fn any_binary_value_is_read_or_null(type_oid in proptest::sample::select(&[16_u32, 17, 700, 701, 869, 1009, 1700, 2249, 3802, 3926, 4536, 16_500][..]), value in proptest::collection::vec(any::<u8>(), 0..48)) {
        if type_oid != 3802 {
            passes(type_oid, &value);
        }
    }
}
