//! COPY FROM STDIN with real clients: judged and held as its statement, streamed, failed, cancelled, killed, never in part.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::driver::Driver;
use e2e::lasting::Lasting;
use e2e::psql::Psql;
use e2e::stand::Stand;
use e2e::story::{ROWS, asked};
use e2e::watchdog::until;
use e2e::wire::{Wire, tags, text};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&["copies.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn wire() -> Wire {
    let stand = stand();
    Wire::login(stand.place(), "ada", &stand.people.ada).unwrap()
}

/// Lines of the text format, from a number on, of some megabytes.
fn many(from: u32, lines: u32) -> Vec<u8> {
    let line = |number| format!("{number}\t{}\n", "x".repeat(120));
    (from..from + lines)
        .map(line)
        .collect::<String>()
        .into_bytes()
}

/// Waits until the server is in the middle of a COPY into a table.
fn copying(table: &str) {
    let look = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ~* 'copy +{table}' AND usename = 'shop_gateway'"
    );
    until("the server copies", || {
        Ok((stand().postgres.sql(&look)?.trim() == "1").then_some(()))
    })
    .unwrap();
}

/// Waits until nothing of it is left at the server, and proves that nothing was committed.
fn rolled_back(table: &str) {
    let look = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE query ~* 'copy +{table}' AND usename = 'shop_gateway'"
    );
    until("the server's end is gone", || {
        Ok((stand().postgres.sql(&look)?.trim() == "0").then_some(()))
    })
    .unwrap();
    assert_eq!(stand().rows(table).unwrap(), ROWS);
}

/// The questions that may be asked while a COPY of psql is open.
fn copies(psql: &mut Psql, statement: &str, table: &str, more: u64) {
    let before = stand().rows(table).unwrap();
    let answer = psql.ask(statement).unwrap();
    assert_eq!(answer.err, "", "{statement}");
    assert!(answer.out.contains(&format!("COPY {more}")), "{answer:?}");
    assert_eq!(stand().rows(table).unwrap(), before + more);
}

#[test]
fn psql_copies_in_text_and_csv() {
    let stand = stand();
    stand.table("copied_into").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut psql = stand.ada("copy in").unwrap();
    copies(
        &mut psql,
        "COPY copied_into FROM STDIN;\n10\tten\n11\t\\\\.\\tand\n\\.\n",
        "copied_into",
        2,
    );
    let escaped = "SELECT note FROM copied_into WHERE id = 11";
    assert_eq!(stand.postgres.sql(escaped).unwrap(), "\\.\tand\n");
    copies(
        &mut psql,
        "COPY copied_into (note, id) FROM STDIN (FORMAT csv, HEADER);\nnote,id\n\"a, b\",12\n\\.\n",
        "copied_into",
        1,
    );
    let file = folder.path().join("rows.csv");
    let rows: String = (100..600).map(|n| format!("{n};row {n}\n")).collect();
    std::fs::write(&file, rows).unwrap();
    let file = file.display();
    copies(
        &mut psql,
        &format!("\\copy copied_into from '{file}' with (format csv, delimiter ';')"),
        "copied_into",
        500,
    );
    // in a transaction that is rolled back, and of columns that are governed: a write like INSERT
    let answer = psql
        .ask(
            "BEGIN;\nCOPY customers (name, email, card) FROM STDIN;\nx\tx@example.com\t4111111111111111\n\\.\n\
             SELECT count(*), max(name) FROM customers WHERE name = 'x';\nROLLBACK;",
        )
        .unwrap();
    assert!(answer.out.contains("COPY 1\n1|x\n"), "{answer:?}");
    assert_eq!(stand.rows("customers").unwrap(), 8);
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
    assert!(psql.quit().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_copies_in_binary() {
    let stand = stand();
    stand.table("copied_in_binary").unwrap();
    let driver = Driver::connect(stand.place(), "ada", &stand.people.ada)
        .await
        .unwrap();
    let copy = "COPY copied_in_binary FROM STDIN BINARY";
    let sink = driver.client.copy_in(copy).await.unwrap();
    let writer = BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT]);
    let mut writer = std::pin::pin!(writer);
    for number in 10_i32..60_010 {
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&number, &"binary"];
        writer.as_mut().write(&row).await.unwrap();
    }
    assert_eq!(writer.finish().await.unwrap(), 60_000);
    assert_eq!(stand.rows("copied_in_binary").unwrap(), ROWS + 60_000);
    // a sink that is dropped fails the COPY
    let sink = driver
        .client
        .copy_in::<_, bytes::Bytes>(copy)
        .await
        .unwrap();
    drop(sink);
    let alive = driver.client.query_one("SELECT 'alive'", &[]).await;
    assert_eq!(alive.unwrap().get::<_, &str>(0), "alive");
    assert_eq!(stand.rows("copied_in_binary").unwrap(), ROWS + 60_000);
    driver.close().await.unwrap();
}

