//! What a client hears while its statement waits for people: notifications, what went before, settings that change, and the
//! sign of life that is repeated. None of it shows what is masked, and the answer comes whole afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::direct::{Direct, sqlstate};
use e2e::lasting::{self, Lasting};
use e2e::stand::Stand;
use e2e::story::ROWS;
use e2e::watchdog::until;
use e2e::wire::{Message, Wire, tags, text};

/// Made before the gateway looks for any: of others it hides all at first.
const TABLES: [&str; 4] = ["notified", "warned", "slow", "kept_alive"];

/// What no detector lets pass.
const EMAIL: &str = "mary.anning@example.com";

static LASTING: LazyLock<Lasting> = LazyLock::new(|| {
    let lasting = Lasting::start(&[]).unwrap();
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

/// A query that must succeed.
fn run(wire: &mut Wire, query: &str) -> Vec<Message> {
    wire.query(query).unwrap();
    let answer = wire.answer(b'Z').unwrap();
    assert_eq!(sqlstate(&answer), None, "{query}: {}", text(&answer));
    answer
}

/// Kinds of messages, without the settings that are repeated while a statement waits.
fn kinds(messages: &[Message]) -> String {
    tags(messages).replace('S', "")
}

/// The number of the question that a notice tells of.
fn asked(messages: &[Message]) -> u64 {
    let told = text(messages);
    let (_, after) = told.split_once("waiting for approval ").unwrap();
    after.split(':').next().unwrap().parse().unwrap()
}

/// Says what must wait.
fn held(wire: &mut Wire, statement: &str) -> u64 {
    wire.query(statement).unwrap();
    asked(&wire.answer(b'N').unwrap())
}

/// Countersigns what waits, of which all rows are deleted then.
fn released(stand: &Stand, wire: &mut Wire, id: u64, table: &str) {
    assert_eq!(stand.state(id).unwrap(), "asked");
    assert_eq!(stand.rows(table).unwrap(), ROWS);
    stand.approve(&stand.people.grace, id).unwrap();
    let done = wire.until(b'Z').unwrap();
    let told = text(&done);
    assert_eq!(kinds(&done), "CZ", "{told}");
    assert!(told.contains("DELETE 3"), "{told}");
    assert_eq!(stand.rows(table).unwrap(), 0);
}

#[test]
fn notifications_reach_who_waits() {
    let stand = stand();
    let mut wire = ada(stand);
    run(&mut wire, "LISTEN news");
    let id = held(&mut wire, "DELETE FROM notified");
    for number in 1..=2 {
        let notify = format!("NOTIFY news, '{number} of {EMAIL}'");
        stand.postgres.sql(&notify).unwrap();
        let heard = wire.until(b'A').unwrap();
        let told = text(&heard);
        assert_eq!(kinds(&heard), "A", "{told}");
        assert!(told.contains(&format!("news\0{number} of ")), "{told}");
        assert!(!told.contains("mary.anning"), "{told}");
    }
    released(stand, &mut wire, id, "notified");
}

/// Sent before it, and answered while it waits: with the server's warnings.
#[test]
fn answers_to_what_went_before_reach_who_waits() {
    let stand = stand();
    let mut wire = ada(stand);
    let mut direct = Direct::open(stand).unwrap();
    let lock = "BEGIN; LOCK TABLE slow IN ACCESS EXCLUSIVE MODE";
    assert_eq!(sqlstate(&direct.answer(lock).unwrap()), None);
    wire.query("SELECT count(*) FROM slow").unwrap();
    wire.query("SET LOCAL work_mem = '4MB'").unwrap();
    let id = held(&mut wire, "DELETE FROM warned");
    assert_eq!(sqlstate(&direct.answer("COMMIT").unwrap()), None);
    let counted = wire.until(b'Z').unwrap();
    assert_eq!(kinds(&counted), "TDCZ", "{}", text(&counted));
    let warned = wire.until(b'Z').unwrap();
    let told = text(&warned);
    assert_eq!(kinds(&warned), "NCZ", "{told}");
    assert!(
        told.contains("WARNING") && told.contains("C25P01"),
        "{told}"
    );
    released(stand, &mut wire, id, "warned");
}

/// A server reports a setting that was changed for all when it is ready: before a question it is made so by the gateway.
#[test]
fn settings_that_change_reach_who_waits() {
    let folder = tempfile::tempdir().unwrap();
    let stand = lasting::stand(folder.path(), &[]).unwrap();
    stand.table("reported").unwrap();
    let mut wire = ada(&stand);
    run(&mut wire, "SELECT 'before'");
    let changed = "ALTER SYSTEM SET TimeZone = 'Asia/Tokyo'; SELECT pg_reload_conf()";
    stand.postgres.sql(changed).unwrap();
    until("the setting is in force", || {
        let set = stand.postgres.sql("SHOW TimeZone")?;
        Ok((set.trim() == "Asia/Tokyo").then_some(()))
    })
    .unwrap();
    wire.parse("s", "DELETE FROM reported").unwrap();
    wire.bind("", "s").unwrap().execute("").unwrap().sync();
    let notice = wire.answer(b'N').unwrap();
    let id = asked(&notice);
    let heard = match text(&notice).contains("TimeZone") {
        true => notice,
        false => [notice, wire.until(b'S').unwrap()].concat(),
    };
    let told = text(&heard);
    assert!(told.contains("TimeZone\0Asia/Tokyo"), "{told}");
    assert_eq!(stand.state(id).unwrap(), "asked");
    assert_eq!(stand.rows("reported").unwrap(), ROWS);
    stand.approve(&stand.people.grace, id).unwrap();
    let done = wire.until(b'Z').unwrap();
    let all = kinds(&[heard, done].concat()).replace('N', "");
    assert_eq!(all, "12CZ");
    assert_eq!(stand.rows("reported").unwrap(), 0);
}

/// What a session made its name is repeated while it waits, to keep timers quiet: as it was reported, not as it is.
#[test]
fn the_sign_of_life_shows_nothing_that_is_masked() {
    let stand = stand();
    let note = format!("UPDATE kept_alive SET note = 'of {EMAIL}' WHERE id = 2");
    stand.postgres.sql(&note).unwrap();
    let mut wire = ada(stand);
    let named = "SELECT set_config('application_name', note, false) FROM kept_alive WHERE id = 2";
    let answer = run(&mut wire, named);
    let told = text(&answer);
    assert!(told.contains("application_name\0of "), "{told}");
    assert!(!told.contains("mary.anning"), "{told}");
    // the server has the name as it is
    let there =
        format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'of {EMAIL}'");
    assert_eq!(stand.postgres.sql(&there).unwrap().trim(), "1");
    let id = held(&mut wire, "DELETE FROM kept_alive");
    let heard = wire.until(b'S').unwrap();
    let told = text(&heard);
    assert!(told.contains("application_name\0of "), "{told}");
    assert!(!told.contains("mary.anning"), "{told}");
    released(stand, &mut wire, id, "kept_alive");
}
