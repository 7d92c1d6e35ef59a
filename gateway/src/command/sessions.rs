//! `countersign sessions`: who is connected to what, what they did, and how to stop or end it.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::Sessions;
use crate::client::{Client, escaped};
use crate::output::{Printer, visible};

const COLUMNS: [(&str, &str); 7] = [
    ("ID", "id"),
    ("AS", "as"),
    ("TARGET", "target"),
    ("FROM", "address"),
    ("CLIENT", "client"),
    ("OPENED", "opened_at"),
    ("CLOSED", "closed_at"),
];

pub(super) fn run(command: Sessions, printer: &Printer) -> anyhow::Result<ExitCode> {
    let client = Client::from_environment()?;
    match command {
        Sessions::List { all } => {
            let mut answer = client.get("/v1/sessions")?;
            let mut rows = answer
                .as_array_mut()
                .map(std::mem::take)
                .unwrap_or_default();
            rows.retain(|row| all || row.get("closed_at").is_none_or(Value::is_null));
            printer.list(&rows, &COLUMNS)?;
        }
        Sessions::Show { id } => printer.one(&client.get(&path(&id, ""))?)?,
        Sessions::Replay(wanted) => return super::replay::run(&client, &wanted, printer),
        Sessions::Watch { id, request } => {
            return super::watch::run(&client, &id, request.as_deref(), printer);
        }
        Sessions::Pause { id, seconds } => {
            let session = client.post(&path(&id, "/pause"), &json!({ "seconds": seconds }))?;
            let until = session.get("paused_until").and_then(Value::as_str);
            let until = visible(until.unwrap_or_default());
            let words = format!(
                "session {} is paused; it ends at {until} unless it is resumed",
                visible(&id)
            );
            printer.say(&session, &words)?;
        }
        Sessions::Resume { id } => {
            let session = client.post(&path(&id, "/resume"), &json!({}))?;
            printer.say(&session, &format!("session {} goes on", visible(&id)))?;
        }
        Sessions::Kill { id, reason } => {
            client.post(&path(&id, "/kill"), &json!({ "reason": reason }))?;
            let words = format!("session {} has ended", visible(&id));
            printer.say(&json!({ "id": id, "killed": true }), &words)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/sessions/{}{rest}", escaped(id))
}
