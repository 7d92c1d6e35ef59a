//! A target of two servers, one of which is a real standby: who writes is led past it, who reads may have it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use e2e::lasting;
use e2e::psql::{Login, Psql};
use e2e::stand::Stand;
use e2e::watchdog::until;

fn targets(stand: &Stand, standby: u16) -> String {
    let at = |port: u16| format!("tcp: {{ host: 127.0.0.1, port: {port}, ca: ca.pem }}");
    let (first, second) = (at(standby), at(stand.postgres.port()));
    let target = |name: &str, more: &str| {
        format!(
            "\n  {name}:\n    labels: [env:upstream]\n    postgres:\n      at: {{ {first} }}\n      databases: [shop]\n      \
             user: shop_gateway\n      password: {{ file: keys/shop.password }}\n      {more}"
        )
    };
    let writes = "target_session_attrs: read-write";
    [
        target("reader", "target_session_attrs: any"),
        target("stuck", writes),
        target("pair", &format!("or_at: [{{ {second} }}]\n      {writes}")),
    ]
    .concat()
}

fn start(stand: &Stand, target: &str) -> Psql {
    let login = Login {
        database: target,
        ..Login::of("ada", &stand.people.ada, "standby")
    };
    Psql::start(stand.place(), &login).unwrap()
}

#[test]
fn a_standby_is_passed_over_by_who_writes() {
    let folder = tempfile::tempdir().unwrap();
    let stand = lasting::stand(&folder.path().join("stand"), &["upstreams.cedar"]).unwrap();
    let standby = stand
        .postgres
        .standby(&folder.path().join("standby.log"))
        .unwrap();
    let place = stand.place();
    let text = std::fs::read_to_string(place.config()).unwrap();
    let more = targets(&stand, standby.port());
    let (before, after) = text.split_once("\npolicies:").unwrap();
    std::fs::write(place.config(), format!("{before}{more}\npolicies:{after}")).unwrap();
    stand.gateway.reload().unwrap();
    let follows = "SELECT pg_is_in_recovery();";
    until("the targets are known", || {
        let mut psql = start(&stand, "reader");
        Ok((psql.ask(follows)?.out == "t\n").then_some(()))
    })
    .unwrap();

    let mut writer = start(&stand, "pair");
    assert_eq!(writer.ask(follows).unwrap().out, "f\n");
    assert!(writer.quit().unwrap().success());
    let said = start(&stand, "stuck").ask("SELECT 1;").unwrap().err;
    assert!(said.contains("takes no writes"), "{said}");

    // it is promoted: the next session finds it
    let promoted = "SELECT pg_promote();";
    assert_eq!(standby.sql(promoted).unwrap().trim(), "t");
    let mut found = start(&stand, "stuck");
    assert_eq!(found.ask(follows).unwrap().out, "f\n");
    assert!(found.quit().unwrap().success());
}
