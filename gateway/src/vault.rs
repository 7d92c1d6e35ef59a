//! Secrets by reference: the configuration names where one lies, and only this module reads it.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use zeroize::Zeroizing;

/// The most that a secret file may hold.
const LARGEST: u64 = 64 * 1024;

/// Where a secret lies: `{ env: NAME }` or `{ file: PATH }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Reference {
    /// The environment variable of this name.
    Env(String),
    /// A file; a relative path starts at the folder of the configuration.
    File(PathBuf),
}

/// Deliberately without `Display` and `Serialize`; its `Debug` shows nothing.
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the environment variable `{0}` is not set")]
    Unset(String),
    #[error("{}: {cause}", .path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("{} is larger than {LARGEST} bytes, too large for a secret", .0.display())]
    TooLarge(PathBuf),
    #[error("the secret of {0} is empty")]
    Empty(String),
}

impl Reference {
    /// Reads the secret; `folder` is that of the configuration.
    pub(crate) fn read(&self, folder: &Path) -> Result<Secret, Error> {
        let bytes = match self {
            Self::Env(name) => {
                let value = std::env::var_os(name).ok_or_else(|| Error::Unset(name.clone()))?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            Self::File(path) => read_file(&folder.join(path))?,
        };
        if bytes.is_empty() {
            return Err(Error::Empty(self.to_string()));
        }
        Ok(Secret(bytes))
    }

    /// The file that it names, where it names one.
    pub(crate) fn file(&self, folder: &Path) -> Option<PathBuf> {
        match self {
            Self::Env(_) => None,
            Self::File(path) => Some(folder.join(path)),
        }
    }
}

impl Secret {
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST {
        return Err(Error::TooLarge(path.to_owned()));
    }
    std::fs::read(path).map(Zeroizing::new).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "hunter2").unwrap();
        let secret = Reference::File("key".into()).read(folder.path()).unwrap();
        assert_eq!(secret.expose(), b"hunter2");
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn what_is_missing_or_empty_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("empty"), "").unwrap();
        let empty = Reference::File("empty".into()).read(folder.path());
        assert!(matches!(empty, Err(Error::Empty(_))));
        let missing = Reference::File("missing".into()).read(folder.path());
        assert!(matches!(missing, Err(Error::Unreadable { .. })));
        let unset = Reference::Env("COUNTERSIGN_NO_SUCH_VARIABLE".into()).read(folder.path());
        assert!(matches!(unset, Err(Error::Unset(_))));
    }
}
