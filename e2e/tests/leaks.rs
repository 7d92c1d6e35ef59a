//! Planted e-mails and card numbers reach nobody who may not see them: not over the wire, not in messages, not in what
//! the gateway keeps. Who may see them sees them all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::driver::Driver;
use e2e::gateway::Place;
use e2e::ports;
use e2e::psql::{Login, Psql};
use e2e::stand::{Options, Stand};
use e2e::story::asked;
use e2e::tap::Tap;
use serde_json::Value;

/// The shop's, and two more that stand only in what clients send and in what the server says.
const EMAILS: [&str; 8] = [
    "mary.anning@example.com",
    "lise.meitner@example.com",
    "emmy.noether@example.org",
    "cs.wu@example.net",
    "rosalind@example.com",
    "hedy.lamarr@example.org",
    "katherine@example.net",
    "sofja.k@example.com",
];
const CARDS: [&str; 8] = [
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "4012888888881881",
    "5105105105105100",
    "3530111333300000",
    "30569309025904",
];

/// A table whose trigger tells a customer's data in notices and errors, and one with the data in ungoverned columns.
const TELLTALES: &str = "
    CREATE TABLE letters (id int PRIMARY KEY, words text NOT NULL, more json);
    INSERT INTO letters SELECT id, 'write to ' || email || ' about ' || card, json_build_object('to', email, 'card', card)
        FROM customers;
    CREATE TABLE told (customer bigint, fails boolean);
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE found customers;
        BEGIN
            SELECT * INTO found FROM customers WHERE id = NEW.customer;
            IF NEW.fails THEN
                RAISE EXCEPTION 'no: % and %', found.email, found.card
                    USING DETAIL = found.email, HINT = found.card;
            END IF;
            RAISE NOTICE 'heard of % and %', found.email, found.card USING DETAIL = found.card, HINT = found.email;
            RETURN NEW;
        END $$;
    CREATE TRIGGER telling BEFORE INSERT ON told FOR EACH ROW EXECUTE FUNCTION tell();";

/// What a curious person sends. Each is answered or refused, and none of the answers may tell.
const CURIOUS: &[&str] = &[
    "SELECT name, email, card FROM customers ORDER BY id;",
    "SELECT * FROM customers;",
    "SELECT email FROM customers WHERE card = '4111111111111111';",
    "TABLE customers;",
    "SELECT words, more FROM letters;",
    "SELECT upper(email) FROM customers;",
    "SELECT customers FROM customers;",
    "SELECT card || '' FROM customers;",
    "SELECT email AS name FROM (SELECT email FROM customers) AS c;",
    "COPY customers TO STDOUT;",
    "CREATE TABLE copied AS SELECT email FROM customers;",
    "INSERT INTO customers (name, email, card) VALUES ('Mary', 'mary.anning@example.com', '4111111111111111');",
    "INSERT INTO orders (customer_id, item_id, quantity) SELECT id, 1, 0 FROM customers WHERE email = 'cs.wu@example.net';",
    "DELETE FROM customers WHERE card = '4012888888881881';",
    "UPDATE customers SET name = NULL WHERE email = 'rosalind@example.com';",
    "SELECT 'hedy.lamarr@example.org'::int;",
    "SELECT '5555555555554444' AS constant, 'katherine@example.net' AS other;",
    "INSERT INTO told VALUES (1, false), (2, false), (3, false);",
    "INSERT INTO told VALUES (4, true);",
    "BEGIN;",
    "DECLARE c CURSOR FOR SELECT email, card FROM customers;",
    "FETCH ALL FROM c;",
    "ROLLBACK;",
    "SELECT most_common_vals FROM pg_stats WHERE tablename = 'customers';",
    "SELECT query FROM pg_stat_activity;",
    "SELECT 1; -- paid with 3530111333300000 by katherine@example.net",
    "SELECT /* sofja.k@example.com */ 2;",
];

