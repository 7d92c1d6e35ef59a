//! COPY TO STDOUT and binary results with real clients: masked field by field in every format, or refused; never in clear.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::process::Command;
use std::sync::LazyLock;

use e2e::driver::Driver;
use e2e::lasting::Lasting;
use e2e::psql::{Answer, Psql};
use e2e::stand::Stand;
use e2e::story::ROWS;
use e2e::wire::{Message, Wire, tags, text};

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&["masks.cedar"]).unwrap());

const CARD: &str = "4111111111111111";
const PLANTED: [&str; 3] = ["mary.anning", "lise.meitner", "411111111111"];

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn wire() -> Wire {
    let stand = stand();
    Wire::login(stand.place(), "ada", &stand.people.ada).unwrap()
}

fn copied(messages: &[Message]) -> Vec<u8> {
    let data = messages.iter().filter(|(tag, _)| *tag == b'd');
    data.flat_map(|(_, body)| body.clone()).collect()
}

fn hides(text: &str) {
    for planted in PLANTED {
        assert!(!text.contains(planted), "{planted} is shown: {text}");
    }
}

fn masked(psql: &mut Psql, statement: &str) -> Answer {
    let answer = psql.ask(statement).unwrap();
    hides(&answer.out);
    hides(&answer.err);
    answer
}

#[test]
fn psql_copies_out_masked() {
    let stand = stand();
    let mut psql = stand.ada("copy out").unwrap();
    for statement in [
        "COPY customers TO STDOUT;",
        "COPY customers (id, name, email, card) TO STDOUT;",
        "COPY (SELECT id, name, email, card FROM customers) TO STDOUT;",
        "\\copy customers (id, name, email, card) to stdout",
    ] {
        let all = masked(&mut psql, statement);
        assert_eq!(all.err, "", "{statement}");
        assert!(all.out.starts_with("1\tMary Anning\t"), "{all:?}");
        let first: Vec<&str> = all.out.lines().next().unwrap().split('\t').collect();
        assert!(first[3].ends_with("1111") && first[3] != CARD, "{all:?}");
        assert_eq!(
            all.out.lines().filter(|line| line.contains('\t')).count(),
            8,
            "{all:?}"
        );
    }
    let csv = masked(
        &mut psql,
        "COPY (SELECT name, card, id FROM customers WHERE id = 1) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE (card));",
    );
    assert!(
        csv.out.starts_with("name,card,id\nMary Anning,\""),
        "{csv:?}"
    );
    assert!(csv.out.ends_with("1111\",1\n"), "{csv:?}");
    let binary = masked(
        &mut psql,
        "COPY customers (id, email) TO STDOUT (FORMAT binary);",
    );
    assert_eq!(binary.err, "");
    let names = masked(&mut psql, "COPY customers (name) TO STDOUT;");
    assert!(names.out.contains("Mary Anning\n"), "{names:?}");
    // what cannot be followed
    for statement in [
        "COPY customers TO STDOUT (ENCODING 'LATIN1');",
        "COPY items TO STDOUT\\; COPY customers TO STDOUT;",
        "COPY (SELECT upper(email) FROM customers) TO STDOUT;",
    ] {
        let refused = masked(&mut psql, statement);
        assert_eq!(
            refused.sqlstate(),
            Some("0A000"),
            "{statement}: {refused:?}"
        );
        assert!(refused.err.contains("HINT:"), "{statement}: {refused:?}");
        assert_eq!(refused.out, "", "{statement}");
    }
    assert!(psql.quit().unwrap().success());
}

#[test]
fn detectors_look_into_copies() {
    let stand = stand();
    let made = format!(
        "CREATE TABLE parcels (id bigint, note text, more jsonb, notes text[], price numeric);
         ALTER TABLE parcels OWNER TO shop_gateway;
         INSERT INTO parcels VALUES
           (1, E'to\\tmary.anning@example.com\\nnow', '{{\"a\": \"card {CARD}\"}}', ARRAY['x', '{CARD}'], 1.50),
           ({CARD}, NULL, NULL, ARRAY['y'], {CARD})"
    );
    stand.postgres.sql(&made).unwrap();
    let mut psql = stand.ada("copy of parcels").unwrap();
    // a table that is new to the gateway is hidden whole, until its catalogue was read
    masked(&mut psql, "SELECT * FROM parcels;");
    let lines = masked(&mut psql, "COPY parcels TO STDOUT;").out;
    let lines: Vec<Vec<&str>> = lines
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0][1].starts_with("to\\t") && lines[0][1].ends_with("\\nnow"),
        "{lines:?}"
    );
    assert!(lines[0][2].starts_with("{\"a\": \"card "), "{lines:?}");
    assert_eq!((lines[0][3], lines[0][4]), ("\\N", "1.50"), "{lines:?}");
    // never an invalid literal: what is no text becomes NULL
    assert_eq!(lines[1], ["\\N", "\\N", "\\N", "{y}", "\\N"]);
    let csv = masked(
        &mut psql,
        "COPY (SELECT note, id FROM parcels) TO STDOUT CSV;",
    )
    .out;
    assert!(
        csv.starts_with("\"to\t") && csv.contains("\nnow\",1\n"),
        "{csv}"
    );
    assert!(psql.quit().unwrap().success());
}

