//! What the tests share: operations as text, checked against the vocabulary.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

pub mod commands;
pub mod packets;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gate::words::Operations;
use protocol_ssh::words::VERBS;

const VOCABULARY: &str = include_str!("../../src/vocabulary.cedarschema");

/// Each action of the vocabulary: its id, its group, the entities that it may be asked of.
pub fn vocabulary() -> Vec<(String, String, Vec<String>)> {
    let mut actions = Vec::new();
    for declared in VOCABULARY.split("  action ").skip(1) {
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
            let name = name.trim().trim_matches('"').to_owned();
            actions.push((name, group.to_owned(), resources));
        }
    }
    actions
}

/// Attributes that a record declares, and which of them are required.
fn declared(head: &str) -> BTreeMap<String, bool> {
    let Some((_, body)) = VOCABULARY.split_once(head) else {
        panic!("{head} is not in the vocabulary")
    };
    let (before, rest) = body.split_once(';').unwrap();
    let Some((_, record)) = before.split_once('{') else {
        assert!(!before.contains('{') && !rest.is_empty());
        return BTreeMap::new();
    };
    let (record, _) = record.split_once('}').unwrap();
    let fields = record
        .split(',')
        .map(str::trim)
        .filter(|field| !field.is_empty());
    fields
        .map(|field| {
            let (name, _) = field.split_once(':').unwrap();
            (name.trim_end_matches('?').to_owned(), !name.ends_with('?'))
        })
        .collect()
}

fn check(head: &str, given: BTreeSet<&str>) {
    let declared = declared(head);
    for name in &given {
        assert!(declared.contains_key(*name), "{head} has no `{name}`");
    }
    for (name, required) in &declared {
        assert!(
            !required || given.contains(name.as_str()),
            "{head} needs `{name}`"
        );
    }
}

/// One line an operation: action, effect, resource, and what is not its usual value.
#[expect(clippy::too_many_lines, reason = "names every fact")]
pub fn described(operations: &Operations) -> String {
    let mut lines = String::new();
    assert!(!operations.is_empty());
    let vocabulary = vocabulary();
    for operation in operations.iter() {
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
        let action = vocabulary
            .iter()
            .find(|(id, ..)| id == operation.action.id)
            .unwrap();
        assert!(
            action.2.iter().any(|known| known == entity),
            "{} of a {entity}",
            action.0
        );
        if entity != "Target" {
            check(
                &format!("entity {entity} in"),
                operation.resource.attributes.keys().copied().collect(),
            );
        }
        check("type Facts =", operation.facts.keys().copied().collect());
        let verb = VERBS
            .iter()
            .find(|verb| verb.id == operation.action.id)
            .unwrap();
        let effect = format!("{:?}", verb.effect).to_lowercase();
        write!(
            lines,
            "  {} {effect} {entity} {}",
            operation.action,
            path.join("|")
        )
        .unwrap();
        for (name, value) in operation.resource.attributes.iter().chain(&operation.facts) {
            if matches!(
                *name,
                "program" | "line" | "command" | "programs" | "arguments"
            ) {
                continue;
            }
            match serde_json::to_string(value).unwrap().as_str() {
                "false" | "[]" => {}
                "true" => write!(lines, " {name}").unwrap(),
                value => write!(lines, " {name}={value}").unwrap(),
            }
        }
        if let Some(line) = operation.resource.attributes.get("line") {
            let line = serde_json::to_string(line).unwrap();
            let cut: String = line.chars().take(160).collect();
            write!(lines, " {cut}").unwrap();
        }
        lines.push('\n');
    }
    lines
}
