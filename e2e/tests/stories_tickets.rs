//! Services do not wait: a held statement is refused with a ticket, and who sends the same again finds the answer, once.

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
use e2e::people::token;
use e2e::psql::{Answer, Login, Psql};
use e2e::stand::Stand;
use e2e::story::ROWS;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&["tickets.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

/// A psql of the service's, which nobody sits at.
fn robot(story: &str) -> Psql {
    let stand = stand();
    stand.psql(("robot", &stand.people.robot), story).unwrap()
}

/// The number in a refusal that is a ticket.
fn number(detail: &str) -> u64 {
    let (_, after) = detail
        .split_once("approval_id=")
        .unwrap_or_else(|| panic!("no ticket: {detail}"));
    let (number, state) = after.split_once(" state=").unwrap();
    assert!(state.starts_with("pending"), "{detail}");
    number.parse().unwrap()
}

fn ticket(answer: &Answer) -> u64 {
    assert_eq!(answer.sqlstate(), Some("42501"), "{answer:?}");
    assert_eq!(answer.out, "", "{answer:?}");
    assert!(!answer.err.contains("NOTICE"), "{answer:?}");
    assert!(
        answer.err.contains("HINT:  nothing was executed"),
        "{answer:?}"
    );
    let id = number(&answer.err);
    let show = format!("countersign approvals show {id}");
    assert!(answer.err.contains(&show), "{answer:?}");
    id
}

/// One statement on a connection of its own.
fn once(story: &str, statement: &str) -> Answer {
    let mut psql = robot(story);
    let answer = psql.ask(statement).unwrap();
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert!(psql.quit().unwrap().success());
    answer
}

fn untouched(table: &str) {
    assert_eq!(stand().at_server(table).unwrap(), "");
    assert_eq!(stand().rows(table).unwrap(), ROWS);
}

#[test]
fn a_retry_on_a_new_connection_runs_once() {
    let stand = stand();
    stand.table("retried").unwrap();
    let statement = "DELETE FROM retried;";
    let id = ticket(&once("ticket", statement));
    untouched("retried");
    let question = stand.question(id).unwrap();
    assert_eq!(question["as"], "service:robot");
    assert_eq!(question["state"], "asked");
    let notes = question["notes"].to_string();
    assert_eq!(notes.matches("nobody waits for it").count(), 1, "{notes}");
    // to come back early asks nothing new
    assert_eq!(ticket(&once("ticket, early", statement)), id);
    assert_eq!(
        stand.question(id).unwrap()["expires_at"],
        question["expires_at"]
    );
    // who owns the service may not answer for it
    stand.may_not_approve(&stand.people.ada, id).unwrap();
    stand.approve(&stand.people.grace, id).unwrap();
    untouched("retried");
    assert_eq!(once("ticket, approved", statement).out, "DELETE 3\n");
    assert_eq!(stand.rows("retried").unwrap(), 0);
    assert_eq!(stand.state(id).unwrap(), "used");
    // and a second time it is another question
    let again = ticket(&once("ticket, used", statement));
    assert_ne!(again, id);
    assert_eq!(stand.state(again).unwrap(), "asked");

    let label = id.to_string();
    let mine = |entry: &&serde_json::Value| entry["approval"] == label.as_str();
    let log = stand.exported().unwrap();
    let said: Vec<_> = log
        .iter()
        .filter(mine)
        .map(|entry| {
            (
                entry["verdict"].as_str().unwrap(),
                entry["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("hold", "parked"),
            ("hold", "parked"),
            ("allow", "approval")
        ]
    );
    drop(stand.verified().unwrap());
}

#[test]
fn whatever_else_asks_anew() {
    let stand = stand();
    stand.table("exact").unwrap();
    let statement = "DELETE FROM exact;";
    let id = ticket(&once("exact", statement));
    stand.approve(&stand.people.grace, id).unwrap();

    stand.postgres.sql("CREATE SCHEMA beside").unwrap();
    let other = "DELETE  FROM exact;";
    assert_ne!(ticket(&once("exact, other bytes", other)), id);

    let elsewhere = "-c search_path=public,beside";
    let login = Login {
        options: Some(elsewhere),
        ..Login::of("robot", &stand.people.robot, "exact, another path")
    };
    let mut psql = Psql::open(stand.place(), &login).unwrap();
    assert_ne!(ticket(&psql.ask(statement).unwrap()), id);

    let admin = &stand.people.admin;
    let second = token(stand.place(), admin, "robot").unwrap();
    let mut psql = stand
        .psql(("robot", &second), "exact, another token")
        .unwrap();
    assert_ne!(ticket(&psql.ask(statement).unwrap()), id);

    let add = [
        "user",
        "add",
        "double",
        "--owner",
        "ada",
        "--groups",
        "engineers",
    ];
    stand.place().cli(admin, &add).unwrap();
    let double = token(stand.place(), admin, "double").unwrap();
    let mut psql = stand
        .psql(("double", &double), "exact, somebody else")
        .unwrap();
    assert_ne!(ticket(&psql.ask(statement).unwrap()), id);

    untouched("exact");
    assert_eq!(stand.state(id).unwrap(), "granted");
    assert_eq!(once("exact, the same", statement).out, "DELETE 3\n");
}

#[test]
fn a_refusal_is_told_to_who_comes_back() {
    let stand = stand();
    stand.table("unwanted").unwrap();
    let statement = "TRUNCATE unwanted;";
    let id = ticket(&once("refused ticket", statement));
    stand.refuse(&stand.people.grace, id, "not today").unwrap();
    let answer = once("refused ticket, retry", statement);
    assert_eq!(answer.sqlstate(), Some("42501"), "{answer:?}");
    assert!(answer.err.contains("was refused by"), "{answer:?}");
    assert!(answer.err.contains("not today"), "{answer:?}");
    untouched("unwanted");
}

#[test]
fn a_ticket_in_a_transaction_fails_it_and_the_next_one_uses_the_approval() {
    let stand = stand();
    stand.table("within").unwrap();
    let statement = "DELETE FROM within;";
    let mut psql = robot("ticket in a transaction");
    assert_eq!(psql.ask("BEGIN;").unwrap().out, "BEGIN\n");
    let id = ticket(&psql.ask(statement).unwrap());
    assert_eq!(psql.ask("SELECT 1;").unwrap().sqlstate(), Some("25P02"));
    stand.approve(&stand.people.grace, id).unwrap();
    // what the server refuses in any case uses no approval up, and asks nobody
    let asked = questions();
    assert_eq!(psql.ask(statement).unwrap().sqlstate(), Some("25P02"));
    assert_eq!(
        psql.ask("TRUNCATE within;").unwrap().sqlstate(),
        Some("25P02")
    );
    assert_eq!(questions(), asked);
    assert_eq!(stand.state(id).unwrap(), "granted");
    assert_eq!(psql.ask("ROLLBACK;").unwrap().out, "ROLLBACK\n");
    untouched("within");
    assert_eq!(psql.ask("BEGIN;").unwrap().out, "BEGIN\n");
    assert_eq!(psql.ask(statement).unwrap().out, "DELETE 3\n");
    assert_eq!(psql.ask("COMMIT;").unwrap().out, "COMMIT\n");
    assert_eq!(stand.rows("within").unwrap(), 0);
    assert_eq!(stand.state(id).unwrap(), "used");
    assert!(psql.quit().unwrap().success());
}

/// How many questions are about this table.
fn questions() -> usize {
    let list = ["--output", "json", "approvals", "list", "--state", "all"];
    let listed = stand().place().cli(&stand().people.admin, &list).unwrap();
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let about = |one: &&serde_json::Value| one["operations"].to_string().contains("within");
    listed.iter().filter(about).count()
}

#[test]
fn people_get_a_ticket_where_a_policy_says_so() {
    let stand = stand();
    stand.table("by_ticket").unwrap();
    let statement = "DELETE FROM by_ticket WHERE id = 1;";
    let mut psql = stand.ada("a person's ticket").unwrap();
    let id = ticket(&psql.ask(statement).unwrap());
    assert!(psql.quit().unwrap().success());
    stand.approve(&stand.people.heidi, id).unwrap();
    let mut psql = stand.ada("a person's retry").unwrap();
    assert_eq!(psql.ask(statement).unwrap().out, "DELETE 1\n");
    assert_eq!(stand.rows("by_ticket").unwrap(), ROWS - 1);
}

#[test]
fn a_ticket_ends_with_its_time() {
    let stand = stand();
    stand.table("hasty").unwrap();
    let statement = "DELETE FROM hasty WHERE id = 1;";
    let id = ticket(&once("hasty", statement));
    stand.becomes(id, "expired").unwrap();
    stand.may_not_approve(&stand.people.grace, id).unwrap();
    assert_ne!(ticket(&once("hasty, too late", statement)), id);
    untouched("hasty");
}

#[test]
fn a_service_is_let_in_by_ticket() {
    let stand = stand();
    let admin = &stand.people.admin;
    let add = [
        "user",
        "add",
        "visitor",
        "--owner",
        "ada",
        "--groups",
        "engineers",
    ];
    stand.place().cli(admin, &add).unwrap();
    let visitor = token(stand.place(), admin, "visitor").unwrap();
    let login = Login::of("visitor", &visitor, "visitor");
    let mut psql = Psql::start(stand.place(), &login).unwrap();
    let id = number(&psql.ask("SELECT 'within';").unwrap().err);
    stand.approve(&stand.people.grace, id).unwrap();
    let mut psql = Psql::open(stand.place(), &login).unwrap();
    assert_eq!(psql.ask("SELECT 1;").unwrap().out, "1\n");
    assert_eq!(stand.state(id).unwrap(), "used");
}

async fn driver() -> Driver {
    let stand = stand();
    Driver::connect(stand.place(), "robot", &stand.people.robot)
        .await
        .unwrap()
}

/// A prepared statement with its parameter, on a connection of its own.
async fn bound(id: i32) -> Result<u64, tokio_postgres::Error> {
    let driver = driver().await;
    let statement = driver
        .client
        .prepare("DELETE FROM by_driver WHERE id = $1")
        .await
        .unwrap();
    let done = driver.client.execute(&statement, &[&id]).await;
    let alive = driver
        .client
        .query_one("SELECT 'alive'", &[])
        .await
        .unwrap();
    assert_eq!(alive.get::<_, &str>(0), "alive");
    driver.close().await.unwrap();
    done
}

fn ticket_of(error: &tokio_postgres::Error) -> u64 {
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "42501", "{error:?}");
    assert_eq!(error.severity(), "ERROR");
    number(error.detail().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_comes_back_with_the_same_parameters() {
    let stand = stand();
    stand.table("by_driver").unwrap();
    let id = ticket_of(&bound(1).await.unwrap_err());
    stand.approve(&stand.people.grace, id).unwrap();
    let other = ticket_of(&bound(2).await.unwrap_err());
    assert_ne!(other, id);
    untouched("by_driver");
    assert_eq!(bound(1).await.unwrap(), 1);
    assert_eq!(stand.rows("by_driver").unwrap(), ROWS - 1);
    assert_ne!(ticket_of(&bound(1).await.unwrap_err()), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_retries_at_once_one_runs() {
    let stand = stand();
    let statement = "UPDATE raced SET times = times + 1";
    let mut drivers = Vec::new();
    for _ in 0..4 {
        drivers.push(driver().await);
    }
    // through the gateway, which thereby knows its columns
    let make = "CREATE TABLE raced (id int PRIMARY KEY, times int NOT NULL)";
    drivers[0].client.batch_execute(make).await.unwrap();
    let fill = "INSERT INTO raced VALUES (1, 0), (2, 0)";
    drivers[0].client.batch_execute(fill).await.unwrap();
    let first = drivers[0].client.simple_query(statement).await.unwrap_err();
    let id = ticket_of(&first);
    stand.approve(&stand.people.grace, id).unwrap();
    let [a, b, c, d] = drivers.as_slice() else {
        panic!("four of them");
    };
    let all = tokio::join!(
        a.client.simple_query(statement),
        b.client.simple_query(statement),
        c.client.simple_query(statement),
        d.client.simple_query(statement),
    );
    let (done, refused): (Vec<_>, Vec<_>) = [all.0, all.1, all.2, all.3]
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    for error in refused {
        let error = error.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "42501", "{error:?}");
        let detail = error.detail().unwrap();
        let told = format!("approval_id={id} state=used");
        assert!(detail == told || number(detail) != id, "{error:?}");
    }
    let times = stand
        .postgres
        .sql("SELECT DISTINCT times FROM raced")
        .unwrap();
    assert_eq!(times.trim(), "1");
    assert_eq!(stand.state(id).unwrap(), "used");
}
