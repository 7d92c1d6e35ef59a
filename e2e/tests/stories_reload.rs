//! With real psql: policies change by SIGHUP while a statement is held, and it is judged anew on the same connection.

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

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&[]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

/// Replaces one file of policies, whole at any moment, and asks the gateway to read them.
fn put(stand: &Stand, name: &str, policies: &str) {
    let folder = stand.place().policies();
    let unfinished = folder.join(format!("{name}.unfinished"));
    std::fs::write(&unfinished, policies).unwrap();
    std::fs::rename(unfinished, folder.join(format!("{name}.cedar"))).unwrap();
    stand.gateway.reload().unwrap();
}

fn asking(table: &str, quorum: u32) -> String {
    format!(
        "@id(\"guard-{table}\")\n@approve(\"dba\")\n@quorum(\"{quorum}\")\n@timeout(\"15m\")\n{}",
        forbidding(table)
    )
}

fn forbidding(table: &str) -> String {
    format!(
        "forbid (principal, action == Postgres::Action::\"delete\", \
         resource == Postgres::Table::\"shop/shop/public/{table}\");\n"
    )
}

/// What `policy explain` makes of a statement, which reads the same files by itself.
fn explained(stand: &Stand, statement: &str, verdict: &str) {
    let place = stand.place();
    let explain = [
        "policy", "explain", "--as", "user:ada", "--target", "shop", "--output", "json", statement,
    ];
    let told = place.cli(&stand.people.admin, &explain).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["verdict"], verdict, "{told}");
}

/// Waits until the gateway itself holds a delete from a table, as a new statement shows.
fn in_force(stand: &Stand, table: &str, quorum: u64) {
    let statement = format!("DELETE FROM {table} WHERE id = 0;");
    explained(stand, &statement, "hold");
    until("the policy is in force", || {
        let mut psql = stand.ada("probe")?;
        psql.say(&statement)?;
        let held = until("held or done", || {
            Ok(
                (psql.errors().contains("waiting for approval") || !psql.pending())
                    .then_some(psql.pending()),
            )
        })?;
        let wanted = format!("guard-{table}");
        let asks = psql.errors().contains(&wanted);
        let enough = quorum == 1 || psql.errors().contains(&format!("{quorum} of dba"));
        Ok((held && asks && enough).then_some(()))
    })
    .unwrap();
}

#[test]
fn what_became_allowed_is_released() {
    let stand = stand();
    stand.table("forgiven").unwrap();
    put(stand, "forgiven", &asking("forgiven", 1));
    in_force(stand, "forgiven", 1);
    let mut psql = stand.ada("forgiven").unwrap();
    let statement = "DELETE FROM forgiven WHERE id = 1;";
    let id = stand.held(&mut psql, statement, "forgiven").unwrap();
    put(stand, "forgiven", "");
    let answer = psql.answer().unwrap();
    assert_eq!(answer.out, "DELETE 1\n", "{answer:?}");
    assert_eq!(stand.rows("forgiven").unwrap(), ROWS - 1);
    until("nobody is asked any more", || {
        Ok((stand.state(id)? != "asked").then_some(()))
    })
    .unwrap();
    assert!(psql.quit().unwrap().success());
}

#[test]
fn what_became_forbidden_is_refused() {
    let stand = stand();
    stand.table("forbidden").unwrap();
    put(stand, "forbidden", &asking("forbidden", 1));
    in_force(stand, "forbidden", 1);
    let mut psql = stand.ada("forbidden").unwrap();
    let statement = "DELETE FROM forbidden WHERE id = 1;";
    let id = stand.held(&mut psql, statement, "forbidden").unwrap();
    let never = format!(
        "@id(\"never-{}\")\n{}",
        "forbidden",
        forbidding("forbidden")
    );
    put(stand, "forbidden", &never);
    let answer = psql.answer().unwrap();
    assert_eq!(answer.sqlstate(), Some("42501"), "{answer:?}");
    assert!(
        answer.err.contains("denied by policy \"never-forbidden\""),
        "{answer:?}"
    );
    until("nobody is asked any more", || {
        Ok((stand.state(id)? != "asked").then_some(()))
    })
    .unwrap();
    stand.may_not_approve(&stand.people.grace, id).unwrap();
    assert_eq!(stand.rows("forbidden").unwrap(), ROWS);
    assert_eq!(stand.at_server("DELETE FROM forbidden").unwrap(), "");
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn a_grown_quorum_is_asked_on_the_same_hold_and_votes_stay() {
    let stand = stand();
    stand.table("grown").unwrap();
    let third = stand.newcomer("ingrid", "dba").unwrap();
    put(stand, "grown", &asking("grown", 2));
    in_force(stand, "grown", 2);
    let mut psql = stand.ada("grown").unwrap();
    let statement = "DELETE FROM grown WHERE id = 1;";
    let id = stand.held(&mut psql, statement, "grown").unwrap();
    stand.approve(&stand.people.grace, id).unwrap();
    stand.untouched(&psql, id, "grown").unwrap();

    put(stand, "grown", &asking("grown", 3));
    psql.told(&format!(
        "waiting for approval {id}: 3 of dba must countersign"
    ))
    .unwrap();
    let required = &stand.question(id).unwrap()["requirements"][0];
    assert_eq!(required["quorum"], 3, "{required}");
    assert_eq!(
        required["approved_by"],
        serde_json::json!(["grace"]),
        "{required}"
    );
    stand.approve(&stand.people.heidi, id).unwrap();
    // two were enough when it was asked
    stand.untouched(&psql, id, "grown").unwrap();
    stand.approve(&third, id).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DELETE 1\n");
    assert_eq!(stand.rows("grown").unwrap(), ROWS - 1);
    assert_eq!(stand.state(id).unwrap(), "used");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn a_rewritten_condition_asks_all_anew() {
    let stand = stand();
    stand.table("rewritten").unwrap();
    put(stand, "rewritten", &asking("rewritten", 2));
    in_force(stand, "rewritten", 2);
    let mut psql = stand.ada("rewritten").unwrap();
    let statement = "DELETE FROM rewritten WHERE id = 1;";
    let id = stand.held(&mut psql, statement, "rewritten").unwrap();
    stand.approve(&stand.people.grace, id).unwrap();
    let rewritten =
        asking("rewritten", 2).replace(");\n", ")\nwhen { context.target == Target::\"shop\" };\n");
    put(stand, "rewritten", &rewritten);
    until("grace's vote counts no more", || {
        let approved = &stand.question(id)?["requirements"][0]["approved_by"];
        Ok((*approved == serde_json::json!([])).then_some(()))
    })
    .unwrap();
    stand.approve(&stand.people.heidi, id).unwrap();
    stand.untouched(&psql, id, "rewritten").unwrap();
    stand.approve(&stand.people.grace, id).unwrap();
    assert_eq!(psql.answer().unwrap().out, "DELETE 1\n");
    assert_eq!(stand.rows("rewritten").unwrap(), ROWS - 1);
    assert!(psql.quit().unwrap().success());
}
