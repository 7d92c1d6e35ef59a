//! Follows the writer: group syncs, then chain, tree and signed checkpoints over what survives a loss of power.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::audit::Settings;
use crate::checkpoint::{Block, Checkpoint};
use crate::entry::Sequence;
use crate::error::Unwritable;
use crate::frame::{self, HEADER, SEAL};
use crate::keys::Key;
use crate::queue::Role;
use crate::seal::{Hash, Tree, leaf};
use crate::segments::{self, SEALS};
use crate::shared::{Shared, lock, now};
use crate::sink::{Sink, SinkFile, write_all};

/// A checkpoint is due after so many entries,
const ENTRIES: usize = 256;
/// or so long after the first of them,
const BUSY: Duration = Duration::from_secs(1);
/// or so long after the last checkpoint.
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait before a failed seal is tried again.
const AGAIN: Duration = Duration::from_millis(100);

pub(crate) struct Sequencer {
    shared: Arc<Shared>,
    sink: Arc<dyn Sink>,
    settings: Settings,
    key: Key,
    tree: Tree,
    /// The chain heads that no checkpoint covers yet.
    chains: Vec<Hash>,
    /// When the first of them came.
    since: Option<Instant>,
    last: Instant,
    seals: Option<Seals>,
    /// The sealing failed; not before this is it tried again.
    again: Option<Instant>,
}

/// The seal file being written.
struct Seals {
    file: Arc<dyn SinkFile>,
    /// The first sequence of its segment.
    first: Sequence,
    length: u64,
    /// Half a block may stand at its end.
    cut: bool,
}

/// What the recovery leaves to be sealed.
pub(crate) struct Unsealed {
    pub(crate) tree: Tree,
    pub(crate) chains: Vec<Hash>,
}

