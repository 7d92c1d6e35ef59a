//! The sections of the configuration that no protocol has a say in.

use std::net::SocketAddr;
use std::path::PathBuf;

use gate::secret::Reference;
use policy::mask::DataClass;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Tls;

/// People and services. They prove who they are with access tokens.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Identity {
    /// How many questions one identity may have open at a time; what would ask another is refused.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) open_questions: u16,
}

impl Default for Identity {
    fn default() -> Self {
        Self { open_questions: 20 }
    }
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policies {
    /// All its `*.cedar` files are in force.
    pub(crate) folder: PathBuf,
}

/// Kinds of sensitive data. Each is hidden from all whom no policy permits to `reveal` it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Masking {
    #[serde(default)]
    pub(crate) classes: Vec<DataClass>,
    /// At least 32 bytes; needed where a class is hidden by `hash`.
    pub(crate) key: Option<Reference>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recording {
    /// The audit log; one gateway at a time.
    pub(crate) audit: PathBuf,
    /// The recordings of sessions.
    pub(crate) tapes: PathBuf,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreSettings {
    /// An SQLite file with accounts, tokens, approvals and sessions.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    /// Signs the checkpoints of the audit log (Ed25519, PKCS#8 in PEM).
    pub(crate) audit: PathBuf,
    /// Verifies them.
    pub(crate) audit_public: PathBuf,
    /// Encrypts the recordings.
    pub(crate) tapes: PathBuf,
}

/// Authorities for SSH certificates: private keys as OpenSSH keeps them, Ed25519, without a passphrase.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ssh {
    /// Signs people's short-lived certificates.
    pub(crate) user_authority: PathBuf,
    /// Signs those of hosts; clients are told its public half.
    pub(crate) host_authority: PathBuf,
    /// Proves the gateway to clients, on every listener that names no key of its own.
    pub(crate) host_key: Option<PathBuf>,
    /// What clients call the gateway: its host certificates, made in memory, are for these names.
    #[serde(default)]
    pub(crate) names: Vec<String>,
}

/// The API that the command line, bots and the web UI use.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Tls>,
}

/// What the program says about itself; it never holds the text of a request.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Telemetry {
    /// Serves `/metrics`, `/healthz` and `/readyz` in plaintext here; without it they are on `admin`.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) output: Output,
    pub(crate) format: Format,
    /// Which messages are written, such as `info` or `warn,gate=debug`.
    pub(crate) filter: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Output {
    #[default]
    Stderr,
    /// Appended to; a SIGHUP opens it anew, so that it can be rotated.
    File(PathBuf),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}
