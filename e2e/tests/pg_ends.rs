//! Ends of connections: the server ends a session, the client stops writing or is gone amid rows, and neither reads while it
//! writes. Each side hears what there is to hear, once, and nobody else is harmed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use e2e::direct::{Direct, rows, sqlstate};
use e2e::lasting::{self, Lasting};
use e2e::plain::Plain;
use e2e::stand::Stand;
use e2e::story::ROWS;
use e2e::watchdog::until;
use e2e::wire::{Message, Wire, tags, text};

/// Made before the gateway looks for any.
const TABLES: [&str; 2] = ["cut_off", "halved"];

/// Who gets no further within this is stuck.
const STUCK: Duration = Duration::from_secs(1);

static LASTING: LazyLock<Lasting<Plain>> = LazyLock::new(|| {
    let lasting: Lasting<Plain> = Lasting::beside(&[]).unwrap();
    for table in TABLES {
        lasting.stand.table(table).unwrap();
    }
    lasting
});

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ada(stand: &Stand) -> Wire {
    Wire::login(stand.place(), "ada", &stand.people.ada).unwrap()
}

/// ada without TLS.
fn plainly(story: &str) -> Wire<TcpStream> {
    let stand = stand();
    let door = LASTING.ground.as_ref().unwrap();
    door.login(stand, ("ada", &stand.people.ada), story)
        .unwrap()
}

fn value<S: Read + Write>(wire: &mut Wire<S>, query: &str) -> String {
    wire.query(query).unwrap();
    let answer = wire.answer(b'Z').unwrap();
    let found = rows(&answer).unwrap();
    assert_eq!(found.len(), 1, "{query}: {}", text(&answer));
    found[0][0].clone().unwrap()
}

/// The server process of a session.
fn backend<S: Read + Write>(wire: &mut Wire<S>) -> String {
    value(wire, "SELECT pg_backend_pid()")
}

/// Waits until so many server processes are a session's and in some condition.
fn becomes(stand: &Stand, pid: &str, condition: &str, count: &str) {
    let look = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND {condition}");
    until(&format!("{condition}: {count}"), || {
        Ok((stand.postgres.sql(&look)?.trim() == count).then_some(()))
    })
    .unwrap();
}

/// The number of the question that a notice tells of.
fn asked(messages: &[Message]) -> u64 {
    let told = text(messages);
    let (_, after) = told.split_once("waiting for approval ").unwrap();
    after.split(':').next().unwrap().parse().unwrap()
}

fn terminate(stand: &Stand, pid: &str) {
    let terminate = format!("SELECT pg_terminate_backend({pid})");
    assert_eq!(stand.postgres.sql(&terminate).unwrap().trim(), "t");
}

/// The connection ends, and the last that is said, and the only error, is the server's own.
fn ends_with(wire: &mut Wire, code: &str) {
    let heard = wire.until_end().unwrap();
    let told = text(&heard);
    let errors = tags(&heard).matches('E').count();
    assert_eq!(errors, 1, "{told}");
    assert_eq!(sqlstate(&heard).as_deref(), Some(code), "{told}");
    let last = text(&heard[heard.len() - 1..]);
    assert!(last.starts_with("E(") && last.contains("VFATAL"), "{told}");
}

#[test]
fn the_server_ends_a_session_that_idles() {
    let stand = stand();
    let mut wire = ada(stand);
    let pid = backend(&mut wire);
    becomes(stand, &pid, "state = 'idle'", "1");
    terminate(stand, &pid);
    ends_with(&mut wire, "57P01");
    let mut next = ada(stand);
    assert_eq!(value(&mut next, "SELECT 'alive'"), "alive");
}

#[test]
fn the_server_ends_a_session_while_a_statement_runs() {
    let stand = stand();
    for extended in [false, true] {
        let mut wire = ada(stand);
        let pid = backend(&mut wire);
        if extended {
            wire.parse("", "SELECT pg_sleep(60)").unwrap();
            wire.bind("", "").unwrap().describe_portal("").unwrap();
            wire.execute("").unwrap().sync();
        } else {
            wire.query("SELECT pg_sleep(60)").unwrap();
        }
        wire.send().unwrap();
        let sleeps = "state = 'active' AND query ~ 'pg_sleep'";
        becomes(stand, &pid, sleeps, "1");
        terminate(stand, &pid);
        ends_with(&mut wire, "57P01");
    }
}

#[test]
fn the_server_ends_a_session_while_a_statement_is_held() {
    let stand = stand();
    let mut wire = ada(stand);
    let pid = backend(&mut wire);
    wire.query("DELETE FROM cut_off").unwrap();
    let id = asked(&wire.answer(b'N').unwrap());
    terminate(stand, &pid);
    ends_with(&mut wire, "57P01");
    stand.becomes(id, "withdrawn").unwrap();
    stand.may_not_approve(&stand.people.grace, id).unwrap();
    assert_eq!(stand.rows("cut_off").unwrap(), ROWS);
}

