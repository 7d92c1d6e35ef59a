//! Each kind of request of a channel in the words of policy.

mod address;
mod command;
mod files;
mod location;
mod verbs;
mod ways;

pub(crate) use address::Address;
pub use command::exec;
pub use files::{sftp, sftp_grown};
pub use verbs::{VERBS, Verb};
pub use ways::{Forward, Signs, agent, agent_sign, climbs, forward, listening, socket, x11};

use std::borrow::Cow;

pub(crate) use gate::words::Effect;
use gate::words::{Attributes, Operation, Operations, Resource, Value};

/// An interactive session: one operation, whatever is typed in it.
#[must_use]
pub fn shell(login: &str) -> Operations {
    one(verbs::SHELL, account(login), Attributes::new())
}

/// A subsystem by name; of `sftp` each request is judged besides, of any other nothing is known.
#[must_use]
pub fn subsystem(name: &str, login: &str) -> Operations {
    let verb = match name {
        "sftp" => verbs::SUBSYSTEM,
        _ => verbs::SUBSYSTEM_UNKNOWN,
    };
    let mut resource = account(login);
    resource
        .path
        .push(("Subsystem", Cow::Owned(name.to_owned())));
    one(verb, resource, Attributes::new())
}

/// Setting variables that may be set for what runs next.
#[must_use]
pub fn environment<'n>(names: impl IntoIterator<Item = &'n str>) -> Operations {
    Operations::new(names.into_iter().map(variable).collect())
}

fn variable(name: &str) -> Operation {
    let resource = Resource {
        path: vec![("Variable", Cow::Owned(name.to_owned()))],
        attributes: Attributes::new(),
    };
    operation(verbs::ENV, resource, Attributes::new(), 0)
}

fn account(login: &str) -> Resource {
    Resource {
        path: vec![("Account", Cow::Owned(login.to_owned()))],
        attributes: Attributes::new(),
    }
}

fn one(verb: Verb, resource: Resource, facts: Attributes) -> Operations {
    Operations::new(vec![operation(verb, resource, facts, 0)])
}

fn operation(verb: Verb, resource: Resource, facts: Attributes, statement: u32) -> Operation {
    Operation {
        action: verb.action(),
        resource,
        facts,
        statement,
        span: None,
    }
}

fn set<'n>(names: impl IntoIterator<Item = &'n str>) -> Value {
    let names: std::collections::BTreeSet<&str> = names.into_iter().collect();
    Value::Set(names.into_iter().map(str::to_owned).collect())
}