impl Sequencer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        sink: Arc<dyn Sink>,
        settings: Settings,
        key: Key,
        unsealed: Unsealed,
    ) -> Self {
        let Unsealed { tree, chains } = unsealed;
        let last = Instant::now();
        let since = Some(last);
        Self {
            shared,
            sink,
            settings,
            key,
            tree,
            chains,
            since,
            last,
            seals: None,
            again: None,
        }
    }

    /// Syncs and seals until the writer has ended; then the folder is free for another process.
    pub(crate) fn run(mut self, claim: File) {
        loop {
            let closing = self.rest();
            self.sync();
            self.seal_if_due(closing);
            if closing {
                break;
            }
        }
        let result = if self.chains.is_empty() {
            Ok(self.tree.size)
        } else {
            Err(Unwritable::Hanging)
        };
        drop(claim);
        self.shared.ended.settle(result);
        self.shared.watch.call();
    }

    /// Rests until something is due; `true` when it is the last time.
    fn rest(&self) -> bool {
        let mut tail = self.shared.tail.lock();
        loop {
            if tail.closing {
                return true;
            }
            let checkpoint = match (self.again, self.since) {
                (Some(again), _) => again,
                (None, Some(_)) if self.chains.len() >= ENTRIES => Instant::now(),
                (None, Some(since)) => since + BUSY,
                (None, None) => self.last + IDLE,
            };
            let sync = tail
                .oldest
                .filter(|_| !tail.failed)
                .map(|oldest| oldest + self.settings.sync_lag);
            let due = sync.map_or(checkpoint, |sync| sync.min(checkpoint));
            if (tail.urgent && !tail.failed) || due <= Instant::now() {
                return false;
            }
            tail = self.shared.tail.rest(tail, due);
        }
    }

    fn sync(&mut self) {
        let mut tail = self.shared.tail.lock();
        tail.urgent = false;
        if tail.failed {
            return;
        }
        let (file, last) = (tail.file.clone(), tail.last);
        if tail.durable < last {
            drop(tail);
            let synced = self.shared.sequencer.during(|| file.sync());
            tail = self.shared.tail.lock();
            if let Err(error) = synced {
                // the kernel forgets what it could not write: this file is never synced again
                tail.failed = true;
                let waiting = std::mem::take(&mut tail.waiting);
                drop(tail);
                let reason = Unwritable::from(&error);
                self.shared.sequencer.set(Some(reason));
                for (_, role, slot) in waiting {
                    slot.settle(Err(reason));
                    if let Role::Opens(request) = role {
                        self.shared.owe_not_sent(request);
                    }
                }
                return self.shared.queue.hurry();
            }
            tail.durable = tail.durable.max(last);
        }
        let durable = tail.durable;
        let count = tail
            .waiting
            .iter()
            .take_while(|(sequence, ..)| *sequence <= durable)
            .count();
        let kept: Vec<_> = tail.waiting.drain(..count).collect();
        let count = tail
            .records
            .iter()
            .take_while(|(sequence, _)| *sequence <= durable)
            .count();
        let records: Vec<_> = tail.records.drain(..count).collect();
        tail.oldest = if tail.records.is_empty() {
            None
        } else {
            Some(Instant::now())
        };
        drop(tail);
        for (sequence, role, slot) in kept {
            if let (false, Role::Opens(request)) = (slot.settle(Ok(sequence)), role) {
                self.shared.owe_not_sent(request);
            }
        }
        self.link(records);
    }

    /// Adds entries to chain and tree.
    fn link(&mut self, records: Vec<(Sequence, Vec<u8>)>) {
        if !records.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
        for (sequence, payload) in records {
            self.chains.push(self.tree.push(leaf(sequence, &payload)));
            self.shared
                .backlog
                .fetch_sub(payload.len(), Ordering::Relaxed);
        }
    }

    fn seal_if_due(&mut self, closing: bool) {
        let now = Instant::now();
        let waits = self.again.is_some_and(|again| now < again) && !closing;
        let due = self.chains.len() >= ENTRIES
            || self.since.is_some_and(|since| now >= since + BUSY)
            || now >= self.last + IDLE
            || (closing && !self.chains.is_empty());
        if waits || !due {
            return;
        }
        let segment = self.shared.tail.lock().first;
        match self.seal(segment) {
            Ok(checkpoint) => {
                *lock(&self.shared.latest) = Some(checkpoint);
                self.chains.clear();
                self.since = None;
                self.last = now;
                if self.again.take().is_some() && !self.shared.tail.lock().failed {
                    self.shared.sequencer.set(None);
                }
            }
            Err(error) => {
                self.again = Some(now + AGAIN);
                self.shared.sequencer.set(Some((&error).into()));
            }
        }
    }

    /// Signs the tree and writes the block into the seal file of the segment that is being written.
    fn seal(&mut self, segment: Sequence) -> io::Result<Checkpoint> {
        let checkpoint = Checkpoint::sign(&self.tree, now(), &self.key);
        let block = Block {
            chains: self.chains.clone(),
            peaks: self.tree.peaks.clone(),
            checkpoint: checkpoint.clone(),
        };
        let bytes = block.frame();
        let shared = self.shared.clone();
        shared.sequencer.during(|| {
            let seals = self.seals_of(segment)?;
            if seals.cut {
                seals.file.truncate(seals.length)?;
            }
            seals.cut = true;
            write_all(&*seals.file, &bytes)?;
            seals.cut = false;
            seals.length += bytes.len() as u64;
            Ok(checkpoint)
        })
    }

    /// The seal file of this segment, made when it is another than before.
    fn seals_of(&mut self, segment: Sequence) -> io::Result<&mut Seals> {
        if let Some(old) = self.seals.take_if(|seals| seals.first != segment) {
            old.file.sync()?;
        }
        let fresh = match self.seals.take() {
            Some(seals) => seals,
            None => {
                let path = segments::path(&self.settings.directory, segment, SEALS);
                let header = frame::header(SEAL, segment);
                let file = crate::writer::install(&*self.sink, &path, &header)?;
                Seals {
                    file,
                    first: segment,
                    length: HEADER as u64,
                    cut: false,
                }
            }
        };
        Ok(self.seals.insert(fresh))
    }
}
