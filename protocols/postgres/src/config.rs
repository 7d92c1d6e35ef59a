//! Settings of a Postgres listener and of a Postgres target.

use std::path::PathBuf;

use gate::secret::Reference;
use gate::upstream::Endpoint;
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Listener {
    /// Accept clients without TLS. Their tokens then prove who they are, but nobody proves the gateway to them.
    pub allow_plaintext: bool,
    /// The longest message of a client, in bytes.
    pub message_bytes: usize,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            allow_plaintext: false,
            message_bytes: 16 << 20,
        }
    }
}

/// Settings of a target.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    pub at: At,
    /// The databases on offer; the first is the default.
    pub databases: Vec<String>,
    /// The role that the gateway logs in as.
    pub user: String,
    /// Its password, by reference.
    pub password: Reference,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum At {
    /// Over TLS, always verified.
    Tcp {
        host: String,
        #[serde(default = "default_port")]
        port: u16,
        /// PEM of the CA certificates that may vouch for it.
        ca: PathBuf,
        /// The name in its certificate, where it is not `host`.
        #[serde(default)]
        server_name: Option<String>,
    },
    /// A Unix socket: the path of the socket itself.
    Unix { path: PathBuf },
}

impl At {
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Tcp { host, port, .. } => Endpoint::Tcp {
                host: host.clone(),
                port: *port,
            },
            Self::Unix { path } => Endpoint::Unix { path: path.clone() },
        }
    }
}

fn default_port() -> u16 {
    5432
}
