//! Real drivers, each behind a small program that is told one command a line and answers one line of JSON.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::postgres::{DATABASE, GATEWAY_ROLE};
use crate::stand::Stand;

/// A machine that is busy with other tests takes long to start a virtual machine.
const WITHIN: Duration = Duration::from_secs(40);

/// What runs a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Python,
    Node,
    Java,
    Go,
    Rust,
}

/// A driver by name.
#[derive(Debug, Clone, Copy)]
pub struct Driver {
    /// Without what would need quoting in a table's name.
    pub name: &'static str,
    pub language: Language,
}

/// Where a client connects to, and as whom.
#[derive(Clone)]
pub struct Way {
    host: &'static str,
    port: u16,
    user: String,
    password: String,
    authority: PathBuf,
}

impl Way {
    /// Through the gateway.
    pub fn gateway(stand: &Stand, user: &str, token: &str) -> Self {
        Self {
            host: "localhost",
            port: stand.place().ports.postgres,
            user: user.to_owned(),
            password: token.to_owned(),
            authority: stand.place().authority(),
        }
    }

    /// To the server itself, as the role that the gateway takes there.
    pub fn direct(stand: &Stand) -> Self {
        Self {
            host: "127.0.0.1",
            port: stand.postgres.port(),
            user: GATEWAY_ROLE.to_owned(),
            password: stand.postgres.gateway_password().to_owned(),
            authority: stand.place().authority(),
        }
    }

    /// A command with nothing in its environment but what libpq's variables say.
    pub fn told(&self, mut command: Command) -> Command {
        let inherited = ["PATH", "HOME", "JAVA_HOME"];
        let kept: Vec<_> = std::env::vars_os()
            .filter(|(name, _)| inherited.iter().any(|known| name == known))
            .collect();
        command
            .env_clear()
            .envs(kept)
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("PGHOST", self.host)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", &self.user)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", DATABASE)
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", &self.authority);
        command
    }
}

/// A running client; killed when dropped.
pub struct Client {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
    asked: String,
}

impl Client {
    /// Starts it and connects.
    pub fn connect(driver: &Driver, way: &Way) -> anyhow::Result<Self> {
        let mut command = way.told(program(driver)?);
        let started = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut child = started.with_context(|| format!("starting {}", driver.name))?;
        let input = child.stdin.take().context("it has an input")?;
        let output = child.stdout.take().context("it has an output")?;
        let (tell, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let mut client = Self {
            name: driver.name,
            child,
            input,
            answers,
            asked: String::new(),
        };
        client.good(&json!({"do": "connect"}))?;
        Ok(client)
    }

    /// Tells it to do something, and waits for nothing.
    pub fn say(&mut self, command: &Value) -> anyhow::Result<()> {
        self.asked = command.to_string();
        writeln!(self.input, "{}", self.asked)
            .with_context(|| format!("{} reads no more", self.name))
    }

    /// What came of it.
    pub fn answer(&mut self) -> anyhow::Result<Value> {
        match self.answers.recv_timeout(WITHIN) {
            Ok(line) => serde_json::from_str(&line).with_context(|| line.clone()),
            Err(RecvTimeoutError::Timeout) => {
                bail!(
                    "{}: no answer within {WITHIN:?} to {}",
                    self.name,
                    self.asked
                )
            }
            Err(RecvTimeoutError::Disconnected) => bail!("{} ended at {}", self.name, self.asked),
        }
    }

    /// Whether nothing was answered yet.
    pub fn pending(&self) -> anyhow::Result<()> {
        match self.answers.try_recv() {
            Err(_) => Ok(()),
            Ok(line) => bail!("{}: it was answered: {line}", self.name),
        }
    }

    pub fn ask(&mut self, command: &Value) -> anyhow::Result<Value> {
        self.say(command)?;
        self.answer()
    }

    /// The same of what must not fail.
    pub fn good(&mut self, command: &Value) -> anyhow::Result<Value> {
        let answer = self.ask(command)?;
        ensure!(
            answer.get("message").is_none(),
            "{}: {command}: {answer}",
            self.name
        );
        Ok(answer)
    }

    /// The same of what the server must refuse, in this state.
    pub fn refused(&mut self, command: &Value, code: &str) -> anyhow::Result<Value> {
        let answer = self.ask(command)?;
        ensure!(
            is_error(&answer, code),
            "{}: {command}: {answer}",
            self.name
        );
        Ok(answer)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether an answer is an error of the server with this SQLSTATE.
pub fn is_error(answer: &Value, code: &str) -> bool {
    answer.get("error").and_then(Value::as_str) == Some(code)
}

/// Where `tools/clients` puts what it brings in.
fn cache() -> anyhow::Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").context("there is no HOME")?).join(".cache"),
    };
    Ok(cache.join("countersign/clients"))
}

fn there(path: PathBuf) -> anyhow::Result<PathBuf> {
    ensure!(
        path.exists(),
        "{} is not there; type: tools/clients",
        path.display()
    );
    Ok(path)
}

fn program(driver: &Driver) -> anyhow::Result<Command> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/pg");
    let cache = cache()?;
    let name = format!("with_{}", driver.name);
    Ok(match driver.language {
        Language::Python => {
            let mut command = Command::new("env");
            let packages = there(cache.join("python"))?;
            command
                .arg(format!("PYTHONPATH={}", packages.display()))
                .args(["PYTHONDONTWRITEBYTECODE=1", "python3"])
                .arg(scripts.join("python").join(name).with_extension("py"));
            command
        }
        Language::Node => {
            let mut command = Command::new("env");
            let modules = there(cache.join("node"))?;
            command
                .arg(format!("NODE_MODULES={}", modules.display()))
                .args(["node", "--no-deprecation"])
                .arg(scripts.join("node").join(name).with_extension("js"));
            command
        }
        Language::Java => {
            let folder = there(cache.join("java"))?;
            let mut command = Command::new("java");
            let path = folder.display();
            command
                .args(["-XX:TieredStopAtLevel=1", "-cp"])
                .arg(format!("{path}/*:{path}/classes"))
                .arg("WithPgjdbc");
            command
        }
        Language::Go => Command::new(there(cache.join("go").join(name))?),
        Language::Rust => Command::new(there(cache.join("rust/debug").join(name))?),
    })
}
