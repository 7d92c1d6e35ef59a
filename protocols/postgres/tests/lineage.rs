//! Where governed columns may stand: what a mask can follow passes, every way of laundering is an offence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use protocol_postgres::decode::{RelationName, analyse};
use protocol_postgres::lineage::{OffendingUse, Standing};

/// `customers.email` and `customers.card` are governed; `v` is a view over them.
fn standing(relation: &RelationName, column: &str) -> Standing {
    let columns: &[&str] = match relation.name.as_str() {
        "customers" => &["id", "name", "email", "card"],
        "v" => &["id", "email"],
        "orders" => &["id", "customer_id", "total", "note"],
        "items" => &["id", "order_id", "sku"],
        _ => &[],
    };
    match column {
        _ if !columns.contains(&column) => Standing::Absent,
        "email" | "card" => Standing::Governed,
        _ => Standing::Free,
    }
}

fn holds_governed(relation: &RelationName) -> bool {
    matches!(relation.name.as_str(), "customers" | "v")
}

fn offence(text: &str) -> Option<OffendingUse> {
    let analysis = analyse(text).unwrap_or_else(|unclear| panic!("{text}: {unclear}"));
    analysis
        .statements
        .iter()
        .find_map(|statement| statement.reads.offending_use(&standing, &holds_governed))
}

#[test]
fn only_what_a_mask_can_follow_passes() {
    let cases = include_str!("decode/lineage.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let (mut wrong, mut passing) = (Vec::new(), 0);
    for case in cases {
        let (expected, text) = case.split_once(' ').expect("a use and a statement");
        let found =
            offence(text).map_or_else(|| "pass".to_owned(), |found| format!("{:?}", found.reason));
        passing += u32::from(found == "pass");
        if found != expected {
            wrong.push(format!("{text}: {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passing > 30);
}

#[test]
fn the_innermost_level_that_has_a_column_decides() {
    assert_eq!(
        offence("SELECT id FROM customers WHERE EXISTS (SELECT upper(sku) FROM items)"),
        None
    );
    // `email` is none of `items`, so it is the outer column
    assert!(
        offence("SELECT id FROM customers WHERE EXISTS (SELECT upper(email) FROM items)").is_some()
    );
}

#[test]
fn other_functions_are_told() {
    let analysis = analyse("SELECT leak(1), public.leak(2), lower('x') FROM customers").unwrap();
    assert_eq!(
        analysis.statements[0].reads.other_functions,
        ["leak", "public.leak"]
    );
    assert!(analysis.statements[0].reads.reads(&holds_governed));
}
