//! A gateway with a listener for each way of logging in over SSH, and a target that knows authorities only.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lasting::Site;
use crate::ports;
use crate::process::output;
use crate::ssh::Ground;
use crate::sshd::{Sshd, key_pair};

/// A target whose host authority is known, and which lets in what the gateway's authority certifies.
pub const VOUCHED: &str = "vouched";
/// The same server under a name that its host certificate is not for.
pub const MISNAMED: &str = "misnamed";
/// The same server where another host authority is expected.
pub const STRANGE: &str = "strange";
/// The same server, pinned by its key and entered with a stored ECDSA key.
pub const CURVED: &str = "curved";
/// The target `box` where a certificate is expected, and it has none.
pub const PLAIN: &str = "plain";
/// The target `box`, entered with a certificate that it does not take.
pub const SHUT: &str = "shut";

/// The listeners' ports, and the servers behind them.
pub struct Logins {
    pub ground: Ground,
    pub vouched: Sshd,
    /// Takes everything that `init` wrote for SSH, and says nothing itself.
    pub port: u16,
    /// Asks for a key, then for a token.
    pub both: u16,
    /// Asks for a certificate.
    pub certified: u16,
    /// Gives a client two seconds to log in.
    pub hasty: u16,
    folder: PathBuf,
}

impl Logins {
    /// What the target with authorities says of who comes.
    pub fn vouched_log(&self) -> PathBuf {
        self.folder.join("sshd.log")
    }
}

impl Site for Logins {
    fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let ground = Ground::prepare(folder)?;
        let folder = folder.join("logins");
        std::fs::create_dir_all(&folder)?;
        for authority in ["hosts", "other-hosts", "gateways"] {
            key_pair(&folder, authority)?;
        }
        let stored = generated(&folder, "curved", "ecdsa")?;
        let vouched = Sshd::with(&folder.join("sshd.log"), |own| {
            let names = format!("{VOUCHED},{STRANGE}");
            certify(
                &folder.join("hosts"),
                &own.join("host_key.pub"),
                &["-h", "-n", &names],
            )?;
            std::fs::write(own.join("authorized_keys"), &stored)?;
            Ok(format!(
                "HostCertificate {own}/host_key-cert.pub\nTrustedUserCAKeys {folder}/gateways.pub\n",
                own = own.display(),
                folder = folder.display()
            ))
        })?;
        let [port, both, certified, hasty] = ports::free()?;
        Ok(Self {
            ground,
            vouched,
            port,
            both,
            certified,
            hasty,
            folder,
        })
    }

    fn configured(&self, text: &str) -> String {
        let text = self.ground.configured(text);
        let listeners = [
            (self.port, "{}", ""),
            (self.both, "{ require: [[public-key, token]] }", ""),
            (self.certified, "{ require: [[certificate]] }", ""),
            (self.hasty, "{}", "    caps: { login_seconds: 2 }\n"),
        ];
        let listeners = listeners.map(|(port, ssh, caps)| {
            format!("  - address: 127.0.0.1:{port}\n{caps}    ssh: {ssh}\n")
        });
        let folder = self.folder.display();
        let key = |name: &str| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let (hosts, other) = (key("hosts.pub"), key("other-hosts.pub"));
        let made = format!("certificate: {{ authority: {{ file: {folder}/gateways }} }}");
        let stored = self.ground.sshd.gateway_key();
        let stored = format!("key: {{ file: {} }}", stored.display());
        let targets = [
            (VOUCHED, &self.vouched, &hosts, &made),
            (MISNAMED, &self.vouched, &hosts, &made),
            (STRANGE, &self.vouched, &other, &made),
            (PLAIN, &self.ground.sshd, &hosts, &stored),
        ];
        let targets = targets.map(|(name, sshd, authority, with)| {
            let authority = format!("host_authorities: [\"{}\"]", authority.trim());
            target(name, sshd, &authority, with)
        });
        let pinned = format!("host_keys: [\"{}\"]", self.ground.sshd.host_key());
        let shut = target(SHUT, &self.ground.sshd, &pinned, &made);
        let pinned = format!("host_keys: [\"{}\"]", self.vouched.host_key());
        let stored = format!("key: {{ file: {folder}/curved }}");
        let shut = shut + &target(CURVED, &self.vouched, &pinned, &stored);
        let section = "ssh:\n  user_authority: keys/ssh-user-ca\n  host_authority: keys/ssh-host-ca\n  \
                       host_key: keys/ssh-host-key\n  names: [localhost, 127.0.0.1]\n\nadmin:\n";
        text.replacen(
            "listeners:\n",
            &format!("listeners:\n{}", listeners.concat()),
            1,
        )
        .replacen(
            "targets:\n",
            &format!("targets:\n{}{shut}", targets.concat()),
            1,
        )
        .replacen("admin:\n", section, 1)
    }

    fn folders(&self) -> Vec<PathBuf> {
        let mut all = self.ground.folders();
        all.push(self.vouched.folder().to_owned());
        all
    }
}

fn target(name: &str, sshd: &Sshd, known: &str, with: &str) -> String {
    format!(
        "  {name}:\n    ssh:\n      host: 127.0.0.1\n      port: {}\n      {known}\n      \
         logins:\n        - name: {}\n          with: {{ {with} }}\n",
        sshd.port(),
        sshd.login(),
    )
}

/// A pair of another kind than the usual; returns the public line.
pub fn generated(folder: &Path, name: &str, kind: &str) -> anyhow::Result<String> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", kind, "-N", "", "-f"]);
    output(command.arg(folder.join(name)))?;
    Ok(std::fs::read_to_string(
        folder.join(name).with_extension("pub"),
    )?)
}

/// Signs a public key with an authority as OpenSSH does; it lies beside the key then.
pub fn certify(authority: &Path, public: &Path, options: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-I", "by hand", "-s"]).arg(authority);
    output(command.args(options).arg(public)).map(drop)
}

/// `ssh` with nothing but a key, and the certificate beside it where there is one.
pub struct Client<'a> {
    pub key: &'a Path,
    /// The address that it comes from: failures of one do not slow down another.
    pub from: &'a str,
    pub port: u16,
    pub user: &'a str,
}

impl Client<'_> {
    pub fn ssh(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        let port = self.port.to_string();
        command
            .args(["-F", "none", "-o", "StrictHostKeyChecking=no"])
            .args([
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                "IdentitiesOnly=yes",
            ])
            .args(["-o", "LogLevel=INFO", "-o", "ConnectTimeout=10", "-i"])
            .arg(self.key)
            .args(["-b", self.from, "-p", &port])
            .args(["-o", "NumberOfPasswordPrompts=1"])
            .args(options)
            .args(["-l", self.user, "127.0.0.1"])
            .args(words)
            .env_remove("SSH_AUTH_SOCK")
            .current_dir("/");
        command
    }

    /// The same where nobody types.
    pub fn alone(&self, words: &[&str]) -> Command {
        self.ssh(&["-o", "BatchMode=yes"], words)
    }
}
