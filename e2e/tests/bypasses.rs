//! Ways around the gate that were found once: names that mean something else by the time they are used, answers that are
//! taken for others'. Nothing destructive runs unasked, and no planted value comes out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::psql::Psql;
use e2e::stand::Stand;
use e2e::story::asked;
use e2e::wire::{Wire, text};

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&[]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn wire(stand: &Stand) -> Wire {
    Wire::login(stand.place(), "ada", &stand.people.ada).unwrap()
}

/// A table of ada's own to lose.
fn table(name: &str) -> &'static Stand {
    let stand = stand();
    stand.table(name).unwrap();
    stand
}

fn whole(stand: &Stand, table: &str) {
    assert_eq!(stand.rows(table).unwrap(), e2e::story::ROWS, "{table}");
}

/// What stands in every card number and e-mail address that was planted, forwards and backwards.
fn tells(said: &str) -> bool {
    [
        "4111111111111111",
        "1111111111111114",
        "mary.anning",
        "gninna.yram",
    ]
    .iter()
    .any(|planted| said.contains(planted))
}

fn tells_nothing(psql: &mut Psql, statement: &str) {
    let answer = psql.ask(statement).unwrap();
    let said = format!("{}{}", answer.out, answer.err);
    assert!(!tells(&said), "{statement}: {said}");
}

#[test]
fn execute_is_judged_by_what_the_text_prepares() {
    let stand = table("prepared_anew");
    let mut psql = stand.ada("prepared anew").unwrap();
    psql.ask("PREPARE p AS SELECT 1;").unwrap();
    let text = "DEALLOCATE p \\; PREPARE p AS DELETE FROM prepared_anew \\; EXECUTE p;";
    let answer = psql.ask(text).unwrap();
    assert_eq!(answer.sqlstate(), Some("0A000"), "{answer:?}");
    whole(stand, "prepared_anew");
    // one after the other it is asked
    psql.ask("DEALLOCATE p;").unwrap();
    psql.ask("PREPARE p AS DELETE FROM prepared_anew;").unwrap();
    psql.say("EXECUTE p;").unwrap();
    let id = asked(&psql).unwrap();
    // and who is asked sees what would run
    let question = stand.question(id).unwrap();
    let shown = question["rendering"].as_str().unwrap();
    assert!(shown.contains("EXECUTE p"), "{shown}");
    assert!(shown.contains("DELETE FROM prepared_anew"), "{shown}");
    stand
        .refuse(&stand.people.grace, id, "no\u{1b}[31m")
        .unwrap();
    let answer = psql.answer().unwrap();
    assert!(answer.err.contains("no\\u{1b}[31m"), "{answer:?}");
    assert!(!answer.err.contains('\u{1b}'), "{answer:?}");
    whole(stand, "prepared_anew");
}

#[test]
fn execute_waits_until_its_name_is_settled() {
    let stand = table("unsettled");
    let mut wire = wire(stand);
    wire.query("PREPARE p AS SELECT 1").unwrap();
    wire.answer(b'Z').unwrap();
    for text in [
        "SELECT 'first'",
        "SELECT pg_sleep(0.5)",
        "DEALLOCATE p",
        "PREPARE p AS DELETE FROM unsettled",
    ] {
        wire.query(text).unwrap();
    }
    assert!(text(&wire.answer(b'Z').unwrap()).contains("first"));
    // what it would run is on its way to the server, behind the sleep
    wire.query("EXECUTE p").unwrap();
    for _ in ["the sleep", "DEALLOCATE", "PREPARE"] {
        wire.answer(b'Z').unwrap();
    }
    let heard = text(&wire.answer(b'Z').unwrap());
    assert!(heard.contains("0A000"), "{heard}");
    whole(stand, "unsettled");
}

