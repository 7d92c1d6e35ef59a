//! With real psql: a lock or a kill ends both ends of a session at once, whether a statement is held or runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;
use std::time::Instant;

use e2e::lasting::Lasting;
use e2e::psql::{Login, Psql};
use e2e::stand::Stand;
use e2e::story::ROWS;
use e2e::watchdog::{tell, until};

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&[]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

/// The server process of a session.
fn backend(psql: &mut Psql) -> u32 {
    let answer = psql.ask("SELECT pg_backend_pid();").unwrap();
    answer
        .out
        .trim()
        .parse()
        .unwrap_or_else(|_| panic!("{answer:?}"))
}

/// Waits until a server process has no session any more; `asked` is when its end was.
fn gone(stand: &Stand, backend: u32, asked: Instant) {
    let look = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {backend}");
    assert!(backend > 0);
    until("the server's end is gone", || {
        Ok((stand.postgres.sql(&look)?.trim() == "0").then_some(()))
    })
    .unwrap();
    tell("both ends are gone", asked.elapsed());
}

#[test]
fn locking_a_user_ends_what_is_held() {
    let stand = stand();
    stand.table("locked_out").unwrap();
    let token = stand.newcomer("mallory", "engineers").unwrap();
    let mut psql = stand.psql(("mallory", &token), "lock a user").unwrap();
    let backend = backend(&mut psql);
    let id = stand
        .held(&mut psql, "DELETE FROM locked_out;", "locked_out")
        .unwrap();
    let admin = &stand.people.admin;
    let asked = Instant::now();
    stand
        .place()
        .cli(admin, &["lock", "user", "mallory", "--reason", "gone"])
        .unwrap();
    let end = psql.told("FATAL:").unwrap();
    assert!(end.contains("57P01"), "{end}");
    psql.ended().unwrap();
    gone(stand, backend, asked);
    stand.becomes(id, "withdrawn").unwrap();
    assert_eq!(stand.recorded(id, ("deny", "revoked")).unwrap(), None);
    stand.may_not_approve(&stand.people.grace, id).unwrap();
    assert_eq!(stand.rows("locked_out").unwrap(), ROWS);
    assert_eq!(stand.at_server("locked_out").unwrap(), "");

    // the lock keeps her out until it is taken off
    let mut refused = Psql::start(stand.place(), &Login::of("mallory", &token, "locked")).unwrap();
    refused.told("FATAL:").unwrap();
    assert_eq!(refused.ended().unwrap().code(), Some(2));
    stand
        .place()
        .cli(admin, &["lock", "user", "mallory", "--remove"])
        .unwrap();
    let mut again = stand.psql(("mallory", &token), "unlocked").unwrap();
    assert!(again.quit().unwrap().success());
}

#[test]
fn killing_a_session_ends_what_runs() {
    let stand = stand();
    let mut psql = stand.ada("kill").unwrap();
    let backend = backend(&mut psql);
    let session = stand.session("kill").unwrap();
    psql.say("SELECT pg_sleep(60);").unwrap();
    let look =
        format!("SELECT state FROM pg_stat_activity WHERE pid = {backend} AND query ~ 'pg_sleep'");
    until("the statement runs", || {
        Ok((stand.postgres.sql(&look)?.trim() == "active").then_some(()))
    })
    .unwrap();
    assert!(psql.pending());
    let asked = Instant::now();
    let kill = ["sessions", "kill", &session, "--reason", "story"];
    stand.place().cli(&stand.people.admin, &kill).unwrap();
    psql.told("57P01").unwrap();
    psql.ended().unwrap();
    gone(stand, backend, asked);
}

#[test]
fn killing_a_session_ends_what_is_held_and_no_other() {
    let stand = stand();
    stand.table("killed_held").unwrap();
    let mut other = stand.ada("bystander").unwrap();
    let mut psql = stand.ada("kill while held").unwrap();
    let backend = backend(&mut psql);
    let id = stand
        .held(&mut psql, "DELETE FROM killed_held;", "killed_held")
        .unwrap();
    let session = stand.session("kill while held").unwrap();
    let asked = Instant::now();
    stand
        .place()
        .cli(&stand.people.admin, &["sessions", "kill", &session])
        .unwrap();
    psql.told("57P01").unwrap();
    psql.ended().unwrap();
    gone(stand, backend, asked);
    stand.becomes(id, "withdrawn").unwrap();
    assert_eq!(stand.recorded(id, ("deny", "revoked")).unwrap(), None);
    assert_eq!(stand.rows("killed_held").unwrap(), ROWS);
    assert_eq!(stand.at_server("killed_held").unwrap(), "");
    assert_eq!(other.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert!(other.quit().unwrap().success());
}

#[test]
fn revoking_a_token_ends_its_sessions() {
    let stand = stand();
    stand.table("revoked").unwrap();
    let token = stand.newcomer("rita", "engineers").unwrap();
    let mut psql = stand.psql(("rita", &token), "revoke").unwrap();
    let backend = backend(&mut psql);
    let id = stand
        .held(&mut psql, "DELETE FROM revoked;", "revoked")
        .unwrap();
    let admin = &stand.people.admin;
    let listed = ["--output", "json", "token", "list", "rita"];
    let listed = stand.place().cli(admin, &listed).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let number = listed[0]["id"].to_string();
    let asked = Instant::now();
    stand
        .place()
        .cli(admin, &["token", "revoke", number.trim_matches('"')])
        .unwrap();
    psql.told("57P01").unwrap();
    psql.ended().unwrap();
    gone(stand, backend, asked);
    stand.becomes(id, "withdrawn").unwrap();
    assert_eq!(stand.recorded(id, ("deny", "revoked")).unwrap(), None);
    assert_eq!(stand.rows("revoked").unwrap(), ROWS);
    let mut refused = Psql::start(stand.place(), &Login::of("rita", &token, "revoked")).unwrap();
    refused.told("password authentication failed").unwrap();
    assert_eq!(refused.ended().unwrap().code(), Some(2));
}
