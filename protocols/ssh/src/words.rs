//! Placeholder.
use crate::decode::Command;
use gate::words::{Action, Attributes, Operation, Operations, Resource, Value};
fn one(id: &'static str, path: Vec<(&'static str, String)>, attributes: Attributes) -> Operations {
    Operations::new(vec![Operation {
        action: Action {
            protocol: "ssh",
            id,
        },
        resource: Resource {
            path: path.into_iter().map(|(a, b)| (a, b.into())).collect(),
            attributes,
        },
        facts: Attributes::new(),
        statement: 0,
        span: None,
    }])
}
pub fn exec(c: &Command, login: &str) -> Operations {
    let first = c.0.split(' ').next().unwrap_or("*").to_owned();
    let mut a = Attributes::new();
    a.insert("program", Value::Text(first.clone()));
    a.insert("line", Value::Text(c.0.clone()));
    a.insert("arguments", Value::Set(vec![]));
    for k in ["opaque", "dynamic", "patterns", "deletes", "other_user"] {
        a.insert(k, Value::Bool(k == "deletes" && first == "rm"));
    }
    a.insert("reads", Value::Set(vec![]));
    a.insert("writes", Value::Set(vec![]));
    one(
        "exec",
        vec![("Account", login.into()), ("Command", first)],
        a,
    )
}
pub fn shell(login: &str) -> Operations {
    one("shell", vec![("Account", login.into())], Attributes::new())
}
pub fn subsystem(name: &str, login: &str) -> Operations {
    one(
        "subsystem",
        vec![("Account", login.into()), ("Subsystem", name.into())],
        Attributes::new(),
    )
}
pub fn forward(_kind: &str, host: &str, port: u32) -> Operations {
    let mut a = Attributes::new();
    a.insert("host", Value::Text(host.into()));
    a.insert("port", Value::Long(port.into()));
    a.insert("loopback", Value::Bool(host == "127.0.0.1"));
    one(
        "forward_local",
        vec![("Host", host.into()), ("Port", port.to_string())],
        a,
    )
}
pub fn socket(path: &str) -> Operations {
    let mut a = Attributes::new();
    a.insert("path", Value::Text(path.into()));
    one("forward_socket", vec![("Socket", path.into())], a)
}
