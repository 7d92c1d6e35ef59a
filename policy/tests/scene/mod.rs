//! People, targets and operations that the tests speak of.
#![allow(dead_code, reason = "each test speaks of some")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::identity::{Credential, Identity, Kind, Lineage};
use policy::operation::{Action, Operation, Resource, Value};
use policy::policies::{Asking, LoadError, Policies, Source};
use policy::target::Target;
use policy::vocabulary::Vocabulary;

pub(crate) const FRAGMENTS: [&str; 2] = [
    include_str!("postgres.cedarschema"),
    include_str!("ssh.cedarschema"),
];

/// 2026-11-21T10:00:00Z, a Saturday.
pub(crate) const NOW: i64 = 1_795_255_200;

pub(crate) fn vocabulary() -> Arc<Vocabulary> {
    Arc::new(Vocabulary::merge(&FRAGMENTS).unwrap())
}

pub(crate) fn load(text: &str) -> Result<Policies, Vec<LoadError>> {
    Policies::load(&vocabulary(), &[source("test.cedar", text)])
}

pub(crate) fn source(file: &str, text: &str) -> Source {
    Source {
        file: file.to_owned(),
        text: text.to_owned(),
    }
}

pub(crate) fn user(name: &str, groups: &[&str]) -> Identity {
    Identity {
        kind: Kind::User,
        name: name.to_owned(),
        groups: words(groups),
        credential: Credential {
            id: format!("{name}-1"),
            kind: "token".to_owned(),
            lineage: Lineage(name.to_owned()),
        },
        address: "10.0.0.1".parse().unwrap(),
        on_behalf_of: None,
    }
}

pub(crate) fn service(name: &str, owner: &str, groups: &[&str]) -> Identity {
    Identity {
        kind: Kind::Service {
            owner: owner.to_owned(),
        },
        ..user(name, groups)
    }
}

pub(crate) fn target(name: &str, protocol: &str, labels: &[&str]) -> Target {
    Target {
        name: name.to_owned(),
        protocol: protocol.to_owned(),
        labels: words(labels),
    }
}

pub(crate) fn asking<'a>(identity: &'a Identity, target: &'a Target) -> Asking<'a> {
    Asking {
        identity,
        target,
        reason: None,
        now: NOW,
        approval: None,
    }
}

pub(crate) fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn postgres(id: &'static str) -> Action {
    Action {
        protocol: "postgres",
        id,
    }
}

/// An action on the table `shop.public.NAME`, or on the database or target where it needs that.
pub(crate) fn operation(action: Action, table: &'static str) -> Operation {
    let mut path = vec![
        ("Database", "shop".into()),
        ("Schema", "public".into()),
        ("Table", table.into()),
    ];
    let mut attributes = BTreeMap::from([("catalog", Value::Bool(false))]);
    let mut facts = BTreeMap::from([
        ("narrowed", Value::Bool(true)),
        ("in_transaction", Value::Bool(false)),
    ]);
    if action.id == "opaque" {
        path.truncate(1);
        attributes.clear();
    }
    if action.protocol.is_empty() {
        path.clear();
        attributes.clear();
        facts.clear();
    }
    Operation {
        action,
        resource: Resource { path, attributes },
        facts,
        statement: 0,
        span: None,
    }
}
