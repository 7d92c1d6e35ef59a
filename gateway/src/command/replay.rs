//! `countersign sessions replay`: what happened in one session, in order, as it was recorded after masking.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::Value;

use crate::client::{Client, escaped};
use crate::output::{Printer, print, visible, visible_lines};

pub(super) fn run(client: &Client, id: &str, printer: &Printer) -> anyhow::Result<ExitCode> {
    let answer = client.get(&format!("/v1/sessions/{}/replay", escaped(id)))?;
    let events = answer.get("events").and_then(Value::as_array);
    let events = events.or_else(|| answer.as_array()).map(Vec::as_slice).unwrap_or_default();
    if printer.for_programs() {
        printer.list(events, &[])?;
        return Ok(ExitCode::SUCCESS);
    }
    for event in events {
        print(&shown(event))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One event as people read it: when, what, and the text below.
fn shown(event: &Value) -> String {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let mut line = format!(
        "{}  {}",
        text("at").map(visible).unwrap_or_default(),
        text("kind").map(visible).unwrap_or_default()
    );
    let told = ["at", "kind", "text"];
    for (name, value) in event.as_object().into_iter().flatten() {
        if told.contains(&name.as_str()) || value.is_null() {
            continue;
        }
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(line, "  {name}={}", visible(&value));
    }
    if let Some(text) = text("text") {
        let _ = write!(line, "\n    {}", visible_lines(text).replace('\n', "\n    "));
    }
    line
}
