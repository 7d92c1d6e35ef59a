//! A real psql, told one statement after the other, and heard on both of its streams while a statement is pending.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::gateway::Place;
use crate::watchdog::{WATCHDOG, tell, until};

/// Who connects, and what is said at start-up.
#[derive(Debug, Clone)]
pub struct Login<'a> {
    pub user: &'a str,
    pub token: &'a str,
    /// Names the session in the gateway's list.
    pub application: &'a str,
    /// `target` or `target/database`.
    pub database: &'a str,
    /// libpq's `sslmode`.
    pub mode: &'a str,
    /// libpq's `options`.
    pub options: Option<&'a str>,
}

impl<'a> Login<'a> {
    pub fn of(user: &'a str, token: &'a str, application: &'a str) -> Self {
        Self {
            user,
            token,
            application,
            database: "shop",
            mode: "verify-full",
            options: None,
        }
    }
}

/// What psql printed for one statement.
#[derive(Debug, Clone)]
pub struct Answer {
    pub out: String,
    pub err: String,
}

impl Answer {
    /// Of the first error.
    pub fn sqlstate(&self) -> Option<&str> {
        let (_, after) = self
            .err
            .split_once("ERROR:  ")
            .or_else(|| self.err.split_once("FATAL:  "))?;
        after.split_once(':').map(|(code, _)| code)
    }
}

/// A running psql; killed when dropped.
pub struct Psql {
    child: Child,
    input: Option<ChildStdin>,
    out: Stream,
    err: Stream,
    marks: u32,
    heard: (usize, usize),
    said: Instant,
}

impl Psql {
    /// Starts it; nothing is known yet of whether it gets in.
    pub fn start(place: &Place, login: &Login<'_>) -> anyhow::Result<Self> {
        let mut child = command(place, login)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting psql")?;
        let out = Stream::read(child.stdout.take().context("psql has a standard output")?);
        let err = Stream::read(child.stderr.take().context("psql has a standard error")?);
        let input = child.stdin.take();
        Ok(Self {
            child,
            input,
            out,
            err,
            marks: 0,
            heard: (0, 0),
            said: Instant::now(),
        })
    }

    /// The same, connected.
    pub fn open(place: &Place, login: &Login<'_>) -> anyhow::Result<Self> {
        let mut psql = Self::start(place, login)?;
        let answer = psql.ask("SELECT 'connected';")?;
        if answer.out.trim() != "connected" {
            bail!("psql does not get in: {answer:?}");
        }
        Ok(psql)
    }

    /// Sends statements or meta commands, and waits for nothing.
    pub fn say(&mut self, statements: &str) -> anyhow::Result<()> {
        self.marks += 1;
        self.said = Instant::now();
        let mark = mark(self.marks);
        let input = self.input.as_mut().context("psql's input is closed")?;
        // a psql that has ended says why on its standard error
        drop(write!(
            input,
            "{statements}\n\\echo {mark}\n\\warn {mark}\n"
        ));
        drop(input.flush());
        Ok(())
    }

    /// What it printed for all that was said last, once that is through, or psql has ended.
    pub fn answer(&mut self) -> anyhow::Result<Answer> {
        let mark = format!("{}\n", mark(self.marks));
        let (out, out_end) = self.out.until(self.heard.0, &mark)?;
        let (err, err_end) = self.err.until(self.heard.1, &mark)?;
        self.heard = (out_end, err_end);
        Ok(Answer { out, err })
    }

    pub fn ask(&mut self, statements: &str) -> anyhow::Result<Answer> {
        self.say(statements)?;
        self.answer()
    }

    /// A whole line of standard error that says something, while the statement that was said last is pending.
    pub fn told(&self, what: &str) -> anyhow::Result<String> {
        let line = self.err.line(self.heard.1, what)?;
        tell(&format!("psql says `{what}`"), self.said.elapsed());
        Ok(line)
    }

    /// Whether the statement that was said last is still pending.
    pub fn pending(&self) -> bool {
        let mark = mark(self.marks);
        !self.out.now().contains(&mark) && !self.err.now().contains(&mark)
    }

