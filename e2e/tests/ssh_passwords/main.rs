//! With real ssh before a real server that asks for a password: the stored one opens it, a wrong one is refused with
//! words, and neither is to be found in anything that the gateway keeps or says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::bail;
use e2e::kept::{Kept, everything};
use e2e::lasting::{Lasting, Site};
use e2e::ports;
use e2e::process::{Plan, Running, leashed};
use e2e::ssh::{Ground, run, text};
use e2e::sshd::key_pair;
use e2e::stand::Stand;
use e2e::watchdog::until;
use rustix::process::Signal;

/// Where asyncssh is.
const PYTHON: &str = "/usr/bin/python3";
const PROGRAM: &str = include_str!("server.py");
const STOPS_WITHIN: Duration = Duration::from_secs(4);
/// The account at the server.
const LOGIN: &str = "operator";
const RIGHT: &str = "q7Vd opens everything, Zt4";
const WRONG: &str = "m2Kx opens nothing, Bw9";
/// The server with its password, with another one, and with one that is exchanged: names that `logins.cedar` knows.
const OPEN: &str = "plain";
const SHUT: &str = "shut";
const EXCHANGED: &str = "curved";

static LASTING: LazyLock<Lasting<Guarded>> =
    LazyLock::new(|| Lasting::beside(&["ssh.cedar", "logins.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn guarded() -> &'static Guarded {
    LASTING.ground.as_ref().unwrap()
}

/// A server that asks for a password, beside the usual ground.
struct Guarded {
    ground: Ground,
    _process: Running,
    folder: PathBuf,
    port: u16,
    host_key: String,
}

impl Guarded {
    /// The file of a target's password.
    fn password(&self, target: &str) -> PathBuf {
        self.folder.join(target).with_extension("password")
    }

    /// What the server says.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    fn target(&self, name: &str) -> String {
        format!(
            "  {name}:\n    ssh:\n      host: 127.0.0.1\n      port: {}\n      host_keys: [\"{}\"]\n      \
             logins:\n        - name: {LOGIN}\n          with: {{ password: {{ file: {} }} }}\n",
            self.port,
            self.host_key.trim(),
            self.password(name).display()
        )
    }
}

impl Site for Guarded {
    fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let ground = Ground::prepare(folder)?;
        let folder = folder.join("guarded");
        std::fs::create_dir_all(&folder)?;
        let host_key = key_pair(&folder, "host_key")?;
        let [port] = ports::free()?;
        let log = folder.join("server.log");
        let expected = folder.join("expected");
        std::fs::write(&expected, RIGHT)?;
        let mut command = leashed(Path::new(PYTHON), Signal::TERM);
        command
            .args(["-c", PROGRAM, &port.to_string()])
            .arg(folder.join("host_key"))
            .arg(LOGIN)
            .arg(&expected);
        let mut process = Running::start(Plan {
            command,
            log: &log,
            stop: Signal::TERM,
            patience: STOPS_WITHIN,
        })?;
        until("the server listens", || {
            let said = std::fs::read_to_string(&log)?;
            if let Some(status) = process.ended()? {
                bail!("it ended with {status}: {said}");
            }
            Ok(said.contains("it listens").then_some(()))
        })?;
        let made = Self {
            ground,
            _process: process,
            folder,
            port,
            host_key,
        };
        // one line feed at the end is no part of it
        std::fs::write(made.password(OPEN), format!("{RIGHT}\n"))?;
        std::fs::write(made.password(SHUT), WRONG)?;
        std::fs::write(made.password(EXCHANGED), WRONG)?;
        Ok(made)
    }

    fn configured(&self, text: &str) -> String {
        let targets = [OPEN, SHUT, EXCHANGED].map(|name| self.target(name));
        let targets = format!("targets:\n{}", targets.concat());
        self.ground
            .configured(text)
            .replacen("targets:\n", &targets, 1)
    }

    fn folders(&self) -> Vec<PathBuf> {
        self.ground.folders()
    }
}

