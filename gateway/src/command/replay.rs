//! `countersign sessions replay`: what happened in one session, as it was recorded after masking. A terminal is played.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::play::{self, Pace};
use crate::cli::{Form, Replay};
use crate::client::{Client, Error, escaped};
use crate::output::{Printer, print, visible, visible_lines};

/// The recording was not sealed, or could not be read to its end.
pub(super) const INCOMPLETE: u8 = 9;
const WITHIN: Duration = Duration::from_secs(3600);

pub(super) fn run(client: &Client, wanted: &Replay, printer: &Printer) -> anyhow::Result<ExitCode> {
    if wanted.format == Some(Form::Timeline) || printer.for_programs() {
        return timeline(client, wanted, printer);
    }
    let cast = client.stream(&path(wanted, "format=asciicast"), WITHIN);
    match cast {
        Ok(cast) if wanted.format == Some(Form::Asciicast) => copy(cast),
        Ok(cast) => play::run(cast, pace(wanted)),
        Err(error) if wanted.format.is_none() && without_terminal(&error) => {
            timeline(client, wanted, printer)
        }
        Err(error) => Err(error.into()),
    }
}

fn path(wanted: &Replay, query: &str) -> String {
    let request = wanted.request.as_deref().map(escaped);
    let request = request.map_or_else(String::new, |request| format!("&request={request}"));
    let id = escaped(&wanted.id);
    format!("/v1/sessions/{id}/recording?{query}{request}")
}

fn without_terminal(error: &Error) -> bool {
    let Error::Refused { answer, .. } = error else {
        return false;
    };
    let kind = answer.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| kind.ends_with(":no-terminal"))
}

/// Whoever asks for a pace waits also where nobody looks on.
fn pace(wanted: &Replay) -> Pace {
    let asked = wanted.speed.is_some() || wanted.idle_limit.is_some();
    Pace {
        waits: !wanted.no_wait && (asked || std::io::stdout().is_terminal()),
        speed: wanted.speed.unwrap_or(1.0),
        idle_limit: wanted.idle_limit.unwrap_or(f64::MAX),
    }
}

/// JSON holds nothing that a terminal would obey.
fn copy(mut cast: impl Read) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    std::io::copy(&mut cast, &mut out).context("the answer broke off")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn timeline(client: &Client, wanted: &Replay, printer: &Printer) -> anyhow::Result<ExitCode> {
    let recording = client.stream(&path(wanted, "format=ndjson"), WITHIN)?;
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

pub(super) fn kind(event: &Value) -> Option<&str> {
    event.get("kind").and_then(Value::as_str)
}

/// The bytes of a piece of an answer.
pub(super) fn bytes(event: &Value) -> Vec<u8> {
    let bytes = event.get("bytes").and_then(Value::as_str);
    let bytes = bytes.and_then(|bytes| STANDARD.decode(bytes).ok());
    bytes.unwrap_or_default()
}

/// One event as people read it: when and what, and the text below.
pub(super) fn shown(event: &Value) -> String {
    let kind = kind(event).unwrap_or_default();
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let mut line = format!("{:<24}", text("at").map(visible).unwrap_or_default());
    let _ = write!(line, "{:<10}", visible(kind));
    let piece = matches!(kind, "reply" | "error_reply");
    let body = if piece {
        Some(words(&bytes(event)))
    } else {
        text("text").map(visible_lines)
    };
    for (name, value) in event.as_object().into_iter().flatten() {
        let told = matches!(
            name.as_str(),
            "at" | "kind" | "text" | "nanoseconds" | "request"
        );
        if told || value.is_null() || (piece && name == "bytes") {
            continue;
        }
        let _ = write!(line, " {name}={}", told_as(value));
    }
    if let Some(body) = body.filter(|body| !body.is_empty()) {
        let _ = write!(line, "\n    {}", body.replace('\n', "\n    "));
    }
    line
}

/// A value on one line; of what it is made up, the parts that say something.
fn told_as(value: &Value) -> String {
    match value {
        Value::String(text) => visible(text),
        Value::Object(parts) => {
            let parts = parts.iter().filter(|(_, part)| !part.is_null());
            let parts = parts.map(|(name, part)| format!("{name}:{}", told_as(part)));
            format!("({})", parts.collect::<Vec<_>>().join(" "))
        }
        other => visible(&other.to_string()),
    }
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
