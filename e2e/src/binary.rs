//! Finds the programs that the stand runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::process::output;

/// The built `countersign`: `COUNTERSIGN_BIN`, or the one beside the running test or demo.
pub fn countersign() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("COUNTERSIGN_BIN") {
        return Ok(PathBuf::from(path));
    }
    let own = std::env::current_exe()?;
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("countersign"));
    for path in found {
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!(
        "there is no `countersign` beside {}; type: cargo build --package countersign",
        own.display()
    )
}

/// The folder of PostgreSQL's server programs, the newest where there are several.
pub fn postgres() -> anyhow::Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| is_server(folder))
        .collect();
    versions.sort();
    if let Some((_, folder)) = versions.pop() {
        return Ok(folder);
    }
    let told = output(Command::new("pg_config").arg("--bindir"))
        .context("PostgreSQL's server programs are not there; type: tools/prepare run")?;
    let folder = PathBuf::from(told.trim());
    if is_server(&folder) {
        return Ok(folder);
    }
    bail!(
        "there is no `initdb` in {}; type: tools/prepare run",
        folder.display()
    )
}

fn is_server(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}
