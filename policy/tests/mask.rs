//! Data classes from a configuration to masked text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::ops::Range;

use policy::Error;
use policy::mask::{DataClass, Detector, Hiding, How, Masking, Redacted, SECRET, WHOLE};
use proptest::prelude::*;

fn class(name: &str, columns: &[&str], detectors: &[Detector], how: How) -> DataClass {
    DataClass {
        name: name.to_owned(),
        columns: columns.iter().map(|one| (*one).to_owned()).collect(),
        detectors: detectors.to_vec(),
        how,
    }
}

fn masking() -> Masking {
    Masking::new(vec![
        class("email", &["*.email"], &[Detector::Email], How::Redact),
        class(
            "payment-card",
            &["shop.public.customers.card"],
            &[Detector::PaymentCard],
            How::Last4,
        ),
    ])
    .unwrap()
}

fn shown(text: &str, revealed: &[&str]) -> String {
    match masking().detect(text.as_bytes(), &|class| revealed.contains(&class)) {
        Some(masked) => String::from_utf8(masked.into_owned()).unwrap(),
        None => text.to_owned(),
    }
}

#[test]
fn detected_values_are_hidden_unless_revealed() {
    let text = "ada@example.com paid with 4111 1111 1111 1111, bob@example.org too";
    assert_eq!(
        shown(text, &[]),
        "<email> paid with **** **** **** 1111, <email> too"
    );
    assert_eq!(
        shown(text, &["email"]),
        "ada@example.com paid with **** **** **** 1111, bob@example.org too"
    );
    assert_eq!(
        shown(text, &["payment-card"]),
        "<email> paid with 4111 1111 1111 1111, <email> too"
    );
    assert!(masking().detect(text.as_bytes(), &|_| true).is_none());
    assert!(
        masking()
            .detect(b"nothing 4111 1111 1111 1112 here", &|_| false)
            .is_none()
    );
    assert!(masking().has_detectors());
}

#[test]
fn overlapping_findings_are_one() {
    assert_eq!(shown("4111111111111111@example.com", &[]), "<email>");
    assert_eq!(
        shown("4111111111111111@example.com", &["email"]),
        "************1111@example.com"
    );
}

#[test]
fn ways_to_hide_a_value() {
    let masking = masking();
    let hide = |how, text: &str| {
        String::from_utf8(masking.mask_value(&class("c", &[], &[], how), text.as_bytes())).unwrap()
    };
    assert_eq!(hide(How::Redact, "anything"), "<c>");
    assert_eq!(hide(How::Redact, ""), "<c>");
    assert_eq!(hide(How::Null, "anything"), "");
    assert_eq!(
        hide(How::Last4, "4111-1111-1111-1111"),
        "****-****-****-1111"
    );
    assert_eq!(hide(How::Last4, "grün-blau"), "****-blau");
    assert_eq!(
        hide(How::Last4, "1234567"),
        "*******",
        "too short to keep anything"
    );
    assert_eq!(hide(How::Hash, "anything"), "<c>", "no key");
    assert_eq!(
        masking.mask_value(&class("c", &[], &[], How::Last4), b"\xff\xfe12345678"),
        b"**********"
    );

    let keyed = Masking::new(vec![]).unwrap().keyed(&[7; 32]);
    let hash = |name: &str, text: &str| {
        String::from_utf8(keyed.mask_value(&class(name, &[], &[], How::Hash), text.as_bytes()))
            .unwrap()
    };
    assert_eq!(hash("c", "a"), hash("c", "a"));
    assert_ne!(hash("c", "a"), hash("c", "b"));
    assert_ne!(hash("c", "a")[2..], hash("d", "a")[2..]);
    assert_eq!(hash("c", "a").len(), "<c:>".len() + 32);
    let other = Masking::new(vec![]).unwrap().keyed(&[8; 32]);
    assert_ne!(
        other.mask_value(&class("c", &[], &[], How::Hash), b"a"),
        keyed.mask_value(&class("c", &[], &[], How::Hash), b"a")
    );
}

#[test]
fn columns_are_matched_from_the_right() {
    let masking = Masking::new(vec![
        class("email", &["*.email"], &[], How::Redact),
        class(
            "card",
            &["customers.card", "shop.*.cards.number"],
            &[],
            How::Last4,
        ),
        class("secret", &["token"], &[], How::Null),
    ])
    .unwrap();
    let of = |database: &str, schema: &str, table: &str, column: &str| {
        masking
            .class_of_column(database, schema, table, column)
            .map(|class| class.name.clone())
    };
    assert_eq!(
        of("shop", "public", "customers", "email").as_deref(),
        Some("email")
    );
    assert_eq!(of("x", "y", "Customers", "CARD").as_deref(), Some("card"));
    assert_eq!(of("x", "y", "orders", "card"), None);
    assert_eq!(
        of("shop", "any", "cards", "number").as_deref(),
        Some("card")
    );
    assert_eq!(of("crm", "any", "cards", "number"), None);
    assert_eq!(of("a", "b", "c", "token").as_deref(), Some("secret"));
    assert_eq!(of("a", "b", "c", "tokens"), None);
    assert!(!masking.has_detectors());
}

