//! Each kind of request of a channel in the words of policy.

mod address;
mod command;
mod files;
mod location;
mod verbs;

pub use command::exec;
pub use files::sftp;
pub use verbs::{VERBS, Verb};

use std::borrow::Cow;

pub(crate) use gate::words::Effect;
use gate::words::{Attributes, Operation, Operations, Resource, Value};

use address::Address;

/// Which side listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forward {
    /// The client's: `-L`, `-D`, `-W`; the target connects to the address.
    Local,
    /// The target's: `-R`; the address is the one it listens at.
    Remote,
}

/// Variables that a client may set: what they say, no program acts on.
pub const HARMLESS_VARIABLES: &[&str] = &[
    "LANG",
    "LANGUAGE",
    "TERM",
    "COLORTERM",
    "GIT_PROTOCOL",
    "COUNTERSIGN_REASON",
];

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

/// A forward to an address, or from one that the target listens at.
#[must_use]
pub fn forward(kind: Forward, host: &str, port: u32) -> Operations {
    let verb = match kind {
        Forward::Local => verbs::FORWARD_LOCAL,
        Forward::Remote => verbs::FORWARD_REMOTE,
    };
    let address = Address::of(host);
    let resource = Resource {
        path: vec![
            ("Host", Cow::Owned(address.host.clone())),
            ("Port", Cow::Owned(port.to_string())),
        ],
        attributes: Attributes::from([
            ("host", Value::Text(address.host)),
            ("port", Value::Long(i64::from(port))),
            ("loopback", Value::Bool(address.loopback)),
        ]),
    };
    one(verb, resource, Attributes::new())
}

/// A forward to or from a Unix socket.
#[must_use]
pub fn socket(path: &str) -> Operations {
    let resource = Resource {
        path: vec![("Socket", Cow::Owned(path.to_owned()))],
        attributes: Attributes::from([("path", Value::Text(path.to_owned()))]),
    };
    one(verbs::FORWARD_SOCKET, resource, Attributes::new())
}

/// Lending the client's key agent to the target.
#[must_use]
pub fn agent() -> Operations {
    one(verbs::AGENT, Resource::default(), Attributes::new())
}

/// Lending the client's display to the target.
#[must_use]
pub fn x11() -> Operations {
    one(verbs::X11, Resource::default(), Attributes::new())
}

/// Setting a variable for what runs next.
#[must_use]
pub fn environment(name: &str) -> Operations {
    let verb = match HARMLESS_VARIABLES.contains(&name) || name.starts_with("LC_") {
        true => verbs::ENV,
        false => verbs::ENV_UNKNOWN,
    };
    let resource = Resource {
        path: vec![("Variable", Cow::Owned(name.to_owned()))],
        attributes: Attributes::new(),
    };
    one(verb, resource, Attributes::new())
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
