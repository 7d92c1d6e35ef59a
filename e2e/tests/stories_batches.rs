//! Batches of one statement byte by byte: many executions that must wait are one question, and run or fail as one batch.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::stand::Stand;
use e2e::story::ROWS;
use e2e::wire::{Message, Wire, tags, text};

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&["copies.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn wire() -> Wire {
    let stand = stand();
    Wire::login(stand.place(), "ada", &stand.people.ada).unwrap()
}

/// So many executions of a prepared statement, and their Sync.
fn executions<'w>(wire: &'w mut Wire, rows: std::ops::Range<u32>, note: &str) -> &'w mut Wire {
    for number in rows {
        let number = number.to_string();
        wire.bind_text("", "put", &[&number, note]).unwrap();
        wire.execute("").unwrap();
    }
    wire.sync()
}

/// The number of the question that a notice tells of.
fn asked(messages: &[Message]) -> u64 {
    let told = text(messages);
    let (_, after) = told.split_once("waiting for approval ").unwrap();
    after.split(':').next().unwrap().parse().unwrap()
}

fn prepared(table: &str) -> Wire {
    stand().table(table).unwrap();
    let mut wire = wire();
    let put = format!("INSERT INTO {table} (id, note) VALUES ($1, $2)");
    wire.parse("put", &put)
        .unwrap()
        .sync()
        .answer(b'Z')
        .unwrap();
    wire
}

