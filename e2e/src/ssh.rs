//! Real OpenSSH clients before a gateway with a target `box`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::lasting::Site;
use crate::ports;
use crate::sshd::{Sshd, key_pair};
use crate::watchdog::until;

/// The name of the target.
pub const TARGET: &str = "box";
/// The same server under a name for which another host key is pinned.
pub const IMPOSTOR: &str = "impostor";
/// The same server once more, of whose answers only figures are recorded.
pub const BRIEF: &str = "brief";
/// The same server under a name whose account is said to have another login shell.
pub const FOREIGN: &str = "foreign";

/// The gateway's SSH port, and the server behind it.
pub struct Ground {
    pub sshd: Sshd,
    pub port: u16,
    folder: PathBuf,
    host_key: String,
}

impl Ground {
    /// Starts the server, and makes the keys that the gateway shows.
    pub fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("ssh");
        std::fs::create_dir_all(&folder)?;
        let sshd = Sshd::start(&folder.join("sshd.log"))?;
        let [port] = ports::free()?;
        let host_key = key_pair(&folder, "gateway_host_key")?;
        // the gateway itself by its key, a target behind it by what the host authority signed
        let authority = key_pair(&folder, "gateway_host_authority")?;
        let known = format!("[127.0.0.1]:{port} {host_key}@cert-authority {TARGET} {authority}");
        std::fs::write(folder.join("known_hosts"), known)?;
        Ok(Self {
            sshd,
            port,
            folder,
            host_key,
        })
    }

    /// The gateway's configuration with a listener for SSH, and the target.
    pub fn served(&self, text: &str) -> String {
        self.with(text, &[self.target(TARGET, self.sshd.host_key())])
    }

    /// The same with a target that shows another key than is pinned, one whose output is not recorded, and one with
    /// another login shell.
    pub fn configured(&self, text: &str) -> String {
        let targets = [
            self.target(TARGET, self.sshd.host_key()),
            self.target(IMPOSTOR, self.host_key.trim()),
            self.target(BRIEF, self.sshd.host_key()).replacen(
                "    ssh:\n",
                "    record: none\n    ssh:\n",
                1,
            ),
            self.target(FOREIGN, self.sshd.host_key())
                .replace("          with:", "          shell: fish\n          with:"),
        ];
        self.with(text, &targets)
    }

    fn with(&self, text: &str, targets: &[String]) -> String {
        let listener = format!(
            "listeners:\n  - address: 127.0.0.1:{}\n    ssh:\n      host_keys: [{{ file: {folder}/gateway_host_key }}]\n      \
             host_authority: {{ file: {folder}/gateway_host_authority }}\n",
            self.port,
            folder = self.folder.display()
        );
        text.replacen("listeners:\n", &listener, 1).replacen(
            "targets:\n",
            &format!("targets:\n{}", targets.concat()),
            1,
        )
    }

    /// What OpenSSH checks the gateway and the targets behind it by.
    pub fn known_hosts(&self) -> PathBuf {
        self.folder.join("known_hosts")
    }

    /// The public half of the gateway's host key.
    pub fn host_key_file(&self) -> PathBuf {
        self.folder.join("gateway_host_key.pub")
    }

    fn target(&self, name: &str, pinned: &str) -> String {
        format!(
            "  {name}:\n    ssh:\n      host: 127.0.0.1\n      port: {}\n      host_keys: [\"{pinned}\"]\n      \
             logins:\n        - name: {}\n          with: {{ key: {{ file: {} }} }}\n",
            self.sshd.port(),
            self.sshd.login(),
            self.sshd.gateway_key().display()
        )
    }

    /// A folder that the target's account may write.
    pub fn yard(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.sshd.folder().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// A program of OpenSSH with everything set but its own arguments; the token is typed for it.
    pub fn program(&self, name: &str, token: &str) -> anyhow::Result<Command> {
        let helper = self.folder.join("askpass");
        if !helper.exists() {
            write_helper(&helper)?;
        }
        let mut command = Command::new(name);
        command
            .args(["-F", "none"])
            .args([
                "-o",
                &format!(
                    "UserKnownHostsFile={}",
                    self.folder.join("known_hosts").display()
                ),
            ])
            .args([
                "-o",
                "GlobalKnownHostsFile=none",
                "-o",
                "StrictHostKeyChecking=yes",
            ])
            .args([
                "-o",
                "PubkeyAuthentication=no",
                "-o",
                "NumberOfPasswordPrompts=1",
            ])
            .args(["-o", "LogLevel=INFO", "-o", "ConnectTimeout=10"])
            .env("SSH_ASKPASS", &helper)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("COUNTERSIGN_TEST_TOKEN", token)
            .env_remove("SSH_AUTH_SOCK")
            .current_dir("/");
        Ok(command)
    }

    /// `ssh` to the target.
    pub fn ssh(&self, token: &str, options: &[&str], words: &[&str]) -> anyhow::Result<Command> {
        let mut command = self.program("ssh", token)?;
        command
            .args(["-p", &self.port.to_string()])
            .args(options)
            .args(["-l", TARGET, "127.0.0.1"])
            .args(words);
        Ok(command)
    }
}

impl Site for Ground {
    fn prepare(folder: &Path) -> anyhow::Result<Self> {
        Self::prepare(folder)
    }

    fn configured(&self, text: &str) -> String {
        self.configured(text)
    }

