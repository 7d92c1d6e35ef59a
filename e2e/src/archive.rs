//! Recordings of a stand with SSH, as its administrator reads them.

use std::process::{Command, Output};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::lasting::Lasting;
use crate::ssh::{Ground, run, text};
use crate::stand::Stand;
use crate::watchdog::until;

/// A stand that lasts as long as the tests.
pub struct Archive {
    lasting: Lasting,
}

impl Archive {
    pub fn start(policies: &'static [&'static str]) -> anyhow::Result<Self> {
        let lasting = Lasting::with_ssh(policies)?;
        Ok(Self { lasting })
    }

    pub fn stand(&self) -> &Stand {
        &self.lasting.stand
    }

    pub fn ground(&self) -> anyhow::Result<&Ground> {
        self.lasting.ground.as_ref().context("it serves SSH")
    }

    /// `countersign sessions`, as somebody.
    pub fn sessions(&self, token: &str, words: &[&str]) -> Command {
        let words = [&["sessions"], words].concat();
        self.stand().place().command(token, &words)
    }

    /// The same as the administrator, to its end.
    pub fn admin(&self, words: &[&str]) -> anyhow::Result<Output> {
        run(&mut self.sessions(&self.stand().people.admin, words))
    }

    /// The session of the newest decision whose text holds something.
    pub fn session(&self, what: &str) -> anyhow::Result<String> {
        until(&format!("the log tells of `{what}`"), || {
            let entries = self.stand().exported()?;
            let text = |entry: &Value, name: &str| {
                let text = entry.get(name).and_then(Value::as_str);
                text.map(str::to_owned)
            };
            let tells = |entry: &&Value| text(entry, "summary").is_some_and(|s| s.contains(what));
            let found = entries.iter().rfind(tells);
            Ok(found.and_then(|entry| text(entry, "session")))
        })
    }

    /// What a sealed recording holds.
    pub fn recorded(&self, session: &str) -> anyhow::Result<Vec<Value>> {
        until("the recording is sealed", || {
            let answer = self.admin(&["replay", session, "--output", "ndjson"])?;
            let events = lines(&text(&answer.stdout))?;
            let last = events.last().and_then(|event| event.get("sealed"));
            let sealed = last.and_then(Value::as_bool) == Some(true);
            Ok(sealed.then_some(events))
        })
    }
}

/// JSON, one value a line.
pub fn lines(text: &str) -> anyhow::Result<Vec<Value>> {
    let lines = text.lines();
    lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
}

pub fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let is = |event: &&Value| event.get("kind").and_then(Value::as_str) == Some(kind);
    events.iter().filter(is).collect()
}

/// All bytes of one kind of answer.
pub fn bytes(events: &[Value], kind: &str) -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    for event in of_kind(events, kind) {
        let piece = event.get("bytes").and_then(Value::as_str);
        all.extend(STANDARD.decode(piece.context("a piece has bytes")?)?);
    }
    Ok(all)
}