    /// Ctrl-C.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        self.signal(Signal::INT)
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait()?;
        Ok(())
    }

    /// Its end, which somebody else brings about.
    pub fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let child = &mut self.child;
        until("psql ends", || Ok(child.try_wait()?))
    }

    /// Closes its input and waits for its end.
    pub fn quit(&mut self) -> anyhow::Result<ExitStatus> {
        drop(self.input.take());
        self.ended()
    }

    /// All that it said on standard output.
    pub fn output(&self) -> String {
        self.out.now()
    }

    /// All that it said on standard error.
    pub fn errors(&self) -> String {
        self.err.now()
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = Pid::from_raw(i32::try_from(self.child.id())?).context("a child has a pid")?;
        Ok(kill_process(id, signal)?)
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(place: &Place, login: &Login<'_>) -> Command {
    let mut command = Command::new("psql");
    command
        .args(["--no-psqlrc", "--tuples-only", "--no-align"])
        .args(["--set", "VERBOSITY=verbose", "--host=localhost"])
        .args(["--port", &place.ports.postgres.to_string()])
        .args(["--username", login.user, "--dbname", login.database])
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", &place.folder)
        .env("PGPASSWORD", login.token)
        .env("PGAPPNAME", login.application)
        .env("PGSSLMODE", login.mode)
        .env("PGSSLROOTCERT", place.authority())
        .env("PGCONNECT_TIMEOUT", "10");
    if let Some(options) = login.options {
        command.env("PGOPTIONS", options);
    }
    command
}

fn mark(number: u32) -> String {
    format!("==== {number} ====")
}

/// One of its streams, read as it comes.
struct Stream {
    heard: Arc<(Mutex<Heard>, Condvar)>,
}

#[derive(Default)]
struct Heard {
    text: String,
    ended: bool,
}

impl Stream {
    fn read(mut source: impl Read + Send + 'static) -> Self {
        let heard: Arc<(Mutex<Heard>, Condvar)> = Arc::default();
        let filled = heard.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let read = source.read(&mut bytes).unwrap_or(0);
                let mut heard = lock(&filled.0);
                if read == 0 {
                    heard.ended = true;
                }
                let new = bytes.get(..read).unwrap_or_default();
                heard.text.push_str(&String::from_utf8_lossy(new));
                filled.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { heard }
    }

    fn now(&self) -> String {
        lock(&self.heard.0).text.clone()
    }

    /// The text from a place to a mark, and where the mark ends; to the end where the stream ended without it.
    fn until(&self, from: usize, mark: &str) -> anyhow::Result<(String, usize)> {
        self.wait(mark.trim_end(), |heard| {
            let rest = heard.text.get(from..).unwrap_or_default();
            match rest.split_once(mark) {
                Some((before, _)) => Some((before.to_owned(), from + before.len() + mark.len())),
                None if heard.ended => Some((rest.to_owned(), heard.text.len())),
                None => None,
            }
        })
    }

    fn line(&self, from: usize, what: &str) -> anyhow::Result<String> {
        self.wait(what, |heard| {
            let rest = heard.text.get(from..).unwrap_or_default();
            let whole = rest.rfind('\n').and_then(|end| rest.get(..end))?;
            let line = whole.lines().find(|line| line.contains(what))?;
            Some(line.to_owned())
        })
    }

    fn wait<T>(&self, what: &str, look: impl Fn(&Heard) -> Option<T>) -> anyhow::Result<T> {
        let deadline = Instant::now() + WATCHDOG;
        let mut heard = lock(&self.heard.0);
        loop {
            if let Some(found) = look(&heard) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if heard.ended || left.is_zero() {
                let ended = if heard.ended {
                    "ended without"
                } else {
                    "never said"
                };
                bail!("psql {ended} `{what}`; it said:\n{}", heard.text);
            }
            heard = self
                .heard
                .1
                .wait_timeout(heard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