struct Scene {
    stand: Stand,
    tap: Tap,
    /// The stand as it looks from before the tap.
    tapped: Place,
    folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [plain] = ports::free().unwrap();
        let tap = Tap::before(plain).unwrap();
        let listener = format!(
            "listeners:\n  - address: 127.0.0.1:{plain}\n    postgres: {{ allow_plaintext: true }}"
        );
        let mut options = Options::in_folder(folder.path());
        let edit = |text: String| text.replacen("listeners:", &listener, 1);
        options.edit = &edit;
        let stand = Stand::start(&options, &|| false).unwrap();
        stand.postgres.sql(TELLTALES).unwrap();
        let mut tapped = stand.gateway.place().clone();
        tapped.ports.postgres = tap.port();
        Self {
            stand,
            tap,
            tapped,
            folder,
        }
    }

    fn psql(&self, person: &str, token: &str) -> Psql {
        let mut login = Login::of(person, token, "leaks");
        login.mode = "disable";
        Psql::open(&self.tapped, &login).unwrap()
    }

    /// Reads and parameters in both formats, as drivers send them.
    fn drive(&self, person: &str, token: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let driver = Driver::connect_plainly(self.tap.port(), person, token)
                .await
                .unwrap();
            let rows = driver
                .client
                .query(
                    "SELECT id, name, email, card FROM customers WHERE id > $1",
                    &[&0_i64],
                )
                .await
                .unwrap();
            assert_eq!(rows.len(), 8);
            let by_card = "SELECT email FROM customers WHERE card = $1";
            for card in CARDS {
                let rows = driver.client.query(by_card, &[&card]).await.unwrap();
                assert_eq!(rows.len(), 1);
            }
            let add = "INSERT INTO customers (name, email, card) VALUES ($1, $2, $3)";
            let twice = driver
                .client
                .execute(add, &[&"Lise", &EMAILS[1], &CARDS[1]])
                .await;
            assert!(twice.is_err(), "the e-mail is there already");
            driver.close().await.unwrap();
        });
    }

    /// Card numbers as constants in statements that wait: in the notice, the question, the answer, the record.
    fn hold(&self) -> String {
        let place = self.stand.gateway.place();
        let people = &self.stand.people;
        let mut told = String::new();
        let mut psql = self.psql("ada", &people.ada);
        let cards = [(CARDS[0], "refuse"), (CARDS[5], "approve")];
        for (card, decision) in cards {
            let statement = format!(
                "UPDATE letters /* asked by {} */ SET words = words || ' for {card} and {}'; -- {}",
                EMAILS[6], EMAILS[2], CARDS[6]
            );
            psql.say(&statement).unwrap();
            let id = asked(&psql).unwrap().to_string();
            told += &place.cli(&people.grace, &["approvals", "list"]).unwrap();
            told += &place
                .cli(
                    &people.grace,
                    &["--output", "json", "approvals", "show", &id],
                )
                .unwrap();
            told += &place
                .cli(&people.grace, &["approvals", decision, &id, "--yes"])
                .unwrap();
            told += &format!("{:?}", psql.answer().unwrap());
        }
        told += &format!(
            "{:?}",
            psql.ask("SELECT DISTINCT words FROM letters;").unwrap()
        );
        told
    }

    /// Every recorded session as people and as programs read it, its answers decoded.
    fn replayed(&self) -> String {
        let place = self.stand.gateway.place();
        let admin = &self.stand.people.admin;
        let listed = place
            .cli(admin, &["--output", "json", "sessions", "list", "--all"])
            .unwrap();
        let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
        let mut told = format!("{listed:?}");
        assert!(listed.len() > 2);
        for session in &listed {
            let id = session["id"].as_str().unwrap();
            let mut command =
                place.command(admin, &["--output", "ndjson", "sessions", "replay", id]);
            let output = command.output().unwrap();
            let events = String::from_utf8(output.stdout).unwrap();
            assert!(events.contains("\"statement\""), "{events}");
            for event in events.lines() {
                let event: Value = serde_json::from_str(event).unwrap();
                let bytes = event["bytes"]
                    .as_str()
                    .and_then(|text| STANDARD.decode(text).ok());
                told += &String::from_utf8_lossy(&bytes.unwrap_or_default());
            }
            told += &events;
            let mut command = place.command(admin, &["sessions", "replay", id]);
            told += &String::from_utf8(command.output().unwrap().stdout).unwrap();
        }
        told
    }
}

#[test]
fn planted_values_reach_only_those_who_may_see_them() {
    let scene = Scene::open();
    let people = scene.stand.people.clone();
    let mut told = String::new();
    let mut psql = scene.psql("ada", &people.ada);
    for statement in CURIOUS {
        let answer = psql.ask(statement).unwrap();
        // psql shows where in the statement the error is, from the statement as it was typed
        let said = answer.err.lines().filter(|line| !line.starts_with("LINE "));
        told += &said.fold(answer.out.clone(), |told, line| told + "\n" + line);
    }
    let heard_of = String::from_utf8_lossy(&scene.tap.heard()).into_owned();
    assert!(
        heard_of.contains("heard of"),
        "no notice came through: {heard_of}"
    );
    scene.drive("ada", &people.ada);
    told += &scene.hold();
    psql.quit().unwrap();
    finds_none("what psql and the people were told", told.as_bytes());
    finds_none("the wire", &scene.tap.heard());
    finds_none("the recordings", scene.replayed().as_bytes());
    let export = scene
        .stand
        .gateway
        .place()
        .cli("", &["audit", "export"])
        .unwrap();
    finds_none("the audit log", export.as_bytes());
    let files = scan(scene.folder.path());
    assert!(files > 10, "only {files} files were looked at");

    let before = scene.tap.heard().len();
    let mut psql = scene.psql("grace", &people.grace);
    psql.ask("SELECT name, email, card FROM customers ORDER BY id;")
        .unwrap();
    let heard = scene.tap.heard().split_off(before);
    for value in EMAILS.iter().chain(&CARDS) {
        assert!(
            found(&heard, value),
            "`{value}` is kept from who may see it"
        );
    }
    psql.quit().unwrap();
    println!(
        "{} bytes of the wire and {files} files hold none of the planted values",
        before
    );
}

fn found(bytes: &[u8], value: &str) -> bool {
    bytes
        .windows(value.len())
        .any(|window| window == value.as_bytes())
}

fn finds_none(place: &str, bytes: &[u8]) {
    assert!(bytes.len() > 100, "{place}: nothing to look at");
    let leaked: Vec<String> = EMAILS
        .iter()
        .chain(&CARDS)
        .filter(|value| found(bytes, value))
        .map(|value| around(bytes, value))
        .collect();
    assert!(
        leaked.is_empty(),
        "{place} holds planted values:\n{}",
        leaked.join("\n")
    );
}

/// A value with what stands before it, for whoever has to find the leak.
fn around(bytes: &[u8], value: &str) -> String {
    let at = bytes
        .windows(value.len())
        .position(|window| window == value.as_bytes())
        .unwrap();
    let from = at.saturating_sub(120);
    String::from_utf8_lossy(&bytes[from..at + value.len()]).into_owned()
}

/// Looks into every file of a folder; returns how many there were.
fn scan(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += scan(&path);
        } else if path.is_file() {
            files += 1;
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.extend([0; 128]);
            finds_none(&path.display().to_string(), &bytes);
        }
    }
    files
}
