//! Child processes that end with the stand: in a group of their own, asked to stop, and killed when they do not.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often something is looked at that cannot be waited for.
pub const TICK: Duration = Duration::from_millis(20);

/// What to run, and how it ends.
pub struct Plan<'a> {
    pub command: Command,
    /// Takes what the process prints.
    pub log: &'a Path,
    /// Asks it to stop.
    pub stop: Signal,
    /// After so long it is killed.
    pub patience: Duration,
}

/// A running child; dropping it ends it.
pub struct Running {
    child: Child,
    stop: Signal,
    patience: Duration,
    ended: bool,
}

impl Running {
    pub fn start(plan: Plan<'_>) -> anyhow::Result<Self> {
        let Plan {
            mut command,
            log,
            stop,
            patience,
        } = plan;
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("opening {}", log.display()))?;
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Self {
            child,
            stop,
            patience,
            ended: false,
        })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its status, once it has ended.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.ended |= status.is_some();
        Ok(status)
    }

    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = Pid::from_raw(i32::try_from(self.child.id())?).context("a child has a pid")?;
        Ok(kill_process(id, signal)?)
    }

    /// Asks it to stop and waits; kills it when its time is up.
    pub fn end(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        if self.ended {
            return Ok(None);
        }
        self.signal(self.stop)?;
        let status = match self.wait(self.patience)? {
            Some(status) => status,
            None => {
                self.child.kill()?;
                self.child.wait()?
            }
        };
        self.ended = true;
        Ok(Some(status))
    }

    /// Waits for its end, but not longer than `patience`.
    pub fn wait(&mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            pause();
        }
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.ended = true;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// One look's distance from the next at what can only be polled, such as another program's readiness.
#[expect(
    clippy::disallowed_methods,
    reason = "other programs tell nobody when they are ready"
)]
pub fn pause() {
    std::thread::sleep(TICK);
}

/// Prefixes a command so that its process ends with the thread that starts it, even by `kill -9`.
pub fn leashed(program: &Path, stop: Signal) -> Command {
    let mut command = Command::new("setpriv");
    command
        .arg("--pdeathsig")
        .arg(name(stop))
        .arg("--")
        .arg(program);
    command
}

/// As `setpriv` wants it.
pub fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::INT => "INT",
        Signal::TERM => "TERM",
        _ => "KILL",
    }
}

/// Runs a command to its end and returns what it printed; its standard error goes into the error.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    fed(command, "")
}

/// The same with something to read on its standard input.
pub fn fed(command: &mut Command, input: &str) -> anyhow::Result<String> {
    let started = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.with_context(|| format!("starting {:?}", command.get_program()))?;
    if let Some(mut pipe) = child.stdin.take() {
        // a command that reads nothing may be gone already
        drop(pipe.write_all(input.as_bytes()));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "{:?} ended with {}: {}",
            command.get_program(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}
