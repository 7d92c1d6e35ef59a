//! The decisions and outcomes of a log as JSON, one value each: what `audit export` prints.

use std::path::Path;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::entry::{Decided, Entry, Outcome, Sequence, decode};
use crate::error::Error;
use crate::frame::{Frames, SEGMENT, read_header};
use crate::id::hex;
use crate::segments::{self, LOG, Part};

/// Entries of a log, in order, without any check but that of their frames. Ends at a torn end.
pub struct Entries {
    parts: std::vec::IntoIter<Part>,
    file: Vec<u8>,
    offset: usize,
    next: Sequence,
}

/// Reads the log of this folder; it may be one that is being written.
pub fn entries(directory: &Path) -> Result<Entries, Error> {
    let parts = segments::list(directory, LOG)?.into_iter();
    Ok(Entries {
        parts,
        file: Vec::new(),
        offset: 0,
        next: 1,
    })
}

/// The `decided` and `outcome` entries as JSON objects.
pub fn export(directory: &Path) -> Result<impl Iterator<Item = Result<Value, Error>>, Error> {
    let of_interest = |found: Result<(Sequence, Entry), Error>| match found {
        Ok((sequence, Entry::Decided(decided))) => Some(Ok(decided_json(sequence, &decided))),
        Ok((sequence, Entry::Outcome(outcome))) => Some(Ok(outcome_json(sequence, &outcome))),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    };
    Ok(entries(directory)?.filter_map(of_interest))
}

impl Entries {
    fn read(&mut self) -> Result<Option<(Sequence, Entry)>, Error> {
        while self.offset >= self.file.len() {
            let Some(part) = self.parts.next() else {
                return Ok(None);
            };
            self.file = segments::read(&part.path)?;
            self.next = part.first;
            self.offset = Frames::new(&[], 0).offset();
            if read_header(SEGMENT, &self.file).is_none() {
                return Err(damaged(part.first, "the head of its segment is not true"));
            }
        }
        let mut frames = Frames::at(&self.file, self.offset, self.next);
        match frames.read() {
            Ok(Some(payload)) => {
                let entry =
                    decode(payload).map_err(|error| damaged(self.next, &error.to_string()))?;
                let sequence = self.next;
                self.offset = frames.offset();
                self.next = frames.next_sequence();
                Ok(Some((sequence, entry)))
            }
            Ok(None) => Ok(None),
            Err(_) if self.parts.len() == 0 => Ok(None),
            Err(torn) => Err(damaged(self.next, torn.reason())),
        }
    }
}

impl Iterator for Entries {
    type Item = Result<(Sequence, Entry), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.read().transpose();
        if found.as_ref().is_none_or(Result::is_err) {
            // nothing after an unreadable entry can be trusted
            self.parts = Vec::new().into_iter();
            self.file.clear();
        }
        found
    }
}

fn damaged(sequence: Sequence, reason: &str) -> Error {
    Error::Damaged {
        sequence,
        reason: reason.to_owned(),
    }
}

fn decided_json(sequence: Sequence, decided: &Decided) -> Value {
    let operations = decided.operations.iter().map(|operation| {
        json!({
            "action": operation.action,
            "effect": operation.effect,
            "resource": {"type": operation.resource_type, "id": operation.resource_id},
        })
    });
    let operations: Vec<Value> = operations.collect();
    let actions: Vec<&str> = decided
        .operations
        .iter()
        .map(|operation| operation.action.as_str())
        .collect();
    json!({
        "version": 1,
        "entry": "decided",
        "sequence": sequence,
        "request": decided.request.to_string(),
        "session": decided.session.to_string(),
        "as": decided.actor,
        "purpose": decided.purpose,
        "target": decided.target,
        "protocol": decided.protocol,
        "digest": hex(&decided.digest),
        "actions": actions,
        "effect": decided.operations.iter().map(|operation| operation.effect).max(),
        "operations": operations,
        "verdict": decided.verdict.word(),
        "reason": decided.reason,
        "policies": decided.policies,
        "approval": decided.approval,
        "policy_revision": decided.policy_revision,
        "summary": decided.summary,
        "at": rfc3339(decided.at),
        "at_ns": decided.at,
    })
}

fn outcome_json(sequence: Sequence, outcome: &Outcome) -> Value {
    json!({
        "version": 1,
        "entry": "outcome",
        "sequence": sequence,
        "request": outcome.request.to_string(),
        "outcome": outcome.kind.word(),
        "rows": outcome.rows,
        "bytes": outcome.bytes,
        "code": outcome.code,
        "at": rfc3339(outcome.at),
        "at_ns": outcome.at,
    })
}

/// RFC 3339 in UTC; `null` for a time outside its years.
pub fn rfc3339(at: u64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at))
        .ok()?
        .format(&Rfc3339)
        .ok()
}
