//! With real ssh: every kind of request is held for a minute at once, on connections that go on meanwhile, and then
//! granted, refused, or left. `HOLD_SECONDS` makes it longer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use e2e::compared::noise;
use e2e::lasting::Lasting;
use e2e::packets::{Answered, INIT, REMOVE, STAT, answered, greeted, packet};
use e2e::process::output;
use e2e::ssh::{Client, Ground, run};
use e2e::stand::Stand;
use e2e::watchdog::until;
use serde_json::Value;

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh_holds.cedar"]).unwrap());
/// Of one SFTP session; one of them waits.
const REQUESTS: u32 = 64;
const WAITS: u32 = 20;

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

/// A service at the target's loopback that sends back what it gets, and counts who came.
struct Echo {
    port: u16,
    came: Arc<AtomicUsize>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let came = Arc::<AtomicUsize>::default();
        let count = came.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        stream.write_all(&buffer[..count]).unwrap();
                    }
                });
            }
        });
        Self { port, came }
    }
}

/// One connection of somebody's that several clients share, all of which wait.
struct Connection {
    folder: PathBuf,
    socket: String,
    echo: Echo,
    master: Client,
    command: Waiting,
    shell: Waiting,
    removal: Waiting,
    tunnel: Waiting,
}

struct Waiting {
    client: Client,
    id: u64,
}

impl Waiting {
    fn told(mut client: Client) -> Self {
        let id = client.asked().unwrap();
        assert!(client.pending().unwrap());
        Self { client, id }
    }
}

fn long() -> Duration {
    let seconds = std::env::var("HOLD_SECONDS").unwrap_or_else(|_| "60".to_owned());
    Duration::from_secs(seconds.parse().unwrap())
}

/// A master that gives its server up after nine silent seconds.
fn master(token: &str, socket: &str) -> Client {
    let options = ["-N", "-M", "-S", socket, "-o", "ServerAliveInterval=3"];
    let master = Client::start(&mut ground().ssh(token, &options, &[]).unwrap()).unwrap();
    until("the master listens", || {
        Ok(Path::new(socket).exists().then_some(()))
    })
    .unwrap();
    master
}

fn through(socket: &str, options: &[&str], words: &[&str]) -> Command {
    let options = [&["-S", socket], options].concat();
    ground().ssh("none", &options, words).unwrap()
}

/// In a terminal of its own, whose name comes into a file.
fn in_terminal(folder: &Path, socket: &str) -> Client {
    let mut words = vec![format!("tty >{}/terminal; exec ssh", folder.display())];
    let ssh = through(socket, &["-t"], &[]);
    words.extend(ssh.get_args().map(|word| word.to_str().unwrap().to_owned()));
    let mut command = Command::new("script");
    command.args(["-qefc", &words.join(" "), "/dev/null"]);
    command.env("SHELL", "/bin/sh");
    Client::start(&mut command).unwrap()
}

fn requests(folder: &Path) -> Vec<u8> {
    let mut bytes = packet(INIT, 3, &[]).unwrap();
    let doomed = folder.join("doomed");
    for id in 0..REQUESTS {
        let kind = if id == WAITS { REMOVE } else { STAT };
        let path = doomed.to_str().unwrap().as_bytes();
        bytes.extend(packet(kind, id, &[path]).unwrap());
    }
    bytes
}

/// The question about a tunnel, which its client cannot be told of.
fn question(port: u16) -> u64 {
    let place = stand().place();
    until("the tunnel is asked about", || {
        let listed = ["--output", "json", "approvals", "list"];
        let listed = place.cli(&stand().people.grace, &listed)?;
        let listed: Value = serde_json::from_str(&listed)?;
        let of_it = |row: &&Value| row["operations"].to_string().contains(&port.to_string());
        let found = listed.as_array().into_iter().flatten().find(of_it);
        Ok(found.and_then(|row| {
            row["id"]
                .as_u64()
                .or_else(|| row["id"].as_str()?.parse().ok())
        }))
    })
    .unwrap()
}

