//! What an approver is told of a held statement beside its text: tables, locks, and the server's own estimate, when it comes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::driver::Driver;
use e2e::lasting::Lasting;
use e2e::psql::{Login, Psql};
use e2e::stand::Stand;
use e2e::story::asked;
use e2e::watchdog::{WATCHDOG, until};
use serde_json::Value;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| {
    let lasting = Lasting::start(&["impact.cedar"]).unwrap();
    lasting.stand.postgres.sql(TABLES).unwrap();
    lasting
});

/// Sizes are those of the last ANALYZE.
const TABLES: &str = "\
CREATE TABLE weighed (id int PRIMARY KEY, note text NOT NULL);
INSERT INTO weighed SELECT n, 'note ' || n FROM generate_series(1, 1000) AS n;
CREATE SCHEMA aside;
CREATE TABLE aside.weighed (id int PRIMARY KEY, note text NOT NULL);
INSERT INTO aside.weighed SELECT n, 'note ' || n FROM generate_series(1, 7) AS n;
CREATE TABLE planned (at int);
CREATE FUNCTION tells(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'it was run while planning'; END$$;
CREATE VIEW seen AS SELECT id FROM weighed WHERE tells(1);
CREATE TABLE grown (id int PRIMARY KEY, CHECK (tells(id)));
CREATE TYPE mood AS ENUM ('good');
CREATE TABLE moody (id int PRIMARY KEY, mood mood);
ANALYZE weighed; ANALYZE aside.weighed;
GRANT ALL ON SCHEMA aside TO shop_gateway;
GRANT ALL ON ALL TABLES IN SCHEMA aside, public TO shop_gateway;
";

fn stand() -> &'static Stand {
    &LASTING.stand
}

/// What is told of a question, once it was found out.
fn impact(id: u64) -> Value {
    until("its impact is found out", || {
        let question = stand().question(id)?;
        let impact = question["impact"].clone();
        Ok((!impact.is_null()).then_some(impact))
    })
    .unwrap()
}

/// Of a statement that ada asks, which is then refused.
fn of(story: &str, statement: &str) -> Value {
    let stand = stand();
    let mut psql = stand.ada(story).unwrap();
    psql.say(statement).unwrap();
    let id = asked(&psql).unwrap();
    let impact = impact(id);
    stand.refuse(&stand.people.grace, id, "seen").unwrap();
    assert_eq!(psql.answer().unwrap().sqlstate(), Some("42501"));
    assert!(psql.quit().unwrap().success());
    impact
}

fn why_not(impact: &Value) -> &str {
    assert!(impact["estimate"].is_null(), "{impact}");
    impact["no_estimate"].as_str().unwrap()
}

#[test]
fn an_estimate_comes_after_the_question() {
    let stand = stand();
    let mut psql = stand.ada("estimated").unwrap();
    psql.say("DELETE FROM weighed WHERE id <= 100 AND note <> 'a secret';")
        .unwrap();
    let id = asked(&psql).unwrap();
    let impact = impact(id);
    let estimate = &impact["estimate"];
    let rows = estimate["rows"].as_u64().unwrap();
    assert!((50..200).contains(&rows), "{impact}");
    assert_eq!(estimate["plan"][0], "Delete on weighed", "{impact}");
    let table = impact["tables"][0].as_str().unwrap();
    assert!(
        table.starts_with("public.weighed: about 1000 rows"),
        "{impact}"
    );
    assert!(!impact.to_string().contains("secret"), "{impact}");
    assert_eq!(impact["locks"], serde_json::json!([]));

    let show = ["approvals", "show", &id.to_string()];
    let shown = stand.place().cli(&stand.people.grace, &show).unwrap();
    assert!(
        shown.contains(&format!("estimate     about {rows} rows")),
        "{shown}"
    );
    assert!(shown.contains("table        public.weighed"), "{shown}");
    // who asks learns nothing of rows that way
    let own = stand.place().cli(&stand.people.ada, &show).unwrap();
    assert!(!own.contains("about"), "{own}");

    // the digest that an approver saw before is the one that counts after
    stand.approve(&stand.people.grace, id).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DELETE 100\n");
    let fill = "INSERT INTO weighed SELECT n, 'note ' || n FROM generate_series(1, 100) AS n";
    stand.postgres.sql(fill).unwrap();
}

#[test]
fn locks_that_are_held_are_told() {
    let stand = stand();
    let mut psql = stand.ada("locks").unwrap();
    let begun = psql
        .ask("BEGIN; UPDATE items SET name = name WHERE id = 1;")
        .unwrap();
    assert!(begun.out.contains("UPDATE 1"), "{begun:?}");
    psql.say("DELETE FROM weighed WHERE id = 1;").unwrap();
    let id = asked(&psql).unwrap();
    let impact = impact(id);
    let locks = impact["locks"].to_string();
    assert!(
        locks.contains("RowExclusiveLock on public.items"),
        "{impact}"
    );
    assert!(!locks.contains("weighed"), "{impact}");
    assert_eq!(impact["estimate"]["rows"], 1, "{impact}");
    stand.refuse(&stand.people.grace, id, "seen").unwrap();
    assert_eq!(psql.answer().unwrap().sqlstate(), Some("42501"));
}

