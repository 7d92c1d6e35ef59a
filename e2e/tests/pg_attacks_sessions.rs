//! By hand and by psql, what is tried against a session: how texts are read, who one is, what one may call, whose query
//! one stops. Each is refused in native words, nothing of it reaches the server, and the session or the others live on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::sync::LazyLock;

use e2e::direct::{rows, sqlstate};
use e2e::lasting::Lasting;
use e2e::psql::{Login, Psql};
use e2e::raw;
use e2e::stand::Stand;
use e2e::story::ROWS;
use e2e::wire::{Wire, text};

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&["attacks.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn wire() -> Wire {
    let stand = stand();
    Wire::login(stand.place(), "ada", &stand.people.ada).unwrap()
}

/// What is answered to one query.
fn said(wire: &mut Wire, query: &str) -> String {
    wire.query(query).unwrap();
    text(&wire.answer(b'Z').unwrap())
}

fn code(wire: &mut Wire, query: &str) -> Option<String> {
    wire.query(query).unwrap();
    sqlstate(&wire.answer(b'Z').unwrap())
}

/// The first value of the first row.
fn value(wire: &mut Wire, query: &str) -> String {
    wire.query(query).unwrap();
    let found = rows(&wire.answer(b'Z').unwrap()).unwrap();
    found[0][0].clone().unwrap()
}

/// Whoever is honest is still served.
fn serves() {
    assert_eq!(value(&mut wire(), "SELECT 'alive'"), "alive");
}

fn closed(stream: &mut impl Read) {
    let rest = raw::rest(stream);
    assert!(
        !rest.contains(&b'Z'),
        "{:?}",
        String::from_utf8_lossy(&rest)
    );
    serves();
}

/// What is asked for at start-up.
#[test]
fn a_startup_option_changes_neither_lexing_nor_role() {
    let stand = stand();
    for options in [
        "-c standard_conforming_strings=off",
        "-c standard_conforming_strings=0",
        "--standard_conforming_strings=off",
        "-cstandard_conforming_strings=off",
        "-c client_encoding=SJIS",
        "-c role=postgres",
        "-c session_authorization=postgres",
        "-c session_replication_role=replica",
        "-c row_security=off",
        "-c =x",
        "-c",
        "-c search_path",
        "-c local_preload_libraries=x",
        "-c countersign.person=grace",
        "-c countersign.session=1",
    ] {
        let mut login = Login::of("ada", &stand.people.ada, "options");
        login.options = Some(options);
        let mut psql = Psql::start(stand.place(), &login).unwrap();
        psql.say("SELECT 'in';").unwrap();
        let heard = psql.answer().unwrap();
        assert!(heard.err.contains("FATAL"), "{options}: {heard:?}");
        assert!(!heard.out.contains("in"), "{options}: {heard:?}");
    }
    for (name, value) in [
        ("replication", "database"),
        ("replication", "true"),
        ("role", "postgres"),
        ("session_authorization", "postgres"),
        ("standard_conforming_strings", "off"),
        ("client_encoding", "SJIS"),
        ("client_encoding", "GBK"),
        ("client_encoding", "BIG5"),
        ("client_encoding", "LATIN1"),
    ] {
        let mut stream = raw::secured(stand.place()).unwrap();
        let packet = [("user", "ada"), ("database", "shop"), (name, value)];
        stream.write_all(&raw::startup(&packet).unwrap()).unwrap();
        let refused = raw::error(&mut stream).unwrap();
        assert_eq!(refused[&'C'], "0A000", "{name}={value}: {refused:?}");
    }
    serves();
}

