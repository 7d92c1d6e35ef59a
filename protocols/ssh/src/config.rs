//! Settings of an SSH listener and of an SSH target.

use gate::secret::Reference;
use gate::upstream::Endpoint;
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Private keys that prove the gateway to clients, in OpenSSH's format.
    pub host_keys: Vec<Reference>,
    /// The private key of the host authority: with it the gateway shows host certificates, made in memory, also in the
    /// name of each target that is reached through it with `ssh -J`.
    #[serde(default)]
    pub host_authority: Option<Reference>,
    /// The names that the gateway's own host certificate is valid for.
    #[serde(default)]
    pub names: Vec<String>,
    #[serde(default)]
    pub buffers: Buffers,
    /// Open channels of one connection.
    #[serde(default = "default_channels")]
    #[schemars(range(min = 1))]
    pub channels: usize,
}

/// What one direction of one channel may keep while its other side does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Buffers {
    /// Bytes in memory.
    pub memory_bytes: usize,
    /// Bytes beyond, encrypted in an unlinked temporary file; past them the channel ends with an error.
    pub spill_bytes: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 20,
            spill_bytes: 1 << 30,
        }
    }
}

/// Settings of a target.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    pub host: String,
    #[serde(default = "default_port")]
    pub port: u16,
    /// The server's public keys, a line each as in `known_hosts` without the host. Another key is refused.
    pub host_keys: Vec<String>,
    /// The accounts on offer; the first is the default.
    pub logins: Vec<Login>,
}

/// An account at a target, and how the gateway logs in to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub name: String,
    pub with: Credential,
    /// The shell that reads its command lines at the target.
    #[serde(default)]
    pub shell: Shell,
}

/// A login shell. Command lines are understood as the first three read them; for any other each one is opaque.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shell {
    #[default]
    Sh,
    Bash,
    Dash,
    Zsh,
    Ksh,
    Fish,
    Csh,
    Tcsh,
    Powershell,
    Cmd,
    Other,
}

/// What proves the gateway to a target, by reference.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Credential {
    /// A private key in OpenSSH's format.
    Key(Reference),
    Password(Reference),
}

impl Shell {
    pub(crate) const fn is_understood(self) -> bool {
        match self {
            Self::Sh | Self::Bash | Self::Dash => true,
            Self::Zsh
            | Self::Ksh
            | Self::Fish
            | Self::Csh
            | Self::Tcsh
            | Self::Powershell
            | Self::Cmd
            | Self::Other => false,
        }
    }
}

impl Backend {
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Tcp {
            host: self.host.clone(),
            port: self.port,
        }
    }

    /// The account of that name, or the default one.
    pub(crate) fn login(&self, name: Option<&str>) -> Option<&Login> {
        match name {
            None => self.logins.first(),
            Some(name) => self.logins.iter().find(|login| login.name == name),
        }
    }
}

fn default_port() -> u16 {
    22
}

fn default_channels() -> usize {
    256
}