#[test]
fn what_planning_might_run_is_not_planned() {
    let opaque = of("opaque", "DELETE FROM weighed WHERE tells(id);");
    assert!(
        why_not(&opaque).contains("not known to be harmless"),
        "{opaque}"
    );
    // what the statement does not name is found at its tables
    for (table, statement) in [
        ("view", "DELETE FROM seen;"),
        ("check", "DELETE FROM grown;"),
        ("type", "DELETE FROM moody;"),
    ] {
        let impact = of(table, statement);
        assert!(
            why_not(&impact).contains("not the server's own"),
            "{impact}"
        );
    }
    let several = of("several", "DELETE FROM weighed WHERE id = 1\\; SELECT 1;");
    assert!(why_not(&several).contains("single"), "{several}");
}

#[test]
fn who_plans_long_is_stopped() {
    // every order of fifteen tables that are all joined with each other
    let always =
        "ALTER DATABASE shop SET geqo = off; ALTER DATABASE shop SET from_collapse_limit = 100";
    stand().postgres.sql(always).unwrap();
    let names: Vec<String> = (0..14).map(|number| format!("w{number}")).collect();
    let tables: Vec<String> = names.iter().map(|name| format!("weighed {name}")).collect();
    let joined: Vec<String> = names
        .iter()
        .map(|name| format!("{name}.id = w.id"))
        .collect();
    let statement = format!(
        "DELETE FROM weighed w USING {} WHERE {};",
        tables.join(", "),
        joined.join(" AND ")
    );
    let begun = std::time::Instant::now();
    let impact = of("planned long", &statement);
    e2e::watchdog::tell("its impact is told", begun.elapsed());
    assert_eq!(why_not(&impact), "planning took too long", "{impact}");
    let table = impact["tables"][0].as_str().unwrap();
    assert!(table.starts_with("public.weighed: "), "{impact}");
}

#[test]
fn what_has_no_plan_is_told_by_size() {
    let impact = of("no plan", "TRUNCATE weighed;");
    assert!(why_not(&impact).contains("have a plan"), "{impact}");
    let table = impact["tables"][0].as_str().unwrap();
    assert!(
        table.starts_with("public.weighed: about 1000 rows"),
        "{impact}"
    );
}

#[test]
fn names_mean_what_they_mean_to_the_session() {
    let stand = stand();
    let login = Login {
        options: Some("-c search_path=aside,public"),
        ..Login::of("ada", &stand.people.ada, "another path")
    };
    let mut psql = Psql::open(stand.place(), &login).unwrap();
    psql.say("DELETE FROM weighed;").unwrap();
    let id = asked(&psql).unwrap();
    let impact = impact(id);
    assert_eq!(impact["estimate"]["rows"], 7, "{impact}");
    let table = impact["tables"][0].as_str().unwrap();
    assert!(table.starts_with("aside.weighed: about 7 rows"), "{impact}");
    stand.refuse(&stand.people.grace, id, "seen").unwrap();
    assert_eq!(psql.answer().unwrap().sqlstate(), Some("42501"));
}

#[test]
fn a_ticket_is_inquired_into_though_its_client_is_gone() {
    let stand = stand();
    let mut psql = stand
        .psql(("robot", &stand.people.robot), "ticket, estimated")
        .unwrap();
    let answer = psql.ask("DELETE FROM weighed WHERE id > 900;").unwrap();
    assert!(psql.quit().unwrap().success());
    let (_, after) = answer.err.split_once("approval_id=").unwrap();
    let id: u64 = after.split(' ').next().unwrap().parse().unwrap();
    let rows = impact(id)["estimate"]["rows"].as_u64().unwrap();
    assert!((50..200).contains(&rows), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_planned_with() {
    let stand = stand();
    let driver = Driver::connect(stand.place(), "ada", &stand.people.ada)
        .await
        .unwrap();
    let statement = driver
        .client
        .prepare("DELETE FROM weighed WHERE id > $1")
        .await
        .unwrap();
    let seen = tokio::task::spawn_blocking(|| {
        let list = ["--output", "json", "approvals", "list"];
        let id = until("the question is put", || {
            let listed = stand.place().cli(&stand.people.admin, &list)?;
            let listed: Vec<Value> = serde_json::from_str(&listed)?;
            let mut ids = listed.iter().filter_map(|one| one["id"].as_u64());
            let of_it = |id: &u64| {
                let question = stand.question(*id).unwrap();
                question["rendering"].as_str().unwrap().contains("id > $1")
            };
            Ok(ids.find(of_it))
        })
        .unwrap();
        let impact = impact(id);
        stand.refuse(&stand.people.grace, id, "seen").unwrap();
        impact
    });
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&990_i32];
    let refused = driver.client.execute(&statement, &parameters);
    let refused = tokio::time::timeout(WATCHDOG * 3, refused).await.unwrap();
    assert_eq!(refused.unwrap_err().code().unwrap().code(), "42501");
    let seen = seen.await.unwrap();
    let rows = seen["estimate"]["rows"].as_u64().unwrap();
    assert!((1..40).contains(&rows), "{seen}");
    driver.close().await.unwrap();
}
