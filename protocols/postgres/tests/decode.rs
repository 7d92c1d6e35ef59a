//! Goldens of what texts ask for; `UPDATE_GOLDENS=1` writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::thread;

use protocol_postgres::decode::{Analysis, SessionState, Unclear, VERBS, analyse, operations};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decode")
}

fn deep<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap()
}

fn decode(text: &str) -> Result<Analysis, Unclear> {
    let text = text.to_owned();
    deep(move || analyse(&text))
}

fn session(path: &[&str]) -> SessionState {
    SessionState {
        database: "shop".to_owned(),
        search_path: path.iter().map(|schema| (*schema).to_owned()).collect(),
        role: "shop_owner".to_owned(),
        ..SessionState::default()
    }
}

fn effect(id: &str) -> String {
    let verb = VERBS
        .iter()
        .find(|verb| verb.id == id)
        .expect("an action of the vocabulary");
    format!("{:?}", verb.effect).to_lowercase()
}

/// One line an operation: action, effect, resource, and the facts that are not their usual value.
#[expect(clippy::too_many_lines, reason = "names every fact")]
fn describe(text: &str, state: &SessionState) -> String {
    let analysis = match decode(text) {
        Ok(analysis) => analysis,
        Err(unclear) => return format!("  unclear {}: {}\n", unclear.code, unclear.message),
    };
    let mut lines = String::new();
    let vocabulary = vocabulary();
    for operation in operations(&analysis, state).iter() {
        let path: Vec<&str> = operation
            .resource
            .path
            .iter()
            .map(|(_, name)| name.as_ref())
            .collect();
        let entity = operation
            .resource
            .path
            .last()
            .map_or("Target", |(entity, _)| entity);
        let resources = &vocabulary
            .iter()
            .find(|(id, ..)| id == operation.action.id)
            .expect("an action of the vocabulary")
            .2;
        assert!(
            resources.iter().any(|known| known == entity),
            "{} of a {entity}: {text}",
            operation.action
        );
        write!(
            lines,
            "  {} {} {} {}",
            operation.statement,
            operation.action,
            effect(operation.action.id),
            entity
        )
        .unwrap();
        write!(lines, " {}", path.join("/")).unwrap();
        for (name, value) in operation.resource.attributes.iter().chain(&operation.facts) {
            if *name == "role" {
                continue;
            }
            match serde_json::to_string(value).unwrap().as_str() {
                "false" => {}
                "true" => write!(lines, " {name}").unwrap(),
                value => write!(lines, " {name}={value}").unwrap(),
            }
        }
        lines.push('\n');
    }
    for statement in &analysis.statements {
        let after = &statement.after;
        if after.read_back {
            writeln!(
                lines,
                "  then read back{}",
                if after.until_end_of_transaction {
                    ", also at the end of the transaction"
                } else {
                    ""
                }
            )
            .unwrap();
        }
        if let Some(change) = after.transaction {
            writeln!(lines, "  then {change:?}").unwrap();
        }
    }
    lines
}

/// Each action of the vocabulary: its id, its group, the entities that it may be asked of.
fn vocabulary() -> Vec<(String, String, Vec<String>)> {
    let text = include_str!("../src/vocabulary.cedarschema");
    let mut actions = Vec::new();
    for declared in text.split("  action ").skip(1) {
        let (names, rest) = declared.split_once(" in [Action::\"").unwrap();
        let (group, rest) = rest.split_once("\"]").unwrap();
        assert!(
            rest.contains("principal: [User, Service]") && rest.contains("context: Asking"),
            "{names}"
        );
        let (_, resources) = rest.split_once("resource: [").unwrap();
        let (resources, _) = resources.split_once(']').unwrap();
        for name in names.split(',') {
            let resources = resources.split(", ").map(str::to_owned).collect();
            actions.push((
                name.trim().trim_matches('"').to_owned(),
                group.to_owned(),
                resources,
            ));
        }
    }
    actions
}

