//! Portals byte by byte: fetched in parts they are asked about once, judged and masked each time, and what runs is what was
//! bound and approved, whatever its names mean by then.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use e2e::direct::{rows, sqlstate};
use e2e::lasting::{self, Lasting};
use e2e::stand::Stand;
use e2e::watchdog::until;
use e2e::wire::{Message, Wire, tags, text};

/// Made before the gateway looks for any: what it learns of later changes nothing for the others.
const TABLES: [&str; 7] = [
    "fetched",
    "fetched_no_more",
    "in_force",
    "renamed",
    "renamed_unnamed",
    "followed",
    "rebound",
];

/// Pieces of what was planted in columns that are masked.
const PLANTED: [&str; 5] = [
    "mary.anning",
    "lise.meitner",
    "@example.",
    "411111111111",
    "555555555555",
];

/// What the tables of the stories hold.
const NOTES: &str = "note 1,note 2,note 3";

static LASTING: LazyLock<Lasting> = LazyLock::new(|| {
    let lasting = Lasting::start(&["portals.cedar"]).unwrap();
    for table in TABLES {
        lasting.stand.table(table).unwrap();
    }
    let told = "UPDATE fetched SET note = 'write to mary.anning@example.com, number ' || id";
    lasting.stand.postgres.sql(told).unwrap();
    lasting
});

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ada(stand: &Stand) -> Wire {
    Wire::login(stand.place(), "ada", &stand.people.ada).unwrap()
}

/// A query that must succeed.
fn run(wire: &mut Wire, query: &str) {
    wire.query(query).unwrap();
    let answer = wire.answer(b'Z').unwrap();
    assert_eq!(sqlstate(&answer), None, "{query}: {}", text(&answer));
}

/// Kinds of messages, without the settings that are repeated while a statement waits.
fn kinds(messages: &[Message]) -> String {
    tags(messages).replace('S', "")
}

fn prepare(wire: &mut Wire, name: &str, statement: &str) {
    wire.parse(name, statement).unwrap().sync();
    let made = wire.answer(b'Z').unwrap();
    assert_eq!(kinds(&made), "1Z", "{statement}: {}", text(&made));
}

/// The number of the question that a notice tells of.
fn asked(messages: &[Message]) -> u64 {
    let told = text(messages);
    let (_, after) = told.split_once("waiting for approval ").unwrap();
    after.split(':').next().unwrap().parse().unwrap()
}

/// Binds what must wait, and has it countersigned by somebody else.
fn granted(stand: &Stand, wire: &mut Wire, (portal, name): (&str, &str), values: &[&str]) -> u64 {
    wire.bind_text(portal, name, values).unwrap().sync();
    let id = asked(&wire.answer(b'N').unwrap());
    stand.approve(&stand.people.grace, id).unwrap();
    let bound = wire.until(b'Z').unwrap();
    assert_eq!(kinds(&bound), "2Z", "{}", text(&bound));
    id
}

/// At most two rows more.
fn fetch(wire: &mut Wire, portal: &str) -> Vec<Message> {
    wire.execute_rows(portal, 2).unwrap().sync();
    wire.answer(b'Z').unwrap()
}

fn hides(messages: &[Message]) {
    let told = text(messages);
    for planted in PLANTED {
        assert!(!told.contains(planted), "{planted}: {told}");
    }
}

/// All notes of a table, as the database itself says, each once.
fn notes(stand: &Stand, table: &str) -> String {
    let notes = format!("SELECT string_agg(DISTINCT note, ',' ORDER BY note) FROM {table}");
    stand.postgres.sql(&notes).unwrap().trim().to_owned()
}

