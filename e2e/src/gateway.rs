//! The built gateway as a process: initialised into a folder, started, asked things, and stopped.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

use crate::process::{Plan, Running, leashed, output, pause};
use crate::settings::Ports;

/// Names the file of [`Place::last_step`] to a gateway that was built for tests.
pub const LAST_STEP: &str = "COUNTERSIGN_DIE_AT";
const READY_WITHIN: Duration = Duration::from_secs(20);
/// The drain of 5 s, and what a busy machine takes for the rest.
const STOPS_WITHIN: Duration = Duration::from_secs(15);
const ASKS_WITHIN: Duration = Duration::from_secs(2);

/// Where everything of one gateway lies.
#[derive(Debug, Clone)]
pub struct Place {
    pub binary: PathBuf,
    /// What `init` wrote, and what the gateway writes.
    pub folder: PathBuf,
    pub diagnostics: PathBuf,
    pub ports: Ports,
}

impl Place {
    pub fn config(&self) -> PathBuf {
        self.folder.join("countersign.yaml")
    }

    pub fn policies(&self) -> PathBuf {
        self.folder.join("policies")
    }

    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Says at which step of an operation's life a gateway that was built for tests dies.
    pub fn last_step(&self) -> PathBuf {
        self.folder.with_extension("last-step")
    }

    pub fn admin_url(&self) -> String {
        format!("https://localhost:{}", self.ports.admin)
    }

    pub fn metrics_url(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.ports.metrics)
    }

    pub fn ready_url(&self) -> String {
        format!("http://127.0.0.1:{}/readyz", self.ports.metrics)
    }

    /// Writes certificates, keys, policies and the first admin; returns the admin's token.
    pub fn initialise(&self) -> anyhow::Result<String> {
        let file = self.folder.with_extension("token");
        let mut command = Command::new(&self.binary);
        command
            .arg("init")
            .arg("--directory")
            .arg(&self.folder)
            .arg("--admin-token-file")
            .arg(&file);
        output(&mut command).context("initialising the gateway")?;
        let token = std::fs::read_to_string(&file)?;
        std::fs::remove_file(&file)?;
        Ok(token.trim().to_owned())
    }

    /// The CLI, acting with a token.
    pub fn cli(&self, token: &str, arguments: &[&str]) -> anyhow::Result<String> {
        output(&mut self.command(token, arguments))
    }

    /// The same, not run yet.
    pub fn command(&self, token: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .env("COUNTERSIGN_CONFIG", self.config())
            .env("COUNTERSIGN_URL", self.admin_url())
            .env("COUNTERSIGN_CA", self.authority())
            .env("COUNTERSIGN_TOKEN", token);
        command
    }
}

/// A running gateway.
pub struct Gateway {
    place: Place,
    process: Running,
}

impl Gateway {
    /// Starts it and waits until it is ready; `stop` is asked now and then whether to give up.
    pub fn start(place: Place, leash: bool, stop: &dyn Fn() -> bool) -> anyhow::Result<Self> {
        let mut command = if leash {
            leashed(&place.binary, Signal::TERM)
        } else {
            Command::new(&place.binary)
        };
        command.arg("serve").arg("--config").arg(place.config());
        command.env(LAST_STEP, place.last_step());
        let log = place.folder.with_extension("output");
        let process = Running::start(Plan {
            command,
            log: &log,
            stop: Signal::TERM,
            patience: STOPS_WITHIN,
        })?;
        let mut started = Self { place, process };
        started.wait_until_ready(&log, stop)?;
        Ok(started)
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.process.ended()
    }

    pub fn end(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.process.end()
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Asks it to read its configuration anew.
    pub fn reload(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::HUP)
    }

    fn wait_until_ready(&mut self, log: &Path, stop: &dyn Fn() -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        let seen = || {
            format!(
                "see {} and {}",
                log.display(),
                self.place.diagnostics.display()
            )
        };
        let seen = seen();
        while !ready(self.place.ports.metrics) {
            if let Some(status) = self.process.ended()? {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("the gateway ended with {status}; {seen}\n{}", said.trim());
            }
            if stop() {
                bail!("stopped while the gateway was starting");
            }
            if Instant::now() > deadline {
                bail!("the gateway is not ready after {READY_WITHIN:?}; {seen}");
            }
            pause();
        }
        Ok(())
    }
}

/// Whether `/readyz` answers 200.
pub fn ready(port: u16) -> bool {
    get(port, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

/// A plain GET on this machine; the whole answer with its head.
#[expect(
    clippy::disallowed_methods,
    reason = "the stand is a client of the gateway"
)]
pub fn get(port: u16, path: &str) -> anyhow::Result<String> {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let mut stream = TcpStream::connect_timeout(&address, ASKS_WITHIN)?;
    stream.set_read_timeout(Some(ASKS_WITHIN))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
