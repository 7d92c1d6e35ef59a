//! With real psql: what is allowed runs, what is denied does not and the session lives on, and psql's own commands work.

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

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&[]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

#[test]
fn what_is_allowed_runs() {
    let stand = stand();
    stand.table("allowed").unwrap();
    let mut psql = stand.ada("allow").unwrap();
    let read = psql
        .ask("SELECT name FROM items ORDER BY id LIMIT 2;")
        .unwrap();
    assert_eq!(read.out, "hand lens\nfield notebook\n", "{read:?}");
    assert_eq!(read.err, "");
    let written = psql.ask("DELETE FROM allowed WHERE id = 2;").unwrap();
    assert_eq!(written.out, "DELETE 1\n", "{written:?}");
    assert_eq!(stand.rows("allowed").unwrap(), ROWS - 1);
    let several = psql.ask("SELECT 1\\; SELECT 2;").unwrap();
    assert_eq!(several.out, "1\n2\n", "{several:?}");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn what_is_denied_does_not_run_and_the_session_lives() {
    let stand = stand();
    let mut psql = stand.ada("deny").unwrap();
    let denied = psql.ask("CREATE ROLE intruder SUPERUSER;").unwrap();
    assert_eq!(denied.sqlstate(), Some("42501"), "{denied:?}");
    assert!(
        denied
            .err
            .contains("denied by policy \"no-administration\""),
        "{denied:?}"
    );
    assert!(denied.err.contains("DETAIL:  request "), "{denied:?}");
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname = 'intruder'";
    assert_eq!(stand.postgres.sql(roles).unwrap().trim(), "0");
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn a_denial_in_a_transaction_fails_it_until_rollback() {
    let stand = stand();
    stand.table("denied_within").unwrap();
    let mut psql = stand.ada("deny in a transaction").unwrap();
    let begun = psql
        .ask("BEGIN; DELETE FROM denied_within WHERE id = 1;")
        .unwrap();
    assert_eq!(begun.out, "BEGIN\nDELETE 1\n", "{begun:?}");
    let denied = psql.ask("CREATE ROLE intruder_within;").unwrap();
    assert_eq!(denied.sqlstate(), Some("42501"), "{denied:?}");
    for statement in ["SELECT 1;", "INSERT INTO denied_within VALUES (9, 'late');"] {
        let failed = psql.ask(statement).unwrap();
        assert_eq!(failed.sqlstate(), Some("25P02"), "{failed:?}");
    }
    // a denied one says so as well, in the server's words
    let again = psql.ask("CREATE ROLE intruder_within;").unwrap();
    assert_eq!(again.sqlstate(), Some("25P02"), "{again:?}");
    assert_eq!(psql.ask("ROLLBACK;").unwrap().out, "ROLLBACK\n");
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert_eq!(stand.rows("denied_within").unwrap(), ROWS);

    // COMMIT of a failed transaction is a ROLLBACK: nothing of it stays
    let committed = psql
        .ask("BEGIN; DELETE FROM denied_within WHERE id = 1; CREATE ROLE intruder_within; COMMIT;")
        .unwrap();
    assert!(committed.out.ends_with("ROLLBACK\n"), "{committed:?}");
    assert_eq!(stand.rows("denied_within").unwrap(), ROWS);
    assert!(psql.quit().unwrap().success());
}

#[test]
fn a_statement_of_many_is_denied_whole() {
    let stand = stand();
    stand.table("denied_whole").unwrap();
    let mut psql = stand.ada("deny of many").unwrap();
    let denied = psql
        .ask("DELETE FROM denied_whole WHERE id = 1\\; CREATE ROLE intruder_of_many;")
        .unwrap();
    assert_eq!(denied.sqlstate(), Some("42501"), "{denied:?}");
    assert_eq!(stand.rows("denied_whole").unwrap(), ROWS);
    assert!(psql.quit().unwrap().success());
}

#[test]
fn psqls_own_commands_work() {
    let stand = stand();
    stand.table("described").unwrap();
    let mut psql = stand.ada("meta commands").unwrap();
    psql.ask("\\pset tuples_only off").unwrap();
    let mut ask = |command: &str| {
        let answer = psql.ask(command).unwrap();
        assert_eq!(answer.err, "", "{command} says: {answer:?}");
        answer.out
    };
    let tables = ask("\\dt");
    for table in ["customers", "items", "orders", "described"] {
        assert!(
            tables.contains(table),
            "\\dt does not show {table}: {tables}"
        );
    }
    assert!(ask("\\d").contains("customers_id_seq"));
    assert!(ask("\\d customers").contains("customers_email_key"));
    assert!(ask("\\du").contains("shop_gateway"));
    assert!(ask("\\l").contains("shop|"));
    let described = ask("\\d described");
    assert!(described.contains("note|text"), "{described}");
    let whole = ask("\\d+ orders");
    assert!(whole.contains("orders_of_customer"), "{whole}");
    assert!(ask("\\dn").contains("public"));
    assert!(ask("\\di").contains("customers_email_key"));
    assert!(ask("\\conninfo").contains("shop"));
    assert!(psql.quit().unwrap().success());
}
