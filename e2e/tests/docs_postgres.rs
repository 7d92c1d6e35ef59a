//! The table of behaviours in docs/postgres.md is whole, and the tests that it names are there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../../docs/postgres.md");
const SECTION: &str = "\n## Behaviour by behaviour\n";
const BEHAVIOURS: usize = 52;

struct Row {
    number: usize,
    state: &'static str,
    tests: &'static str,
}

fn rows() -> Vec<Row> {
    let (_, section) = DOCUMENT.split_once(SECTION).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|'));
    // after the names of the columns and what parts them from the rows
    lines.skip(2).map(row).collect()
}

fn row(line: &'static str) -> Row {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let ["", number, behaviour, state, tests, ""] = cells[..] else {
        panic!("not four cells: {line}")
    };
    assert!(!behaviour.is_empty(), "{line}");
    Row {
        number: number.parse().unwrap(),
        state,
        tests,
    }
}

/// `supported` may stand alone; what is not there says what or why.
fn is_state(state: &str) -> bool {
    match state.split_once(": ") {
        Some((word, why)) => ["supported", "refused", "not yet"].contains(&word) && !why.is_empty(),
        None => state == "supported",
    }
}

/// A file without a folder is one of the black box tests.
fn located(file: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    match file.contains('/') {
        true => here.join("..").join(file),
        false => here.join("tests").join(file),
    }
}

/// What is wrong with a test that is named.
fn missing(test: &str) -> Option<String> {
    let named = test
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'));
    let Some((file, function)) = named.and_then(|named| named.split_once("::")) else {
        return Some(format!("`FILE::FUNCTION` is expected, not {test}"));
    };
    match std::fs::read_to_string(located(file)) {
        Ok(text) if text.contains(&format!("fn {function}(")) => None,
        Ok(_) => Some(format!("{file} has no test `{function}`")),
        Err(error) => Some(format!("{file}: {error}")),
    }
}

#[test]
fn every_behaviour_has_its_row() {
    let numbers: Vec<usize> = rows().iter().map(|row| row.number).collect();
    let expected: Vec<usize> = (1..=BEHAVIOURS).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn every_state_is_one_of_three() {
    for Row { number, state, .. } in rows() {
        assert!(is_state(state), "{number}: {state}");
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    let mut wrong = Vec::new();
    for Row { number, tests, .. } in rows() {
        let found = tests.split(", ").filter_map(missing);
        wrong.extend(found.map(|what| format!("{number}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
