//! Drivers as they are: allowed, denied, held, given up and masked through the gateway, and all else as without it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::clients::{Client, Driver, Language, Way, is_error};
use e2e::lasting::Lasting;
use e2e::stand::Stand;
use e2e::story::ROWS;
use serde_json::{Value, json};

static LASTING: LazyLock<Lasting> = LazyLock::new(|| {
    let lasting = Lasting::start(&["stories.cedar"]).unwrap();
    lasting.stand.postgres.sql(TYPES).unwrap();
    // before anybody connects: what is made beside the gateway is known to it later
    for name in DRIVERS {
        lasting.stand.table(&format!("of_{name}_only")).unwrap();
    }
    lasting
});

/// Types of its own, and a table that has them.
const TYPES: &str = "SET ROLE shop_gateway;
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE TYPE pair AS (n int, word text);
    CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
    CREATE TABLE feelings (id int PRIMARY KEY, mood mood, moods mood[], pair pair, percent percent, span int4range);
    INSERT INTO feelings VALUES (1, 'happy', '{sad,happy}', ROW(1, 'x'), 5, '[1,5)')";

const DRIVERS: [&str; 9] = [
    "psycopg",
    "psycopg2",
    "sqlalchemy",
    "asyncpg",
    "pgjdbc",
    "pg",
    "pgx",
    "tokio_postgres",
    "sqlx",
];

/// Those that send a batch before they wait for an answer, under one Sync or as one text.
const BATCHES: [&str; 5] = ["psycopg", "psycopg2", "asyncpg", "pgjdbc", "pgx"];

/// What a driver does about a statement that takes too long for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GivesUp {
    /// Asks the server to cancel it: 57014, and the connection goes on.
    Cancels,
    /// The same, but tells its own error.
    CancelsSilently,
    /// Closes the connection, or leaves it to be closed.
    Leaves,
}

fn stand() -> &'static Stand {
    &LASTING.stand
}

/// The stories of one driver, with a table of its own.
struct Stories {
    driver: Driver,
    through: Client,
    table: String,
}

fn query(sql: &str, arguments: Value) -> Value {
    json!({"do": "query", "sql": sql, "arguments": arguments})
}

fn plain(sql: &str) -> Value {
    query(sql, json!([]))
}

impl Stories {
    fn of(name: &'static str, language: Language) -> Self {
        let stand = stand();
        let driver = Driver { name, language };
        // no name is part of another, for questions are found by it
        let table = format!("of_{name}_only");
        let way = Way::gateway(stand, "ada", &stand.people.ada);
        let through = Client::connect(&driver, &way).unwrap();
        Self {
            driver,
            through,
            table,
        }
    }

    fn tell(&mut self, gives_up: GivesUp) {
        self.the_same_as_without_it();
        self.written();
        self.denied();
        self.held_and_approved();
        self.held_and_refused();
        self.held_as_a_batch();
        self.given_up(gives_up);
        self.masked();
    }

    fn alive(&mut self) {
        let answer = self.through.good(&plain("SELECT 'alive'")).unwrap();
        assert_eq!(answer["rows"][0][0], "alive", "{answer}");
    }

    /// So many rows of its table say something, as the server itself tells.
    fn saying(&self, note: &str) -> u64 {
        let count = format!("SELECT count(*) FROM {} WHERE note ~ '{note}'", self.table);
        stand()
            .postgres
            .sql(&count)
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }

    fn the_same_as_without_it(&mut self) {
        let mut direct = Client::connect(&self.driver, &Way::direct(stand())).unwrap();
        let mut different = Vec::new();
        // the second time with what the driver has kept prepared, errors and new tables in between
        for line in ORDINARY.lines().chain(ORDINARY.lines()) {
            let command = serde_json::from_str(line).unwrap();
            compare(&mut direct, &mut self.through, &command, &mut different);
        }
        compare(
            &mut direct,
            &mut self.through,
            &json!({"do": "own"}),
            &mut different,
        );
        assert!(
            different.is_empty(),
            "{}:\n{}",
            self.driver.name,
            different.join("\n")
        );
    }

