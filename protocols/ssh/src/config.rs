//! Settings of an SSH listener and of an SSH target.

use gate::secret::Reference;
use gate::upstream::Endpoint;
use russh::keys::PublicKey;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

pub use crate::factors::Factor;

/// Settings of a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Private keys that prove the gateway to clients, in OpenSSH's format; without any, that of the section `ssh`.
    #[serde(default)]
    pub host_keys: Vec<Reference>,
    /// The private key of the host authority: with it the gateway shows host certificates, made in memory, also in the
    /// name of each target that is reached through it with `ssh -J`. Without it, that of the section `ssh`.
    #[serde(default)]
    pub host_authority: Option<Reference>,
    /// The names that the gateway's own host certificate is valid for; without any, those of the section `ssh`.
    #[serde(default)]
    pub names: Vec<String>,
    /// Public keys of the authorities whose user certificates log in, a line each; without any, that of the section
    /// `ssh`.
    #[serde(default, deserialize_with = "public_keys")]
    pub user_authorities: Vec<String>,
    /// What it takes to log in: all proofs of one of these lists, in its order and of one person.
    #[serde(default = "default_require")]
    pub require: Vec<Vec<Factor>>,
    /// Offers ciphers in counter mode besides, for clients that know no AES-GCM, such as libssh2 before 1.11 and paramiko
    /// before 3.4. They cost the gateway four times as much, and many clients prefer them.
    #[serde(default)]
    pub legacy_ciphers: bool,
    /// The section `ssh` of the configuration.
    #[serde(skip)]
    pub section: Option<Section>,
    #[serde(default)]
    pub buffers: Buffers,
    /// Open channels of one connection.
    #[serde(default = "default_channels")]
    #[schemars(range(min = 1))]
    pub channels: usize,
}

/// What listeners take from the section `ssh` where they say nothing of it themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub host_keys: Vec<Reference>,
    pub names: Vec<String>,
    /// Private keys, as the one below.
    pub host_authority: Reference,
    pub user_authority: Reference,
}

/// What one direction of one channel may keep while its other side does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Buffers {
    /// Bytes in memory.
    pub memory_bytes: usize,
    /// Bytes beyond, encrypted in an unlinked temporary file; past them the channel ends with an error.
    pub spill_bytes: usize,
    /// Bytes in such files of all the listener's channels; past them too a channel ends that needs more.
    pub spill_total_bytes: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 20,
            spill_bytes: 1 << 30,
            spill_total_bytes: 8 << 30,
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
    #[serde(default, deserialize_with = "public_keys")]
    pub host_keys: Vec<String>,
    /// Public keys of the authorities that sign the server's host certificate, for its `host` or its name here. At least
    /// one of this and `host_keys` is named.
    #[serde(default, deserialize_with = "public_keys")]
    pub host_authorities: Vec<String>,
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
    /// A certificate that is made for each connection: it is valid for five minutes and its key id names person and session.
    Certificate(Authority),
}

/// Who signs the gateway's certificates for a target (`TrustedUserCAKeys` there).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Its private key in OpenSSH's format; never that of people's own certificates.
    pub authority: Reference,
    /// The one principal; without it, the name of the login.
    #[serde(default)]
    pub principal: Option<String>,
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

/// A line that is no key is found when it is read, not when somebody connects.
fn public_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let lines = Vec::<String>::deserialize(deserializer)?;
    for line in &lines {
        PublicKey::from_openssh(line.trim()).map_err(|_| {
            D::Error::custom("a public key is one line, such as `ssh-ed25519 AAAA...`")
        })?;
    }
    Ok(lines)
}

fn default_port() -> u16 {
    22
}

fn default_require() -> Vec<Vec<Factor>> {
    vec![vec![Factor::PublicKey], vec![Factor::Token]]
}

fn default_channels() -> usize {
    256
}