#[test]
fn the_vocabulary_declares_every_action_once_with_its_effect() {
    let declared = vocabulary();
    let mut names: Vec<&str> = declared.iter().map(|(name, ..)| name.as_str()).collect();
    let mut known: Vec<&str> = VERBS.iter().map(|verb| verb.id).collect();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    for (name, group, _) in &declared {
        assert_eq!(*group, effect(name), "{name}");
    }
}

fn golden(name: &str, found: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (kept, found)) in kept.lines().zip(found.lines()).enumerate() {
        assert_eq!(kept, found, "{name}, line {}", line + 1);
    }
    assert_eq!(kept.lines().count(), found.lines().count(), "{name}");
}

/// Texts of a file, parted by lines of `----`.
fn texts(name: &str) -> Vec<String> {
    let file = std::fs::read_to_string(folder().join(name)).unwrap();
    file.split("\n----\n")
        .map(|text| text.trim_matches('\n').to_owned())
        .filter(|text| !text.is_empty())
        .collect()
}

fn compare(name: &str) {
    let state = session(&["pg_catalog", "public"]);
    let mut found = String::new();
    for text in texts(&format!("{name}.sql")) {
        writeln!(found, "{text}\n{}", describe(&text, &state)).unwrap();
    }
    golden(&format!("{name}.golden"), &found);
}

#[test]
fn queries_and_changes() {
    compare("queries");
}

#[test]
fn conditions() {
    compare("conditions");
}

#[test]
fn definitions() {
    compare("definitions");
}

#[test]
fn sessions() {
    compare("sessions");
}

#[test]
fn traps() {
    compare("traps");
}

#[test]
fn functions() {
    compare("functions");
}

/// What real clients send, logged from a server: psql's commands and completion, pg_dump, vacuumdb, drivers. What npgsql,
/// DBeaver and pgAdmin send is written down from what they are known to ask.
const CLIENTS: &[&str] = &[
    "psql",
    "psql_completion",
    "pg_dump",
    "maintenance",
    "pgjdbc",
    "psycopg",
    "pgbench",
    "sqlalchemy",
    "asyncpg",
    "node_pg",
    "pgx",
    "tokio_postgres",
    "sqlx",
    "npgsql",
    "dbeaver",
    "pgadmin",
];

#[test]
fn real_clients_are_understood() {
    let mut state = session(&["pg_catalog", "public"]);
    let (mut total, mut unknown) = (0_u32, Vec::new());
    for client in CLIENTS {
        let mut found = String::new();
        for text in texts(&format!("clients/{client}.sql")) {
            let lines = describe(&text, &state);
            for statement in decode(&text)
                .iter()
                .flat_map(|analysis| &analysis.statements)
            {
                state.prepared.extend(statement.prepared.clone());
            }
            let first = text
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty())
                .unwrap_or_default();
            writeln!(found, "{first}").unwrap();
            for line in lines.lines().filter(|line| !line.starts_with("  then")) {
                let words: Vec<&str> = line.split_whitespace().collect();
                match words.as_slice() {
                    ["unclear", ..] => writeln!(found, "{line}").unwrap(),
                    [_, action, effect, entity, resource, ..] => {
                        writeln!(found, "  {action} {effect} {entity} {resource}").unwrap();
                    }
                    _ => panic!("{line}"),
                }
            }
            total += 1;
            if lines.contains(" unknown ") || lines.contains("unclear") {
                unknown.push(text);
            }
        }
        golden(&format!("clients/{client}.golden"), &found);
    }
    let share = 100.0 * f64::from(u32::try_from(unknown.len()).unwrap()) / f64::from(total);
    println!(
        "{} of {total} distinct statements of real clients are unknown: {share:.2} %",
        unknown.len()
    );
    for text in &unknown {
        println!("unknown: {text}\n{}", describe(text, &state));
    }
    assert!(
        share <= 2.0,
        "{share:.2} % of the statements of real clients are unknown"
    );
}
