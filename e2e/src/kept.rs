//! Everything that a gateway keeps, byte for byte and as its administrator reads it: to look for what must not be there.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::archive::{bytes, lines};
use crate::gateway::get;
use crate::ssh;
use crate::stand::Stand;
use crate::trail::text;
use crate::watchdog::until;

/// Of what was found, so much is shown, and so much of what comes before.
const SHOWN: usize = 240;
const BEFORE: usize = 160;

/// One thing, and all that is in it.
pub struct Kept {
    pub place: String,
    pub bytes: Vec<u8>,
}

impl Kept {
    pub fn new(place: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            place: place.to_owned(),
            bytes: bytes.into(),
        }
    }

    /// A file; nothing where it is gone by now, as a journal may be.
    pub fn file(path: &Path) -> anyhow::Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(Self::new(&path.display().to_string(), bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// Where a value stands in it, with what stands around.
    pub fn holds(&self, value: &str) -> Option<String> {
        let value = value.as_bytes();
        let mut windows = self.bytes.windows(value.len().max(1));
        let at = windows.position(|window| window == value)?;
        Some(self.around(at))
    }

    /// What stands at and before a place, for whoever has to find out how it came there.
    pub fn around(&self, at: usize) -> String {
        let from = at.saturating_sub(BEFORE);
        let shown = self.bytes.get(from..).unwrap_or_default();
        let shown = shown.get(..SHOWN).unwrap_or(shown);
        format!("{}: \"{}\"", self.place, shown.escape_ascii())
    }
}

/// The recordings of somebody, `user:ada`, then all that is told of anybody, then the files.
pub fn everything(stand: &Stand, who: &str) -> anyhow::Result<Vec<Kept>> {
    let sessions = sessions_of(stand, who)?;
    ensure!(!sessions.is_empty(), "the log tells of no session of {who}");
    let mut all = Vec::new();
    // a recording is waited for: what comes at the end of a session is in the files then
    for session in sessions {
        all.extend(recording(stand, &session)?);
    }
    all.extend(told(stand)?);
    all.extend(files(stand)?);
    Ok(all)
}

/// The sessions in which somebody asked for something.
pub fn sessions_of(stand: &Stand, who: &str) -> anyhow::Result<BTreeSet<String>> {
    let entries = stand.exported()?;
    let theirs = entries.iter().filter(|entry| text(entry, "as") == who);
    Ok(theirs
        .map(|entry| text(entry, "session").to_owned())
        .collect())
}

/// A recording once it is sealed: its events with their bytes decoded, and as it is played.
pub fn recording(stand: &Stand, session: &str) -> anyhow::Result<[Kept; 2]> {
    let (place, admin) = (stand.place(), &stand.people.admin);
    let replay = ["sessions", "replay", session];
    let words = [&replay[..], &["--output", "ndjson"]].concat();
    let (mut whole, events) = until("the recording is sealed", || {
        let answer = place.command(admin, &words).output()?;
        let events = lines(&ssh::text(&answer.stdout))?;
        let last = events.last().and_then(|event| event.get("sealed"));
        let sealed = last.and_then(Value::as_bool) == Some(true);
        Ok(sealed.then_some((answer.stdout, events)))
    })?;
    for kind in ["reply", "error_reply"] {
        whole.extend(bytes(&events, kind)?);
    }
    let played = place.command(admin, &replay).output()?;
    Ok([
        Kept::new(&format!("the recording of {session}"), whole),
        Kept::new(&format!("{session} as it is played"), played.stdout),
    ])
}

/// What the gateway tells: the audit log, the sessions, each question, its metrics.
pub fn told(stand: &Stand) -> anyhow::Result<Vec<Kept>> {
    let (place, admin) = (stand.place(), &stand.people.admin);
    let log = place.cli(admin, &["audit", "export"])?;
    let sessions = ["--output", "json", "sessions", "list", "--all"];
    let sessions = place.cli(admin, &sessions)?;
    let questions = ["--output", "json", "approvals", "list", "--state", "all"];
    let questions = place.cli(admin, &questions)?;
    let rows: Vec<Value> = serde_json::from_str(&questions)?;
    let mut all = vec![
        Kept::new("the audit log", log),
        Kept::new("the sessions", sessions),
        Kept::new("the questions", questions),
        Kept::new("the metrics", get(place.ports.metrics, "/metrics")?),
    ];
    for row in &rows {
        let id = row.get("id").context("a question has a number")?;
        let id = id
            .as_str()
            .map_or_else(|| id.to_string(), ToOwned::to_owned);
        let shown = place.cli(admin, &["--output", "json", "approvals", "show", &id])?;
        all.push(Kept::new(&format!("question {id}"), shown));
    }
    Ok(all)
}

/// The files of a stand: audit log, store, recordings, diagnostics, configuration.
pub fn files(stand: &Stand) -> anyhow::Result<Vec<Kept>> {
    let folder = stand.place().folder.parent();
    let mut all = Vec::new();
    collect(folder.context("a gateway lies in a stand")?, &mut all)?;
    Ok(all)
}

fn collect(folder: &Path, all: &mut Vec<Kept>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, all)?;
        } else if path.is_file() {
            all.extend(Kept::file(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_with_what_stands_around() {
        let kept = Kept::new("here", *b"before\x00it\xff after");
        assert_eq!(kept.holds("nowhere"), None);
        let found = kept.holds("it");
        assert_eq!(found.as_deref(), Some("here: \"before\\x00it\\xff after\""));
    }
}
