//! `countersign sessions replay`: what happened in one session, in order, as it was recorded after masking.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::client::{Client, escaped};
use crate::output::{Printer, print, visible, visible_lines};

/// The recording was not sealed, or could not be read to its end.
const INCOMPLETE: u8 = 9;

pub(super) fn run(client: &Client, id: &str, printer: &Printer) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/sessions/{}/recording", escaped(id));
    let recording = client.stream(&path)?;
    let mut last = None;
    for line in BufReader::new(recording).lines() {
        let line = line.context("the answer broke off")?;
        let event: Value = serde_json::from_str(&line).context("the answer makes no sense")?;
        if printer.for_programs() {
            print(&line)?;
        } else {
            print(&shown(&event))?;
        }
        last = Some(event);
    }
    match last.as_ref().and_then(kind) {
        Some("end") => Ok(ExitCode::SUCCESS),
        Some("broken") => Ok(ExitCode::from(INCOMPLETE)),
        _ => bail!("the answer was cut"),
    }
}

fn kind(event: &Value) -> Option<&str> {
    event.get("kind").and_then(Value::as_str)
}

/// One event as people read it: when and what, and the text below.
fn shown(event: &Value) -> String {
    let kind = kind(event).unwrap_or_default();
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let mut line = format!("{:<24}", text("at").map(visible).unwrap_or_default());
    let _ = write!(line, "{:<10}", visible(kind));
    let body = match kind {
        "reply" => text("bytes")
            .and_then(|bytes| STANDARD.decode(bytes).ok())
            .map(|b| words(&b)),
        _ => text("text").map(visible_lines),
    };
    for (name, value) in event.as_object().into_iter().flatten() {
        let told = matches!(
            name.as_str(),
            "at" | "kind" | "text" | "nanoseconds" | "request"
        );
        if told || value.is_null() || (kind == "reply" && name == "bytes") {
            continue;
        }
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(line, " {name}={}", visible(&value));
    }
    if let Some(body) = body.filter(|body| !body.is_empty()) {
        let _ = write!(line, "\n    {}", body.replace('\n', "\n    "));
    }
    line
}

/// The words in a piece of an answer: recordings hold what the protocol sent, framing and all.
fn words(bytes: &[u8]) -> String {
    let mut words: Vec<String> = Vec::new();
    for chunk in bytes.utf8_chunks() {
        let runs = chunk.valid().split(|letter: char| letter.is_control());
        words.extend(runs.filter(|run| run.chars().nth(1).is_some()).map(visible));
    }
    words.join(" | ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_shown_without_what_a_terminal_would_obey() {
        let statement = json!({"kind": "statement", "at": "2026-01-01T00:00:00Z", "text": "SELECT 1\n\u{1b}[2J"});
        assert_eq!(
            shown(&statement),
            "2026-01-01T00:00:00Z    statement \n    SELECT 1\n    \\u{1b}[2J"
        );
        let reply = json!({"kind": "reply", "bytes": STANDARD.encode(b"D\0\0\0\x10\0\x01\0\0\0\x04*111\xff\x02ok")});
        assert!(shown(&reply).ends_with("\n    *111 | ok"));
    }
}