#[test]
fn a_query_after_an_error_of_its_batch_is_skipped() {
    let stand = table("skipped");
    let mut wire = wire(stand);
    wire.query("PREPARE p AS DELETE FROM skipped").unwrap();
    wire.answer(b'Z').unwrap();
    wire.parse("", "SELECT nope").unwrap();
    wire.query("SELECT 1").unwrap();
    wire.query("PREPARE p AS SELECT 1").unwrap();
    wire.sync();
    let heard = wire.answer(b'Z').unwrap();
    assert_eq!(
        heard.iter().filter(|(tag, _)| *tag == b'E').count(),
        1,
        "{}",
        text(&heard)
    );
    wire.query("SELECT 'three'").unwrap();
    assert!(text(&wire.answer(b'Z').unwrap()).contains("three"));
    // it was never prepared anew, so this is the DELETE: what the name means is not known any more
    wire.query("EXECUTE p").unwrap();
    let heard = text(&wire.answer(b'Z').unwrap());
    assert!(heard.contains("42501"), "{heard}");
    whole(stand, "skipped");
}

#[test]
fn a_batch_with_a_skipped_query_leaves_the_session_whole() {
    let stand = table("held_and_skipped");
    for skipped in ["SELECT 1", "TRUNCATE held_and_skipped"] {
        let mut wire = wire(stand);
        wire.parse("", "SELECT nope").unwrap();
        wire.query(skipped).unwrap();
        wire.sync();
        wire.answer(b'Z').unwrap();
        wire.parse("s", "SELECT 'alive'").unwrap();
        wire.bind("", "s").unwrap().execute("").unwrap().sync();
        let heard = text(&wire.answer(b'Z').unwrap());
        assert!(heard.contains("alive"), "{skipped}: {heard}");
        wire.query("SELECT 'still'").unwrap();
        assert!(text(&wire.answer(b'Z').unwrap()).contains("still"));
    }
    whole(stand, "held_and_skipped");
}

#[test]
fn a_parse_that_fails_names_nothing_for_what_was_sent_after_it() {
    let stand = table("parsed_twice");
    for after in ["execute", "bind"] {
        let mut wire = wire(stand);
        wire.query("PREPARE p AS DELETE FROM parsed_twice").unwrap();
        wire.answer(b'Z').unwrap();
        // the name is taken: the server refuses it, and keeps what it has
        wire.parse("p", "SELECT 1").unwrap().sync();
        match after {
            "execute" => wire.query("EXECUTE p").unwrap(),
            _ => wire.bind("", "p").unwrap().execute("").unwrap().sync(),
        };
        wire.answer(b'Z').unwrap();
        let heard = text(&wire.until(b'Z').unwrap());
        assert!(!heard.contains("DELETE"), "{after}: {heard}");
        whole(stand, "parsed_twice");
    }
}

#[test]
fn what_was_prepared_may_be_used_before_it_is_answered() {
    let stand = stand();
    let mut wire = wire(stand);
    wire.parse("s", "SELECT 'early'").unwrap().sync();
    wire.bind("", "s").unwrap().execute("").unwrap().sync();
    wire.bind("", "s").unwrap().execute("").unwrap().sync();
    wire.answer(b'Z').unwrap();
    for _ in 0..2 {
        let heard = text(&wire.until(b'Z').unwrap());
        assert!(heard.contains("early"), "{heard}");
    }
}

#[test]
fn a_description_is_of_the_statement_that_was_described() {
    let stand = stand();
    let mut wire = wire(stand);
    wire.parse("s", "SELECT 'a'::text, 'b'::text").unwrap();
    wire.describe("s").unwrap().close("s").unwrap();
    wire.parse("s", "SELECT email, card FROM customers")
        .unwrap();
    wire.bind("", "s").unwrap().execute("").unwrap().sync();
    let heard = text(&wire.answer(b'Z').unwrap());
    assert!(heard.contains("<email>") && !tells(&heard), "{heard}");
}