#[test]
fn many_executions_are_one_question() {
    let stand = stand();
    let mut wire = prepared("wants_batch");
    let notice = executions(&mut wire, 10..60, "one of many")
        .answer(b'N')
        .unwrap();
    let id = asked(&notice);
    assert_eq!(stand.rows("wants_batch").unwrap(), ROWS);
    let shown = stand.approve(&stand.people.grace, id).unwrap();
    for part in ["50 executions", "-- 1: $1 = 10\n", "50: $1 = 59"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let done = wire.until(b'Z').unwrap();
    assert_eq!(
        tags(&done),
        format!("{}Z", "2C".repeat(50)),
        "{}",
        text(&done)
    );
    assert_eq!(stand.rows("wants_batch").unwrap(), ROWS + 50);
    let outcome = stand.recorded(id, ("allow", "approval")).unwrap().unwrap();
    assert_eq!(outcome["rows"], 50, "{outcome}");
    // other parameters are another question; refused, nothing of it runs
    let notice = executions(&mut wire, 100..103, "more")
        .answer(b'N')
        .unwrap();
    let other = asked(&notice);
    assert_ne!(other, id);
    stand.refuse(&stand.people.grace, other, "enough").unwrap();
    let refused = wire.until(b'Z').unwrap();
    assert_eq!(tags(&refused), "EZ", "{}", text(&refused));
    assert!(text(&refused).contains("42501"), "{}", text(&refused));
    assert_eq!(stand.rows("wants_batch").unwrap(), ROWS + 50);
    let alive = wire.query("SELECT 'alive'").unwrap().answer(b'Z').unwrap();
    assert_eq!(tags(&alive), "TDCZ");
}

#[test]
fn one_that_fails_takes_its_batch_along() {
    let stand = stand();
    let mut wire = prepared("wants_failing_batch");
    // the row with number 3 is there
    let notice = executions(&mut wire, 100..103, "x").answer(b'N');
    let id = asked(&notice.unwrap());
    stand.approve(&stand.people.grace, id).unwrap();
    assert_eq!(tags(&wire.until(b'Z').unwrap()), "2C2C2CZ");
    let notice = executions(&mut wire, 99..103, "x").answer(b'N').unwrap();
    let id = asked(&notice);
    stand.approve(&stand.people.grace, id).unwrap();
    let failed = wire.until(b'Z').unwrap();
    assert_eq!(tags(&failed), "2C2EZ", "{}", text(&failed));
    assert_eq!(stand.rows("wants_failing_batch").unwrap(), ROWS + 3);
    let outcome = stand.recorded(id, ("allow", "approval")).unwrap().unwrap();
    assert_eq!(outcome["code"], "23505", "{outcome}");
}

/// Read ahead, but not of one statement: each execution is a question of its own, and one request with its Bind.
#[test]
fn statements_that_alternate_are_asked_one_by_one() {
    let stand = stand();
    let mut wire = prepared("wants_mixed_batch");
    let other = "INSERT INTO wants_mixed_batch (note, id) VALUES ($1, $2)";
    let made = wire.parse("other", other).unwrap().sync().answer(b'Z');
    assert_eq!(tags(&made.unwrap()), "1Z");
    wire.bind_text("", "put", &["10", "x"]).unwrap();
    wire.execute("").unwrap();
    wire.bind_text("", "other", &["x", "11"]).unwrap();
    wire.execute("").unwrap();
    let first = asked(&wire.sync().answer(b'N').unwrap());
    stand.approve(&stand.people.grace, first).unwrap();
    let between = wire.until(b'N').unwrap();
    assert_eq!(tags(&between), "2CN", "{}", text(&between));
    let second = asked(&between);
    assert_ne!(first, second);
    stand.approve(&stand.people.grace, second).unwrap();
    assert_eq!(tags(&wire.until(b'Z').unwrap()), "2CZ");
    assert_eq!(stand.rows("wants_mixed_batch").unwrap(), ROWS + 2);
    for id in [first, second] {
        let outcome = stand.recorded(id, ("allow", "approval")).unwrap().unwrap();
        assert_eq!(outcome["rows"], 1, "{outcome}");
    }
}

/// Nobody described the statement before: what comes back is masked all the same, of one execution and of many.
#[test]
fn what_is_described_on_its_way_is_masked() {
    const EMAIL: &str = "ada.lovelace@example.com";
    let stand = stand();
    let mut wire = prepared("wants_described_batch");
    let returning = "INSERT INTO wants_described_batch VALUES ($1, $2) RETURNING note";
    for (name, ids) in [("one", 10..11), ("many", 20..22)] {
        let made = wire.parse(name, returning).unwrap().sync().answer(b'Z');
        assert_eq!(tags(&made.unwrap()), "1Z");
        let count = ids.len();
        for id in ids {
            wire.bind_text("", name, &[&id.to_string(), EMAIL]).unwrap();
            wire.describe_portal("").unwrap();
            wire.execute("").unwrap();
        }
        let id = asked(&wire.sync().answer(b'N').unwrap());
        stand.approve(&stand.people.grace, id).unwrap();
        let done = wire.until(b'Z').unwrap();
        let told = text(&done);
        assert_eq!(tags(&done), format!("{}Z", "2TDC".repeat(count)), "{told}");
        assert!(!told.contains("ada.lovelace"), "{told}");
        let outcome = stand.recorded(id, ("allow", "approval")).unwrap().unwrap();
        assert_eq!(outcome["rows"], count, "{outcome}");
    }
    let read = "SELECT email, 'of ada.lovelace@example.com' FROM customers WHERE id = 1";
    wire.parse("read", read).unwrap();
    wire.bind_binary("", "read").unwrap();
    wire.describe_portal("").unwrap().execute("").unwrap();
    let done = wire.sync().answer(b'Z').unwrap();
    let told = text(&done);
    assert_eq!(tags(&done), "12TDCZ", "{told}");
    assert!(
        !told.contains("ada.lovelace") && !told.contains("mary.anning"),
        "{told}"
    );
}

#[test]
fn too_many_are_refused_with_a_hint() {
    let stand = stand();
    let mut wire = prepared("wants_too_many");
    let refused = executions(&mut wire, 10..10_012, "x").answer(b'Z').unwrap();
    assert_eq!(tags(&refused), "EZ", "{}", text(&refused));
    let told = text(&refused);
    assert!(
        told.contains("54000") && told.contains("smaller batches"),
        "{told}"
    );
    assert_eq!(stand.rows("wants_too_many").unwrap(), ROWS);
    let alive = wire.query("SELECT 'alive'").unwrap().answer(b'Z').unwrap();
    assert_eq!(tags(&alive), "TDCZ");
}