/// What a session says later, by each way to say it.
#[test]
fn lexing_is_pinned_however_it_is_changed() {
    let mut wire = wire();
    for way in [
        "SET standard_conforming_strings = off",
        "SET LOCAL standard_conforming_strings TO 'off'",
        "SET SESSION standard_conforming_strings = false",
        "SET \"Standard_Conforming_Strings\" = 0",
        "SELECT set_config('standard_conforming_strings', 'off', false)",
        "SELECT pg_catalog.set_config('STANDARD_conforming_strings', 'off', true)",
        "SELECT set_config('standard_conforming' || '_strings', 'off', false)",
        "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name LIKE 'standard%'",
        "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
        "BEGIN; SET standard_conforming_strings = off; COMMIT",
        "PREPARE off AS SELECT set_config('standard_conforming_strings', 'off', false); EXECUTE off",
        "ALTER ROLE shop_gateway SET standard_conforming_strings = off",
        "ALTER DATABASE shop SET standard_conforming_strings = off",
        "CREATE FUNCTION off() RETURNS int LANGUAGE sql SET standard_conforming_strings = off AS 'SELECT 1'",
        "SET client_encoding = 'SJIS'",
        "SET NAMES 'GBK'",
        "SELECT set_config('client_encoding', 'BIG5', false)",
    ] {
        code(&mut wire, way);
        let left = code(&mut wire, "ROLLBACK");
        assert_eq!(left, None, "{way}");
        let lexing = value(&mut wire, "SHOW standard_conforming_strings");
        assert_eq!(lexing, "on", "{way}");
        assert_eq!(value(&mut wire, "SHOW client_encoding"), "UTF8", "{way}");
        assert_eq!(value(&mut wire, r"SELECT '\'"), r"\", "{way}");
    }
    // it was on throughout: this is one statement, whatever follows the backslash
    let one = r"SELECT 'x\', '; SELECT 2 --'";
    assert!(said(&mut wire, one).contains("SELECT 1"));
}

/// Bytes that are no UTF-8, NUL, and a backslash as the second byte of a character.
#[test]
fn bytes_that_are_no_text_end_the_session() {
    for (body, what) in [
        (&b"SELECT '\xff'\0"[..], "no UTF-8"),
        (
            b"SELECT E'\x95\\'; DELETE FROM items --'\0",
            "a SJIS character",
        ),
        (b"SELECT '\xc0\xa7'\0", "an overlong quote"),
        (b"SELECT 1\0; SELECT 2\0", "a NUL within"),
        (b"SELECT 1", "no NUL at the end"),
        (b"", "nothing"),
    ] {
        let mut wire = wire();
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        wire.raw(&[b"Q", &length[..], body].concat()).unwrap();
        let heard = match wire.until(b'Z') {
            Ok(heard) => text(&heard),
            Err(error) => format!("{error:#}"),
        };
        assert!(!heard.contains("SELECT 1"), "{what}: {heard}");
        assert!(
            heard.contains("C08P01") || heard.contains("C22021"),
            "{what}: {heard}"
        );
        serves();
    }
}

/// Messages of another phase, before and after the login.
#[test]
fn messages_out_of_turn_end_the_connection() {
    let stand = stand();
    let start = raw::startup(&[("user", "ada"), ("database", "shop")]).unwrap();
    let query = b"Q\0\0\0\x0dSELECT 1\0".to_vec();
    let password = b"p\0\0\0\x09pass\0".to_vec();
    for (what, before) in [
        (
            "a query before the login",
            [start.clone(), query.clone()].concat(),
        ),
        (
            "a second start-up packet",
            [start.clone(), start.clone()].concat(),
        ),
        (
            "a password that is no SCRAM",
            [start.clone(), password.clone()].concat(),
        ),
        (
            "a password twice",
            [start, password.clone(), password.clone()].concat(),
        ),
        ("a query first", query),
        ("TLS within TLS", raw::SSL_REQUEST.to_vec()),
    ] {
        let mut stream = raw::secured(stand.place()).unwrap();
        stream.write_all(&before).unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        let rest = raw::rest(&mut stream);
        assert!(!rest.windows(8).any(|part| part == b"SELECT 1"), "{what}");
        assert!(
            !rest
                .windows(9)
                .any(|part| part == [b'R', 0, 0, 0, 8, 0, 0, 0, 0]),
            "{what}"
        );
    }
    let mut after = wire();
    after.raw(&password).unwrap();
    let ended = after.until(b'Z').unwrap_err();
    assert!(format!("{ended:#}").contains("08P01"), "{ended:#}");
    serves();
}

/// What is sent in plaintext before the handshake is not read as if it had come after it.
#[test]
fn nothing_is_carried_over_the_handshake() {
    let mut stream = raw::connect(stand().place()).unwrap();
    let start = raw::startup(&[("user", "ada"), ("database", "shop")]).unwrap();
    let query = b"Q\0\0\0\x0dSELECT 1\0";
    stream
        .write_all(&[&raw::SSL_REQUEST[..], &start, query].concat())
        .unwrap();
    closed(&mut stream);
}

/// No way down to plaintext.
#[test]
fn there_is_no_way_down_to_plaintext() {
    let stand = stand();
    for mode in ["disable", "allow"] {
        let mut login = Login::of("ada", &stand.people.ada, "plain");
        login.mode = mode;
        let mut psql = Psql::start(stand.place(), &login).unwrap();
        psql.say("SELECT ssl FROM pg_stat_ssl;").unwrap();
        let heard = psql.answer().unwrap();
        // `allow` goes on with TLS after it was refused
        assert!(
            mode == "allow" || heard.err.contains("unencrypted connections are refused"),
            "{mode}: {heard:?}"
        );
    }
    let mut stream = raw::connect(stand.place()).unwrap();
    stream.write_all(&raw::GSSENC_REQUEST).unwrap();
    assert_eq!(raw::byte(&mut stream).unwrap(), b'N');
    let start = raw::startup(&[("user", "ada"), ("database", "shop")]).unwrap();
    stream.write_all(&start).unwrap();
    let refused = raw::error(&mut stream).unwrap();
    assert_eq!(refused[&'C'], "28000", "{refused:?}");
}

/// What one text holds is judged as a whole, whatever hides where it ends.
#[test]
fn the_strictest_of_a_text_decides_wherever_it_hides() {
    let stand = stand();
    stand.table("strictest").unwrap();
    let mut wire = wire();
    for hidden in [
        "SELECT 1; GRANT ALL ON strictest TO PUBLIC",
        "/* read only */ SELECT 1; GRANT ALL ON strictest TO PUBLIC",
        "-- SELECT\nGRANT ALL ON strictest TO PUBLIC",
        "COMMIT; GRANT ALL ON strictest TO PUBLIC",
        "SELECT $a$x$a$; GRANT ALL ON strictest TO PUBLIC",
        "SELECT $$;$$; GRANT ALL ON strictest TO PUBLIC; SELECT $$",
        "SELECT 'a' /* /* */ ; SELECT */; GRANT ALL ON strictest TO PUBLIC",
        "SELECT E'\\''; GRANT ALL ON strictest TO PUBLIC --'",
        "SELECT U&'\\0027'; GRANT ALL ON strictest TO PUBLIC",
        "SELECT 'a'\n'b'; GRANT ALL ON strictest TO PUBLIC",
        "SELECT \"a;b\" FROM (SELECT 1 AS \"a;b\") s; GRANT ALL ON strictest TO PUBLIC",
        "SELECT B'1', X'ff', N'x'; GRANT ALL ON strictest TO PUBLIC",
        "COPY strictest TO PROGRAM 'cat'",
        "SELECT 1; COPY strictest TO '/tmp/strictest'",
    ] {
        let heard = said(&mut wire, hidden);
        assert!(heard.contains("ERROR"), "{hidden}: {heard}");
        assert!(!heard.contains("GRANT("), "{hidden}: {heard}");
        assert_eq!(stand.rows("strictest").unwrap(), ROWS, "{hidden}");
    }
    let granted = "SELECT count(*) FROM information_schema.role_table_grants WHERE table_name = 'strictest' AND grantee = 'PUBLIC'";
    assert_eq!(stand.postgres.sql(granted).unwrap().trim(), "0");
}

/// What looks like reading and is not, by somebody who may only read.
#[test]
fn reading_reaches_no_file_no_setting_and_nobody() {
    let stand = stand();
    let token = stand.newcomer("looker", "lookers").unwrap();
    let mut wire = Wire::login(stand.place(), "looker", &token).unwrap();
    assert_eq!(value(&mut wire, "SELECT count(*) FROM items"), "5");
    for call in [
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT pg_ls_dir('.')",
        "SELECT pg_stat_file('PG_VERSION')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/x')",
        "SELECT set_config('search_path', 'x', false)",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
        "SELECT pg_notify('x', 'y')",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_reload_conf()",
        "SELECT nextval('items_id_seq')",
        "SELECT query_to_xml('DELETE FROM items', true, false, '')",
        "SELECT database_to_xml(true, false, '')",
        "SELECT ts_stat('DELETE FROM items')",
        "SELECT dblink_exec('', 'DELETE FROM items')",
        "SELECT public.dblink('', 'DELETE FROM items')",
        "SELECT * INTO loot FROM items",
        "WITH gone AS (DELETE FROM items RETURNING *) SELECT * FROM gone",
        "SELECT * FROM items FOR UPDATE",
        "EXPLAIN ANALYZE INSERT INTO items (name, cents) VALUES ('x', 1)",
        "EXPLAIN (ANALYZE) DELETE FROM items",
        "DO $$ BEGIN DELETE FROM items; END $$",
        "CALL nothing()",
        "COPY items TO PROGRAM 'cat'",
        "COPY items TO '/tmp/items'",
        "COPY (DELETE FROM items RETURNING id) TO STDOUT",
        "COPY items FROM '/tmp/items'",
        "LISTEN x",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "RESET ALL",
        "DISCARD ALL",
        "SET session_replication_role = replica",
        "LOCK TABLE items",
    ] {
        let refused = code(&mut wire, call);
        let refused = refused.as_deref();
        assert!(
            matches!(refused, Some("42501" | "0A000")),
            "{call}: {refused:?}"
        );
    }
    assert_eq!(value(&mut wire, "SELECT count(*) FROM items"), "5");
    for folder in ["/tmp/items", "/tmp/strictest", "/tmp/x"] {
        assert!(!std::path::Path::new(folder).exists(), "{folder}");
    }
}

/// Whoever guesses keys stops nobody's query.
#[test]
fn guessed_keys_stop_nobody() {
    let stand = stand();
    let mut wire = wire();
    wire.query("SELECT pg_sleep(2), 'slept'").unwrap();
    wire.send().unwrap();
    // each guess takes a second, so they come at once
    let guesses = (0..300_u32).map(|guess| {
        let mut stream = raw::connect(stand.place()).unwrap();
        let pid = (guess % 40).to_be_bytes();
        let key = guess.wrapping_mul(2_654_435_761).to_be_bytes();
        let request = [&[0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e][..], &pid, &key].concat();
        stream.write_all(&request).unwrap();
        stream
    });
    for mut stream in guesses.collect::<Vec<_>>() {
        // nothing is told, of a right key or a wrong one
        assert_eq!(raw::rest(&mut stream), b"");
    }
    let heard = text(&wire.until(b'Z').unwrap());
    assert!(heard.contains("slept"), "{heard}");
}

/// What a session was given it has still after every way to throw it away.
#[test]
fn what_is_pinned_stays_after_everything_is_reset() {
    let mut wire = wire();
    let session = value(&mut wire, "SELECT current_setting('countersign.session')");
    for way in [
        "RESET ALL",
        "DISCARD ALL",
        "SET countersign.session = 'x'",
        "SELECT set_config('countersign.person', 'grace', false)",
        "RESET countersign.person",
        "BEGIN; SET LOCAL countersign.person = 'grace'; COMMIT",
    ] {
        code(&mut wire, way);
        let now = value(&mut wire, "SELECT current_setting('countersign.session')");
        assert_eq!(now, session, "{way}");
        let person = value(&mut wire, "SELECT current_setting('countersign.person')");
        assert_eq!(person, "ada", "{way}");
        assert_eq!(value(&mut wire, "SHOW standard_conforming_strings"), "on");
        // names are resolved, and values masked, as before
        let heard = said(&mut wire, "SELECT email FROM customers LIMIT 1");
        assert!(heard.contains("<email>"), "{way}: {heard}");
        assert_eq!(
            code(&mut wire, "SELECT upper(email) FROM customers").as_deref(),
            Some("0A000")
        );
    }
}
