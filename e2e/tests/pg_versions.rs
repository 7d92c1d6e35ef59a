//! What a later version of the protocol brings, and what of the old one is not spoken: long keys to cancel with, which stop
//! what they are for and nothing else, a negotiation, and a function that is called by a message.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use e2e::direct::{rows, sqlstate};
use e2e::lasting::Lasting;
use e2e::raw;
use e2e::stand::Stand;
use e2e::watchdog::until;
use e2e::wire::{Wire, tags, text};

/// A process and the key of protocol 3.0 or 3.2, as BackendKeyData tells them.
const SHORT: usize = 4 + 4;
const LONG: usize = 4 + 32;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&[]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

/// ada by protocol 3 of a minor version, who asks for more at start-up.
fn ada(minor: u8, more: &[(&str, &str)]) -> Wire {
    let stand = stand();
    let parameters = [&[("user", "ada"), ("database", "shop")][..], more].concat();
    let packet = raw::startup_of(minor, &parameters).unwrap();
    let stream = raw::secured(stand.place()).unwrap();
    Wire::over(stream, &packet, &stand.people.ada).unwrap()
}

/// A minor version, options, and what is said about them.
type Asked<'a> = (u8, &'a [(&'a str, &'a str)], &'a [u8]);

/// What the gateway had to say about the version.
fn negotiated(wire: &Wire) -> Option<&[u8]> {
    let mut told = wire.greeting().iter().filter(|(tag, _)| *tag == b'v');
    told.next().map(|(_, body)| body.as_slice())
}

fn value(wire: &mut Wire, query: &str) -> String {
    wire.query(query).unwrap();
    let answer = wire.answer(b'Z').unwrap();
    let found = rows(&answer).unwrap();
    assert_eq!(found.len(), 1, "{query}: {}", text(&answer));
    found[0].last().unwrap().clone().unwrap()
}

/// Sends a statement, and waits until the server runs it.
fn runs(wire: &mut Wire, statement: &str) {
    let pid = value(wire, "SELECT pg_backend_pid()");
    wire.query(statement).unwrap().send().unwrap();
    let look = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND state = 'active' AND query ~ 'pg_sleep'"
    );
    until("the statement runs", || {
        Ok((stand().postgres.sql(&look)?.trim() == "1").then_some(()))
    })
    .unwrap();
}

/// Nothing is told, of a right key or a wrong one.
fn cancel(key: &[u8]) {
    let told = raw::cancel(stand().place(), key).unwrap();
    assert_eq!(told, b"");
}

#[test]
fn a_key_of_either_length_stops_what_runs() {
    for (minor, length) in [(0, SHORT), (2, LONG)] {
        let mut wire = ada(minor, &[]);
        assert_eq!(negotiated(&wire), None);
        let key = wire.cancel_key().unwrap().to_vec();
        assert_eq!(key.len(), length, "3.{minor}");
        runs(&mut wire, "SELECT pg_sleep(60)");
        cancel(&key);
        let stopped = wire.until(b'Z').unwrap();
        let told = text(&stopped);
        assert_eq!(sqlstate(&stopped).as_deref(), Some("57014"), "{told}");
        assert_eq!(value(&mut wire, "SELECT 'alive'"), "alive");
    }
}

/// As the server itself does: the whole version that is spoken, not its minor part, and the options that are not known.
#[test]
fn who_asks_for_more_is_told_what_is_spoken() {
    let asked: [Asked<'_>; 2] = [
        (3, &[], b"\0\x03\0\x02\0\0\0\0"),
        (
            2,
            &[("_pq_.unheard", "1")],
            b"\0\x03\0\x02\0\0\0\x01_pq_.unheard\0",
        ),
    ];
    for (minor, more, told) in asked {
        let mut wire = ada(minor, more);
        assert_eq!(negotiated(&wire), Some(told), "3.{minor}");
        assert_eq!(wire.cancel_key().unwrap().len(), LONG, "3.{minor}");
        assert_eq!(value(&mut wire, "SELECT 'in'"), "in");
    }
}

