//! `policy explain --catalog live`: what is said of a statement by what the target holds now is what the gateway does.
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
use serde_json::Value;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&[]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn explained(token: &str, catalog: &str, statement: &str) -> (Option<i32>, Value) {
    let arguments = [
        "--output",
        "json",
        "policy",
        "explain",
        "--as",
        "user:ada",
        "--target",
        "shop",
        "--catalog",
        catalog,
        statement,
    ];
    let ended = stand().place().command(token, &arguments).output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    let answer = serde_json::from_str(&said);
    (
        ended.status.code(),
        answer.unwrap_or_else(|error| panic!("{error}: {said}{errors}")),
    )
}

#[test]
fn masked_columns_are_known_by_the_catalogue() {
    let stand = stand();
    let view = "CREATE VIEW addresses AS SELECT id, email AS reached_at FROM customers";
    stand.postgres.sql(view).unwrap();
    let mut psql = stand.ada("explained").unwrap();
    for (statement, verdict, sqlstate) in [
        ("SELECT name, email FROM customers", "allow", None),
        ("SELECT upper(email) FROM customers", "deny", Some("0A000")),
        (
            "SELECT id FROM customers ORDER BY card",
            "deny",
            Some("0A000"),
        ),
        (
            "SELECT upper(reached_at) FROM addresses",
            "deny",
            Some("0A000"),
        ),
        ("SELECT id FROM addresses", "allow", None),
        ("CREATE ROLE intruder", "deny", Some("42501")),
    ] {
        let (code, said) = explained(&stand.people.ada, "live", statement);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(said["catalog"], "live");
        assert_eq!(said["verdict"], verdict, "{statement}: {said}");
        assert_eq!(
            said["answer"]["sqlstate"].as_str(),
            sqlstate,
            "{statement}: {said}"
        );
        // and that is what becomes of it
        let answer = psql.ask(&format!("{statement};")).unwrap();
        assert_eq!(answer.sqlstate(), sqlstate, "{statement}: {answer:?}");
    }
    // which the configuration alone does not tell
    let (_, said) = explained(
        &stand.people.ada,
        "none",
        "SELECT upper(reached_at) FROM addresses",
    );
    assert_eq!(
        (&said["catalog"], &said["verdict"]),
        (&"none".into(), &"allow".into())
    );
    drop(stand.verified().unwrap());
}

#[test]
fn names_are_found_on_the_path_that_the_server_has() {
    let stand = stand();
    stand
        .postgres
        .sql("CREATE SCHEMA aside; CREATE TABLE aside.moved (id int); GRANT ALL ON SCHEMA aside TO shop_gateway;
              GRANT ALL ON aside.moved TO shop_gateway; ALTER ROLE shop_gateway IN DATABASE shop SET search_path = aside, public")
        .unwrap();
    let (_, said) = explained(&stand.people.ada, "live", "SELECT id FROM moved");
    let id = said["operations"][0]["resource"]["id"].as_str().unwrap();
    assert_eq!(id, "shop/shop/aside/moved", "{said}");
    let (_, said) = explained(&stand.people.ada, "none", "SELECT id FROM moved");
    let id = said["operations"][0]["resource"]["id"].as_str().unwrap();
    assert_eq!(id, "shop/shop/public/moved", "{said}");
}

#[test]
fn who_may_not_connect_learns_nothing() {
    let stand = stand();
    let stranger = stand.newcomer("stranger", "visitors").unwrap();
    let (code, said) = explained(&stranger, "live", "SELECT 1");
    assert_eq!(code, Some(3), "{said}");
    let error = said["error"]["message"].as_str().unwrap();
    assert!(error.contains("connecting is denied"), "{said}");
    let (code, said) = explained("cs_wrong_token", "live", "SELECT 1");
    assert_eq!(
        (code, &said["verdict"]),
        (Some(3), &"deny".into()),
        "{said}"
    );
}