    fn written(&mut self) {
        let insert = format!(
            "INSERT INTO {} (id, note) VALUES ($1::int, $2::text)",
            self.table
        );
        let lists: Vec<Value> = (11..31).map(|id| json!([id, "of a batch"])).collect();
        let batch = json!({"do": "batch", "sql": insert, "arguments": lists});
        self.through.good(&batch).unwrap();
        assert_eq!(self.saying("of a batch"), 20);
        let change = format!(
            "UPDATE {} SET note = $1::text WHERE id = $2::int",
            self.table
        );
        let answer = self.through.good(&query(&change, json!(["alone", 11])));
        assert_eq!(answer.unwrap()["count"], 1);
        assert_eq!(self.saying("alone"), 1);
        let copied: Vec<Value> = (31..40).map(|id| json!([id, "copied"])).collect();
        let copy = json!({"do": "copy_in", "table": self.table, "values": copied});
        self.through.good(&copy).unwrap();
        assert_eq!(self.saying("copied"), 9);
        let back = format!("DELETE FROM {} WHERE id > $1::int", self.table);
        self.through.good(&query(&back, json!([3]))).unwrap();
        assert_eq!(stand().rows(&self.table).unwrap(), ROWS);
    }

    fn denied(&mut self) {
        let intruder = format!("CREATE ROLE intruder_by_{}", self.driver.name);
        self.through.refused(&plain(&intruder), "42501").unwrap();
        self.alive();
        let delete = format!("DELETE FROM {} WHERE id = $1::int", self.table);
        self.through.good(&json!({"do": "begin"})).unwrap();
        self.through.good(&query(&delete, json!([1]))).unwrap();
        self.through.refused(&plain(&intruder), "42501").unwrap();
        self.through.refused(&plain("SELECT 1"), "25P02").unwrap();
        self.through.good(&json!({"do": "rollback"})).unwrap();
        self.alive();
        let roles = "SELECT count(*) FROM pg_roles WHERE rolname ~ 'intruder_by'";
        assert_eq!(stand().postgres.sql(roles).unwrap().trim(), "0");
        assert_eq!(stand().rows(&self.table).unwrap(), ROWS);
    }

    /// The question of what was said, which nothing was done about at the server.
    fn question(&self) -> u64 {
        let stand = stand();
        let id = stand.question_about(&self.table).unwrap();
        let underway = format!(
            "SELECT query FROM pg_stat_activity WHERE usename = 'shop_gateway' AND state <> 'idle' AND query ~ '{}'",
            self.table
        );
        assert_eq!(stand.postgres.sql(&underway).unwrap(), "");
        assert_eq!(stand.rows(&self.table).unwrap(), ROWS);
        self.through.pending().unwrap();
        id
    }

    fn held_and_approved(&mut self) {
        let change = format!("UPDATE {} SET note = $1::text", self.table);
        self.through
            .say(&query(&change, json!(["approved"])))
            .unwrap();
        let id = self.question();
        assert_eq!(self.saying("approved"), 0);
        let shown = stand().approve(&stand().people.grace, id).unwrap();
        assert!(shown.contains(&format!("UPDATE {}", self.table)), "{shown}");
        let answer = self.through.answer().unwrap();
        assert_eq!(answer["count"], ROWS, "{}: {answer}", self.driver.name);
        assert_eq!(self.saying("approved"), ROWS);
        assert_eq!(stand().state(id).unwrap(), "used");
        self.alive();
    }

    fn held_and_refused(&mut self) {
        let delete = format!("DELETE FROM {}", self.table);
        self.through.say(&plain(&delete)).unwrap();
        let id = self.question();
        stand()
            .refuse(&stand().people.grace, id, "not on a Friday")
            .unwrap();
        let answer = self.through.answer().unwrap();
        assert!(is_error(&answer, "42501"), "{answer}");
        assert!(answer.to_string().contains("was refused by"), "{answer}");
        assert_eq!(stand().state(id).unwrap(), "refused");
        assert_eq!(stand().rows(&self.table).unwrap(), ROWS);
        self.alive();
    }

    /// What a driver sends as one batch is one question.
    fn held_as_a_batch(&mut self) {
        if !BATCHES.contains(&self.driver.name) {
            return;
        }
        let change = format!("UPDATE {} SET note = $1::text", self.table);
        let lists = json!([["first"], ["second"], ["third"], ["last"]]);
        let batch = json!({"do": "batch", "sql": change, "arguments": lists});
        self.through.say(&batch).unwrap();
        let id = self.question();
        stand().approve(&stand().people.grace, id).unwrap();
        let answer = self.through.answer().unwrap();
        assert!(answer.get("message").is_none(), "{answer}");
        assert_eq!(self.saying("last"), ROWS);
        self.alive();
    }