/// A table that stands before the governed one for a while, in each way it can go.
#[test]
fn a_name_that_was_shadowed_is_governed_still() {
    let stand = stand();
    let mut psql = stand.ada("shadows").unwrap();
    let reverse = "SELECT reverse(card), left(email, 6) FROM customers;";
    psql.ask("BEGIN; CREATE TEMP TABLE customers (card text) ON COMMIT DROP; SELECT count(*) FROM customers; COMMIT;")
        .unwrap();
    tells_nothing(&mut psql, reverse);
    psql.ask("CREATE SCHEMA shadows; SET search_path = shadows, public;")
        .unwrap();
    let create = "CREATE TABLE shadows.customers (id bigint, name text, email text, card text);";
    for statement in [
        "BEGIN;",
        create,
        "SELECT count(*) FROM customers;",
        "ROLLBACK;",
    ] {
        psql.ask(statement).unwrap();
    }
    tells_nothing(&mut psql, reverse);
    psql.ask(create).unwrap();
    psql.ask("SELECT count(*) FROM customers;").unwrap();
    tells_nothing(
        &mut psql,
        "ALTER TABLE shadows.customers RENAME TO gone \\; SELECT reverse(card) FROM customers;",
    );
    tells_nothing(&mut psql, reverse);
    tells_nothing(&mut psql, "ALTER SCHEMA public RENAME TO elsewhere;");
    tells_nothing(&mut psql, "SELECT reverse(card) FROM elsewhere.customers;");
    let schemas = stand
        .postgres
        .sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'elsewhere'")
        .unwrap();
    assert_eq!(
        schemas.trim(),
        "0",
        "a schema with governed columns was renamed"
    );
}

#[test]
fn a_prepared_statement_is_masked_by_where_its_rows_come_from() {
    let stand = stand();
    let mut other = stand.ada("renames").unwrap();
    other.ask("CREATE SCHEMA before; CREATE TABLE before.customers (id bigint, email text, card text);")
        .unwrap();
    let mut wire = wire(stand);
    wire.query("SET search_path = before, public").unwrap();
    wire.answer(b'Z').unwrap();
    wire.parse("a", "SELECT card, email FROM customers")
        .unwrap();
    wire.describe("a")
        .unwrap()
        .bind("", "a")
        .unwrap()
        .execute("")
        .unwrap()
        .sync();
    wire.answer(b'Z').unwrap();
    stand
        .postgres
        .sql("INSERT INTO customers (name, email, card) VALUES ('Plain', 'no-at-sign-secret', 'PLAINSECRET42')")
        .unwrap();
    other
        .ask("ALTER TABLE before.customers RENAME TO gone;")
        .unwrap();
    wire.bind("", "a").unwrap().execute("").unwrap().sync();
    let heard = text(&wire.answer(b'Z').unwrap());
    stand
        .postgres
        .sql("DELETE FROM customers WHERE name = 'Plain'")
        .unwrap();
    assert!(
        heard.contains("SELECT 9") || heard.contains("ERROR"),
        "{heard}"
    );
    assert!(
        !heard.contains("PLAINSECRET42") && !heard.contains("no-at-sign"),
        "{heard}"
    );
    assert!(!tells(&heard), "{heard}");
}

#[test]
fn what_shows_governed_rows_by_another_way_is_governed() {
    let stand = stand();
    stand
        .postgres
        .sql(
            "CREATE FUNCTION cards() RETURNS TABLE (k text) LANGUAGE sql AS 'SELECT reverse(card) FROM customers';
             CREATE VIEW over_a_function AS SELECT k FROM cards();
             CREATE VIEW over_that AS SELECT k AS j FROM over_a_function;
             CREATE TABLE parent (email text, card text);
             CREATE TABLE child (LIKE customers);
             CREATE TABLE above (card text);
             ALTER TABLE customers INHERIT above;
             GRANT SELECT ON over_a_function, over_that, parent, above TO shop_gateway;
             ALTER VIEW over_a_function OWNER TO shop_gateway; ALTER VIEW over_that OWNER TO shop_gateway;
             ALTER TABLE above OWNER TO shop_gateway;",
        )
        .unwrap();
    let mut psql = stand.ada("other ways").unwrap();
    for statement in [
        "SELECT k FROM over_a_function;",
        "SELECT j FROM over_that;",
        "SELECT upper(k) FROM over_a_function;",
        "SELECT reverse(card) FROM above;",
        "SELECT card FROM above;",
    ] {
        tells_nothing(&mut psql, statement);
    }
    // the server's own views rest on functions as well, and are read as before
    let answer = psql
        .ask("SELECT count(*) > 0 FROM information_schema.columns WHERE table_name = 'orders';")
        .unwrap();
    assert_eq!(answer.out.trim(), "t", "{answer:?}");
    stand
        .postgres
        .sql("ALTER TABLE customers NO INHERIT above; DROP TABLE above, child, parent; DROP VIEW over_that, over_a_function; DROP FUNCTION cards();")
        .unwrap();
}
