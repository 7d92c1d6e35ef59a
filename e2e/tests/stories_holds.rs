//! With real psql: a dangerous statement waits on its connection, and only people, time or its own end release it.

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
use e2e::story::{ROWS, asked};
use e2e::watchdog::until;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&["stories.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

#[test]
fn held_and_approved() {
    let stand = stand();
    stand.table("approved").unwrap();
    let mut psql = stand.ada("approve").unwrap();
    let id = stand
        .held(&mut psql, "DELETE FROM approved;", "approved")
        .unwrap();
    let question = stand.question(id).unwrap();
    assert_eq!(question["as"], "user:ada");
    assert!(
        question["rendering"]
            .as_str()
            .unwrap()
            .contains("DELETE FROM approved")
    );
    let shown = stand.approve(&stand.people.grace, id).unwrap();
    assert!(shown.contains("DELETE FROM approved"), "{shown}");
    let answer = psql.answer().unwrap();
    assert_eq!(answer.out, "DELETE 3\n", "{answer:?}");
    assert_eq!(stand.rows("approved").unwrap(), 0);
    assert_eq!(stand.state(id).unwrap(), "used");
    let outcome = stand.recorded(id, ("allow", "approval")).unwrap().unwrap();
    assert_eq!(outcome["outcome"], "completed", "{outcome}");
    assert_eq!(outcome["rows"], 3, "{outcome}");
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");

    // it is used once: the same again is another question
    let again = stand.held_again(&mut psql, "DELETE FROM approved;");
    assert_ne!(again, id);
    stand
        .refuse(&stand.people.grace, again, "once is enough")
        .unwrap();
    assert_eq!(psql.answer().unwrap().sqlstate(), Some("42501"));
    assert!(psql.quit().unwrap().success());
}

trait Again {
    fn held_again(&self, psql: &mut e2e::psql::Psql, statement: &str) -> u64;
}

impl Again for Stand {
    fn held_again(&self, psql: &mut e2e::psql::Psql, statement: &str) -> u64 {
        psql.say(statement).unwrap();
        let id = asked(psql).unwrap();
        assert_eq!(self.state(id).unwrap(), "asked");
        id
    }
}

#[test]
fn a_drop_is_held_and_approved() {
    let stand = stand();
    stand.table("dropped").unwrap();
    let mut psql = stand.ada("drop").unwrap();
    let id = stand
        .held(&mut psql, "DROP TABLE dropped;", "dropped")
        .unwrap();
    stand.approve(&stand.people.heidi, id).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DROP TABLE\n");
    let there = "SELECT to_regclass('public.dropped') IS NULL";
    assert_eq!(stand.postgres.sql(there).unwrap().trim(), "t");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn held_and_refused() {
    let stand = stand();
    stand.table("refused").unwrap();
    let mut psql = stand.ada("refuse").unwrap();
    let id = stand
        .held(&mut psql, "DELETE FROM refused;", "refused")
        .unwrap();
    stand
        .refuse(&stand.people.grace, id, "not on a Friday")
        .unwrap();
    let answer = psql.answer().unwrap();
    assert_eq!(answer.sqlstate(), Some("42501"), "{answer:?}");
    assert!(answer.err.contains("was refused by"), "{answer:?}");
    assert!(answer.err.contains("grace"), "{answer:?}");
    assert!(answer.err.contains("not on a Friday"), "{answer:?}");
    assert_eq!(stand.state(id).unwrap(), "refused");
    assert_eq!(stand.recorded(id, ("deny", "refused")).unwrap(), None);
    // who comes after a refusal changes nothing
    stand.may_not_approve(&stand.people.heidi, id).unwrap();
    assert_eq!(stand.rows("refused").unwrap(), ROWS);
    assert_eq!(stand.at_server("DELETE FROM refused").unwrap(), "");
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn a_refusal_within_a_transaction_fails_it() {
    let stand = stand();
    stand.table("refused_within").unwrap();
    let mut psql = stand.ada("refuse in a transaction").unwrap();
    assert_eq!(psql.ask("BEGIN;").unwrap().out, "BEGIN\n");
    let id = stand
        .held(&mut psql, "DELETE FROM refused_within;", "refused_within")
        .unwrap();
    psql.told("holds locks").unwrap();
    stand.refuse(&stand.people.grace, id, "no").unwrap();
    assert_eq!(psql.answer().unwrap().sqlstate(), Some("42501"));
    assert_eq!(psql.ask("SELECT 1;").unwrap().sqlstate(), Some("25P02"));
    assert_eq!(psql.ask("ROLLBACK;").unwrap().out, "ROLLBACK\n");
    assert_eq!(stand.rows("refused_within").unwrap(), ROWS);
    assert!(psql.quit().unwrap().success());
}

#[test]
fn time_out_is_deny() {
    let stand = stand();
    stand.table("wants_haste").unwrap();
    let mut psql = stand.ada("time-out").unwrap();
    psql.say("DELETE FROM wants_haste WHERE id = 1;").unwrap();
    let id = asked(&psql).unwrap();
    assert_eq!(stand.at_server("wants_haste").unwrap(), "");
    assert_eq!(stand.rows("wants_haste").unwrap(), ROWS);
    let answer = psql.answer().unwrap();
    assert_eq!(answer.sqlstate(), Some("42501"), "{answer:?}");
    assert!(
        answer
            .err
            .contains(&format!("approval request {id} expired")),
        "{answer:?}"
    );
    stand.becomes(id, "expired").unwrap();
    drop(stand.recorded(id, ("hold", "expired")).unwrap());
    stand.may_not_approve(&stand.people.grace, id).unwrap();
    assert_eq!(stand.rows("wants_haste").unwrap(), ROWS);
    assert_eq!(stand.at_server("wants_haste").unwrap(), "");
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn control_c_withdraws() {
    let stand = stand();
    stand.table("interrupted").unwrap();
    let mut psql = stand.ada("Ctrl-C").unwrap();
    let id = stand
        .held(&mut psql, "DELETE FROM interrupted;", "interrupted")
        .unwrap();
    psql.interrupt().unwrap();
    let error = psql.told("ERROR:").unwrap();
    assert!(error.contains("57014"), "{error}");
    assert!(
        error.contains(&format!("approval request {id} withdrawn")),
        "{error}"
    );
    stand.becomes(id, "withdrawn").unwrap();
    drop(stand.recorded(id, ("hold", "withdrawn")).unwrap());
    stand.may_not_approve(&stand.people.grace, id).unwrap();
    assert_eq!(stand.rows("interrupted").unwrap(), ROWS);
    assert_eq!(stand.at_server("interrupted").unwrap(), "");
    // a psql that reads a script ends after Ctrl-C
    psql.ended().unwrap();
}

#[test]
fn a_client_that_is_killed_withdraws() {
    let stand = stand();
    stand.table("abandoned").unwrap();
    let mut psql = stand.ada("killed client").unwrap();
    let id = stand
        .held(&mut psql, "DELETE FROM abandoned;", "abandoned")
        .unwrap();
    psql.kill().unwrap();
    stand.becomes(id, "withdrawn").unwrap();
    let said = stand.may_not_approve(&stand.people.grace, id).unwrap();
    assert!(said.contains("decided already"), "{said}");
    until("the session is gone", || {
        Ok(stand.session("killed client").is_err().then_some(()))
    })
    .unwrap();
    assert_eq!(stand.rows("abandoned").unwrap(), ROWS);
    assert_eq!(stand.at_server("abandoned").unwrap(), "");
}

#[test]
fn nobody_approves_their_own() {
    let stand = stand();
    stand.table("own").unwrap();
    // grace is asked as a DBA, but it is she who asks
    let grace = ("grace", stand.people.grace.as_str());
    let mut psql = stand.psql(grace, "own approval").unwrap();
    let id = stand.held(&mut psql, "DELETE FROM own;", "own").unwrap();
    let said = stand.may_not_approve(&stand.people.grace, id).unwrap();
    assert!(said.contains("nobody approves their own request"), "{said}");
    let other = e2e::people::token(stand.place(), &stand.people.admin, "grace").unwrap();
    stand.may_not_approve(&other, id).unwrap();
    stand.untouched(&psql, id, "own").unwrap();
    stand.approve(&stand.people.heidi, id).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DELETE 3\n");
    assert_eq!(stand.rows("own").unwrap(), 0);
    assert!(psql.quit().unwrap().success());
}

#[test]
fn who_is_not_asked_may_not_approve() {
    let stand = stand();
    stand.table("not_asked").unwrap();
    let bystander = stand.newcomer("bystander", "engineers").unwrap();
    let mut psql = stand.ada("not asked").unwrap();
    let id = stand
        .held(&mut psql, "DELETE FROM not_asked;", "not_asked")
        .unwrap();
    for token in [&bystander, &stand.people.ada, &stand.people.robot] {
        stand.may_not_approve(token, id).unwrap();
    }
    stand.untouched(&psql, id, "not_asked").unwrap();
    stand.refuse(&stand.people.grace, id, "enough").unwrap();
    assert_eq!(psql.answer().unwrap().sqlstate(), Some("42501"));
    assert!(psql.quit().unwrap().success());
}

#[test]
fn the_owner_of_a_service_may_not_approve_it() {
    let stand = stand();
    stand.table("robots").unwrap();
    // she is a DBA, so that nothing but the ownership keeps her vote out
    let owner = stand.newcomer("olga", "dba").unwrap();
    let add = [
        "user",
        "add",
        "probe",
        "--owner",
        "olga",
        "--groups",
        "engineers",
    ];
    stand.place().cli(&stand.people.admin, &add).unwrap();
    let probe = e2e::people::token(stand.place(), &stand.people.admin, "probe").unwrap();
    let mut psql = stand.psql(("probe", &probe), "robot").unwrap();
    let id = stand
        .held(&mut psql, "DELETE FROM robots;", "robots")
        .unwrap();
    assert_eq!(stand.question(id).unwrap()["as"], "service:probe");
    stand.may_not_approve(&owner, id).unwrap();
    stand.untouched(&psql, id, "robots").unwrap();
    stand.approve(&stand.people.grace, id).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DELETE 3\n");
    assert_eq!(stand.rows("robots").unwrap(), 0);

    // and ada, whom robot belongs to, is none of those asked either
    stand.table("robots_of_ada").unwrap();
    let mut robot = stand
        .psql(("robot", &stand.people.robot), "ada's robot")
        .unwrap();
    let id = stand
        .held(&mut robot, "DELETE FROM robots_of_ada;", "robots_of_ada")
        .unwrap();
    stand.may_not_approve(&stand.people.ada, id).unwrap();
    stand.untouched(&robot, id, "robots_of_ada").unwrap();
    stand.refuse(&stand.people.grace, id, "no").unwrap();
    assert_eq!(robot.answer().unwrap().sqlstate(), Some("42501"));
    assert!(psql.quit().unwrap().success());
    assert!(robot.quit().unwrap().success());
}

#[test]
fn a_quorum_of_two_is_two_people() {
    let stand = stand();
    stand.table("wants_two").unwrap();
    let mut psql = stand.ada("quorum").unwrap();
    let statement = "DELETE FROM wants_two WHERE id = 3;";
    let id = stand.held(&mut psql, statement, "wants_two").unwrap();
    assert!(psql.errors().contains("2 of dba must countersign (of-two)"));
    let first = stand.approve(&stand.people.grace, id).unwrap();
    assert!(first.contains("others are still needed"), "{first}");
    stand.untouched(&psql, id, "wants_two").unwrap();
    // the same person twice is one person, whatever the token
    let other = e2e::people::token(stand.place(), &stand.people.admin, "grace").unwrap();
    for token in [&stand.people.grace, &other] {
        drop(stand.approve(token, id));
        stand.untouched(&psql, id, "wants_two").unwrap();
    }
    stand.approve(&stand.people.heidi, id).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DELETE 1\n");
    assert_eq!(stand.rows("wants_two").unwrap(), ROWS - 1);
    assert_eq!(stand.state(id).unwrap(), "used");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn one_person_may_stand_for_two_requirements_unless_they_are_distinct() {
    let stand = stand();
    stand.table("wants_both").unwrap();
    stand.table("wants_different").unwrap();
    let mut psql = stand.ada("requirements").unwrap();

    // grace is no SRE: her vote meets one of the two
    let statement = "DELETE FROM wants_both WHERE id = 1;";
    let id = stand.held(&mut psql, statement, "wants_both").unwrap();
    stand.approve(&stand.people.grace, id).unwrap();
    stand.untouched(&psql, id, "wants_both").unwrap();
    stand.approve(&stand.people.heidi, id).unwrap();
    let answer = psql.answer().unwrap();
    assert_eq!(answer.out, "DELETE 1\n", "{answer:?}");
    assert_eq!(stand.rows("wants_both").unwrap(), ROWS - 1);

    // heidi is a DBA and an SRE: alone she meets both
    let again = stand.held_again(&mut psql, "DELETE FROM wants_both WHERE id = 2;");
    stand.approve(&stand.people.heidi, again).unwrap();
    let answer = psql.answer().unwrap();
    assert_eq!(answer.out, "DELETE 1\n", "{answer:?}");
    assert_eq!(stand.rows("wants_both").unwrap(), ROWS - 2);

    // where they must be distinct she does not
    let statement = "DELETE FROM wants_different WHERE id = 1;";
    let id = stand.held(&mut psql, statement, "wants_different").unwrap();
    stand.approve(&stand.people.heidi, id).unwrap();
    stand.untouched(&psql, id, "wants_different").unwrap();
    stand.approve(&stand.people.grace, id).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DELETE 1\n");
    assert_eq!(stand.rows("wants_different").unwrap(), ROWS - 1);
    assert!(psql.quit().unwrap().success());
}

#[test]
fn a_decision_names_the_digest_that_was_seen() {
    let stand = stand();
    stand.table("digested").unwrap();
    let mut psql = stand.ada("digest").unwrap();
    let id = stand
        .held(&mut psql, "DELETE FROM digested;", "digested")
        .unwrap();
    let number = id.to_string();
    let other = "0".repeat(64);
    let arguments = ["approvals", "approve", &number, "--yes", "--digest", &other];
    assert!(stand.place().cli(&stand.people.grace, &arguments).is_err());
    stand.untouched(&psql, id, "digested").unwrap();
    let digest = stand.question(id).unwrap()["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let arguments = [
        "approvals",
        "approve",
        &number,
        "--yes",
        "--digest",
        &digest,
    ];
    stand.place().cli(&stand.people.grace, &arguments).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DELETE 3\n");
    assert!(psql.quit().unwrap().success());
}
