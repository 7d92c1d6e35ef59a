//! A throwaway OpenSSH server on 127.0.0.1, with keys of its own and the one account that it may run as.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

use crate::folder::Folder;
use crate::ports;
use crate::process::{Plan, Running, leashed, output, pause};

const PROGRAM: &str = "/usr/sbin/sshd";
/// OpenSSH confines its half that talks to strangers there, and does not start without it.
const CONFINEMENT: &str = "/run/sshd";
const READY_WITHIN: Duration = Duration::from_secs(10);
const STOPS_WITHIN: Duration = Duration::from_secs(4);

/// A running server.
pub struct Sshd {
    // Ends before its folder goes.
    process: Running,
    folder: Folder,
    port: u16,
    login: String,
    host_key: String,
}

impl Sshd {
    pub fn start(log: &Path) -> anyhow::Result<Self> {
        Self::with(log, |_| Ok(String::new()))
    }

    /// The same with further settings, made once there is a folder with its keys.
    pub fn with(
        log: &Path,
        further: impl FnOnce(&Path) -> anyhow::Result<String>,
    ) -> anyhow::Result<Self> {
        let folder = Folder::make("countersign-sshd-", None)?;
        let host_key = key_pair(folder.path(), "host_key")?;
        let gateway_key = key_pair(folder.path(), "gateway_key")?;
        folder.file("authorized_keys", gateway_key.as_bytes(), None, 0o600)?;
        // what the server gives the cookies of displays to keeps them for the tests
        let keeper = format!("#!/bin/sh\ncat >> {}/cookies\n", folder.path().display());
        folder.file("xauth", keeper.as_bytes(), None, 0o700)?;
        let [port] = ports::free()?;
        let settings = folder.file(
            "sshd_config",
            (settings(&folder, port) + &further(folder.path())?).as_bytes(),
            None,
            0o600,
        )?;
        if rustix::process::geteuid().is_root() {
            std::fs::create_dir_all(CONFINEMENT).context(CONFINEMENT)?;
        }
        let mut command = leashed(Path::new(PROGRAM), Signal::TERM);
        command.args(["-D", "-e", "-f"]).arg(settings);
        let process = Running::start(Plan {
            command,
            log,
            stop: Signal::TERM,
            patience: STOPS_WITHIN,
        })?;
        let login = output(Command::new("id").arg("-un"))?.trim().to_owned();
        let mut started = Self {
            process,
            folder,
            port,
            login,
            host_key,
        };
        started.wait_until_ready(log)?;
        Ok(started)
    }

    pub fn alive(&mut self) -> anyhow::Result<bool> {
        Ok(self.process.ended()?.is_none())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The only account that it lets in.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Its public key, as a line of `known_hosts` has it behind the host.
    pub fn host_key(&self) -> &str {
        self.host_key.trim()
    }

    /// The private key that it lets in.
    pub fn gateway_key(&self) -> PathBuf {
        self.folder.path().join("gateway_key")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the stand is a client of the server"
    )]
    fn wait_until_ready(&mut self, log: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
                stream.set_read_timeout(Some(READY_WITHIN))?;
                let mut greeting = String::new();
                BufReader::new(stream).read_line(&mut greeting)?;
                if greeting.starts_with("SSH-2.0-") {
                    return Ok(());
                }
            }
            if let Some(status) = self.process.ended()? {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("sshd ended with {status}: {}", said.trim());
            }
            if Instant::now() > deadline {
                bail!(
                    "sshd is not ready after {READY_WITHIN:?}; see {}",
                    log.display()
                );
            }
            pause();
        }
    }
}

/// An Ed25519 pair without a passphrase; returns the public line.
pub fn key_pair(folder: &Path, name: &str) -> anyhow::Result<String> {
    let path = folder.join(name);
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&path);
    output(&mut command).context("making an SSH key")?;
    Ok(std::fs::read_to_string(path.with_extension("pub"))?)
}

fn settings(folder: &Folder, port: u16) -> String {
    let path = folder.path().display();
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {path}/host_key\nPidFile none\n\
         AuthorizedKeysFile {path}/authorized_keys\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
         Subsystem sftp internal-sftp\nAllowTcpForwarding yes\nAllowStreamLocalForwarding yes\n\
         X11Forwarding yes\nXAuthLocation {path}/xauth\n\
         AcceptEnv LANG LC_* COLORTERM GIT_PROTOCOL\nMaxSessions 500\nMaxStartups 500\nPrintMotd no\n\
         SetEnv HOME={path}\nPrintLastLog no\nLogLevel VERBOSE\n"
    )
}
