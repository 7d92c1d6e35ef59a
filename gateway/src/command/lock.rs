//! `countersign lock`: ends what is open of somebody or something, and keeps it out until the lock is taken off.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::{Lock, Lockable};
use crate::client::{Client, escaped};
use crate::output::{Printer, visible};

pub(super) fn run(arguments: &Lock, printer: &Printer) -> anyhow::Result<ExitCode> {
    let client = Client::from_environment()?;
    let kind = word(arguments.kind);
    let name = visible(&arguments.name);
    if arguments.remove {
        client.delete(&format!("/v1/locks/{kind}/{}", escaped(&arguments.name)))?;
        let answer = json!({ "kind": kind, "name": arguments.name, "locked": false });
        printer.say(&answer, &format!("{kind} {name} is no longer locked"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let body = json!({ "kind": kind, "name": arguments.name, "reason": arguments.reason });
    let locked = client.post("/v1/locks", &body)?;
    let ended = locked
        .get("sessions_ended")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let words = match arguments.kind {
        Lockable::Session => format!("session {name} has ended"),
        Lockable::User | Lockable::Token | Lockable::Target => format!(
            "{kind} {name} is locked, {ended} sessions have ended; `countersign lock {kind} {name} --remove` takes it off"
        ),
    };
    printer.say(&locked, &words)?;
    Ok(ExitCode::SUCCESS)
}

fn word(kind: Lockable) -> &'static str {
    match kind {
        Lockable::User => "user",
        Lockable::Token => "token",
        Lockable::Target => "target",
        Lockable::Session => "session",
    }
}
