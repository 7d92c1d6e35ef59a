//! What is measured: a real sshd, the relay and the gateway before it, and a client's configuration for each.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use e2e::lasting::edited;
use e2e::ports;
use e2e::process::{Plan, Running, leashed, output, pause};
use e2e::routes::{Route, Routes};
use e2e::ssh::Ground;
use e2e::stand::Stand;
use rustix::process::Signal;

/// The cheapest cipher, which all of them have.
pub(crate) const CIPHER: &str = "aes128-gcm@openssh.com";

/// One way to the server.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    destination: String,
    configuration: PathBuf,
    /// What stands between.
    pub(crate) between: Option<u32>,
    /// Where it listens, and the user name that leads on.
    pub(crate) door: (u16, String),
}

/// All of them; ends in the order of its fields.
pub(crate) struct Ways {
    pub(crate) all: Vec<Way>,
    /// Somebody whose output no detector reads.
    pub(crate) seer: Way,
    _relay: Running,
    _stand: Stand,
    pub(crate) ground: Ground,
    pub(crate) key: PathBuf,
}

impl Way {
    /// `ssh`, `scp`: with everything set but what to do.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .arg("-F")
            .arg(&self.configuration)
            .args(["-c", CIPHER])
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn ssh(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = self.program("ssh");
        command.args(options).arg(&self.destination).args(words);
        command
    }

    /// A file behind it, as scp names it.
    pub(crate) fn file(&self, path: &Path) -> String {
        format!("{}:{}", self.destination, path.display())
    }
}

/// Runs a command that must succeed, and keeps nothing of what it prints.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let ran = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    ensure!(
        ran.status.success(),
        "{:?}: {} {}",
        command.get_program(),
        ran.status,
        String::from_utf8_lossy(&ran.stderr)
    );
    Ok(())
}

impl Ways {
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let ground = Ground::prepare(folder)?;
        // more than come from one place otherwise
        let caps = "listeners:\n  - caps: { connections: 20000, connections_per_source: 20000 }\n    address: 127.0.0.1";
        let edit = |text: String| {
            let text = ground.configured(&text);
            text.replacen("listeners:\n  - address: 127.0.0.1", caps, 1)
        };
        let stand = edited(&folder.join("stand"), &["ssh.cedar"], &edit)?;
        let ada = Routes::prepare(&ground, &stand, "ada")?;
        stand.newcomer("iris", "engineers,seers")?;
        let iris = Routes::prepare(&ground, &stand, "iris")?;
        let [port] = ports::free()?;
        let relay = relay(folder, &ground, port)?;
        let configuration = folder.join("relay_config");
        let key = ada.folder().join("key");
        let text = format!(
            "Host relay\n  HostName 127.0.0.1\n  Port {port}\n  User any\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n  LogLevel ERROR\n",
            key.display()
        );
        std::fs::write(&configuration, text)?;
        let gateway = |name, routes: &Routes| Way {
            name,
            destination: routes.destination(Route::Target),
            configuration: routes.configuration(),
            between: Some(stand.gateway.id()),
            door: (ground.port, routes.user(Route::Target)),
        };
        let all = vec![
            Way {
                name: "direct",
                destination: ada.destination(Route::Direct),
                configuration: ada.configuration(),
                between: None,
                door: (ground.sshd.port(), ground.sshd.login().to_owned()),
            },
            Way {
                name: "plain relay",
                destination: "relay".to_owned(),
                configuration,
                between: Some(relay.id()),
                door: (port, "any".to_owned()),
            },
            gateway("Countersign", &ada),
        ];
        let seer = gateway("Countersign, detectors off", &iris);
        let made = Self {
            all,
            seer,
            _relay: relay,
            _stand: stand,
            ground,
            key,
        };
        made.all_answer()?;
        Ok(made)
    }

    fn all_answer(&self) -> anyhow::Result<()> {
        for way in self.all.iter().chain([&self.seer]) {
            let mut tries = 50;
            while let Err(error) = run(&mut way.ssh(&[], &["true"])) {
                tries -= 1;
                ensure!(tries > 0, "{}: {error:#}", way.name);
                pause();
            }
        }
        Ok(())
    }

    /// Where and with what it ran.
    pub(crate) fn described(&self) -> anyhow::Result<String> {
        let load = std::fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        let version = Command::new("ssh").arg("-V").output()?.stderr;
        let version = String::from_utf8_lossy(&version);
        let cores = std::thread::available_parallelism()?;
        let kind = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        Ok(format!(
            "{kind} build; {cores} CPUs; {}; {CIPHER}; load at the start {load}\n",
            version.split(',').next().unwrap_or_default()
        ))
    }
}

fn relay(folder: &Path, ground: &Ground, port: u16) -> anyhow::Result<Running> {
    let program = std::env::current_exe()?.with_file_name("ssh_relay");
    let host_key = folder.join("ssh/gateway_host_key");
    output(Command::new("test").arg("-x").arg(&program)).context("there is no `ssh_relay`")?;
    let mut command = leashed(&program, Signal::TERM);
    command
        .arg(port.to_string())
        .arg(host_key)
        .arg(ground.sshd.port().to_string())
        .arg(ground.sshd.login())
        .arg(ground.sshd.gateway_key());
    Running::start(Plan {
        command,
        log: &folder.join("relay.log"),
        stop: Signal::TERM,
        patience: std::time::Duration::from_secs(4),
    })
}