/// What comes of a command of somebody's, where the user name says the target.
fn at(user: &str, token: &str, command: &str) -> Output {
    let ground = &guarded().ground;
    let mut ssh = ground.program("ssh", token).unwrap();
    ssh.args(["-p", &ground.port.to_string(), "-l", user])
        .args(["127.0.0.1", command]);
    run(&mut ssh).unwrap()
}

/// Not let in by the target, in the gateway's words.
fn shut_out(ran: &Output, target: &str) {
    assert_eq!(ran.status.code(), Some(126), "{ran:?}");
    let words = format!("countersign: `{target}` does not let the gateway in");
    assert!(text(&ran.stderr).contains(&words), "{ran:?}");
    assert_eq!(text(&ran.stdout), "", "{ran:?}");
}

#[test]
fn a_stored_password_opens_the_target() {
    let ada = &stand().people.ada;
    for user in [
        OPEN.to_owned(),
        format!("{LOGIN}@{OPEN}"),
        format!("{LOGIN}#{OPEN}"),
    ] {
        let ran = at(&user, ada, "echo in; echo err >&2; exit 3");
        assert_eq!(ran.status.code(), Some(3), "{user}: {ran:?}");
        assert_eq!(text(&ran.stdout), "in\n", "{user}: {ran:?}");
        assert_eq!(text(&ran.stderr), "err\n", "{user}: {ran:?}");
    }
    let right = format!("the right password of {LOGIN}");
    assert!(guarded().log().contains(&right), "{}", guarded().log());
}

#[test]
fn a_wrong_password_is_refused_with_words_and_nothing_runs() {
    let yard = guarded().ground.yard("wrong").unwrap();
    let made = yard.join("made");
    let touch = format!("touch {}", made.display());
    let ada = &stand().people.ada;
    for user in [SHUT.to_owned(), format!("{LOGIN}@{SHUT}")] {
        shut_out(&at(&user, ada, &touch), SHUT);
    }
    assert!(!made.exists());
    let wrong = format!("a wrong password of {LOGIN}");
    assert!(guarded().log().contains(&wrong), "{}", guarded().log());
}

#[test]
fn a_password_that_was_exchanged_is_found() {
    let ada = &stand().people.ada;
    shut_out(&at(EXCHANGED, ada, "echo in"), EXCHANGED);
    std::fs::write(guarded().password(EXCHANGED), RIGHT).unwrap();
    let ran = at(EXCHANGED, ada, "echo in");
    assert_eq!(text(&ran.stdout), "in\n", "{ran:?}");
}

#[test]
fn a_password_is_in_nothing_that_the_gateway_keeps_or_says() {
    let pia = stand().newcomer("pia", "engineers").unwrap();
    let entered = at(OPEN, &pia, "echo in");
    assert_eq!(text(&entered.stdout), "in\n", "{entered:?}");
    let refused = at(SHUT, &pia, "echo in");
    shut_out(&refused, SHUT);
    let mut kept = everything(stand(), "user:pia").unwrap();
    for ran in [entered, refused] {
        kept.push(Kept::new(
            "what a client was told",
            [ran.stdout, ran.stderr].concat(),
        ));
    }
    // recordings of two sessions, four answers, and the files of log, store and recordings
    assert!(kept.len() > 15, "only {} were looked at", kept.len());
    for password in [RIGHT, WRONG] {
        let found: Vec<String> = kept.iter().filter_map(|one| one.holds(password)).collect();
        assert!(found.is_empty(), "{password}: {}", found.join("\n"));
    }
    // where they are, they are found
    for (target, password) in [(OPEN, RIGHT), (SHUT, WRONG)] {
        let file = Kept::file(&guarded().password(target)).unwrap().unwrap();
        assert!(file.holds(password).is_some(), "{target}");
    }
}
