//! With real psql: what is hidden stays hidden, in answers, errors, copies and recordings, and cannot be laundered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::psql::{Answer, Psql};
use e2e::stand::Stand;
use e2e::watchdog::until;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&["masks.cedar"]).unwrap());

/// The shop's first customer's, as planted.
const EMAIL: &str = "mary.anning@example.com";
const CARD: &str = "4111111111111111";
/// Pieces by which any of the planted values would be known.
const PLANTED: [&str; 6] = [
    "mary.anning",
    "lise.meitner",
    "@example.",
    "411111111111",
    "555555555555",
    "378282246",
];

/// Ways to take a masked value elsewhere, or to learn it bit by bit.
const LAUNDERINGS: &[&str] = &[
    "SELECT email::varchar FROM customers",
    "SELECT upper(email) FROM customers",
    "SELECT reverse(card) FROM customers",
    "SELECT left(email, 1) FROM customers",
    "SELECT email || '' FROM customers",
    "SELECT email COLLATE \"C\" FROM customers",
    "SELECT (email) IS NOT NULL FROM customers",
    "SELECT CASE WHEN email LIKE 'm%' THEN 1 ELSE 0 END FROM customers",
    "SELECT coalesce(email, '') FROM customers",
    "SELECT ARRAY[email] FROM customers",
    "SELECT ROW(email) FROM customers",
    "SELECT name FROM customers ORDER BY email",
    "SELECT name FROM customers ORDER BY card DESC LIMIT 1",
    "SELECT count(*) FROM customers GROUP BY email",
    "SELECT DISTINCT email FROM customers",
    "SELECT max(email) FROM customers",
    "SELECT string_agg(card, ',') FROM customers",
    "SELECT count(email) FROM customers",
    "SELECT name FROM customers WHERE email LIKE 'm%'",
    "SELECT name FROM customers WHERE email > 'm'",
    "SELECT name FROM customers WHERE email ~ '^m'",
    "SELECT name FROM customers WHERE length(card) = 16",
    "SELECT a.name FROM customers a JOIN loot ON a.email = loot.note",
    "SELECT row_number() OVER (ORDER BY email) FROM customers",
    "SELECT c FROM customers c",
    "SELECT c::text FROM customers c",
    "SELECT row_to_json(c) FROM customers c",
    "SELECT to_jsonb(customers) FROM customers",
    "SELECT email FROM customers UNION SELECT name FROM items",
    "SELECT s.email FROM (SELECT email FROM customers) s",
    "SELECT (SELECT email FROM customers LIMIT 1)",
    "WITH s AS (SELECT email FROM customers) SELECT * FROM s",
    "SELECT e FROM customers AS c (i, n, e)",
    "DECLARE thief CURSOR WITH HOLD FOR SELECT email FROM customers",
    "CREATE TABLE loot2 AS SELECT email FROM customers",
    "SELECT email INTO loot3 FROM customers",
    "CREATE VIEW loot4 AS SELECT email AS plain FROM customers",
    "INSERT INTO loot SELECT 100 + id, email FROM customers",
    "UPDATE loot SET note = email FROM customers WHERE customers.id = loot.id",
    "UPDATE customers SET name = email WHERE id = 1",
    "UPDATE customers SET name = 'x' WHERE id = 1 RETURNING upper(email)",
    "CREATE INDEX loot5 ON customers (lower(email))",
    "SELECT upper(address) FROM customer_letters",
    "COPY (SELECT upper(address) FROM customer_letters) TO STDOUT",
    "COPY (SELECT upper(email) FROM customers) TO STDOUT",
    "COPY (SELECT email FROM customers UNION SELECT name FROM items) TO STDOUT (FORMAT csv)",
    "EXPLAIN ANALYZE SELECT name FROM customers WHERE email > 'm'",
];

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn hides(answer: &Answer) {
    for planted in PLANTED {
        assert!(
            !answer.out.contains(planted),
            "{planted} is shown: {answer:?}"
        );
        assert!(
            !answer.err.contains(planted),
            "{planted} is told: {answer:?}"
        );
    }
}