/// By the owner's settings for the role and for the whole server: before a statement, and while one is held.
#[test]
fn the_servers_time_outs_end_sessions_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let stand = lasting::stand(folder.path(), &[]).unwrap();
    stand.table("timed_out").unwrap();
    for (setting, begun, code) in [
        (
            "ALTER ROLE shop_gateway SET idle_in_transaction_session_timeout = '2s'",
            true,
            "25P03",
        ),
        (
            "ALTER ROLE shop_gateway RESET ALL; ALTER ROLE shop_gateway SET idle_session_timeout = '2s'",
            false,
            "57P05",
        ),
        (
            "ALTER ROLE shop_gateway RESET ALL; ALTER SYSTEM SET idle_session_timeout = '2s'; SELECT pg_reload_conf()",
            false,
            "57P05",
        ),
    ] {
        stand.postgres.sql(setting).unwrap();
        if setting.contains("ALTER SYSTEM") {
            until("the setting is in force", || {
                let set = stand.postgres.sql("SHOW idle_session_timeout")?;
                Ok((set.trim() == "2s").then_some(()))
            })
            .unwrap();
        }
        for holds in [false, true] {
            let mut wire = ada(&stand);
            if begun {
                wire.query("BEGIN").unwrap().answer(b'Z').unwrap();
            }
            let id = holds.then(|| {
                wire.query("DELETE FROM timed_out").unwrap();
                asked(&wire.answer(b'N').unwrap())
            });
            ends_with(&mut wire, code);
            if let Some(id) = id {
                stand.becomes(id, "withdrawn").unwrap();
            }
        }
    }
    assert_eq!(stand.rows("timed_out").unwrap(), ROWS);
}

#[test]
fn who_stops_writing_still_hears_the_whole_answer() {
    let stand = stand();
    let mut wire = plainly("halves");
    let pid = backend(&mut wire);
    let mut direct = Direct::open(stand).unwrap();
    let lock = "BEGIN; LOCK TABLE halved IN ACCESS EXCLUSIVE MODE";
    assert_eq!(sqlstate(&direct.answer(lock).unwrap()), None);
    let many = "SELECT n, repeat('x', 1000) FROM generate_series(1, 5000) AS s (n)";
    wire.query(&format!("SELECT count(*) FROM halved; {many}"))
        .unwrap();
    wire.query("SELECT 'behind it'").unwrap();
    wire.send().unwrap();
    becomes(stand, &pid, "wait_event_type = 'Lock'", "1");
    wire.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(sqlstate(&direct.answer("COMMIT").unwrap()), None);
    let heard = wire.until_end().unwrap();
    let all = format!("TDCT{}CZTDCZ", "D".repeat(5000));
    assert!(
        tags(&heard) == all,
        "{}",
        text(&heard[heard.len().saturating_sub(9)..])
    );
    becomes(stand, &pid, "true", "0");
}

#[test]
fn a_reset_amid_rows_ends_that_session_alone() {
    let stand = stand();
    let mut bystander = plainly("stands by");
    let mut wire = plainly("resets");
    let pid = backend(&mut wire);
    let session = stand.session("resets").unwrap();
    let endless = "SELECT n, repeat('x', 5000) FROM generate_series(1, 200000) AS s (n)";
    wire.query(endless).unwrap().send().unwrap();
    wire.until(b'D').unwrap();
    becomes(stand, &pid, "state = 'active'", "1");
    let reset = Some(Duration::ZERO);
    rustix::net::sockopt::set_socket_linger(wire.stream(), reset).unwrap();
    drop(wire);
    becomes(stand, &pid, "true", "0");
    until(&format!("session {session} is gone"), || {
        Ok(stand.session("resets").is_err().then_some(()))
    })
    .unwrap();
    assert_eq!(value(&mut bystander, "SELECT 'alive'"), "alive");
    let mut next = plainly("comes after");
    assert_eq!(value(&mut next, "SELECT 'alive'"), "alive");
}

/// More of both than all buffers between hold: it is not read until it has written all, or can write no more.
#[test]
fn who_writes_all_before_reading_gets_every_answer_in_order() {
    const STATEMENTS: usize = 5000;
    let mut wire = plainly("writes");
    rustix::net::sockopt::set_socket_recv_buffer_size(wire.stream(), 64 << 10).unwrap();
    let filling = "x".repeat(2000);
    let statement = "SELECT $1::text, repeat('y', 4000)";
    for number in 0..STATEMENTS {
        let value = format!("{number} {filling}");
        wire.parse("", statement).unwrap();
        wire.bind_text("", "", &[&value]).unwrap();
        wire.describe_portal("").unwrap().execute("").unwrap();
        wire.sync();
    }
    let all = wire.unsent();
    let mut writer = wire.stream().try_clone().unwrap();
    let (done, progress) = mpsc::channel();
    let writing = std::thread::spawn(move || -> std::io::Result<()> {
        for piece in all.chunks(64 << 10) {
            writer.write_all(piece)?;
            // who reads may have begun already
            let _ = done.send(());
        }
        Ok(())
    });
    while progress.recv_timeout(STUCK).is_ok() {}
    for number in 0..STATEMENTS {
        let answer = wire.until(b'Z').unwrap();
        assert_eq!(tags(&answer), "12TDCZ", "{number}: {}", text(&answer));
        let found = rows(&answer).unwrap();
        let value = found[0][0].as_deref().unwrap();
        let expected = format!("{number} ");
        assert!(value.starts_with(&expected), "{expected}: {value}");
        assert_eq!(value.len(), expected.len() + filling.len());
        assert_eq!(found[0][1].as_deref().map(str::len), Some(4000));
    }
    writing.join().unwrap().unwrap();
    assert_eq!(value(&mut wire, "SELECT 'alive'"), "alive");
}
