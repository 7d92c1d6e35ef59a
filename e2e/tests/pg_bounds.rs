//! What a session keeps has a bound, and what the gateway looks up on it may be disturbed: nothing is lost by either.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use e2e::direct::{Direct, sqlstate};
use e2e::lasting;
use e2e::raw;
use e2e::stand::Stand;
use e2e::watchdog::until;
use e2e::wire::{Message, Wire, tags, text};

/// Names of statements or portals that a session keeps.
const NAMES: usize = 10_000;

fn ada(stand: &Stand) -> Wire {
    Wire::login(stand.place(), "ada", &stand.people.ada).unwrap()
}

fn answer(wire: &mut Wire, query: &str) -> Vec<Message> {
    wire.query(query).unwrap();
    wire.answer(b'Z').unwrap()
}

#[test]
fn who_prepares_without_end_is_told_to_close() {
    let folder = tempfile::tempdir().unwrap();
    let stand = lasting::stand(folder.path(), &[]).unwrap();
    let mut wire = ada(&stand);
    for number in 0..NAMES {
        wire.parse(&format!("s{number}"), "SELECT 1").unwrap();
    }
    wire.sync();
    let prepared = wire.answer(b'Z').unwrap();
    assert_eq!(tags(&prepared), "1".repeat(NAMES) + "Z");

    wire.parse("more", "SELECT 1").unwrap().sync();
    let refused = wire.answer(b'Z').unwrap();
    assert_eq!(
        sqlstate(&refused).as_deref(),
        Some("54000"),
        "{}",
        text(&refused)
    );
    // the unnamed one replaces itself, and what was prepared runs
    wire.parse("", "SELECT 2").unwrap();
    wire.bind("", "").unwrap().execute("").unwrap();
    wire.bind("", "s7").unwrap().execute("").unwrap().sync();
    let ran = wire.answer(b'Z').unwrap();
    assert_eq!(tags(&ran), "12DC2DCZ", "{}", text(&ran));

    wire.close("s0").unwrap();
    wire.parse("more", "SELECT 1").unwrap().sync();
    let closed = wire.answer(b'Z').unwrap();
    assert_eq!(tags(&closed), "31Z", "{}", text(&closed));
}

/// Parameters of portals that are never run: by their bytes, not only by their number.
#[test]
fn who_binds_without_end_is_told_to_close() {
    let folder = tempfile::tempdir().unwrap();
    let stand = lasting::stand(folder.path(), &[]).unwrap();
    let mut wire = ada(&stand);
    let much = "x".repeat(8 << 20);
    wire.parse("s", "SELECT length($1::text)").unwrap().sync();
    assert_eq!(tags(&wire.answer(b'Z').unwrap()), "1Z");
    assert_eq!(sqlstate(&answer(&mut wire, "BEGIN")), None);
    let mut bound = 0;
    let refused = loop {
        let portal = format!("p{bound}");
        wire.bind_text(&portal, "s", &[&much]).unwrap().sync();
        let answer = wire.answer(b'Z').unwrap();
        if tags(&answer) != "2Z" {
            break answer;
        }
        bound += 1;
        assert!(bound < 20, "nothing ends it");
    };
    assert_eq!(
        sqlstate(&refused).as_deref(),
        Some("54000"),
        "{}",
        text(&refused)
    );
    assert_eq!(bound, 8);
    assert_eq!(sqlstate(&answer(&mut wire, "ROLLBACK")), None);
    assert_eq!(sqlstate(&answer(&mut wire, "SELECT 'alive'")), None);
}

/// The gateway reads what a session's role and path are on the session itself, where the client's time-outs hold.
#[test]
fn a_look_that_the_clients_own_time_out_stops_is_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let stand = lasting::stand(folder.path(), &[]).unwrap();
    let mut wire = ada(&stand);
    for round in 0..20 {
        let set = format!("SET search_path = public, s{round}; SET statement_timeout = '1ms'");
        answer(&mut wire, &set);
        answer(&mut wire, "SELECT 1");
        // whatever was stopped: the session lives
        let reset = answer(&mut wire, "SET statement_timeout = 0");
        assert_eq!(tags(&reset).chars().last(), Some('Z'), "{}", text(&reset));
    }
    let alive = answer(&mut wire, "SELECT 'alive'");
    assert_eq!(sqlstate(&alive), None, "{}", text(&alive));
}

/// The look at the catalogue goes on, for masks rest on it; the statement that waits for it is what the client cancelled.
#[test]
fn a_cancellation_while_the_gateway_looks_stops_what_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let stand = lasting::stand(folder.path(), &[]).unwrap();
    stand.table("looked_at").unwrap();
    let mut wire = ada(&stand);
    let key = wire.cancel_key().unwrap().to_vec();
    // what another session creates has to be looked at
    let made = answer(&mut ada(&stand), "CREATE TABLE made (id int)");
    assert_eq!(sqlstate(&made), None, "{}", text(&made));
    let mut direct = Direct::open(&stand).unwrap();
    // read by nothing else that goes on here
    let lock = "BEGIN; LOCK TABLE pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE";
    assert_eq!(sqlstate(&direct.answer(lock).unwrap()), None);
    wire.query("SELECT count(*) FROM looked_at")
        .unwrap()
        .send()
        .unwrap();
    until("the gateway looks", || {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        let waiting = direct.rows(waits)?;
        Ok((waiting[0][0].as_deref() == Some("1")).then_some(()))
    })
    .unwrap();
    // answered by the end of the connection, when it was rung
    raw::cancel(stand.place(), &key).unwrap();
    assert_eq!(sqlstate(&direct.answer("COMMIT").unwrap()), None);
    let stopped = wire.answer(b'Z').unwrap();
    assert_eq!(
        sqlstate(&stopped).as_deref(),
        Some("57014"),
        "{}",
        text(&stopped)
    );
    let counted = answer(&mut wire, "SELECT count(*) FROM looked_at");
    assert_eq!(tags(&counted), "TDCZ", "{}", text(&counted));
}
