//! Rows, errors and notices with something to hide, in every type and format that is read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use std::borrow::Cow;

use bytes::BytesMut;
use proptest::prelude::*;
use protocol_postgres::mask::fields::{
    scrub_fields, scrub_notification, scrub_parameter, withhold,
};
use protocol_postgres::mask::{Hide, RowMask, Rule, Unmaskable};
use protocol_postgres::wire::backend::Backend;
use protocol_postgres::wire::frame::{BackendFrame, Frame, Limits, next_backend};

/// Stands in for detectors: hides this text.
const PLANTED: &[u8] = b"4111111111111111";

fn detect(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let at = text
        .windows(PLANTED.len())
        .position(|window| window == PLANTED)?;
    Some(Cow::Owned(
        [&text[..at], b"<card>", &text[at + PLANTED.len()..]].concat(),
    ))
}

fn mask(class: &str, text: &[u8]) -> Option<Vec<u8>> {
    match class {
        "null" => None,
        "zero" => Some(b"0".to_vec()),
        "copy" => Some(text.to_vec()),
        _ => Some(format!("<{class}>").into_bytes()),
    }
}

const HIDE: Hide<'static> = Hide {
    detect: &detect,
    mask: &mask,
};

fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        body.extend_from_slice(&value.map_or(-1, |value| value.len() as i32).to_be_bytes());
        body.extend_from_slice(value.unwrap_or_default());
    }
    shapes::frame(b'D', &body)
}

fn frame(bytes: &[u8]) -> Frame {
    match next_backend(&mut BytesMut::from(bytes), &Limits::default()) {
        Ok(Some(BackendFrame::Whole(frame))) => frame,
        other => panic!("{other:?}"),
    }
}

fn values(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let frame = frame(bytes);
    let Ok(Backend::DataRow(values)) = Backend::read(&frame) else {
        panic!("no row")
    };
    values
        .iter()
        .map(|value| value.map(<[u8]>::to_vec))
        .collect()
}

/// One value of one column, masked.
fn one(
    rule: Rule,
    type_oid: u32,
    binary: bool,
    value: &[u8],
) -> Result<Option<Vec<u8>>, Unmaskable> {
    let mut out = BytesMut::new();
    RowMask::new([(rule, type_oid, binary)]).rewrite_row(&row(&[Some(value)]), HIDE, &mut out)?;
    Ok(values(&out).remove(0))
}

fn class(name: &str) -> Rule {
    Rule::Class(name.to_owned())
}

fn some(text: &[u8]) -> Result<Option<Vec<u8>>, Unmaskable> {
    Ok(Some(text.to_vec()))
}

#[test]
fn text_in_both_formats() {
    for type_oid in [25, 1043, 1042, 19] {
        for binary in [false, true] {
            assert_eq!(
                one(Rule::Detect, type_oid, binary, b"card 4111111111111111!"),
                some(b"card <card>!")
            );
            assert_eq!(
                one(Rule::Detect, type_oid, binary, b"nothing"),
                some(b"nothing")
            );
            assert_eq!(
                one(class("email"), type_oid, binary, b"ada@example.com"),
                some(b"<email>")
            );
            assert_eq!(
                one(class("null"), type_oid, binary, b"ada@example.com"),
                Ok(None)
            );
            assert_eq!(one(Rule::Whole, type_oid, binary, b"anything"), Ok(None));
            assert_eq!(one(Rule::Keep, type_oid, binary, PLANTED), some(PLANTED));
        }
    }
}

#[test]
fn integers_stay_integers_or_are_null() {
    let number = 4_111_111_111_111_111_i64;
    assert_eq!(one(Rule::Detect, 20, false, PLANTED), Ok(None));
    assert_eq!(one(Rule::Detect, 20, true, &number.to_be_bytes()), Ok(None));
    assert_eq!(
        one(Rule::Detect, 20, true, &7_i64.to_be_bytes()),
        some(&7_i64.to_be_bytes())
    );
    assert_eq!(
        one(class("zero"), 20, true, &number.to_be_bytes()),
        some(&0_i64.to_be_bytes())
    );
    assert_eq!(one(class("zero"), 23, false, b"42"), some(b"0"));
    assert_eq!(one(class("zero"), 21, true, &[0, 9]), some(&[0, 0]));
    assert_eq!(one(class("email"), 23, false, b"42"), Ok(None));
    assert_eq!(
        one(class("copy"), 23, true, &[0, 0, 0, 5]),
        some(&[0, 0, 0, 5])
    );
    assert_eq!(
        one(Rule::Detect, 23, true, b"123"),
        Err(Unmaskable::Shape),
        "three bytes are no int4"
    );
}