#[test]
fn a_change_is_asked_about_once_and_masked_in_every_part() {
    let stand = stand();
    let mut wire = ada(stand);
    run(&mut wire, "BEGIN");
    let statement = "UPDATE customers SET name = name RETURNING id, email, card";
    prepare(&mut wire, "s", statement);
    let id = granted(stand, &mut wire, ("p", "s"), &[]);
    let mut seen = BTreeSet::new();
    for part in 1..=4 {
        let fetched = fetch(&mut wire, "p");
        let told = text(&fetched);
        assert_eq!(kinds(&fetched), "DDsZ", "part {part}: {told}");
        assert!(told.contains("<email>"), "part {part}: {told}");
        hides(&fetched);
        seen.extend(
            rows(&fetched)
                .unwrap()
                .into_iter()
                .map(|row| row[0].clone()),
        );
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
    let last = fetch(&mut wire, "p");
    assert_eq!(kinds(&last), "CZ", "{}", text(&last));
    run(&mut wire, "COMMIT");
    assert_eq!(stand.state(id).unwrap(), "used");
    drop(stand.recorded(id, ("allow", "approval")).unwrap());
}

/// Without a Sync between its parts: its transaction is the batch.
#[test]
fn a_read_that_was_granted_is_fetched_without_another_question() {
    let stand = stand();
    let mut wire = ada(stand);
    prepare(&mut wire, "s", "SELECT id, note FROM fetched ORDER BY id");
    wire.bind("p", "s").unwrap().flush();
    let id = asked(&wire.answer(b'N').unwrap());
    stand.approve(&stand.people.grace, id).unwrap();
    let bound = wire.until(b'2').unwrap();
    assert_eq!(kinds(&bound), "2", "{}", text(&bound));
    wire.execute_rows("p", 2).unwrap().flush();
    let first = wire.answer(b's').unwrap();
    assert_eq!(kinds(&first), "DDs", "{}", text(&first));
    wire.execute_rows("p", 2).unwrap().flush();
    let last = wire.answer(b'C').unwrap();
    assert_eq!(kinds(&last), "DC", "{}", text(&last));
    for part in [first, last] {
        hides(&part);
        assert!(text(&part).contains("write to "), "{}", text(&part));
    }
    let ready = wire.sync().answer(b'Z').unwrap();
    assert_eq!(kinds(&ready), "Z", "{}", text(&ready));
    // it is gone with its transaction
    let gone = fetch(&mut wire, "p");
    assert_eq!(kinds(&gone), "EZ", "{}", text(&gone));
    run(&mut wire, "SELECT 'alive'");
}

/// Replaces one file of policies, whole at any moment, and waits until reads of `in_force` are denied by it.
fn put(stand: &Stand, policies: &str) {
    let folder = stand.place().policies();
    let unfinished = folder.join("between.unfinished");
    std::fs::write(&unfinished, policies).unwrap();
    std::fs::rename(unfinished, folder.join("between.cedar")).unwrap();
    let mut probe = ada(stand);
    stand.gateway.reload().unwrap();
    until("the policy is in force", || {
        probe.query("SELECT id FROM in_force")?;
        let heard = probe.answer(b'Z')?;
        Ok((sqlstate(&heard).as_deref() == Some("42501")).then_some(()))
    })
    .unwrap();
}

#[test]
fn a_rule_that_comes_between_two_parts_denies_the_next() {
    const NEVER: &str = r#"
@id("never-fetched")
forbid (principal, action == Postgres::Action::"select", resource)
when {
  resource == Postgres::Table::"shop/shop/public/fetched_no_more" ||
  resource == Postgres::Table::"shop/shop/public/in_force"
};
"#;
    let stand = stand();
    let mut wire = ada(stand);
    run(&mut wire, "BEGIN");
    prepare(&mut wire, "s", "SELECT id, note FROM fetched_no_more");
    granted(stand, &mut wire, ("p", "s"), &[]);
    let first = fetch(&mut wire, "p");
    assert_eq!(kinds(&first), "DDsZ", "{}", text(&first));
    put(stand, NEVER);
    let denied = fetch(&mut wire, "p");
    let told = text(&denied);
    assert_eq!(kinds(&denied), "EZ", "{told}");
    assert_eq!(sqlstate(&denied).as_deref(), Some("42501"), "{told}");
    assert!(told.contains("never-fetched"), "{told}");
    run(&mut wire, "ROLLBACK");
    run(&mut wire, "SELECT 'alive'");
}

/// Which columns there are is looked up anew then, in the middle of what is fetched.
#[test]
fn a_portal_outlives_what_another_session_creates() {
    let folder = tempfile::tempdir().unwrap();
    let stand = lasting::stand(folder.path(), &[]).unwrap();
    let mut wire = ada(&stand);
    run(&mut wire, "BEGIN");
    let statement = "SELECT id, email, card FROM customers ORDER BY id";
    prepare(&mut wire, "s", statement);
    wire.bind("p", "s").unwrap().sync();
    let bound = wire.answer(b'Z').unwrap();
    assert_eq!(kinds(&bound), "2Z", "{}", text(&bound));
    for part in ["before", "after"] {
        let fetched = match wire.execute_rows("p", 2).unwrap().sync().answer(b'Z') {
            Ok(fetched) => fetched,
            Err(error) => panic!("{part}: {error:#}"),
        };
        assert_eq!(kinds(&fetched), "DDsZ", "{part}: {}", text(&fetched));
        hides(&fetched);
        let mut other = ada(&stand);
        run(&mut other, &format!("CREATE TABLE made_{part} (id int)"));
    }
}

#[test]
fn what_runs_is_what_was_bound_whatever_its_name_means_by_then() {
    let stand = stand();
    for (table, name) in [("renamed", "s"), ("renamed_unnamed", "")] {
        let mut wire = ada(stand);
        run(&mut wire, "BEGIN");
        let approved = format!("UPDATE {table} SET note = 'approved'");
        prepare(&mut wire, name, &approved);
        granted(stand, &mut wire, ("p", name), &[]);
        let other = format!("UPDATE {table} SET note = 'other'");
        wire.close(name).unwrap().parse(name, &other).unwrap();
        wire.execute("p").unwrap().sync();
        let done = wire.answer(b'Z').unwrap();
        assert_eq!(kinds(&done), "31CZ", "{table}: {}", text(&done));
        run(&mut wire, "COMMIT");
        assert_eq!(notes(stand, table), "approved");
    }
}

/// It was written while the portal waited, and nobody looked at it until then.
#[test]
fn what_is_sent_behind_a_question_is_not_covered_by_it() {
    let stand = stand();
    let mut wire = ada(stand);
    run(&mut wire, "BEGIN");
    prepare(&mut wire, "s", "UPDATE followed SET note = 'approved'");
    wire.bind("p", "s").unwrap().close("s").unwrap();
    wire.parse("s", "UPDATE followed SET note = 'other'")
        .unwrap();
    wire.execute("p").unwrap().sync();
    let first = asked(&wire.answer(b'N').unwrap());
    let shown = stand.approve(&stand.people.grace, first).unwrap();
    assert!(!shown.contains("'other'"), "{shown}");
    let done = wire.until(b'Z').unwrap();
    assert_eq!(kinds(&done), "231CZ", "{}", text(&done));
    // the other text is another question
    wire.bind("q", "s").unwrap().execute("q").unwrap().sync();
    let second = asked(&wire.answer(b'N').unwrap());
    assert_ne!(first, second);
    stand.refuse(&stand.people.grace, second, "no").unwrap();
    let refused = wire.until(b'Z').unwrap();
    assert_eq!(kinds(&refused), "EZ", "{}", text(&refused));
    run(&mut wire, "ROLLBACK");
    assert_eq!(notes(stand, "followed"), NOTES);
}

#[test]
fn other_parameters_are_another_question() {
    let stand = stand();
    let mut wire = ada(stand);
    let statement = "UPDATE rebound SET note = 'mine' WHERE id = $1";
    prepare(&mut wire, "s", statement);
    run(&mut wire, "BEGIN");
    let first = granted(stand, &mut wire, ("", "s"), &["1"]);
    // the unnamed portal is bound anew
    wire.bind_text("", "s", &["2"]).unwrap();
    wire.execute("").unwrap().sync();
    let second = asked(&wire.answer(b'N').unwrap());
    assert_ne!(first, second);
    let question = stand.question(second).unwrap();
    let rendering = question["rendering"].as_str().unwrap();
    assert!(rendering.contains("$1 = 2"), "{rendering}");
    stand.refuse(&stand.people.grace, second, "no").unwrap();
    let refused = wire.until(b'Z').unwrap();
    assert_eq!(kinds(&refused), "EZ", "{}", text(&refused));
    run(&mut wire, "ROLLBACK");
    assert_eq!(notes(stand, "rebound"), NOTES);

    // a named one is closed and bound anew: what runs is what was granted last
    run(&mut wire, "BEGIN");
    let third = granted(stand, &mut wire, ("p", "s"), &["1"]);
    wire.close_portal("p").unwrap();
    wire.bind_text("p", "s", &["3"]).unwrap();
    wire.execute("p").unwrap().sync();
    let notice = wire.answer(b'N').unwrap();
    let fourth = asked(&notice);
    assert_ne!(third, fourth);
    let shown = stand.approve(&stand.people.grace, fourth).unwrap();
    assert!(shown.contains("$1 = 3"), "{shown}");
    let all = [notice, wire.until(b'Z').unwrap()].concat();
    let answers = kinds(&all).replace('N', "");
    assert_eq!(answers, "32CZ", "{}", text(&all));
    run(&mut wire, "COMMIT");
    let changed = "SELECT id FROM rebound WHERE note = 'mine'";
    assert_eq!(stand.postgres.sql(changed).unwrap().trim(), "3");
}
