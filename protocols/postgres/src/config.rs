//! Settings of a Postgres listener and of a Postgres target.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use gate::Error;
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
    /// Where else it is: tried in this order after `at`, where one does not answer, is starting up, is full, or is not
    /// what `target_session_attrs` asks for.
    #[serde(default)]
    pub or_at: Vec<At>,
    /// Which of several servers will do.
    #[serde(default)]
    pub target_session_attrs: SessionAttributes,
    /// The databases on offer; the first is the default.
    pub databases: Vec<String>,
    /// The role that the gateway logs in as.
    pub user: String,
    /// Its password, by reference. Unneeded where the server believes the certificate, or the socket.
    #[serde(default)]
    pub password: Option<Reference>,
    /// What the gateway proves itself with over TLS.
    #[serde(default)]
    pub certificate: Option<Certificate>,
}

/// Which server will do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionAttributes {
    #[default]
    Any,
    /// One that takes writes: no standby, and not read-only by default.
    ReadWrite,
}

/// A certificate of the gateway's own and its key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// PEM, the leaf first.
    pub chain: PathBuf,
    /// PEM, by reference.
    pub key: Reference,
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
    /// 127.0.0.1 without TLS, for a server on the gateway's own machine.
    Loopback {
        #[serde(default = "default_port")]
        port: u16,
    },
}

impl At {
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Tcp { host, port, .. } => Endpoint::Tcp {
                host: host.clone(),
                port: *port,
            },
            Self::Unix { path } => Endpoint::Unix { path: path.clone() },
            Self::Loopback { port } => Endpoint::Tcp {
                host: Ipv4Addr::LOCALHOST.to_string(),
                port: *port,
            },
        }
    }

    /// Whether a password may be shown to whoever answers there: proved by TLS, or by the file system.
    pub(crate) fn is_proved(&self) -> bool {
        match self {
            Self::Tcp { .. } | Self::Unix { .. } => true,
            Self::Loopback { .. } => false,
        }
    }
}

impl Backend {
    /// All places, in the order in which they are tried.
    pub(crate) fn places(&self) -> impl Iterator<Item = &At> {
        std::iter::once(&self.at).chain(&self.or_at)
    }

    /// What is wrong with it that can be told without the server.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |why: &str| Err(Error::Configuration(why.to_owned()));
        if self.databases.is_empty() {
            return wrong("`databases` names none (hint: the first is the default)");
        }
        if self.or_at.len() >= MOST_PLACES {
            return wrong("`at` and `or_at` are too many (hint: 8 places at most)");
        }
        let mut secured = self.places().filter(|at| matches!(at, At::Tcp { .. }));
        if self.certificate.is_some() && secured.next().is_none() {
            return wrong("`certificate` is shown over TLS only (hint: reach the server by `tcp`)");
        }
        for at in self.places() {
            self.tls(at)?;
        }
        Ok(())
    }

    /// How the connection to a place is secured, and the name that its certificate must have.
    pub(crate) fn tls(&self, at: &At) -> Result<Option<Secured>, Error> {
        let At::Tcp {
            host,
            ca,
            server_name,
            ..
        } = at
        else {
            return Ok(None);
        };
        let roots = read(ca)?;
        let client = match &self.certificate {
            None => gate::tls::client(&roots)?,
            Some(Certificate { chain, key }) => {
                let key = key
                    .resolve()
                    .map_err(|error| Error::Configuration(error.to_string()))?;
                gate::tls::client_with_certificate(&roots, &read(chain)?, key.expose().as_bytes())?
            }
        };
        let name = server_name.as_deref().unwrap_or(host).to_owned();
        Ok(Some(Secured { client, name }))
    }
}

pub(crate) struct Secured {
    pub(crate) client: gate::tls::Client,
    pub(crate) name: String,
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path)
        .map_err(|error| Error::Configuration(format!("{}: {error}", path.display())))
}

fn default_port() -> u16 {
    5432
}

const MOST_PLACES: usize = 8;