#[test]
fn a_copy_is_held_before_any_data() {
    let stand = stand();
    stand.table("wants_copy").unwrap();
    let mut psql = stand.ada("held copy").unwrap();
    let copy = "COPY wants_copy FROM STDIN;\n10\tten\n\\.\n";
    let id = stand.held(&mut psql, copy, "wants_copy").unwrap();
    let shown = stand.approve(&stand.people.grace, id).unwrap();
    assert!(shown.contains("the data of the COPY follows"), "{shown}");
    let answer = psql.answer().unwrap();
    assert!(answer.out.contains("COPY 1"), "{answer:?}");
    assert_eq!(stand.rows("wants_copy").unwrap(), ROWS + 1);

    psql.say("COPY wants_copy FROM STDIN;").unwrap();
    let id = asked(&psql).unwrap();
    stand.refuse(&stand.people.grace, id, "not today").unwrap();
    let refused = psql.answer().unwrap();
    assert_eq!(refused.sqlstate(), Some("42501"), "{refused:?}");
    assert_eq!(stand.rows("wants_copy").unwrap(), ROWS + 1);
    assert_eq!(psql.ask("SELECT 'alive';").unwrap().out, "alive\n");
}

#[test]
fn a_denied_copy_swallows_its_data() {
    let stand = stand();
    stand.table("takes_none").unwrap();
    let mut wire = wire();
    let refused = wire
        .query("COPY takes_none FROM STDIN")
        .unwrap()
        .copy_data(b"10\tten\n")
        .unwrap()
        .copy_done()
        .answer(b'Z')
        .unwrap();
    assert_eq!(tags(&refused), "EZ", "{}", text(&refused));
    assert!(text(&refused).contains("42501"), "{}", text(&refused));
    let alive = wire.query("SELECT 'alive'").unwrap().answer(b'Z').unwrap();
    assert_eq!(tags(&alive), "TDCZ", "{}", text(&alive));
    assert_eq!(stand.rows("takes_none").unwrap(), ROWS);
}

#[test]
fn what_follows_is_not_taken_for_data_nor_data_for_what_follows() {
    let stand = stand();
    stand.table("pipelined_copy").unwrap();
    let mut wire = wire();
    // all at once, two of them in one text
    let both = wire
        .query("COPY pipelined_copy FROM STDIN; COPY pipelined_copy FROM STDIN; SELECT 'after'")
        .unwrap()
        .copy_data(b"10\tt")
        .unwrap()
        .copy_data(b"en\n")
        .unwrap()
        .copy_done()
        .copy_data(b"11\televen\n")
        .unwrap()
        .copy_done()
        .query("SELECT 'next'")
        .unwrap()
        .answer(b'Z')
        .unwrap();
    assert_eq!(tags(&both), "GCGCTDCZ", "{}", text(&both));
    let next = wire.until(b'Z').unwrap();
    assert_eq!(tags(&next), "TDCZ", "{}", text(&next));
    // the extended protocol, with the Sync that libpq sends before it knows
    let extended = wire
        .parse("c", "COPY pipelined_copy FROM STDIN")
        .unwrap()
        .bind("", "c")
        .unwrap()
        .execute("")
        .unwrap()
        .sync()
        .answer(b'G')
        .unwrap();
    assert_eq!(tags(&extended), "12G", "{}", text(&extended));
    let done = wire
        .copy_data(b"12\ttwelve\n")
        .unwrap()
        .copy_done()
        .sync()
        .answer(b'Z')
        .unwrap();
    assert_eq!(tags(&done), "CZ", "{}", text(&done));
    assert_eq!(stand.rows("pipelined_copy").unwrap(), ROWS + 3);
    // and a client that gives up
    let asked = wire.query("COPY pipelined_copy FROM STDIN").unwrap();
    asked.answer(b'G').unwrap();
    let failed = wire
        .copy_data(b"13\tthirteen\n")
        .unwrap()
        .copy_fail("no more")
        .unwrap()
        .answer(b'Z')
        .unwrap();
    assert_eq!(tags(&failed), "EZ");
    assert!(text(&failed).contains("no more"), "{}", text(&failed));
    assert_eq!(stand.rows("pipelined_copy").unwrap(), ROWS + 3);
}

