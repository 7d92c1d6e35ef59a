//! One stand for all tests of a program: put up by the first that asks, gone with the process however that ends.

use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;

use anyhow::Context;

use crate::ssh::Ground;
use crate::stand::{Options, Stand};

/// Waits for the end of its input, which is the end of the tests, then for the server's, and removes the folders.
const SWEEP: &str = r#"cat >/dev/null
tries=0
while [ -e "$1/data/postmaster.pid" ] && [ "$tries" -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
rm -rf -- "$@""#;

/// The demo's policies for the server `box`.
const OF_BOX: &str = "box.cedar";

/// What stands beside a stand and is in its configuration.
pub trait Site: Sized + Send + 'static {
    fn prepare(folder: &Path) -> anyhow::Result<Self>;
    /// The configuration with what this one adds.
    fn configured(&self, text: &str) -> String;
    /// Folders that outlive their servers.
    fn folders(&self) -> Vec<PathBuf>;
}

/// A stand with the demo's policies and those of some more files.
pub struct Lasting<G = Ground> {
    pub stand: Stand,
    /// Where SSH is served too.
    pub ground: Option<G>,
    sweeper: Option<ChildStdin>,
}

impl Lasting {
    /// Put up in a thread of its own, which lasts as long as the process: the stand ends with the thread that starts it.
    pub fn start(policies: &'static [&'static str]) -> anyhow::Result<Self> {
        Self::keep(policies, false)
    }

    /// The same with a target for SSH.
    pub fn with_ssh(policies: &'static [&'static str]) -> anyhow::Result<Self> {
        Self::keep(policies, true)
    }
}

impl<G: Site> Lasting<G> {
    /// The same beside a site of another kind.
    pub fn beside(policies: &'static [&'static str]) -> anyhow::Result<Self> {
        Self::keep(policies, true)
    }

    fn keep(policies: &'static [&'static str], sited: bool) -> anyhow::Result<Self> {
        let (done, wait) = mpsc::channel();
        std::thread::Builder::new()
            .name("keeper of the stand".to_owned())
            .spawn(move || {
                let kept = done.send(started(policies, sited)).is_ok();
                if kept {
                    loop {
                        std::thread::park();
                    }
                }
            })?;
        wait.recv().context("the stand's thread ended")?
    }

    /// Whether its folders will be swept.
    pub fn is_swept(&self) -> bool {
        self.sweeper.is_some()
    }
}

fn started<G: Site>(policies: &[&str], sited: bool) -> anyhow::Result<Lasting<G>> {
    let folder = tempfile::Builder::new()
        .prefix("countersign-stand-")
        .tempdir()?;
    let ground = sited.then(|| G::prepare(folder.path())).transpose()?;
    let edit = |text: String| match &ground {
        Some(ground) => ground.configured(&text),
        None => text,
    };
    let stand = edited(&folder.path().join("stand"), policies, &edit)?;
    // OpenSSH leaves nothing in its folder that would outlive it
    let beside = ground.iter().flat_map(Site::folders);
    let mut sweeper = Command::new("sh")
        .args(["-c", SWEEP, "sweep"])
        .arg(stand.postgres.folder())
        .arg(folder.keep())
        .args(beside)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Lasting {
        stand,
        ground,
        sweeper: sweeper.stdin.take(),
    })
}

/// A stand of one's own, with the demo's policies and those of some more files in `e2e/tests/policies`.
pub fn stand(folder: &Path, policies: &[&str]) -> anyhow::Result<Stand> {
    edited(folder, policies, &|text| text)
}

/// The same with a configuration that is changed before it is written.
pub fn edited(
    folder: &Path,
    policies: &[&str],
    edit: &dyn Fn(String) -> String,
) -> anyhow::Result<Stand> {
    std::fs::create_dir_all(folder)?;
    let own = folder.join("chosen-policies");
    std::fs::create_dir_all(&own)?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = here.join("../gateway/src/command/init/policies");
    let shipped = std::fs::read_dir(&shipped).with_context(|| shipped.display().to_string())?;
    let mut from: Vec<PathBuf> = Vec::new();
    for entry in shipped {
        let entry = entry?;
        // stories of SSH bring rules of their own for `box`
        if entry.file_name() != OF_BOX {
            from.push(entry.path());
        }
    }
    from.extend(
        policies
            .iter()
            .map(|name| here.join("tests/policies").join(name)),
    );
    for path in from {
        let name = path.file_name().context("a policy's file has a name")?;
        std::fs::copy(&path, own.join(name)).with_context(|| path.display().to_string())?;
    }
    let mut options = Options::in_folder(folder);
    options.policies = Some(&own);
    options.edit = edit;
    Stand::start(&options, &|| false)
}
