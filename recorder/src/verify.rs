//! Proves a log: every entry against chain, tree and signatures, and every intent against its outcome.

mod log;
mod seals;

use std::collections::HashSet;
use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::entry::{Entry, Sequence, Verdict, decode};
use crate::error::Error;
use crate::id::RequestId;
use crate::keys::PublicKey;
use crate::seal::{Tree, leaf};
use crate::segments::{self, LOG};
use log::{Log, Step};
use seals::Seals;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Entries read.
    pub entries: u64,
    /// Entries that a checkpoint vouches for.
    pub sealed: u64,
    pub checkpoints: u64,
    /// The last good checkpoint.
    pub last: Option<Checkpoint>,
    /// The first thing that is wrong; nothing after it was looked at.
    pub bad: Option<Bad>,
    /// Bytes at the end that are no whole entry, beyond the last checkpoint: what a crash leaves.
    pub torn_bytes: u64,
    pub counts: Counts,
}

/// The first bad entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    pub sequence: Sequence,
    pub reason: String,
}

/// Requests and how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub decided: u64,
    pub allowed: u64,
    /// Denied, or ended while held.
    pub refused: u64,
    pub outcomes: u64,
    /// Of the outcomes: those that nobody knows.
    pub unknown: u64,
    /// Let through and not finished: under way, or cut off by a crash that no start has closed yet.
    pub open: u64,
}

impl Report {
    /// Nothing was changed, and every outcome has its intent.
    pub fn is_good(&self) -> bool {
        self.bad.is_none()
    }
}

/// Reads the whole log. `since` is a checkpoint kept elsewhere: the log must still begin with what it vouches for.
///
/// Fails only when a file cannot be read; what is wrong with the log stands in the report.
pub fn verify(
    directory: &Path,
    key: &PublicKey,
    since: Option<&Checkpoint>,
) -> Result<Report, Error> {
    let mut run = Run {
        report: Report::default(),
        tree: Tree::empty(),
        open: HashSet::new(),
    };
    if let Err(stop) = run.all(directory, key, since) {
        match stop {
            Stop::Bad(bad) => run.report.bad = Some(bad),
            Stop::Error(error) => return Err(error),
        }
    }
    run.report.entries = run.tree.size;
    run.report.counts.open = run.open.len() as u64;
    Ok(run.report)
}

enum Stop {
    Bad(Bad),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn bad(sequence: Sequence, reason: impl Into<String>) -> Stop {
    Stop::Bad(Bad {
        sequence,
        reason: reason.into(),
    })
}

struct Run {
    report: Report,
    tree: Tree,
    open: HashSet<RequestId>,
}

impl Run {
    fn all(
        &mut self,
        directory: &Path,
        key: &PublicKey,
        since: Option<&Checkpoint>,
    ) -> Result<(), Stop> {
        if let Some(since) = since
            && !since.is_signed_by(key)
        {
            return Err(Error::Checkpoint("it was signed by another key").into());
        }
        // seals first: a log that is being written grows between the two
        let mut seals = Seals::read(directory, key)?;
        let parts = segments::list(directory, LOG)?;
        let mut log = Log::new(&parts);
        while let Some((sequence, payload)) = self.next(&mut log, &seals)? {
            let chain = self.tree.push(leaf(sequence, payload));
            seals.compare(&self.tree, chain)?;
            if since.is_some_and(|since| since.size == sequence && !matches(since, &self.tree)) {
                return Err(bad(
                    sequence,
                    "the log up to here is not what the kept checkpoint vouches for",
                ));
            }
            self.count(sequence, payload)?;
        }
        self.report.torn_bytes = log.torn;
        self.finish(&seals, since)
    }

    /// The next entry; `None` at the end of the log. An unreadable one beyond the last checkpoint is the end, too.
    fn next<'a>(
        &self,
        log: &'a mut Log<'_>,
        seals: &Seals,
    ) -> Result<Option<(Sequence, &'a [u8])>, Stop> {
        let due = self.tree.size + 1;
        match log.advance(due)? {
            Step::Entry => Ok(log.payload().map(|payload| (due, payload))),
            Step::End => Ok(None),
            Step::Torn(_) if due > seals.size() && log.is_last() => Ok(None),
            Step::Torn(reason) => Err(bad(due, reason)),
        }
    }

    fn count(&mut self, sequence: Sequence, payload: &[u8]) -> Result<(), Stop> {
        let counts = &mut self.report.counts;
        match decode(payload).map_err(|error| bad(sequence, error.to_string()))? {
            Entry::Decided(decided) => {
                counts.decided += 1;
                if decided.verdict != Verdict::Allow {
                    counts.refused += 1;
                } else if self.open.insert(decided.request) {
                    counts.allowed += 1;
                } else {
                    return Err(bad(
                        sequence,
                        format!("request {} was decided before", decided.request),
                    ));
                }
            }
            Entry::Outcome(outcome) => {
                counts.outcomes += 1;
                counts.unknown += u64::from(outcome.kind == crate::entry::OutcomeKind::Unknown);
                if !self.open.remove(&outcome.request) {
                    return Err(bad(
                        sequence,
                        format!("request {} has no open intent", outcome.request),
                    ));
                }
            }
            Entry::Segment(segment) => {
                if segment.open.len() != self.open.len()
                    || !segment.open.iter().all(|id| self.open.contains(id))
                {
                    return Err(bad(sequence, "its list of open requests is not true"));
                }
            }
            Entry::Boot(_)
            | Entry::SessionOpened(_)
            | Entry::Approval(_)
            | Entry::SessionClosed(_)
            | Entry::Administration(_)
            | Entry::Reload(_) => {}
        }
        Ok(())
    }

    fn finish(&mut self, seals: &Seals, since: Option<&Checkpoint>) -> Result<(), Stop> {
        self.report.sealed = seals.size().min(self.tree.size);
        self.report.checkpoints = seals.blocks.len() as u64;
        self.report.last = seals.blocks.last().map(|block| block.checkpoint.clone());
        let next = self.tree.size + 1;
        if next <= seals.size() {
            return Err(bad(
                next,
                format!(
                    "the log ends before it, a checkpoint vouches for {} entries",
                    seals.size()
                ),
            ));
        }
        if let Some(damage) = &seals.damage {
            return Err(bad(seals.size() + 1, damage.clone()));
        }
        if let Some(since) = since {
            if self.tree.size < since.size {
                return Err(bad(
                    next,
                    format!(
                        "the log was cut: the kept checkpoint has {} entries",
                        since.size
                    ),
                ));
            }
            if since.size == 0 && !matches(since, &Tree::empty()) {
                return Err(bad(1, "the kept checkpoint is of another log"));
            }
        }
        Ok(())
    }
}

fn matches(checkpoint: &Checkpoint, tree: &Tree) -> bool {
    checkpoint.size == tree.size && checkpoint.chain == tree.chain && checkpoint.root == tree.root()
}