    fn given_up(&mut self, gives_up: GivesUp) {
        let delete = format!("DELETE FROM {}", self.table);
        let timed = json!({"do": "timed", "sql": delete, "milliseconds": 4000});
        self.through.say(&timed).unwrap();
        let id = stand().question_about(&self.table).unwrap();
        let answer = self.through.answer().unwrap();
        let cancelled = is_error(&answer, "57014");
        assert!(answer.get("message").is_some(), "{answer}");
        assert_eq!(cancelled, gives_up == GivesUp::Cancels, "{answer}");
        if gives_up == GivesUp::Leaves {
            self.through.good(&json!({"do": "connect"})).unwrap();
        }
        stand().becomes(id, "withdrawn").unwrap();
        assert_eq!(stand().rows(&self.table).unwrap(), ROWS);
        self.alive();
        stand().may_not_approve(&stand().people.grace, id).unwrap();
        assert_eq!(stand().rows(&self.table).unwrap(), ROWS);
    }

    fn masked(&mut self) {
        let sql = "SELECT id, name, email, card FROM customers WHERE id = $1::int";
        let mut commands = vec![query(sql, json!([1]))];
        if self.driver.name == "psycopg" {
            // binary by choice; others have a way of their own
            let binary = json!({"do": "query", "sql": sql, "arguments": [1], "binary": true});
            commands.push(binary);
        }
        for command in commands {
            let answer = self.through.good(&command).unwrap();
            let row = answer["rows"][0].as_array().unwrap();
            assert_eq!(row[1], "Mary Anning", "{answer}");
            assert!(!answer.to_string().contains("mary.anning"), "{answer}");
            let card = row[3].as_str().unwrap();
            assert!(
                card.ends_with("1111") && !card.contains("411111"),
                "{answer}"
            );
        }
        let laundered = "SELECT upper(email) FROM customers";
        self.through.refused(&plain(laundered), "0A000").unwrap();
        self.alive();
    }
}

fn compare(
    direct: &mut Client,
    through: &mut Client,
    command: &Value,
    different: &mut Vec<String>,
) {
    let (mine, its) = (direct.ask(command).unwrap(), through.ask(command).unwrap());
    let rows = |answer: &Value| answer["rows"].as_array().cloned().unwrap_or_default();
    let (own, its_own) = (rows(&mine), rows(&its));
    if command["do"] == "own" && !own.is_empty() && own.len() == its_own.len() {
        let pairs = own.iter().zip(&its_own).filter(|(mine, its)| mine != its);
        different.extend(pairs.map(|(mine, its)| apart(&mine.to_string(), &its.to_string())));
    } else if mine != its || command["do"] == "own" {
        let difference = apart(&mine.to_string(), &its.to_string());
        different.push(format!("{command}: {difference}"));
    }
}

/// Where two texts part, with a little of what comes before.
fn apart(mine: &str, its: &str) -> String {
    let same = mine.chars().zip(its.chars());
    let same = same.take_while(|(mine, its)| mine == its).count();
    let shown = |text: &str| -> String {
        text.chars()
            .skip(same.saturating_sub(80))
            .take(400)
            .collect()
    };
    format!("...{}\n    became ...{}", shown(mine), shown(its))
}

/// What anybody asks: types, nothing, much, arguments, errors, one command a line.
const ORDINARY: &str = include_str!("clients/pg/ordinary.jsonl");

#[test]
fn psycopg() {
    Stories::of("psycopg", Language::Python).tell(GivesUp::Cancels);
}

#[test]
fn psycopg2() {
    Stories::of("psycopg2", Language::Python).tell(GivesUp::Cancels);
}

#[test]
fn sqlalchemy() {
    Stories::of("sqlalchemy", Language::Python).tell(GivesUp::Cancels);
}

#[test]
fn asyncpg() {
    Stories::of("asyncpg", Language::Python).tell(GivesUp::CancelsSilently);
}

#[test]
fn pgjdbc() {
    Stories::of("pgjdbc", Language::Java).tell(GivesUp::Cancels);
}

#[test]
fn node_postgres() {
    Stories::of("pg", Language::Node).tell(GivesUp::Leaves);
}

#[test]
fn pgx() {
    Stories::of("pgx", Language::Go).tell(GivesUp::Leaves);
}

#[test]
fn tokio_postgres() {
    Stories::of("tokio_postgres", Language::Rust).tell(GivesUp::Cancels);
}

#[test]
fn sqlx() {
    Stories::of("sqlx", Language::Rust).tell(GivesUp::Leaves);
}
