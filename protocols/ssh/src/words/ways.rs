//! The other ways in and out of a connection: forwards, the key agent, the display.

use std::borrow::Cow;

use gate::words::{Attributes, Operations, Resource, Value};

use super::address::Address;
use super::{one, verbs};

/// Which side listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forward {
    /// The client's: `-L`, `-D`, `-W`; the target connects to the address.
    Local,
    /// The target's: `-R`; the address is the one it listens at.
    Remote,
}

/// What a lent key is asked to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signs {
    /// A login by SSH from the target onwards.
    Login { user: String, service: String },
    /// A file or a commit, as `ssh-keygen -Y sign` and git do.
    File { namespace: String },
    /// Nobody can tell.
    Other,
}

/// A forward to an address, or from one that the target listens at.
#[must_use]
pub fn forward(kind: Forward, host: &str, port: u32) -> Operations {
    let verb = match kind {
        Forward::Local => verbs::FORWARD_LOCAL,
        Forward::Remote => verbs::FORWARD_REMOTE,
    };
    let address = Address::of(host);
    // an address that stands for all of them is the target itself to connect to, and the whole world to listen at
    let loopback = match kind {
        Forward::Local => address.loopback,
        Forward::Remote => address.loopback && !address.anywhere,
    };
    let resource = Resource {
        path: vec![
            ("Host", Cow::Owned(address.host.clone())),
            ("Port", Cow::Owned(port.to_string())),
        ],
        attributes: Attributes::from([
            ("host", Value::Text(address.host)),
            ("port", Value::Long(i64::from(port))),
            ("loopback", Value::Bool(loopback)),
        ]),
    };
    one(verb, resource, listens(kind == Forward::Remote))
}

/// A forward to a Unix socket.
#[must_use]
pub fn socket(path: &str) -> Operations {
    at_socket(path, false)
}

/// A forward from a Unix socket that the target listens at.
#[must_use]
pub fn listening(path: &str) -> Operations {
    at_socket(path, true)
}

fn at_socket(path: &str, remote: bool) -> Operations {
    let path = plain(path);
    let path = path.as_str();
    let resource = Resource {
        path: vec![("Socket", Cow::Owned(path.to_owned()))],
        attributes: Attributes::from([("path", Value::Text(path.to_owned()))]),
    };
    one(verbs::FORWARD_SOCKET, resource, listens(remote))
}

/// Whether a path goes up again somewhere: where it leads then, only the target knows.
#[must_use]
pub fn climbs(path: &str) -> bool {
    path.split('/').any(|level| level == "..")
}

/// In one spelling.
fn plain(path: &str) -> String {
    let levels = path.split('/').filter(|level| !matches!(*level, "" | "."));
    let levels: Vec<&str> = levels.collect();
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", levels.join("/"))
}

fn listens(remote: bool) -> Attributes {
    match remote {
        true => Attributes::from([("listens", Value::Bool(true))]),
        false => Attributes::new(),
    }
}

/// Lending the client's key agent to the target.
#[must_use]
pub fn agent() -> Operations {
    one(verbs::AGENT, Resource::default(), Attributes::new())
}

/// One signature of a lent agent.
#[must_use]
pub fn agent_sign(key: &str, signs: &Signs) -> Operations {
    let text = |text: &str| Value::Text(text.to_owned());
    let mut facts = Attributes::from([("key", text(key))]);
    match signs {
        Signs::Login { user, service } => facts.extend([
            ("signs", text("login")),
            ("user", text(user)),
            ("service", text(service)),
        ]),
        Signs::File { namespace } => {
            facts.extend([("signs", text("file")), ("namespace", text(namespace))]);
        }
        Signs::Other => facts.extend([("signs", text("other"))]),
    }
    one(verbs::AGENT_SIGN, Resource::default(), facts)
}

/// Lending the client's display to the target.
#[must_use]
pub fn x11() -> Operations {
    one(verbs::X11, Resource::default(), Attributes::new())
}
