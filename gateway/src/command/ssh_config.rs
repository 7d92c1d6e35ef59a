//! `countersign ssh-config`: writes what OpenSSH's client must know to reach targets through the gateway.

use std::fmt::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use ssh_key::PublicKey;

use crate::cli::SshConfig;
use crate::client::Client;
use crate::command::user_key::own_name;
use crate::output::{Printer, visible};

/// What the gateway is called in the written file.
const JUMP: &str = "countersign";

pub(super) fn run(arguments: &SshConfig, printer: &Printer) -> anyhow::Result<ExitCode> {
    let client = Client::from_environment()?;
    let ssh: admin::view::Ssh = serde_json::from_value(client.get("/v1/ssh")?)
        .context("what the gateway says of its SSH makes no sense")?;
    let host = arguments.host.clone().or_else(|| host_of(client.url()));
    let host = host.context("COUNTERSIGN_URL names no host: say it with --host")?;
    let port = arguments.port.or_else(|| ssh.ports.first().copied());
    let port = port.context("the gateway has no port for SSH: say it with --port")?;
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let under_home = |path: &str| {
        let home = home
            .clone()
            .context("HOME is not set: say --directory and --identity");
        home.map(|home| home.join(path))
    };
    let folder = match &arguments.directory {
        Some(folder) => std::path::absolute(folder)?,
        None => under_home(".ssh/countersign")?,
    };
    let identity = match &arguments.identity {
        Some(identity) => std::path::absolute(identity)?,
        None => under_home(".ssh/id_ed25519")?,
    };
    let client_side = ClientSide {
        person: own_name(&client)?,
        host,
        port,
        identity,
        known_hosts: folder.join("known_hosts"),
        authority: authority(&ssh.host_authority)?,
        targets: if arguments.targets.is_empty() {
            ssh.targets
        } else {
            arguments.targets.clone()
        },
    };
    client_side.check()?;
    let config = folder.join("config");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| folder.display().to_string())?;
    write(&client_side.known_hosts, &client_side.known_hosts_line())?;
    write(&config, &client_side.config()?)?;
    let include = format!("Include \"{}\"", plain(&config)?);
    let words = format!(
        "wrote {} and {}\nnext: put this line first in ~/.ssh/config, then `ssh {}`\n{include}",
        config.display(),
        client_side.known_hosts.display(),
        client_side.targets.first().map_or("TARGET", String::as_str),
    );
    let answer: Value = json!({
        "config": config,
        "known_hosts": client_side.known_hosts,
        "include": include,
        "targets": client_side.targets,
    });
    printer.say(&answer, &words)?;
    Ok(ExitCode::SUCCESS)
}

/// All that stands in the files.
struct ClientSide {
    person: String,
    host: String,
    port: u16,
    identity: PathBuf,
    known_hosts: PathBuf,
    authority: String,
    targets: Vec<String>,
}

impl ClientSide {
    /// A word that is none could bring in directives of its own.
    fn check(&self) -> anyhow::Result<()> {
        let plain = |word: &str, more: &[u8]| {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
            !word.is_empty() && !word.starts_with('-') && word.bytes().all(good)
        };
        ensure!(
            plain(&self.host, b".-:_"),
            "`{}` is no host name",
            visible(&self.host)
        );
        ensure!(
            plain(&self.person, b".-_"),
            "`{}` is no name of a person",
            visible(&self.person)
        );
        for target in &self.targets {
            ensure!(
                plain(target, b"-_") && target != JUMP,
                "`{}` is no target's name",
                visible(target)
            );
        }
        Ok(())
    }

    fn config(&self) -> anyhow::Result<String> {
        let identity = quoted(&self.identity)?;
        let mut certificate = self.identity.clone().into_os_string();
        certificate.push("-cert.pub");
        let certificate = quoted(Path::new(&certificate))?;
        let known_hosts = quoted(&self.known_hosts)?;
        // `IdentitiesOnly`: an agent full of keys would use up the tries
        let shared = format!(
            "    IdentityFile {identity}\n    CertificateFile {certificate}\n    IdentitiesOnly yes\n    \
             UserKnownHostsFile {known_hosts}\n    GlobalKnownHostsFile none\n    StrictHostKeyChecking yes\n"
        );
        let mut text = format!(
            "# Written by `countersign ssh-config`; it is written anew each time.\n\
             # `countersign ssh-certificate --file {}.pub` renews the certificate.\n\n\
             Host {JUMP}\n    HostName {}\n    Port {}\n    User {}\n{shared}",
            self.identity.display(),
            self.host,
            self.port,
            self.person,
        );
        for target in &self.targets {
            let _ = write!(
                text,
                "\n# the user is the login at the target: `ssh LOGIN@{target}`\n\
                 Host {target}\n    HostName {target}\n    Port 22\n    ProxyJump {JUMP}\n{shared}"
            );
        }
        Ok(text)
    }

    /// The gateway shows a host certificate in its own name, and in that of each target that is reached through it.
    fn known_hosts_line(&self) -> String {
        let mut names = vec![match self.port {
            22 => self.host.clone(),
            port => format!("[{}]:{port}", self.host),
        }];
        names.extend(self.targets.iter().cloned());
        format!("@cert-authority {} {}\n", names.join(","), self.authority)
    }
}