impl Connection {
    fn open(name: &str) -> Self {
        let folder = ground().yard(name).unwrap();
        std::fs::write(folder.join("doomed"), "x").unwrap();
        let socket = folder.join("c").to_str().unwrap().to_owned();
        let master = master(&stand().people.ada, &socket);
        let start = |options: &[&str], words: &[&str]| {
            Client::start(&mut through(&socket, options, words)).unwrap()
        };
        let line = format!("touch {0}/made; cat >{0}/taken", folder.display());
        let command = start(&[], &[&line]);
        let mut removal = start(&["-s"], &["sftp"]);
        removal.say(&requests(&folder)).unwrap();
        let echo = Echo::start();
        let mut tunnel = start(&["-W", &format!("localhost:{}", echo.port)], &[]);
        tunnel.say(b"early ").unwrap();
        let id = question(echo.port);
        Self {
            command: Waiting::told(command),
            shell: Waiting::told(in_terminal(&folder, &socket)),
            removal: Waiting::told(removal),
            tunnel: Waiting { client: tunnel, id },
            folder,
            socket,
            echo,
            master,
        }
    }

    fn all(&mut self) -> [&mut Waiting; 4] {
        [
            &mut self.command,
            &mut self.shell,
            &mut self.removal,
            &mut self.tunnel,
        ]
    }

    /// A sibling runs as if nobody waited, the rest of a pipeline is answered, input goes on, and nothing has run.
    fn lives(&mut self, round: usize) {
        let word = format!("round {round}");
        let ran = run(&mut through(&self.socket, &[], &[&format!("echo {word}")])).unwrap();
        assert_eq!(ran.stdout, format!("{word}\n").as_bytes(), "{ran:?}");
        self.command.client.say(&noise(100_000)).unwrap();
        let answers = answered(&self.removal.client.bytes()).unwrap();
        assert_eq!(answers.len(), REQUESTS as usize - 1);
        let (columns, terminal) = (80 + round, self.folder.join("terminal"));
        let terminal = std::fs::read_to_string(terminal).unwrap();
        let mut resize = Command::new("stty");
        resize.args([
            "-F",
            terminal.trim(),
            "rows",
            "33",
            "cols",
            &columns.to_string(),
        ]);
        output(&mut resize).unwrap();
        for waiting in self.all() {
            assert!(waiting.client.pending().unwrap());
        }
        self.nothing_ran();
    }

    fn nothing_ran(&self) {
        assert!(!self.folder.join("made").exists());
        assert!(!self.folder.join("typed").exists());
        assert!(self.folder.join("doomed").exists());
        assert_eq!(self.echo.came.load(Ordering::SeqCst), 0);
    }

    /// What was typed or sent before the answer is still there.
    fn granted(mut self, rounds: usize) {
        let line = format!("stty size >{}/typed; exit 3\n", self.folder.display());
        self.shell.client.say(line.as_bytes()).unwrap();
        for waiting in self.all() {
            stand().approve(&stand().people.grace, waiting.id).unwrap();
        }
        let (status, _, err) = self.command.client.end().unwrap();
        assert!(status.success(), "{err}");
        let taken = std::fs::read(self.folder.join("taken")).unwrap();
        assert!(taken == noise(100_000).repeat(rounds), "{}", taken.len());
        assert!(self.folder.join("made").exists());
        let (status, out, _) = self.shell.client.end().unwrap();
        assert_eq!(status.code(), Some(3), "{out}");
        let size = std::fs::read_to_string(self.folder.join("typed")).unwrap();
        assert_eq!(size.trim(), format!("33 {}", 80 + rounds - 1));
        self.last_answer(0);
        assert!(!self.folder.join("doomed").exists());
        self.tunnel.client.say(b"late").unwrap();
        self.tunnel.client.printed("early late").unwrap();
        self.stays();
    }

