//! The server `box` of the demo: a throwaway sshd, ada's key, and configurations of `ssh` that lead to it both ways.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::ssh::{Ground, TARGET};
use crate::sshd::key_pair;
use crate::stand::Stand;

/// What is put up beside the stand.
pub struct Shown {
    pub ground: Ground,
    folder: PathBuf,
}

impl Shown {
    /// Before the gateway, which is told where the server is.
    pub fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let ground = Ground::prepare(folder)?;
        let folder = folder.join("ssh");
        key_pair(&folder, "ada_key")?;
        let shown = Self { ground, folder };
        shown.write_configurations()?;
        Ok(shown)
    }

    /// Once the gateway runs: ada's key is registered.
    pub fn open(&self, stand: &Stand) -> anyhow::Result<()> {
        let public = self.key().with_extension("pub");
        let Some(public) = public.to_str() else {
            bail!("a path that is no text: {}", public.display());
        };
        let arguments = ["user", "key", "add", "ada", "--file", public];
        stand.gateway.place().cli(&stand.people.admin, &arguments)?;
        Ok(())
    }

    /// For `ssh -F`, through the gateway.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("config")
    }

    /// The same past it.
    pub fn direct_configuration(&self) -> PathBuf {
        self.folder.join("direct_config")
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.folder.join("known_hosts")
    }

    /// Ada's private key.
    pub fn key(&self) -> PathBuf {
        self.folder.join("ada_key")
    }

    fn write_configurations(&self) -> anyhow::Result<()> {
        let through = Way {
            port: self.ground.port,
            user: TARGET,
            key: self.key(),
            known: self.known_hosts(),
        };
        std::fs::write(self.configuration(), through.text())?;
        let sshd = &self.ground.sshd;
        let known = self.folder.join("direct_known_hosts");
        let line = format!("[127.0.0.1]:{} {}\n", sshd.port(), sshd.host_key());
        std::fs::write(&known, line)?;
        let direct = Way {
            port: sshd.port(),
            user: sshd.login(),
            key: sshd.gateway_key(),
            known,
        };
        std::fs::write(self.direct_configuration(), direct.text())?;
        Ok(())
    }
}

/// One way to the server.
struct Way<'a> {
    port: u16,
    user: &'a str,
    key: PathBuf,
    known: PathBuf,
}

impl Way<'_> {
    fn text(&self) -> String {
        let Self {
            port,
            user,
            key,
            known,
        } = self;
        format!(
            "Host {TARGET}\n  HostName 127.0.0.1\n  Port {port}\n  User {user}\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n",
            key.display(),
            known.display()
        )
    }
}