/// The host authority's key, without anything beside it that a file of known hosts would read.
fn authority(line: &str) -> anyhow::Result<String> {
    let key = PublicKey::from_openssh(line).context("the gateway's host authority")?;
    Ok(PublicKey::from(key.key_data().clone()).to_openssh()?)
}

/// As most of ssh_config takes a path: in quotes, `%` twice.
fn quoted(path: &Path) -> anyhow::Result<String> {
    Ok(format!("\"{}\"", plain(path)?.replace('%', "%%")))
}

/// A path that can stand between quotes.
fn plain(path: &Path) -> anyhow::Result<&str> {
    let text = path.to_str().filter(|text| {
        let breaks = |letter: char| letter.is_control() || matches!(letter, '"' | '\\' | '$');
        !text.contains(breaks)
    });
    text.with_context(|| format!("{} cannot stand in a file of ssh_config", path.display()))
}

/// `https://gateway.example.com:7443/` is at `gateway.example.com`.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let place = rest.split(['/', '?', '#']).next()?;
    let host = match place.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => place.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.to_owned())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let file = options.open(path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const AUTHORITY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn side(folder: &Path) -> ClientSide {
        ClientSide {
            person: "ada".into(),
            host: "gate.example.com".into(),
            port: 2222,
            identity: folder.join("my 100% key"),
            known_hosts: folder.join("known_hosts"),
            authority: AUTHORITY.into(),
            targets: vec!["box".into(), "web-1".into()],
        }
    }

    /// What OpenSSH itself makes of the file, for a host.
    fn resolved(config: &Path, host: &str) -> Vec<String> {
        let mut command = Command::new("ssh");
        let output = command.arg("-G").arg("-F").arg(config).arg(host);
        let output = output.output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        let told = String::from_utf8(output.stdout).unwrap();
        told.lines().map(str::to_owned).collect()
    }

    #[test]
    fn openssh_takes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (side, config) = (side(folder.path()), folder.path().join("config"));
        side.check().unwrap();
        write(&config, &side.config().unwrap()).unwrap();
        let key = folder.path().join("my 100%% key").display().to_string();
        let shared = [
            format!("identityfile {key}"),
            format!("certificatefile {key}-cert.pub"),
            format!("userknownhostsfile {}", side.known_hosts.display()),
            "stricthostkeychecking true".to_owned(),
            "identitiesonly yes".to_owned(),
        ];
        let own = |host: &str| match host {
            JUMP => vec!["hostname gate.example.com", "port 2222", "user ada"],
            host => vec![
                if host == "box" {
                    "hostname box"
                } else {
                    "hostname web-1"
                },
                "port 22",
                "proxyjump countersign",
            ],
        };
        for host in [JUMP, "box", "web-1"] {
            let told = resolved(&config, host);
            let expected = own(host).into_iter().map(str::to_owned);
            for line in expected.chain(shared.clone()) {
                assert!(told.contains(&line), "{host}: {line}\n{told:#?}");
            }
        }
    }

    #[test]
    fn openssh_finds_the_authority_for_gateway_and_targets() {
        let folder = tempfile::tempdir().unwrap();
        let side = side(folder.path());
        write(&side.known_hosts, &side.known_hosts_line()).unwrap();
        for (host, known) in [
            ("[gate.example.com]:2222", true),
            ("box", true),
            ("web-1", true),
            ("elsewhere", false),
        ] {
            let mut command = Command::new("ssh-keygen");
            let file = side.known_hosts.as_os_str();
            let output = command.args(["-F", host, "-f"]).arg(file).output().unwrap();
            let told = String::from_utf8(output.stdout).unwrap();
            assert_eq!(told.contains("CA"), known, "{host}: {told}");
            assert_eq!(told.contains(AUTHORITY), known, "{host}: {told}");
        }
    }

    #[test]
    fn no_word_brings_in_a_directive() {
        let folder = Path::new("/home/ada/.ssh");
        for bad in [
            "",
            "-oProxyCommand=x",
            "a b",
            "a\nProxyCommand x",
            "*",
            "a,b",
            "a%h",
        ] {
            let target = ClientSide {
                targets: vec![bad.into()],
                ..side(folder)
            };
            target.check().unwrap_err();
            let host = ClientSide {
                host: bad.into(),
                ..side(folder)
            };
            host.check().unwrap_err();
        }
        for bad in ["a\"b", "a\nb", "a$b"] {
            quoted(Path::new(bad)).unwrap_err();
        }
        authority("ssh-ed25519 AAAA").unwrap_err();
        let commented = format!("{AUTHORITY} x\n");
        assert_eq!(authority(commented.trim()).unwrap(), AUTHORITY);
    }

    #[test]
    fn the_host_of_a_url() {
        for (url, host) in [
            ("https://localhost:7443", Some("localhost")),
            ("https://gate.example.com/", Some("gate.example.com")),
            ("https://[::1]:7443/x", Some("::1")),
            ("localhost", None),
            ("https://", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }
}
