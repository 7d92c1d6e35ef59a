//! What can go wrong with the audit log and the tapes, sorted by blame.

use std::io;
use std::path::{Path, PathBuf};

/// Why an entry cannot be written now; the request it stands for must be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    // the disk's
    #[error("the disk of the audit log is full")]
    Full,
    #[error("the disk of the audit log fails: {0}")]
    Broken(io::ErrorKind),
    #[error("the disk of the audit log does not answer")]
    Hanging,
    #[error("too much waits to be written to the audit log")]
    Overloaded,
    // the caller's
    #[error("the request has no open intent in the audit log")]
    NoIntent,
    #[error("the entry is larger than the audit log takes")]
    TooLarge,
    #[error("the audit log was closed")]
    Closed,
}

/// Why a log, a key or a tape cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    // the operator's
    #[error("`{path}` is in use by another process", path = path.display())]
    Locked { path: PathBuf },
    #[error("key file `{path}`: {reason}", path = path.display())]
    Key { path: PathBuf, reason: &'static str },
    // the disk's
    #[error("`{path}`: {source}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the audit log cannot be written: {0}")]
    Unwritable(#[from] Unwritable),
    // of whoever changed the files
    #[error("audit log damaged at entry {sequence}: {reason}")]
    Damaged { sequence: u64, reason: String },
    #[error("not a checkpoint: {0}")]
    Checkpoint(&'static str),
    #[error("entry cannot be decoded: {0}")]
    Malformed(&'static str),
    #[error("tape cannot be read: {0}")]
    Tape(&'static str),
    // ours
    #[error("the cryptographic library failed: {0}")]
    Cryptography(&'static str),
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

impl From<&io::Error> for Unwritable {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            kind => Self::Broken(kind),
        }
    }
}
