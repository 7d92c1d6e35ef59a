//! What lies at the ends of a forward: servers that say or echo bytes, a key agent, and questions found by their text.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::Context;
use serde_json::Value;

use crate::process::output;
use crate::sshd::key_pair;
use crate::stand::Stand;
use crate::watchdog::until;

/// Says back whatever comes, on a port of this machine.
pub fn echo() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || copied(stream));
        }
    });
    Ok(port)
}

/// Waits until somebody listens there.
#[expect(clippy::disallowed_methods, reason = "a client of a tunnel")]
pub fn connected(port: u16) -> anyhow::Result<TcpStream> {
    until("somebody listens there", || {
        Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())
    })
}

/// What comes back of what is said, with both directions closed one after the other.
pub fn echoed(mut stream: TcpStream, said: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut writing = stream.try_clone()?;
    let said = said.to_vec();
    let writer = thread::spawn(move || {
        writing.write_all(&said)?;
        writing.shutdown(Shutdown::Write)
    });
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard)?;
    let written = writer.join().ok().context("a writer panicked")?;
    written?;
    Ok(heard)
}

fn copied(mut stream: TcpStream) {
    let Ok(mut back) = stream.try_clone() else {
        return;
    };
    // ends early where the tunnel is closed
    drop(std::io::copy(&mut stream, &mut back));
    drop(back.shutdown(Shutdown::Write));
}

/// The same at a Unix socket.
pub fn echo_at(path: &Path) -> anyhow::Result<()> {
    let listener = UnixListener::bind(path)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let (mut from, mut back) = (stream.try_clone()?, stream);
                std::io::copy(&mut from, &mut back)?;
                back.shutdown(Shutdown::Write)
            });
        }
    });
    Ok(())
}

/// Says so many bytes to whoever connects, as an answer of HTTP where that is asked for.
pub fn source(bytes: usize, http: bool) -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || said(stream, bytes, http));
        }
    });
    Ok(port)
}

fn said(mut stream: TcpStream, bytes: usize, http: bool) {
    if http {
        let mut asked = [0; 1024];
        drop(stream.read(&mut asked));
        let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {bytes}\r\n\r\n");
        drop(stream.write_all(head.as_bytes()));
    }
    // ends early where the tunnel is closed
    drop(stream.write_all(&pattern(bytes)));
}

/// Bytes that tell where they stand.
pub fn pattern(length: usize) -> Vec<u8> {
    let word = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).to_be_bytes();
    let words = (0..length.div_ceil(4)).flat_map(word);
    words.take(length).collect()
}

/// A key agent with one key; ends when dropped.
pub struct Agent {
    child: Child,
    pub socket: PathBuf,
    /// The private key's file; the agent has it too.
    pub key: PathBuf,
}

impl Agent {
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        key_pair(folder, "lent")?;
        let (socket, key) = (folder.join("agent"), folder.join("lent"));
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting ssh-agent")?;
        let started = Self { child, socket, key };
        until("the agent is there", || {
            Ok(started.socket.exists().then_some(()))
        })?;
        let mut add = Command::new("ssh-add");
        add.arg("-q")
            .arg(&started.key)
            .env("SSH_AUTH_SOCK", &started.socket);
        output(&mut add)?;
        Ok(started)
    }

    /// `SHA256:...` of its key.
    pub fn fingerprint(&self) -> anyhow::Result<String> {
        let told = output(Command::new("ssh-keygen").arg("-lf").arg(&self.key))?;
        let word = told.split(' ').nth(1);
        Ok(word.context("a fingerprint")?.to_owned())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Stand {
    /// The open question whose operations name something.
    pub fn question_about(&self, what: &str) -> anyhow::Result<u64> {
        until(&format!("a question about `{what}`"), || {
            let list = ["--output", "json", "approvals", "list"];
            let list = self.place().cli(&self.people.admin, &list)?;
            let list: Value = serde_json::from_str(&list)?;
            let about = |one: &&Value| {
                let asked = one.get("state").and_then(Value::as_str) == Some("asked");
                asked && one.to_string().contains(what)
            };
            let found = list.as_array().into_iter().flatten().find(about);
            let id = found.and_then(|one| one.get("id"));
            Ok(id.and_then(number))
        })
    }

    /// The newest entry of the log whose text holds something.
    pub fn decided_about(&self, what: &str) -> anyhow::Result<Value> {
        self.decided_for("", what)
    }

    /// The same of one person, `user:ada`.
    pub fn decided_for(&self, who: &str, what: &str) -> anyhow::Result<Value> {
        until(&format!("the log tells of `{what}`"), || {
            let entries = self.exported()?;
            let tells = |entry: &&Value| {
                let text = |field: &str| entry.get(field).and_then(Value::as_str);
                let asked = who.is_empty() || text("as") == Some(who);
                asked && text("summary").is_some_and(|summary| summary.contains(what))
            };
            Ok(entries.iter().rfind(tells).cloned())
        })
    }

    /// How what was decided came out.
    pub fn outcome_of(&self, decided: &Value) -> anyhow::Result<Value> {
        until("its outcome is in the log", || {
            let entries = self.exported()?;
            let its = |entry: &&Value| {
                entry.get("outcome").is_some() && entry.get("request") == decided.get("request")
            };
            Ok(entries.iter().find(its).cloned())
        })
    }
}

fn number(id: &Value) -> Option<u64> {
    id.as_u64().or_else(|| id.as_str()?.parse().ok())
}