#[test]
fn a_server_error_in_the_middle_stops_no_client() {
    let stand = stand();
    stand.table("broken_copy").unwrap();
    for extended in [false, true] {
        let mut wire = wire();
        let copy = "COPY broken_copy FROM STDIN";
        let begun = match extended {
            false => wire.query(copy).unwrap().answer(b'G').unwrap(),
            true => {
                let bound = wire.parse("", copy).unwrap().bind("", "").unwrap();
                bound.execute("").unwrap().sync().answer(b'G').unwrap()
            }
        };
        assert!(tags(&begun).ends_with('G'), "{}", text(&begun));
        wire.copy_data(&many(10, 1000)).unwrap();
        wire.copy_data(b"none\tat all\n").unwrap();
        // one that is passed in pieces
        wire.copy_data(&many(500_000, 30_000)).unwrap();
        // many megabytes that nobody wants any more
        for piece in 0..200 {
            wire.copy_data(&many(10_000 + piece * 1000, 1000)).unwrap();
        }
        wire.copy_done();
        if extended {
            wire.sync();
        }
        let failed = wire.answer(b'Z').unwrap();
        assert_eq!(tags(&failed), "EZ", "{}", text(&failed));
        assert!(text(&failed).contains("22P02"), "{}", text(&failed));
        let alive = wire.query("SELECT 'alive'").unwrap().answer(b'Z').unwrap();
        assert_eq!(tags(&alive), "TDCZ", "{}", text(&alive));
        assert_eq!(stand.rows("broken_copy").unwrap(), ROWS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_a_copy() {
    let stand = stand();
    stand.table("cancelled_copy").unwrap();
    let driver = Driver::connect(stand.place(), "ada", &stand.people.ada)
        .await
        .unwrap();
    let token = driver.client.cancel_token();
    let copy = "COPY cancelled_copy FROM STDIN BINARY";
    let sink = driver.client.copy_in(copy).await.unwrap();
    let writer = BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT]);
    let mut writer = std::pin::pin!(writer);
    let row: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&10, &"ten"];
    writer.as_mut().write(&row).await.unwrap();
    let tls = e2e::driver::tls(stand.place()).unwrap();
    token.cancel_query(tls).await.unwrap();
    // the server looks up from a COPY at its next message
    for number in 11_i32..10_000 {
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&number, &"more"];
        writer.as_mut().write(&row).await.unwrap();
    }
    let cancelled = writer.finish().await.unwrap_err();
    let code = cancelled.code().map(|code| code.code());
    assert_eq!(code, Some("57014"), "{cancelled:?}");
    let alive = driver.client.query_one("SELECT 'alive'", &[]).await;
    assert_eq!(alive.unwrap().get::<_, &str>(0), "alive");
    assert_eq!(stand.rows("cancelled_copy").unwrap(), ROWS);
    driver.close().await.unwrap();
}

#[test]
fn a_kill_or_a_lost_client_commits_nothing() {
    let stand = stand();
    stand.table("killed_copy").unwrap();
    let endless = "\\copy killed_copy from program 'seq 10 20000 | sed s/$/\\\\tx/; sleep 60'";
    let mut psql = stand.ada("killed copy").unwrap();
    psql.say(endless).unwrap();
    copying("killed_copy");
    let session = stand.session("killed copy").unwrap();
    let admin = &stand.people.admin;
    let kill = ["sessions", "kill", &session];
    stand.place().cli(admin, &kill).unwrap();
    rolled_back("killed_copy");
    drop(psql);

    let mut psql = stand.ada("lost copy").unwrap();
    psql.say(endless).unwrap();
    copying("killed_copy");
    psql.kill().unwrap();
    rolled_back("killed_copy");

    // the end of the stream, or good-bye, in the middle
    let mut wire = wire();
    wire.query("COPY killed_copy FROM STDIN")
        .unwrap()
        .answer(b'G')
        .unwrap();
    wire.copy_data(b"10\tten\n").unwrap().send().unwrap();
    drop(wire);
    rolled_back("killed_copy");
}

#[test]
fn what_was_copied_in_is_recorded_in_figures() {
    let stand = stand();
    stand.table("told_copy").unwrap();
    let mut psql = stand.ada("told copy").unwrap();
    copies(
        &mut psql,
        "COPY told_copy FROM STDIN;\n10\tlionel@example.com\n\\.\n",
        "told_copy",
        1,
    );
    let session = stand.session("told copy").unwrap();
    assert!(psql.quit().unwrap().success());
    let admin = &stand.people.admin;
    let lines = until("the recording is sealed", || {
        let replay = ["--output", "json", "sessions", "replay", &session];
        let lines = stand.place().cli(admin, &replay)?;
        Ok(lines.contains("\"sealed\":true").then_some(lines))
    })
    .unwrap();
    assert!(!lines.contains("lionel"), "{lines}");
    let mut events = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let file = events
        .find(|event| event["kind"] == "file")
        .expect("figures");
    assert_eq!(file["path"], "STDIN", "{file}");
    assert_eq!(file["written"]["bytes"], 25, "{file}");
    // with the end mark that psql sends along
    let sent = b"10\tlionel@example.com\n\\.\n";
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sent);
    let digest: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(file["written"].to_string().contains(&digest), "{file}");
}
