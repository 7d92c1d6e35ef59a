//! Opens a log: finds its true end, cuts off what is torn, and says what was left open.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::blocks::Blocks;
use crate::checkpoint::{Block, Checkpoint};
use crate::entry::{Entry, Sequence, decode};
use crate::error::Error;
use crate::frame::{Frames, SEAL, SEGMENT, read_header};
use crate::id::RequestId;
use crate::keys::PublicKey;
use crate::queue::Role;
use crate::seal::{Tree, leaf};
use crate::segments::{self, LOG, Part, SEALS};
use crate::sequencer::Unsealed;

/// What was found when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Entries that were there.
    pub entries: u64,
    /// Intents without an outcome, closed as `unknown`.
    pub closed_unknown: u64,
    /// Bytes that were cut off the end; a copy lies beside the segment, as `.torn`.
    pub torn_bytes: u64,
    /// The last checkpoint that was there.
    pub checkpoint: Option<Checkpoint>,
}

/// The state in which writing goes on.
pub(crate) struct Found {
    pub(crate) recovered: Recovered,
    pub(crate) next: Sequence,
    pub(crate) open: BTreeSet<RequestId>,
    pub(crate) unsealed: Unsealed,
}

/// Makes the folder when it is not there, and keeps every other process out for as long as the file lives.
pub(crate) fn claim(directory: &Path) -> Result<File, Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(Error::io(directory))?;
    let path = directory.join("lock");
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    let lock = lock.map_err(Error::io(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Locked { path }),
        Err(fs::TryLockError::Error(source)) => Err(Error::Io { path, source }),
    }
}

/// Reads the end of the log and repairs it; the folder must have been claimed.
pub(crate) fn recover(directory: &Path, key: &PublicKey) -> Result<Found, Error> {
    for found in fs::read_dir(directory).map_err(Error::io(directory))? {
        let path = found.map_err(Error::io(directory))?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path).map_err(Error::io(&path))?;
        }
    }
    let last = last_block(directory, key)?;
    let mut scan = Scan::new(last.as_ref());
    let parts = segments::list(directory, LOG)?;
    let from = starting_point(&parts, scan.tree.size)?;
    for (index, part) in parts.iter().enumerate().skip(from) {
        let limit = parts.get(index + 1).map(|next| next.first);
        scan.segment(part, limit)?;
    }
    if scan.next <= scan.vouched {
        let reason = format!(
            "the log ends there, but a checkpoint vouches for {} entries",
            scan.vouched
        );
        return Err(Error::Damaged {
            sequence: scan.next,
            reason,
        });
    }
    let recovered = Recovered {
        entries: scan.next - 1,
        closed_unknown: scan.open.len() as u64,
        torn_bytes: scan.torn,
        checkpoint: last.map(|(block, _)| block.checkpoint),
    };
    let unsealed = Unsealed {
        tree: scan.tree,
        chains: scan.chains,
    };
    Ok(Found {
        recovered,
        next: scan.next,
        open: scan.open.into_iter().collect(),
        unsealed,
    })
}

/// The newest segment at whose head stands what was open, and which is not past what has to be sealed again.
fn starting_point(parts: &[Part], sealed: u64) -> Result<usize, Error> {
    for (index, part) in parts.iter().enumerate().rev() {
        if part.first > sealed + 1 {
            continue;
        }
        let bytes = segments::read(&part.path)?;
        let head = Frames::new(&bytes, part.first)
            .read()
            .ok()
            .flatten()
            .map(decode);
        if let Some(Ok(Entry::Segment(_))) = head {
            return Ok(index);
        }
    }
    match parts.first() {
        Some(part) if part.first != 1 => Err(Error::Damaged {
            sequence: 1,
            reason: format!("the log begins with entry {}", part.first),
        }),
        _ => Ok(0),
    }
}

struct Scan {
    tree: Tree,
    chains: Vec<[u8; 32]>,
    /// The last entry a checkpoint vouches for.
    vouched: Sequence,
    next: Sequence,
    open: HashSet<RequestId>,
    torn: u64,
}

impl Scan {
    fn new(last: Option<&(Block, Tree)>) -> Self {
        let tree = last.map_or_else(Tree::empty, |(_, tree)| tree.clone());
        Self {
            vouched: tree.size,
            tree,
            chains: Vec::new(),
            next: 1,
            open: HashSet::new(),
            torn: 0,
        }
    }

