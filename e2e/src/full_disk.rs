//! Disks that are full: a small one of a test's own, and a gateway whose files may not grow.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::binary;
use crate::process::output;
use crate::stand::Stand;

/// A file system of its own, of some megabytes; taken down when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Nothing where nobody may mount.
    pub fn mount(path: &Path) -> anyhow::Result<Option<Self>> {
        std::fs::create_dir(path)?;
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs"])
            .arg(path);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        Ok(mounted.then(|| Self(path.to_owned())))
    }

    pub fn fill(&self) -> anyhow::Result<()> {
        let mut file = File::create(self.ballast())?;
        // at last byte by byte: no space for even one more page
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        Ok(())
    }

    pub fn clear(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.ballast()).context("taking the ballast away")
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

/// The gateway's binary as a limit on its files does not kill it, which no full disk does either.
pub fn unkillable(folder: &Path) -> anyhow::Result<PathBuf> {
    let wrapper = folder.join("countersign");
    let built = binary::countersign()?;
    let script = format!(
        "#!/bin/sh\ntrap '' XFSZ\nexec '{}' \"$@\"\n",
        built.display()
    );
    let draft = folder.join("draft");
    std::fs::write(&draft, script)?;
    // by another process: what this one holds open for writing, a child that is being started holds too, and cannot run
    let mut install = Command::new("install");
    install.args(["-m", "700"]).arg(&draft).arg(&wrapper);
    output(&mut install)?;
    Ok(wrapper)
}

/// The most bytes that a file of the running gateway may have; only the soft limit, so that it can be taken back.
pub fn limit(stand: &Stand, bytes: &str) -> anyhow::Result<()> {
    let set = Command::new("prlimit")
        .args(["--pid", &stand.gateway.id().to_string()])
        .arg(format!("--fsize={bytes}:"))
        .status()?;
    ensure!(set.success(), "`prlimit` ended with {set}");
    Ok(())
}