#[test]
fn a_prepared_copy_is_masked_too() {
    let mut wire = wire();
    let copy = "COPY (SELECT id, email FROM customers ORDER BY id LIMIT 2) TO STDOUT";
    let answer = wire
        .parse("c", copy)
        .unwrap()
        .describe("c")
        .unwrap()
        .bind("", "c")
        .unwrap()
        .execute("")
        .unwrap()
        .sync()
        .answer(b'Z')
        .unwrap();
    hides(&text(&answer));
    assert_eq!(tags(&answer), "1tn2HddcCZ", "{}", text(&answer));
    // what is not there fails as it does without a gateway, and the session lives on
    let bound = wire
        .parse("", "COPY (SELECT id FROM nowhere) TO STDOUT")
        .unwrap();
    let bound = bound.bind("", "").unwrap().execute("").unwrap().sync();
    let failed = bound.answer(b'Z').unwrap();
    assert_eq!(tags(&failed), "1EZ", "{}", text(&failed));
    assert!(text(&failed).contains("42P01"), "{}", text(&failed));
    wire.query("BEGIN").unwrap().answer(b'Z').unwrap();
    let copy = wire
        .query("COPY (SELECT id FROM nowhere) TO STDOUT")
        .unwrap();
    let failed = copy.answer(b'Z').unwrap();
    assert_eq!(tags(&failed), "EZ", "{}", text(&failed));
    assert!(text(&failed).contains("42P01"), "{}", text(&failed));
    let back = wire.query("ROLLBACK").unwrap().answer(b'Z').unwrap();
    assert_eq!(tags(&back), "CZ", "{}", text(&back));
}

#[test]
fn a_copy_may_follow_what_was_only_prepared() {
    let mut wire = wire();
    // as asyncpg does
    let parsed = wire.parse("p", "SELECT id FROM customers").unwrap();
    let parsed = parsed.describe("p").unwrap().flush().answer(b'T').unwrap();
    assert_eq!(tags(&parsed), "1tT");
    for _ in 0..2 {
        let copy = wire.query("COPY customers (card) TO STDOUT").unwrap();
        let answer = copy.answer(b'Z').unwrap();
        hides(&text(&answer));
        assert_eq!(tags(&answer), "HddddddddcCZ", "{}", text(&answer));
    }
    let bound = wire.bind("", "p").unwrap().execute("").unwrap().sync();
    assert_eq!(tags(&bound.answer(b'Z').unwrap()), "2DDDDDDDDCZ");
    // what was executed without a Sync would be committed by one: there the COPY is refused
    let bound = wire.bind("", "p").unwrap().execute("").unwrap().flush();
    bound.answer(b'C').unwrap();
    let copy = wire.query("COPY customers (card) TO STDOUT").unwrap();
    let refused = copy.answer(b'Z').unwrap();
    hides(&text(&refused));
    assert_eq!(tags(&refused), "EZ", "{}", text(&refused));
    assert!(text(&refused).contains("0A000"), "{}", text(&refused));
}