#[test]
fn wrong_classes_are_refused() {
    let with = |columns: &[&str]| {
        Masking::new(vec![class("c", columns, &[], How::Redact)])
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(
        with(&["a.b.c.d", "*.*.*.d", "b.c.d"]),
        None,
        "one class may say it twice"
    );
    for (pattern, told) in [
        ("a.b.c.d.e", "more than four"),
        ("", "neither a name"),
        ("a..b", "neither a name"),
        ("cust*.card", "neither a name"),
        ("customers.*", "names no column"),
    ] {
        assert!(with(&[pattern]).unwrap().contains(told), "{pattern}");
    }
    let two = |one: &str, other: &str| {
        Masking::new(vec![
            class("c", &[one], &[], How::Redact),
            class("d", &[other], &[], How::Redact),
        ])
    };
    assert!(matches!(
        two("*.email", "shop.public.customers.EMAIL"),
        Err(Error::ColumnOverlap { .. })
    ));
    assert!(two("orders.email", "customers.email").is_ok());
    for name in ["", "a b", "é", "a\"b"] {
        assert!(
            matches!(
                Masking::new(vec![class(name, &[], &[], How::Redact)]),
                Err(Error::DataClass { .. })
            ),
            "{name}"
        );
    }
    assert!(
        Masking::new(vec![
            class("c", &["a"], &[], How::Redact),
            class("c", &["b"], &[], How::Redact)
        ])
        .is_err()
    );
    let text = r#"{"name":"c","columns":["a"],"detectors":["payment-card","email"],"how":"last4"}"#;
    let read: DataClass = serde_json::from_str(text).unwrap();
    assert_eq!(
        read,
        class(
            "c",
            &["a"],
            &[Detector::PaymentCard, Detector::Email],
            How::Last4
        )
    );
    assert!(
        serde_json::from_str::<DataClass>(r#"{"name":"c","how":"redact","column":[]}"#).is_err()
    );
}

fn once(range: Range<usize>) -> Vec<Range<usize>> {
    vec![range]
}

fn hiding(constants: Vec<Range<usize>>, comments: Vec<Range<usize>>) -> Hiding {
    Hiding {
        constants,
        comments,
        ..Hiding::default()
    }
}

#[test]
fn constants_and_comments_of_a_request_are_marked() {
    let text =
        "select * from ada@x.de where e = 'ada@example.com' and c = 4111111111111111 -- bob@y.de";
    let place = |value: &str| {
        let start = text.find(value).unwrap();
        start..start + value.len()
    };
    let constants = vec![place("4111111111111111"), place("'ada@example.com'")];
    let redacted = masking().redact_request(text, &hiding(constants, once(place("-- bob@y.de"))));
    assert_eq!(
        redacted.text,
        "select * from ada@x.de where e = '<email:15>' and c = <payment-card:16> -- <email:8>"
    );
    assert_eq!(
        redacted.classes,
        ["email".to_owned(), "payment-card".to_owned()].into()
    );
    let kept = Redacted {
        text: text.to_owned(),
        classes: BTreeSet::new(),
    };
    let nowhere = [hiding(vec![], vec![]), hiding(once(0..6), vec![])];
    for hiding in nowhere {
        assert_eq!(masking().redact_request(text, &hiding), kept);
    }
    // what decides nothing need not be seen by who approves
    let comment = masking().redact_request(text, &hiding(vec![], once(place("-- bob@y.de"))));
    assert!(comment.text.ends_with("-- <email:8>") && comment.classes.is_empty());
    let long = text.len();
    let secret = Hiding {
        secrets: once(place("4111111111111111")),
        ..hiding(once(place("4111111111111111")), vec![])
    };
    let secret = masking().redact_request(text, &secret);
    assert!(
        secret.text.contains("c = <password:16> --"),
        "{}",
        secret.text
    );
    assert_eq!(secret.classes, [SECRET.to_owned()].into());
    let unfit = masking().redact_request(text, &hiding(once(3..long + 1), vec![]));
    assert_eq!(unfit.text, format!("<text:{long}>"));
    assert_eq!(unfit.classes, [WHOLE.to_owned()].into());
    // no character begins there
    let split = masking().redact_request("é", &hiding(once(1..2), vec![]));
    assert_eq!(split.classes, [WHOLE.to_owned()].into());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_masked_is_clean(pieces in proptest::collection::vec("[a-z0-9 -]{0,20}|4111 1111 1111 1111|378282246310005|ada@example\\.com", 0..12)) {
        let masked = shown(&pieces.join(", "), &[]);
        for planted in ["ada@example.com", "4111 1111 1111 1111", "378282246310005"] {
            prop_assert!(!masked.contains(planted), "{masked}");
        }
        prop_assert!(masking().detect(masked.as_bytes(), &|_| false).is_none(), "{masked}");
    }

    #[test]
    fn ranges_of_constants_never_break_anything(text in "\\PC{0,40}", ranges in proptest::collection::vec((0_usize..60, 0_usize..60), 0..5)) {
        let ranges: Vec<_> = ranges.into_iter().map(|(start, end)| start..end).collect();
        let comments = ranges.iter().rev().take(2).cloned().collect();
        let redacted = masking().redact_request(&text, &hiding(ranges, comments));
        prop_assert!(redacted.text.contains('<') || redacted.text == text);
    }
}
