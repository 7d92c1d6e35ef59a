//! One analysis may serve texts that are alike only because each of them has that analysis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use protocol_postgres::decode::{DIGIT, analyse, likeness};

/// Decodes the text and three others of its likeness; whether it has one.
fn serves(text: &str) -> bool {
    let Some(like) = likeness(text) else {
        return false;
    };
    let own = analyse(text);
    for digit in ["1", "5", "9"] {
        let other = like.replace(DIGIT, digit);
        assert_eq!(likeness(&other), Some(like.clone()), "{other}");
        // a message may quote the text
        match (&own, analyse(&other)) {
            (Ok(own), Ok(other_one)) => assert_eq!(*own, other_one, "{text}\n{other}"),
            (Err(own), Err(other_one)) => assert_eq!(own.code, other_one.code, "{text}\n{other}"),
            (_, other_one) => panic!("{text}: {own:?}\n{other}: {other_one:?}"),
        }
    }
    own.is_ok()
}

/// Each number of one digit becomes one of two.
fn with_longer_numbers(text: &str) -> String {
    let mut longer = String::new();
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        longer.push(next);
        let alone = !before.is_alphanumeric() && !"_$.".contains(before);
        let ends = rest
            .peek()
            .is_none_or(|after| !after.is_alphanumeric() && !"_.".contains(*after));
        if next.is_ascii_digit() && next != '0' && alone && ends {
            longer.push('7');
        }
        before = next;
    }
    longer
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let found = paths.flat_map(|path| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    });
    found.collect()
}

/// What the other tests decode, line by line, with numbers that could stand for others.
#[test]
fn what_the_tests_decode_is_served_rightly() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decode");
    let mut texts: Vec<String> = shapes::statements::statements()
        .into_iter()
        .filter_map(|(_, bytes)| String::from_utf8(bytes).ok())
        .collect();
    for file in files(&folder) {
        let lines = std::fs::read_to_string(file).unwrap();
        texts.extend(lines.lines().map(str::to_owned));
    }
    let served = texts
        .iter()
        .filter(|text| serves(&with_longer_numbers(text)))
        .count();
    assert!(served >= 40, "{served} of {}", texts.len());
}

fn operand() -> impl Strategy<Value = String> {
    prop_oneof![
        (1_u32..2000).prop_map(|number| number.to_string()),
        "[a-c]",
        Just("t.a".to_owned()),
        Just("\"a\"".to_owned()),
        Just("'x 12'".to_owned()),
        Just("count(*)".to_owned()),
        Just("(SELECT max(b) FROM u WHERE c = 12)".to_owned()),
        Just("12.5".to_owned()),
        Just("- 12".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec![
        "=",
        "<",
        ">",
        "<=",
        ">=",
        "<>",
        "!=",
        "+",
        "-",
        "*",
        "/",
        " = -",
        "=-",
        "=>",
        "IS",
        "BETWEEN 12 AND",
        "IN",
        ",",
    ]);
    let one = (operand(), operator, operand())
        .prop_map(|(left, operator, right)| format!("{left} {operator} {right}"));
    let joined = prop::sample::select(vec![" AND ", " OR ", " * ", ", ", " = ", "; ", " -- "]);
    prop::collection::vec((one, joined), 1..4).prop_map(|parts| {
        let mut text = String::new();
        for (part, joined) in parts {
            if !text.is_empty() {
                text.push_str(joined);
            }
            text.push_str(&part);
        }
        text
    })
}

proptest! {
    #[test]
    fn what_is_put_together_by_chance_is_served_rightly(
        frame in prop::sample::select(vec![
            "SELECT a FROM t WHERE # ORDER BY 12 LIMIT 34",
            "SELECT # FROM t GROUP BY 12, a HAVING #",
            "UPDATE t SET a = 12 WHERE #",
            "UPDATE t SET a = b WHERE # RETURNING a = 12",
            "DELETE FROM t USING u WHERE # AND t.a = u.b",
            "INSERT INTO t VALUES (12, #) ON CONFLICT (a) DO UPDATE SET b = 12 WHERE #",
            "SELECT a FROM t JOIN u ON # LIMIT a = 12",
            "SELECT a FROM t ORDER BY #",
            "WITH w AS (SELECT a FROM t WHERE #) SELECT * FROM w OFFSET 12",
            "SELECT f(#, a = 12) FROM t TABLESAMPLE system (12)",
        ]),
        filling in condition(),
    ) {
        serves(&frame.replace('#', &filling));
    }
}