#[test]
fn json_stays_json() {
    for (type_oid, binary, version) in [
        (114, false, &b""[..]),
        (114, true, b""),
        (3802, false, b""),
        (3802, true, b"\x01"),
    ] {
        let one = |rule, text: &[u8]| {
            let masked = one(rule, type_oid, binary, &[version, text].concat()).unwrap()?;
            let text = masked.strip_prefix(version).expect("version").to_vec();
            serde_json::from_slice::<serde_json::Value>(&text).expect("a document");
            Some(String::from_utf8(text).unwrap())
        };
        let hidden = |text: &[u8]| one(Rule::Detect, text).unwrap();
        assert_eq!(hidden(br#"{"a": 1, "b": "x"}"#), r#"{"a": 1, "b": "x"}"#);
        assert_eq!(
            hidden(br#"{"card": "no 4111111111111111"}"#),
            r#"{"card": "no <card>"}"#
        );
        assert_eq!(
            hidden(br#"{"card": 4111111111111111, "b": [true]}"#),
            r#"{"card": "<card>", "b": [true]}"#
        );
        assert_eq!(
            hidden(br#"["4111\u00311111111\u0031111"]"#),
            r#"["<card>"]"#,
            "an escape hides nothing"
        );
        assert_eq!(
            hidden(b"[4.111111111111111e15, 2.5e3]"),
            r#"["<card>", 2.5e3]"#
        );
        assert_eq!(
            hidden(br#"["\\", "\"4111111111111111\""]"#),
            r#"["\\", "\"<card>\""]"#
        );
        assert_eq!(
            hidden(br#"["\ud800"]"#),
            r#"["***"]"#,
            "what cannot be decoded is hidden whole"
        );
        assert_eq!(one(class("email"), br#"{"a":1}"#).unwrap(), r#""<email>""#);
        assert_eq!(one(class("null"), b"{}"), None);
    }
    assert_eq!(
        one(Rule::Detect, 3802, true, b"\x02{}"),
        Err(Unmaskable::Shape)
    );
    assert_eq!(one(Rule::Detect, 3802, true, b""), Err(Unmaskable::Shape));
}

#[test]
fn other_types_are_kept_whole_or_null() {
    for (type_oid, value) in [
        (1700, PLANTED),
        (1009, b"{4111111111111111,x}"),
        (17, b"\\x34313131313131313131313131313131"),
        (17, PLANTED),
    ] {
        assert_eq!(
            one(Rule::Detect, type_oid, false, value),
            Ok(None),
            "{type_oid}"
        );
        assert_eq!(
            one(class("copy"), type_oid, false, value),
            Ok(None),
            "{type_oid}"
        );
    }
    assert_eq!(
        one(Rule::Detect, 1184, false, b"2026-01-01 00:00:00+00"),
        some(b"2026-01-01 00:00:00+00")
    );
    assert_eq!(one(Rule::Detect, 17, false, b"\\x00ff"), some(b"\\x00ff"));
}

#[test]
fn digits_behind_a_point_are_no_number_of_their_own() {
    let average = b"2.4111111111111111";
    for type_oid in [700, 701, 1700, 114, 3802] {
        assert_eq!(one(Rule::Detect, type_oid, false, average), some(average));
        assert_eq!(one(class("null"), type_oid, false, average), Ok(None));
        let amount = b"4111111111111111.50";
        let masked = one(Rule::Detect, type_oid, false, amount).unwrap();
        assert!(masked.is_none_or(|masked| !masked.starts_with(b"4111")));
    }
    // 2.4111111111111111 and 4111111111111111.50 as digits of base 10,000
    let binary = |digits: &[u16], weight: u16, scale: u16| -> Vec<u8> {
        let head = [u16::try_from(digits.len()).unwrap(), weight, 0, scale];
        let words = head.iter().chain(digits);
        words.flat_map(|word| word.to_be_bytes()).collect()
    };
    let average = binary(&[2, 4111, 1111, 1111, 1111], 0, 16);
    assert_eq!(one(Rule::Detect, 1700, true, &average), some(&average));
    let amount = binary(&[4111, 1111, 1111, 1111, 5000], 3, 2);
    assert_eq!(one(Rule::Detect, 1700, true, &amount), Ok(None));
    let nobody = b"00000000-0000-0000-0000-000000000000";
    assert_eq!(one(Rule::Detect, 2950, false, nobody), some(nobody));
    assert_eq!(one(class("null"), 2950, false, nobody), Ok(None));
}

#[test]
fn hostile_rows_leave_nothing_behind() {
    let mask = RowMask::new([(Rule::Detect, 25, false), (Rule::Keep, 25, false)]);
    let sound = row(&[Some(b"a"), Some(PLANTED)]);
    let bad = [
        row(&[Some(b"a")]),
        row(&[Some(b"a"), Some(b"b"), Some(b"c")]),
        shapes::frame(b'D', b"\0\x02\0\0\0\x01a"),
        shapes::frame(b'D', b"\0\x02\0\0\0\x01a\xff\xff\xff\xfe"),
        shapes::frame(b'D', b"\0\x02\0\0\0\x01a\x7f\xff\xff\xffx"),
        shapes::frame(b'D', b"\0\x02\0\0\0\x01a\0\0\0\x01bX"),
        shapes::frame(b'T', &sound[5..]),
        sound[..sound.len() - 1].to_vec(),
        [&sound[..], b"x"].concat(),
        Vec::new(),
    ];
    let mut out = BytesMut::from(&b"before"[..]);
    for bad in bad {
        assert!(mask.rewrite_row(&bad, HIDE, &mut out).is_err(), "{bad:?}");
        assert_eq!(out, b"before"[..]);
    }
    assert_eq!(mask.rewrite_row(&sound, HIDE, &mut out), Ok(()));
    assert_eq!(out[6..], sound);
}

#[test]
fn errors_and_notices_are_scrubbed() {
    let error = frame(&shapes::frame(
        b'E',
        b"SERROR\0VERROR\0C23505\0Mcard 4111111111111111\0DKey (card)=(4111111111111111)\0Hask\0WSQL 4111111111111111\0qSELECT 1\0p3\0P7\0ttable\0L12\0\0",
    ));
    let text = |drop_detail| {
        let scrubbed = frame(&scrub_fields(&error, &detect, drop_detail).unwrap());
        let Ok(Backend::ErrorResponse(fields)) = Backend::read(&scrubbed) else {
            panic!("no error")
        };
        fields
            .iter()
            .map(|(code, text)| format!("{}{}", char::from(code), String::from_utf8_lossy(text)))
            .collect::<Vec<_>>()
            .join("|")
    };
    assert_eq!(
        text(false),
        "SERROR|VERROR|C23505|Mcard <card>|DKey (card)=(<card>)|Hask|WSQL <card>|qSELECT 1|p3|P7|ttable|L12"
    );
    assert_eq!(
        text(true),
        "SERROR|VERROR|C23505|Mcard <card>|Hask|P7|ttable|L12"
    );
    let withheld = frame(&withhold(&error).unwrap());
    let Ok(Backend::ErrorResponse(fields)) = Backend::read(&withheld) else {
        panic!("no error")
    };
    assert_eq!(fields.sqlstate(), Some(&b"23505"[..]));
    assert!(fields.iter().all(|(_, text)| !text.contains(&b'<')));
    for code in *b"DHWqpt" {
        assert_eq!(fields.field(code), None, "{}", char::from(code));
    }
    let report = frame(&shapes::frame(
        b'S',
        b"application_name\0of 4111111111111111\0",
    ));
    assert_eq!(
        scrub_parameter(&report, &detect).unwrap(),
        Some(shapes::frame(b'S', b"application_name\0of <card>\0").into())
    );
    assert_eq!(scrub_parameter(&report, &|_| None).unwrap(), None);
    let notification = frame(&shapes::frame(
        b'A',
        b"\0\0\0\x01news\0pay 4111111111111111\0",
    ));
    assert_eq!(
        scrub_notification(&notification, &detect).unwrap(),
        shapes::frame(b'A', b"\0\0\0\x01news\0pay <card>\0")
    );
    assert!(scrub_fields(&notification, &detect, true).is_err());
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        Just(Rule::Keep),
        Just(Rule::Detect),
        Just(Rule::Whole),
        Just(class("email")),
        Just(class("null")),
        Just(class("zero"))
    ]
}

fn planted() -> impl Strategy<Value = Option<Vec<u8>>> {
    let text = ("[a-z]{0,9}", any::<bool>(), "[a-z]{0,9}").prop_map(|(before, with, after)| {
        [
            before.as_bytes(),
            if with { PLANTED } else { b"" },
            after.as_bytes(),
        ]
        .concat()
    });
    proptest::option::of(text)
}

proptest! {
    /// Whatever the rules: as many columns as before, NULL stays NULL, kept values stay, nothing planted gets through.
    #[test]
    fn nothing_planted_gets_through(columns in proptest::collection::vec((rule(), proptest::sample::select(vec![25_u32, 23, 20, 17, 1700]), planted()), 0..12)) {
        let row_mask = RowMask::new(columns.iter().map(|(rule, type_oid, _)| (rule.clone(), *type_oid, false)));
        let before: Vec<_> = columns.iter().map(|(_, _, value)| value.as_deref()).collect();
        let mut out = BytesMut::new();
        row_mask.rewrite_row(&row(&before), HIDE, &mut out).unwrap();
        let after = values(&out);
        prop_assert_eq!(after.len(), before.len());
        for (((rule, _, _), before), after) in columns.iter().zip(before).zip(after) {
            match (rule, before) {
                (_, None) | (Rule::Whole, _) => prop_assert_eq!(after, None),
                (Rule::Keep, Some(before)) => prop_assert_eq!(after.as_deref(), Some(before)),
                (Rule::Detect | Rule::Class(_), Some(_)) => prop_assert!(after.is_none_or(|after| detect(&after).is_none())),
            }
        }
    }

    #[test]
    fn any_row_is_masked_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut out = BytesMut::new();
        let row_mask = RowMask::new([(Rule::Detect, 25, false), (Rule::Detect, 3802, true)]);
        let result = row_mask.rewrite_row(&shapes::frame(b'D', &bytes), HIDE, &mut out);
        prop_assert_eq!(result.is_err(), out.is_empty());
    }
}
