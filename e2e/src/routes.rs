//! Every way of naming the target, and the straight one: the same client can be run on each of them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::Context;

use crate::process::output;
use crate::ssh::{Ground, TARGET};
use crate::sshd::key_pair;
use crate::stand::Stand;

/// How a client is told where to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// Past the gateway.
    Direct,
    /// The user name is the target.
    Target,
    /// `login@target`.
    Login,
    /// `login#target`.
    Hash,
    /// `-J gateway login@target`.
    Jump,
}

/// All that lead through the gateway.
pub const THROUGH: [Route; 4] = [Route::Target, Route::Login, Route::Hash, Route::Jump];
/// The same for programs that know no jump.
pub const WITHOUT_JUMP: [Route; 3] = [Route::Target, Route::Login, Route::Hash];

/// What clients of one person need for each route: a registered key, host keys, and OpenSSH's configuration.
pub struct Routes {
    folder: PathBuf,
    person: String,
    login: String,
    straight: Server,
    gateway: Server,
    bystander: u16,
}

/// Where a client of its own making connects to.
struct Server {
    port: u16,
    key: PathBuf,
    /// Its host key's SHA-256, as `curl` wants it.
    print: String,
}

impl Routes {
    /// Registers a key for the person, and writes what OpenSSH reads.
    pub fn prepare(ground: &Ground, stand: &Stand, person: &str) -> anyhow::Result<Self> {
        let folder = ground.yard(&format!("routes-{person}"))?;
        key_pair(&folder, "key")?;
        let public = folder.join("key.pub");
        let public = public.to_str().context("a folder's name is text")?;
        let admin = &stand.people.admin;
        stand
            .place()
            .cli(admin, &["user", "key", "add", person, "--file", public])?;
        let straight = ground.sshd.host_key();
        let known = format!("[127.0.0.1]:{} {straight}\n", ground.sshd.port());
        let known = known + &std::fs::read_to_string(ground.known_hosts())?;
        std::fs::write(folder.join("known_hosts"), known)?;
        let made = Self {
            straight: Server {
                port: ground.sshd.port(),
                key: ground.sshd.gateway_key(),
                print: print(&ground.sshd.folder().join("host_key.pub"))?,
            },
            gateway: Server {
                port: ground.port,
                key: folder.join("key"),
                print: print(&ground.host_key_file())?,
            },
            bystander: bystander()?,
            person: person.to_owned(),
            login: ground.sshd.login().to_owned(),
            folder,
        };
        std::fs::write(made.configuration(), made.text())?;
        Ok(made)
    }

    /// For `-F`: the hosts `straightway`, `gateway`, and the target behind it.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("ssh_config")
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn text(&self) -> String {
        let host = |name: &str, server: &Server| {
            format!(
                "Host {name}\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n",
                server.port,
                server.key.display()
            )
        };
        format!(
            "Host straightway\n  User {}\n{}{}Host {TARGET}\n  IdentityFile {}\n\
             Host *\n  IdentitiesOnly yes\n  BatchMode yes\n  UserKnownHostsFile {}/known_hosts\n  \
             GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n  ConnectTimeout 30\n",
            self.login,
            host("straightway", &self.straight),
            host("gateway", &self.gateway),
            self.gateway.key.display(),
            self.folder.display()
        )
    }

    /// The user name at the gateway, or at the server itself.
    pub fn user(&self, route: Route) -> String {
        match route {
            Route::Direct | Route::Jump => self.login.clone(),
            Route::Target => TARGET.to_owned(),
            Route::Login => format!("{}@{TARGET}", self.login),
            Route::Hash => format!("{}#{TARGET}", self.login),
        }
    }

    /// What is put before the path, behind OpenSSH's options.
    pub fn destination(&self, route: Route) -> String {
        match route {
            Route::Direct => "straightway".to_owned(),
            Route::Jump => format!("{}@{TARGET}", self.login),
            Route::Target | Route::Login | Route::Hash => format!("{}@gateway", self.user(route)),
        }
    }

    /// Options of ssh, scp and sftp.
    pub fn options(&self, route: Route) -> String {
        let configuration = format!("-F {}", self.configuration().display());
        match route {
            Route::Jump => format!("{configuration} -J {}@gateway", self.person),
            Route::Direct | Route::Target | Route::Login | Route::Hash => configuration,
        }
    }

    /// What a script finds in its environment.
    pub fn variables(&self, route: Route) -> Vec<(&'static str, String)> {
        let server = match route {
            Route::Direct => &self.straight,
            Route::Target | Route::Login | Route::Hash | Route::Jump => &self.gateway,
        };
        let options = self.options(route);
        let person = match route {
            Route::Jump => self.person.clone(),
            Route::Direct | Route::Target | Route::Login | Route::Hash => String::new(),
        };
        let key = server.key.display();
        vec![
            ("SSH", format!("ssh {options}")),
            ("SCP", format!("scp {options}")),
            ("SFTP", format!("sftp {options}")),
            ("TO", self.destination(route)),
            ("USERNAME", self.user(route)),
            ("JUMP", person),
            ("SERVER_PORT", server.port.to_string()),
            ("KEY", key.to_string()),
            (
                "KNOWN",
                self.folder.join("known_hosts").display().to_string(),
            ),
            (
                "CURL",
                format!(
                    "curl -sS --hostpubsha256 {} --key {key} --pubkey {key}.pub",
                    server.print
                ),
            ),
            ("BYSTANDER_PORT", self.bystander.to_string()),
        ]
    }
}

fn print(public: &Path) -> anyhow::Result<String> {
    let told = output(Command::new("ssh-keygen").arg("-lf").arg(public))?;
    let print = told.split_whitespace().nth(1);
    let print = print.and_then(|print| print.strip_prefix("SHA256:"));
    // curl wants the padding that OpenSSH leaves out
    Ok(format!("{}=", print.context("a fingerprint")?))
}

/// A server that is no target, for tunnels: it says one line, hears one thing, and is done.
fn bystander() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let greet = |mut stream: TcpStream| {
        // whoever leaves early has heard enough
        let _ = stream.write_all(b"SSH-2.0-bystander\r\n");
        let _ = stream.read(&mut [0; 1024]);
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || greet(stream));
        }
    });
    Ok(port)
}
