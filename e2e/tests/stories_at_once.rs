//! What most drivers send: a Parse without a name, its Bind and its Execute in one piece, which are one request.

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
use e2e::watchdog::until;
use e2e::wire::{Wire, tags, text};
use serde_json::Value;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&["at_once.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn wire(user: &str, token: &str) -> Wire {
    Wire::login(stand().place(), user, token).unwrap()
}

fn ada() -> Wire {
    wire("ada", &stand().people.ada)
}

/// Prepared, bound, described and run, all of it at once.
fn run<'w>(wire: &'w mut Wire, statement: &str, values: &[&str]) -> &'w mut Wire {
    wire.parse("", statement).unwrap();
    wire.bind_text("", "", values).unwrap();
    wire.describe_portal("").unwrap().execute("").unwrap();
    wire.sync()
}

/// What the log says was decided of texts that name something, and how the first came out.
fn decided(what: &str) -> (Vec<Value>, Value) {
    until("the log has the outcome", || {
        let entries = stand().exported()?;
        let about = |entry: &&Value| {
            let summary = entry.get("summary").and_then(Value::as_str);
            summary.is_some_and(|summary| summary.contains(what))
        };
        let decided: Vec<Value> = entries.iter().filter(about).cloned().collect();
        let request = decided.first().and_then(|first| first.get("request"));
        let outcome = entries
            .iter()
            .find(|entry| entry.get("outcome").is_some() && entry.get("request") == request);
        Ok(outcome.map(|outcome| (decided, outcome.clone())))
    })
    .unwrap()
}

#[test]
fn it_is_one_request_that_prepares_and_reads() {
    let mut wire = ada();
    for round in 1..=2 {
        let text_of_it = format!("SELECT id, email FROM customers WHERE id < $1 -- round {round}");
        let done = run(&mut wire, &text_of_it, &["3"]).answer(b'Z').unwrap();
        let told = text(&done);
        assert_eq!(tags(&done), "12TDDCZ", "{told}");
        assert!(!told.contains("mary.anning"), "{told}");
        let (decided, outcome) = decided(&format!("round {round}"));
        assert_eq!(decided.len(), 1, "{decided:?}");
        let operations = decided[0]["operations"].to_string();
        for action in ["\"postgres.select\"", "\"postgres.prepare\""] {
            assert!(operations.contains(action), "{operations}");
        }
        assert_eq!(outcome["outcome"], "completed", "{outcome}");
        assert_eq!(outcome["rows"], 2, "{outcome}");
    }
}

#[test]
fn who_may_not_prepare_may_not_at_once() {
    let stand = stand();
    let token = stand
        .newcomer("plainspoken", "engineers,unprepared")
        .unwrap();
    let mut wire = wire("plainspoken", &token);
    let refused = run(&mut wire, "SELECT id FROM items", &[]).answer(b'Z');
    let refused = refused.unwrap();
    let told = text(&refused);
    assert_eq!(tags(&refused), "EZ", "{told}");
    assert!(
        told.contains("42501") && told.contains("nothing-prepared"),
        "{told}"
    );
    let plain = wire
        .query("SELECT id FROM items LIMIT 1")
        .unwrap()
        .answer(b'Z');
    assert_eq!(tags(&plain.unwrap()), "TDCZ");
}

#[test]
fn what_waits_for_people_is_asked_by_itself() {
    let stand = stand();
    stand.table("wants_at_once").unwrap();
    let mut wire = ada();
    let insert = "INSERT INTO wants_at_once VALUES ($1, $2) RETURNING id";
    for (approved, id) in [(true, "10"), (false, "11")] {
        let notice = run(&mut wire, insert, &[id, "x"]).answer(b'N').unwrap();
        let told = text(&notice);
        let (_, after) = told.split_once("waiting for approval ").unwrap();
        let question = after.split(':').next().unwrap().parse().unwrap();
        let before = stand.rows("wants_at_once").unwrap();
        if approved {
            stand.approve(&stand.people.grace, question).unwrap();
        } else {
            stand.refuse(&stand.people.grace, question, "no").unwrap();
        }
        let done = wire.until(b'Z').unwrap();
        let both = tags(&[notice, done].concat());
        let answers: String = both.chars().filter(|tag| *tag != 'N').collect();
        assert_eq!(answers, if approved { "12TDCZ" } else { "1EZ" });
        let after = stand.rows("wants_at_once").unwrap();
        assert_eq!(after, before + u64::from(approved));
    }
    assert_eq!(stand.rows("wants_at_once").unwrap(), ROWS + 1);
}

/// Wherever it fails, what is left of it is what the server has left.
#[test]
fn it_fails_where_the_server_fails_it() {
    let mut wire = ada();
    let done = run(&mut wire, "SELECT 'first'", &[]).answer(b'Z').unwrap();
    assert_eq!(tags(&done), "12TDCZ");
    // the unnamed statement outlives its batch
    let again = |wire: &mut Wire| {
        wire.bind("", "").unwrap();
        wire.describe_portal("").unwrap().execute("").unwrap();
        let done = wire.sync().answer(b'Z').unwrap();
        (tags(&done), text(&done))
    };
    let (kinds, told) = again(&mut wire);
    assert_eq!(kinds, "2TDCZ", "{told}");
    assert!(told.contains("first"), "{told}");
    for (statement, values, kinds, code) in [
        (
            "SELECT $1 / (id - id) FROM items",
            ["1"].as_slice(),
            "12TEZ",
            "22012",
        ),
        ("SELECT $1::int", &["1", "2"], "1EZ", "08P01"),
        ("SELECT 1 FROM nowhere_at_all", &[], "EZ", "42P01"),
        ("SELEC 1", &[], "EZ", "42601"),
    ] {
        let failed = run(&mut wire, statement, values).answer(b'Z').unwrap();
        let told = text(&failed);
        assert_eq!(tags(&failed), kinds, "{statement}: {told}");
        assert!(told.contains(code), "{statement}: {told}");
    }
    // a Parse that fails takes the one before along
    let (kinds, told) = again(&mut wire);
    assert_eq!(kinds, "EZ", "{told}");
    let done = run(&mut wire, "SELECT 'last'", &[]).answer(b'Z').unwrap();
    assert_eq!(tags(&done), "12TDCZ");
    // in a transaction, all of it in one batch
    for statement in ["BEGIN", "SELECT 'within'", "COMMIT"] {
        wire.parse("", statement).unwrap();
        wire.bind("", "").unwrap().describe_portal("").unwrap();
        wire.execute("").unwrap();
    }
    let done = wire.sync().answer(b'Z').unwrap();
    assert_eq!(tags(&done), "12nC12TDC12nCZ", "{}", text(&done));
}