#[test]
fn a_cancellation_that_comes_late_hits_nothing() {
    for minor in [0, 2] {
        let mut wire = ada(minor, &[]);
        let key = wire.cancel_key().unwrap().to_vec();
        for round in 1..=5 {
            assert_eq!(value(&mut wire, "SELECT 'done'"), "done");
            cancel(&key);
            let next = value(&mut wire, "SELECT pg_sleep(0.3), 'slept'");
            assert_eq!(next, "slept", "3.{minor}, round {round}");
        }
    }
}

#[test]
fn a_cancellation_hits_what_runs_and_not_what_is_behind_it() {
    let mut wire = ada(2, &[]);
    let key = wire.cancel_key().unwrap().to_vec();
    runs(&mut wire, "SELECT pg_sleep(60)");
    wire.query("SELECT pg_sleep(0.3), 'slept'").unwrap();
    wire.send().unwrap();
    cancel(&key);
    let stopped = wire.until(b'Z').unwrap();
    let told = text(&stopped);
    assert_eq!(sqlstate(&stopped).as_deref(), Some("57014"), "{told}");
    let next = wire.until(b'Z').unwrap();
    assert_eq!(tags(&next), "TDCZ", "{}", text(&next));
}

#[test]
fn a_wrong_key_stops_nothing() {
    let mut wire = ada(2, &[]);
    let other = ada(2, &[]);
    let right = wire.cancel_key().unwrap().to_vec();
    let (process, key) = right.split_at(4);
    let mut flipped = right.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let another = &other.cancel_key().unwrap()[..4];
    let wrong = [
        flipped,
        right[..SHORT].to_vec(),
        [&right[..], &[0][..]].concat(),
        [process, &[0; 32][..]].concat(),
        [another, key].concat(),
    ];
    runs(&mut wire, "SELECT pg_sleep(3), 'slept'");
    for key in &wrong {
        let began = Instant::now();
        cancel(key);
        // one that can be guessed takes its time
        assert!(key.len() > SHORT || began.elapsed() >= Duration::from_secs(1));
    }
    let heard = wire.until(b'Z').unwrap();
    let told = text(&heard);
    assert_eq!(tags(&heard), "TDCZ", "{told}");
    assert!(told.contains("slept"), "{told}");
}

/// A FunctionCall of a function of one `bigint`, in binary.
fn function_call(function: u32, argument: i64) -> Vec<u8> {
    let body = [
        &function.to_be_bytes()[..],
        // one format for all arguments
        &[0, 1, 0, 1],
        // one argument
        &[0, 1, 0, 0, 0, 8],
        &argument.to_be_bytes(),
        // a result in binary
        &[0, 1],
    ]
    .concat();
    let length = u32::try_from(body.len() + 4).unwrap();
    [&b"F"[..], &length.to_be_bytes(), &body].concat()
}

#[test]
fn a_function_call_is_refused_and_the_session_lives_on() {
    let stand = stand();
    let oid = "SELECT 'pg_advisory_lock(bigint)'::regprocedure::oid";
    let oid = stand.postgres.sql(oid).unwrap().trim().parse().unwrap();
    let call = function_call(oid, 4711);
    let mut wire = ada(0, &[]);
    for transaction in [false, true] {
        if transaction {
            wire.query("BEGIN").unwrap().answer(b'Z').unwrap();
        }
        wire.raw(&call).unwrap();
        let refused = wire.until(b'Z').unwrap();
        let told = text(&refused);
        assert_eq!(tags(&refused), "EZ", "{told}");
        assert_eq!(sqlstate(&refused).as_deref(), Some("0A000"), "{told}");
        assert!(told.contains("function call"), "{told}");
        let status: &[u8] = if transaction { b"E" } else { b"I" };
        assert_eq!(refused[1].1, status, "{told}");
        if transaction {
            wire.query("ROLLBACK").unwrap().answer(b'Z').unwrap();
        }
        assert_eq!(value(&mut wire, "SELECT 'alive'"), "alive");
    }
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    assert_eq!(stand.postgres.sql(locks).unwrap().trim(), "0");
}