#[test]
fn binary_copies_stay_binary() {
    let mut wire = wire();
    let copy =
        "COPY (SELECT id, email, card FROM customers WHERE id = 1) TO STDOUT (FORMAT binary)";
    let answer = wire.query(copy).unwrap().answer(b'Z').unwrap();
    assert!(tags(&answer).starts_with('H'), "{}", text(&answer));
    let data = copied(&answer);
    hides(&String::from_utf8_lossy(&data));
    assert_eq!(&data[..11], b"PGCOPY\n\xff\r\n\0");
    assert_eq!(&data[19..33], [0, 3, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(&data[data.len() - 6..], b"1111\xff\xff");
}

#[test]
fn long_rows_pass_or_are_refused() {
    let stand = stand();
    stand
        .postgres
        .sql(
            "CREATE TABLE long_rows AS SELECT 1 AS id, repeat('x', 20000000) AS plain;
             ALTER TABLE long_rows OWNER TO shop_gateway;",
        )
        .unwrap();
    let mut psql = stand.ada("long rows").unwrap();
    for statement in [
        "SELECT plain FROM long_rows;",
        "COPY long_rows TO STDOUT;",
        "BEGIN; SELECT plain FROM long_rows;",
    ] {
        let refused = psql.ask(statement).unwrap();
        assert_eq!(
            refused.sqlstate(),
            Some("54000"),
            "{statement}: {}",
            refused.err
        );
        assert!(
            refused.err.contains("HINT:"),
            "{statement}: {}",
            refused.err
        );
    }
    assert_eq!(psql.ask("SELECT 1;").unwrap().sqlstate(), Some("25P02"));
    assert_eq!(psql.ask("ROLLBACK;").unwrap().err, "");
    assert_eq!(psql.ask("SELECT id FROM long_rows;").unwrap().out, "1\n");
    // to who may see it all, in pieces
    let grace = ("grace", stand.people.grace.as_str());
    let mut psql = stand.psql(grace, "long rows in clear").unwrap();
    let long = psql.ask("SELECT plain FROM long_rows;").unwrap();
    assert_eq!((long.out.len(), long.err.as_str()), (20_000_001, ""));
    let long = psql
        .ask("COPY (SELECT plain FROM long_rows) TO STDOUT;")
        .unwrap();
    assert_eq!((long.out.len(), long.err.as_str()), (20_000_001, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_results_of_every_type_pass_or_are_masked() {
    let stand = stand();
    let driver = Driver::connect(stand.place(), "ada", &stand.people.ada)
        .await
        .unwrap();
    let client = &driver.client;
    let row = client
        .query_one(
            "SELECT 'void', true, 1::int2, 2::int4, 3::int8, 1.5::float8, now(), ARRAY['a', 'b'], '{\"a\": 1}'::json",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, Vec<&str>>(7), ["a", "b"]);
    assert!(row.get::<_, bool>(1));
    let slept = client.query_one(
        "SELECT pg_sleep(0), uuid_in('00000000-0000-0000-0000-000000000000')",
        &[],
    );
    assert_eq!(slept.await.unwrap().len(), 2);
    let number: i64 = CARD.parse().unwrap();
    let row = client
        .query_one(
            "SELECT $1::int8, ARRAY[$1::int8, 2], $2::text[], ARRAY[1::int8, 2], $1::int8::float8",
            &[&number, &vec![CARD, "x"]],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, Option<i64>>(0), None);
    assert_eq!(row.get::<_, Option<Vec<i64>>>(1), None);
    assert_eq!(row.get::<_, Option<Vec<String>>>(2), None);
    assert_eq!(row.get::<_, Option<Vec<i64>>>(3), Some(vec![1, 2]));
    assert_eq!(row.get::<_, Option<f64>>(4), None);
    driver.close().await.unwrap();
}

#[test]
fn what_was_dumped_is_restored() {
    let stand = stand();
    stand.table("restored").unwrap();
    let run = |command: &mut Command| command.output().unwrap();
    let dump = tempfile::NamedTempFile::new().unwrap();
    let direct = stand.postgres.direct_url();
    let place = stand.place();
    let options = ["-Fc", "-a", "-t", "restored", "-f"];
    let dumped = run(Command::new("pg_dump")
        .args(options)
        .arg(dump.path())
        .arg(&direct)
        .env("PGSSLROOTCERT", place.authority()));
    assert!(dumped.status.success(), "{dumped:?}");
    stand.postgres.sql("TRUNCATE restored").unwrap();
    // it may set what no policy here permits, and goes on
    let restored = run(Command::new("pg_restore")
        .args(["-a", "-h", "localhost", "-U", "ada", "-d", "shop", "-p"])
        .arg(place.ports.postgres.to_string())
        .arg(dump.path())
        .env("PGPASSWORD", &stand.people.ada)
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", place.authority()));
    assert_eq!(stand.rows("restored").unwrap(), ROWS, "{restored:?}");
}