    fn folders(&self) -> Vec<PathBuf> {
        vec![self.sshd.folder().to_owned()]
    }
}

/// The same for clients that know no AES-GCM.
pub struct Lenient(pub Ground);

impl Site for Lenient {
    fn prepare(folder: &Path) -> anyhow::Result<Self> {
        Ground::prepare(folder).map(Self)
    }

    fn configured(&self, text: &str) -> String {
        let listener = "    ssh:\n      host_keys:";
        let lenient = "    ssh:\n      legacy_ciphers: true\n      host_keys:";
        self.0.configured(text).replacen(listener, lenient, 1)
    }

    fn folders(&self) -> Vec<PathBuf> {
        self.0.folders()
    }
}

/// The same with next to no room for what nobody reads, for few, and with little time to log in.
pub struct Narrow(pub Ground);

impl Narrow {
    /// Bytes that one direction of a channel may keep in its file.
    pub const SPILL: u64 = 64 << 10;
    /// Connections of one source.
    pub const SEATS: usize = 8;
}

impl Site for Narrow {
    fn prepare(folder: &Path) -> anyhow::Result<Self> {
        Ground::prepare(folder).map(Self)
    }

    fn configured(&self, text: &str) -> String {
        let listener = "    ssh:\n      host_keys:";
        let caps = format!(
            "caps: {{ connections_per_source: {}, login_seconds: 4 }}",
            Self::SEATS
        );
        let buffers = format!(
            "buffers: {{ memory_bytes: 65536, spill_bytes: {} }}",
            Self::SPILL
        );
        let narrow = format!("    {caps}\n    ssh:\n      {buffers}\n      host_keys:");
        self.0.configured(text).replacen(listener, &narrow, 1)
    }

    fn folders(&self) -> Vec<PathBuf> {
        self.0.folders()
    }
}

fn write_helper(path: &Path) -> anyhow::Result<()> {
    let part = path.with_extension(format!("{:?}", std::thread::current().id()));
    std::fs::write(
        &part,
        "#!/bin/sh\nprintf '%s\\n' \"$COUNTERSIGN_TEST_TOKEN\"\n",
    )?;
    std::fs::set_permissions(&part, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    // by a rename: another thread may run it already
    std::fs::rename(&part, path)?;
    Ok(())
}

/// What a client printed, whatever it was.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs it to its end.
pub fn run(command: &mut Command) -> anyhow::Result<Output> {
    let output = command.stdin(Stdio::null()).output();
    output.with_context(|| format!("starting {:?}", command.get_program()))
}

/// A client that is still running; killed when dropped.
pub struct Client {
    child: Child,
    input: Option<ChildStdin>,
    out: Heard,
    err: Heard,
}

impl Client {
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Self {
            input: child.stdin.take(),
            out: Heard::of(child.stdout.take().context("a standard output")?),
            err: Heard::of(child.stderr.take().context("a standard error")?),
            child,
        })
    }

    /// Waits until its standard error holds something.
    pub fn told(&self, what: &str) -> anyhow::Result<String> {
        self.heard(&self.err, what)
    }

    /// Waits until its standard output holds something.
    pub fn printed(&self, what: &str) -> anyhow::Result<String> {
        self.heard(&self.out, what)
    }

    fn heard(&self, stream: &Heard, what: &str) -> anyhow::Result<String> {
        let found = until(&format!("the client says `{what}`"), || {
            let now = stream.now();
            Ok(now.contains(what).then_some(now))
        });
        found.with_context(|| {
            format!(
                "it printed {:?} and said {:?}",
                self.out.now(),
                self.err.now()
            )
        })
    }

    /// The number of the approval that it waits for.
    pub fn asked(&self) -> anyhow::Result<u64> {
        let heard = || [self.err.now(), self.out.now()].concat();
        let text = until("the client waits for an approval", || {
            let now = heard();
            Ok(now.contains("countersign approvals show ").then_some(now))
        });
        let text = text.with_context(|| format!("it said {:?}", heard()))?;
        let (_, after) = text
            .split_once("waiting for approval ")
            .context("it has a number")?;
        Ok(after.split(':').next().unwrap_or_default().parse()?)
    }

    /// What it has printed so far.
    pub fn bytes(&self) -> Vec<u8> {
        lock(&self.out.text).clone()
    }

    pub fn say(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("its input is closed")?;
        input.write_all(bytes)?;
        Ok(input.flush()?)
    }

    pub fn close_input(&mut self) {
        self.input = None;
    }

    pub fn pending(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// How it ended, and what it printed and said.
    pub fn end(&mut self) -> anyhow::Result<(ExitStatus, String, String)> {
        self.input = None;
        let child = &mut self.child;
        let status = until("the client ends", || Ok(child.try_wait()?));
        let Ok(status) = status else {
            bail!(
                "it printed {:?} and said {:?}",
                self.out.now(),
                self.err.now()
            );
        };
        Ok((status, self.out.whole(), self.err.whole()))
    }

    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = Pid::from_raw(i32::try_from(self.child.id())?).context("a child has a pid")?;
        Ok(kill_process(id, signal)?)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A stream that a thread reads to its end.
struct Heard {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Heard {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let heard = text.clone();
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                lock(&heard).extend_from_slice(buffer.get(..count).unwrap_or_default());
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn now(&self) -> String {
        String::from_utf8_lossy(&lock(&self.text)).into_owned()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
        self.now()
    }
}

fn lock(text: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}
