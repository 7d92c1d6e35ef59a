//! The files of a log by name: `<first sequence, 20 digits>.log` and `.seal`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

pub(crate) const LOG: &str = "log";
pub(crate) const SEALS: &str = "seal";

/// One file of the log, known by the sequence in its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) first: u64,
    pub(crate) path: PathBuf,
}

pub(crate) fn path(directory: &Path, first: u64, extension: &str) -> PathBuf {
    directory.join(format!("{first:020}.{extension}"))
}

/// All files with this extension, in the order of the log.
pub(crate) fn list(directory: &Path, extension: &str) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    for found in fs::read_dir(directory).map_err(Error::io(directory))? {
        let found = found.map_err(Error::io(directory))?.path();
        let stem = found
            .file_stem()
            .and_then(|stem| stem.to_str())
            .filter(|stem| stem.len() == 20);
        if found.extension().and_then(|extension| extension.to_str()) == Some(extension)
            && let Some(first) = stem.and_then(|stem| stem.parse().ok())
        {
            parts.push(Part { first, path: found });
        }
    }
    parts.sort();
    Ok(parts)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(Error::io(path))
}