fn masked(psql: &mut Psql, statement: &str) -> Answer {
    let answer = psql.ask(statement).unwrap();
    hides(&answer);
    answer
}

#[test]
fn governed_columns_are_masked_and_others_pass() {
    let stand = stand();
    let mut psql = stand.ada("mask").unwrap();
    let row = masked(
        &mut psql,
        "SELECT name, email, card FROM customers ORDER BY id LIMIT 1;",
    );
    assert_eq!(row.err, "", "{row:?}");
    let fields: Vec<&str> = row.out.trim_end().split('|').collect();
    assert_eq!(fields[0], "Mary Anning");
    assert!(
        !fields[1].is_empty() && !fields[1].contains('@'),
        "{fields:?}"
    );
    assert!(
        fields[2].ends_with("1111") && fields[2] != CARD,
        "{fields:?}"
    );
    let all = masked(&mut psql, "SELECT * FROM customers;");
    assert_eq!(all.out.lines().count(), 8, "{all:?}");
    // equality with a constant finds the row, and shows no more of it
    let found = format!("SELECT id, name, email FROM customers WHERE email = '{EMAIL}';");
    let found = masked(&mut psql, &found);
    assert!(found.out.starts_with("1|Mary Anning|"), "{found:?}");
    let count = masked(&mut psql, "SELECT count(*) FROM customers;");
    assert_eq!(count.out, "8\n", "{count:?}");
    let name = masked(
        &mut psql,
        "SELECT upper(name) FROM customers ORDER BY name LIMIT 1;",
    );
    assert_eq!(name.out, "CHIEN-SHIUNG WU\n", "{name:?}");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn detectors_find_what_no_column_says() {
    let stand = stand();
    stand.table("letters").unwrap();
    let note =
        format!("INSERT INTO letters VALUES (7, 'write to {EMAIL}, card {CARD}, thank you');");
    stand.postgres.sql(&note).unwrap();
    let mut psql = stand.ada("detectors").unwrap();
    // a table that is new to the gateway is hidden whole, until its catalogue was read
    masked(&mut psql, "SELECT note FROM letters WHERE id = 7;");
    let letter = masked(&mut psql, "SELECT note FROM letters WHERE id = 7;");
    assert!(
        letter.out.starts_with("write to ") && letter.out.ends_with(", thank you\n"),
        "{letter:?}"
    );
    let spoken = masked(&mut psql, &format!("SELECT 'it is {EMAIL}' AS told;"));
    assert!(spoken.out.starts_with("it is "), "{spoken:?}");
    let copied = masked(&mut psql, "COPY letters TO STDOUT;");
    assert!(copied.out.contains("write to "), "{copied:?}");
    // an error that repeats a value
    let error = psql.ask(&format!("SELECT '{EMAIL}'::int;")).unwrap();
    assert_eq!(error.sqlstate(), Some("22P02"), "{error:?}");
    // psql itself shows the line of the statement beside it
    let told = error.err.lines().next().unwrap();
    assert!(!told.contains("mary.anning"), "{told}");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn errors_tell_no_values() {
    let stand = stand();
    let mut psql = stand.ada("errors").unwrap();
    let twice = format!("INSERT INTO customers (name, email, card) VALUES ('x', '{EMAIL}', '0');");
    let error = masked(&mut psql, &twice);
    assert_eq!(error.sqlstate(), Some("23505"), "{error:?}");
    assert!(!error.err.contains("DETAIL"), "{error:?}");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn masks_are_not_laundered() {
    let stand = stand();
    stand.table("loot").unwrap();
    stand
        .postgres
        .sql("CREATE VIEW customer_letters AS SELECT id, 'to ' || email AS address FROM customers")
        .unwrap();
    let token = stand.newcomer("moriarty", "engineers,thieves").unwrap();
    let mut psql = stand.psql(("moriarty", &token), "launder").unwrap();
    for statement in LAUNDERINGS {
        let refused = masked(&mut psql, &format!("{statement};"));
        assert_eq!(
            refused.sqlstate(),
            Some("0A000"),
            "{statement}: {refused:?}"
        );
        assert_eq!(refused.out, "", "{statement}: {refused:?}");
    }
    // code that nobody can look into, and a view over a governed column: all that they give is hidden
    let opaque = "SELECT query_to_xml('SELECT email FROM customers', true, false, '');";
    let opaque = masked(&mut psql, opaque);
    assert!(!opaque.out.contains("customers"), "{opaque:?}");
    let view = masked(&mut psql, "SELECT * FROM customer_letters;");
    assert_eq!(view.err, "", "{view:?}");
    assert_eq!(view.out.lines().count(), 8, "{view:?}");
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
    let stolen = stand
        .postgres
        .sql("SELECT count(*) FROM loot WHERE note LIKE '%@%'")
        .unwrap();
    assert_eq!(stolen.trim(), "0");
    let made = "SELECT count(*) FROM pg_class WHERE relname ~ '^loot[0-9]'";
    assert_eq!(stand.postgres.sql(made).unwrap().trim(), "0");
    let name = stand
        .postgres
        .sql("SELECT name FROM customers WHERE id = 1")
        .unwrap();
    assert_eq!(name.trim(), "Mary Anning");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn who_may_see_sees_clear() {
    let stand = stand();
    let grace = ("grace", stand.people.grace.as_str());
    let mut psql = stand.psql(grace, "reveal").unwrap();
    let row = psql
        .ask("SELECT email, card FROM customers ORDER BY id LIMIT 1;")
        .unwrap();
    assert_eq!(row.out, format!("{EMAIL}|{CARD}\n"), "{row:?}");
    let copied = psql
        .ask("COPY (SELECT email FROM customers ORDER BY id LIMIT 1) TO STDOUT;")
        .unwrap();
    assert_eq!(copied.out, format!("{EMAIL}\n"), "{copied:?}");
    let upper = psql
        .ask("SELECT upper(email) FROM customers ORDER BY email LIMIT 1;")
        .unwrap();
    assert_eq!(upper.out, "CS.WU@EXAMPLE.NET\n", "{upper:?}");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn a_session_is_replayed_as_it_was_masked() {
    let stand = stand();
    let mut psql = stand.ada("replay").unwrap();
    let statement = format!("SELECT id, name, email, card FROM customers WHERE email = '{EMAIL}';");
    masked(&mut psql, &statement);
    let denied = psql.ask("CREATE ROLE replayed;").unwrap();
    assert_eq!(denied.sqlstate(), Some("42501"), "{denied:?}");
    let session = stand.session("replay").unwrap();
    assert!(psql.quit().unwrap().success());

    let admin = &stand.people.admin;
    let lines = until("the recording is sealed", || {
        let replay = ["--output", "json", "sessions", "replay", &session];
        let lines = stand.place().cli(admin, &replay)?;
        Ok(lines.contains("\"sealed\":true").then_some(lines))
    })
    .unwrap();
    let shown = stand
        .place()
        .cli(admin, &["sessions", "replay", &session])
        .unwrap();
    assert!(
        shown.contains("SELECT id, name, email, card FROM customers WHERE email = "),
        "{shown}"
    );
    assert!(shown.contains("CREATE ROLE replayed"), "{shown}");
    assert!(shown.contains("Mary Anning"), "{shown}");
    for planted in PLANTED {
        assert!(!shown.contains(planted), "{planted} is shown: {shown}");
    }
    for line in lines.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        if event["kind"] == "reply" {
            use base64::Engine;
            let bytes =
                base64::engine::general_purpose::STANDARD.decode(event["bytes"].as_str().unwrap());
            let text = String::from_utf8_lossy(&bytes.unwrap()).into_owned();
            for planted in PLANTED {
                assert!(!text.contains(planted), "{planted} is recorded: {text}");
            }
        }
    }
    let report = stand.verified().unwrap();
    assert!(report["entries"].as_u64().unwrap() > 0, "{report}");
}