    /// Reads one segment up to where the next one begins; only the last one may be torn.
    fn segment(&mut self, part: &Part, limit: Option<Sequence>) -> Result<(), Error> {
        let bytes = segments::read(&part.path)?;
        self.next = part.first;
        let damaged = |sequence, reason: &str| Error::Damaged {
            sequence,
            reason: reason.to_owned(),
        };
        if read_header(SEGMENT, &bytes) != Some(part.first) {
            return Err(damaged(part.first, "the head of its segment is not true"));
        }
        let mut frames = Frames::new(&bytes, part.first);
        while limit != Some(frames.next_sequence()) {
            let sequence = frames.next_sequence();
            let payload = match frames.read() {
                Ok(Some(payload)) => payload,
                Ok(None) if limit.is_none() => break,
                Err(_) if limit.is_none() && sequence > self.vouched => break,
                Ok(None) => return Err(damaged(sequence, "its segment ends before it")),
                Err(torn) => return Err(damaged(sequence, torn.reason())),
            };
            self.entry(sequence, payload)?;
        }
        self.next = frames.next_sequence();
        self.torn += cut_off(&part.path, &bytes, frames.offset())?;
        Ok(())
    }

    fn entry(&mut self, sequence: Sequence, payload: &[u8]) -> Result<(), Error> {
        let entry = decode(payload).map_err(|error| Error::Damaged {
            sequence,
            reason: error.to_string(),
        })?;
        match (Role::of(&entry), entry) {
            (Role::Opens(request), _) => {
                self.open.insert(request);
            }
            (Role::Closes(request), _) => {
                self.open.remove(&request);
            }
            (_, Entry::Segment(segment)) => self.open = segment.open.into_iter().collect(),
            _ => {}
        }
        if sequence > self.tree.size {
            self.chains.push(self.tree.push(leaf(sequence, payload)));
        }
        Ok(())
    }
}

/// Cuts off what follows the last whole piece, and keeps a copy of it where there is room; how many bytes it was.
fn cut_off(path: &Path, bytes: &[u8], offset: usize) -> Result<u64, Error> {
    let torn = bytes.get(offset..).unwrap_or_default();
    if torn.is_empty() {
        return Ok(0);
    }
    tracing::warn!(
        bytes = torn.len(),
        "the audit log had a torn end, which was cut off"
    );
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if let Err(error) = fs::write(path.with_file_name(format!("{name}.torn")), torn) {
        tracing::warn!(%error, "no copy of the torn end could be kept");
    }
    shorten(path, offset as u64)?;
    Ok(torn.len() as u64)
}

fn shorten(path: &Path, length: u64) -> Result<(), Error> {
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(Error::io(path))?;
    file.set_len(length)
        .and_then(|()| file.sync_all())
        .map_err(Error::io(path))
}

/// The last whole block and the state it stands for; a torn block at the very end is cut off.
fn last_block(directory: &Path, key: &PublicKey) -> Result<Option<(Block, Tree)>, Error> {
    let parts = segments::list(directory, SEALS)?;
    for (index, part) in parts.iter().enumerate().rev() {
        let bytes = segments::read(&part.path)?;
        let (last, offset) = last_of(&bytes);
        if offset < bytes.len() {
            if goes_on(&bytes, offset) || index + 1 < parts.len() {
                let sequence = last.map_or(part.first, |block| block.checkpoint.size + 1);
                return Err(Error::Damaged {
                    sequence,
                    reason: "a checkpoint after it is damaged".to_owned(),
                });
            }
            cut_off(&part.path, &bytes, offset)?;
        }
        if let Some(block) = last {
            let tree = block.tree(key).map_err(|reason| Error::Damaged {
                sequence: block.checkpoint.size,
                reason: format!("the last checkpoint: {reason}"),
            })?;
            return Ok(Some((block, tree)));
        }
    }
    Ok(None)
}

fn last_of(bytes: &[u8]) -> (Option<Block>, usize) {
    if read_header(SEAL, bytes).is_none() {
        return (None, bytes.len());
    }
    let mut blocks = Blocks::new(bytes);
    let mut last = None;
    while let Ok(Some(block)) = blocks.read() {
        last = Some(block);
    }
    (last, blocks.offset())
}

/// Whether a whole block follows a broken one: then it was not a crash that broke it.
fn goes_on(bytes: &[u8], broken: usize) -> bool {
    (broken + 1..bytes.len()).any(|offset| matches!(Blocks::at(bytes, offset).read(), Ok(Some(_))))
}