    fn refused(mut self) {
        for waiting in self.all() {
            stand()
                .refuse(&stand().people.grace, waiting.id, "not today")
                .unwrap();
        }
        const WORDS: &str = "was refused by grace: not today";
        let (status, _, err) = self.command.client.end().unwrap();
        assert_eq!(status.code(), Some(126), "{err}");
        assert!(err.contains(WORDS), "{err}");
        let (status, out, _) = self.shell.client.end().unwrap();
        assert_eq!(status.code(), Some(126), "{out}");
        assert!(out.contains(WORDS), "{out}");
        const PERMISSION_DENIED: u32 = 3;
        self.last_answer(PERMISSION_DENIED);
        self.removal.client.told(WORDS).unwrap();
        let (status, _, err) = self.tunnel.client.end().unwrap();
        assert!(!status.success(), "{err}");
        self.nothing_ran();
        self.stays();
    }

    fn left(mut self) {
        let [command, shell, removal, tunnel] = self.all().map(|waiting| waiting.id);
        self.nothing_ran();
        for waiting in self.all() {
            waiting
                .client
                .signal(rustix::process::Signal::KILL)
                .unwrap();
        }
        for id in [command, shell, removal] {
            stand().becomes(id, "withdrawn").unwrap();
        }
        self.nothing_ran();
        self.stays();
        // a tunnel that is not open yet cannot be taken back in SSH, only left with its connection
        assert_eq!(stand().state(tunnel).unwrap(), "asked");
        self.master.signal(rustix::process::Signal::KILL).unwrap();
        stand().becomes(tunnel, "withdrawn").unwrap();
        self.nothing_ran();
    }

    /// The answer to the request that waited, and the session goes on behind it.
    fn last_answer(&mut self, code: u32) {
        let next = packet(STAT, REQUESTS, &[b"/"]).unwrap();
        self.removal.client.say(&next).unwrap();
        until("all are answered", || {
            let answers = answered(&self.removal.client.bytes())?;
            let waited = Answered {
                id: WAITS,
                code: Some(code),
            };
            let whole = answers.len() == REQUESTS as usize + 1 && answers.contains(&waited);
            Ok(whole.then_some(()))
        })
        .unwrap();
    }

    /// The connection outlives them all.
    fn stays(&self) {
        let ran = run(&mut through(&self.socket, &[], &["echo still"])).unwrap();
        assert_eq!(ran.stdout, b"still\n", "{ran:?}");
    }
}

#[test]
fn whatever_waits_waits_long_and_disturbs_nobody() {
    let iris = stand().newcomer("iris", "engineers,waiters").unwrap();
    let mut subsystems = ["granted", "refused", "left"].map(|_| {
        let options = ["-o", "ServerAliveInterval=3", "-s"];
        let command = ground().ssh(&iris, &options, &["sftp"]);
        let mut client = Client::start(&mut command.unwrap()).unwrap();
        client.say(&packet(INIT, 3, &[]).unwrap()).unwrap();
        Waiting::told(client)
    });
    let [mut granted, mut refused, mut left] = ["h1", "h2", "h3"].map(Connection::open);
    let (began, mut rounds) = (Instant::now(), 0);
    while rounds == 0 || began.elapsed() < long() {
        for connection in [&mut granted, &mut refused, &mut left] {
            connection.lives(rounds);
        }
        for waiting in &mut subsystems {
            assert!(waiting.client.pending().unwrap());
            assert!(!greeted(&waiting.client.bytes()));
        }
        rounds += 1;
        // something else to wait for than the clock: a sibling that takes its time
        let ran = run(&mut through(&granted.socket, &[], &["sleep 4"])).unwrap();
        assert!(ran.status.success(), "{ran:?}");
    }
    granted.granted(rounds);
    refused.refused();
    left.left();
    let [mut granted, mut refused, left] = subsystems;
    stand().approve(&stand().people.grace, granted.id).unwrap();
    until("it greets", || {
        Ok(greeted(&granted.client.bytes()).then_some(()))
    })
    .unwrap();
    granted.client.close_input();
    assert!(granted.client.end().unwrap().0.success());
    stand()
        .refuse(&stand().people.grace, refused.id, "not today")
        .unwrap();
    let (status, _, err) = refused.client.end().unwrap();
    assert_eq!(status.code(), Some(126), "{err}");
    assert!(err.contains("was refused by grace: not today"), "{err}");
    let id = left.id;
    drop(left);
    stand().becomes(id, "withdrawn").unwrap();
    assert_eq!(stand().verified().unwrap()["good"], true);
}
