//! A folder in the system's temporary folder, made for one owner and removed with all in it.

use std::fs::{DirBuilder, Permissions, set_permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::process::output;

/// Removed when dropped.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Mode 0700, belonging to `owner` where one is given.
    pub fn make(prefix: &str, owner: Option<&Account>) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir()?.keep();
        let made = Self { path: folder };
        made.give(made.path(), owner, 0o700)?;
        Ok(made)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file within, with its content, mode and owner.
    pub fn file(
        &self,
        name: &str,
        content: &[u8],
        owner: Option<&Account>,
        mode: u32,
    ) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        self.give(&path, owner, mode)?;
        Ok(path)
    }

    fn give(&self, path: &Path, owner: Option<&Account>, mode: u32) -> anyhow::Result<()> {
        set_permissions(path, Permissions::from_mode(mode))?;
        if let Some(owner) = owner {
            chown(path, Some(owner.user), Some(owner.group))?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.path));
    }
}

/// An unprivileged account of the system.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    pub user: u32,
    pub group: u32,
}

impl Account {
    /// The one that servers run as when the stand itself runs as root, which they refuse; `None` when it does not.
    pub fn for_servers() -> anyhow::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let Ok(account) = Self::named(name) {
                return Ok(Some(account));
            }
        }
        anyhow::bail!(
            "PostgreSQL refuses root, and there is neither a `postgres` nor a `nobody` account to run it as"
        )
    }

    fn named(name: &str) -> anyhow::Result<Self> {
        let id = |flag: &str| -> anyhow::Result<u32> {
            Ok(output(std::process::Command::new("id").args([flag, name]))?
                .trim()
                .parse()?)
        };
        Ok(Self {
            name: name.to_owned(),
            user: id("-u")?,
            group: id("-g")?,
        })
    }
}

/// Makes a folder that only its owner may look into; it may exist.
pub fn private(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("making {}", path.display()))?;
    set_permissions(path, Permissions::from_mode(0o700))?;
    Ok(())
}
