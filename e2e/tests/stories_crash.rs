//! With real psql: the gateway is killed while a statement is held and another runs; nothing runs late, nothing is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use e2e::lasting;
use e2e::story::ROWS;
use e2e::watchdog::until;
use serde_json::{Value, json};

#[test]
fn a_killed_gateway_forgets_no_question_and_runs_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut stand = lasting::stand(&folder.path().join("stand"), &[]).unwrap();
    stand.table("crashed").unwrap();
    let mut psql = stand.ada("crash").unwrap();
    let mut busy = stand.ada("busy").unwrap();
    busy.say("SELECT pg_sleep(3);").unwrap();
    until("a statement runs", || {
        Ok(stand
            .at_server("pg_sleep")?
            .starts_with("active")
            .then_some(()))
    })
    .unwrap();
    let id = stand
        .held(&mut psql, "DELETE FROM crashed;", "crashed")
        .unwrap();

    stand.gateway.kill().unwrap();
    psql.told("connection to server was lost").unwrap();
    assert_eq!(psql.ended().unwrap().code(), Some(2));
    busy.told("connection to server was lost").unwrap();
    assert_eq!(stand.rows("crashed").unwrap(), ROWS);
    assert_eq!(stand.at_server("crashed").unwrap(), "");

    stand.restart(&|| false).unwrap();
    stand.becomes(id, "withdrawn").unwrap();
    let end = ("hold", "gateway_ended");
    assert_eq!(stand.recorded(id, end).unwrap(), None);
    stand.may_not_approve(&stand.people.grace, id).unwrap();
    // what waited is not carried out by a gateway that comes back
    let mut again = stand.ada("after the crash").unwrap();
    assert_eq!(again.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert_eq!(stand.rows("crashed").unwrap(), ROWS);

    // asked anew it is another question, and this one is answered
    let anew = stand
        .held(&mut again, "DELETE FROM crashed;", "crashed")
        .unwrap();
    assert_ne!(anew, id);
    stand.approve(&stand.people.grace, anew).unwrap();
    assert_eq!(again.answer().unwrap().out, "DELETE 3\n");
    assert_eq!(stand.rows("crashed").unwrap(), 0);
    assert!(again.quit().unwrap().success());

    // what ran when the gateway died has an outcome that nobody knows
    let entries = stand.exported().unwrap();
    let selected = |request: &Value| {
        let decided = entries.iter().find(|entry| entry["request"] == *request);
        decided.is_some_and(|entry| entry["actions"] == json!(["postgres.select"]))
    };
    let unknown = entries.iter().filter(|entry| entry["outcome"] == "unknown");
    assert_eq!(
        unknown.filter(|entry| selected(&entry["request"])).count(),
        1
    );
    stand.gateway.end().unwrap();
    let report = stand.verified().unwrap();
    assert_eq!(report["counts"]["open"], 0, "{report}");
}
