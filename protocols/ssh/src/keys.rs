//! Keys: those that prove the gateway to clients, with certificates in the names of targets, and the algorithms on offer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gate::Error;
use gate::secret::Reference;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::{Certificate, PrivateKey, PublicKey, decode_secret_key};
use russh::server::Config;
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher};

use crate::config::{Backend, Listener};

/// Host certificates are made anew for each connection: they live as long as a clock may be wrong.
const CERTIFIED_FOR: Duration = Duration::from_secs(24 * 3600);
const SKEW: Duration = Duration::from_secs(3600);
const ID: &str = "SSH-2.0-Countersign";
/// The cheapest first. CTR, which costs four times as much, is for clients that have nothing better, such as libssh2 and
/// older paramiko: OpenSSH itself prefers one of the others.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// What the gateway proves itself with.
pub(crate) struct HostKeys {
    keys: Vec<PrivateKey>,
    authority: Option<PrivateKey>,
    names: Vec<String>,
    plain: Arc<Config>,
}

impl HostKeys {
    pub(crate) fn load(listener: &Listener) -> Result<Self, Error> {
        let keys = listener
            .host_keys
            .iter()
            .map(|one| private(one, "host_keys"));
        let keys: Vec<PrivateKey> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() {
            let message = "`host_keys` names no key".to_owned();
            return Err(Error::Configuration(message));
        }
        let authority = listener.host_authority.as_ref();
        let authority = authority
            .map(|one| private(one, "host_authority"))
            .transpose()?;
        let mut made = Self {
            keys,
            authority,
            names: listener.names.clone(),
            plain: Arc::new(Config::default()),
        };
        made.plain = Arc::new(made.config(Vec::new()));
        Ok(made)
    }

    /// For a connection to the gateway itself.
    pub(crate) fn of_gateway(&self) -> Arc<Config> {
        if self.names.is_empty() {
            return self.plain.clone();
        }
        self.named(&self.names)
    }

    /// For a connection that the client believes to be with a target.
    pub(crate) fn of_target(&self, target: &str) -> Arc<Config> {
        self.named(&[target.to_owned()])
    }

    fn named(&self, names: &[String]) -> Arc<Config> {
        let Some(authority) = &self.authority else {
            return self.plain.clone();
        };
        let certificates = self
            .keys
            .iter()
            .filter_map(|key| certified(key, authority, names));
        Arc::new(self.config(certificates.collect()))
    }

    fn config(&self, certificates: Vec<Certificate>) -> Config {
        Config {
            server_id: SshId::Standard(Cow::Borrowed(ID)),
            methods: methods(),
            // failures cost time by source and name, in the gate
            auth_rejection_time: Duration::ZERO,
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: self.keys.clone(),
            certificates,
            max_auth_attempts: 6,
            inactivity_timeout: None,
            keepalive_interval: Some(Duration::from_secs(30)),
            keepalive_max: 4,
            preferred: preferred(),
            nodelay: true,
            ..Config::default()
        }
    }
}

/// What a client may prove itself with.
pub(crate) fn methods() -> MethodSet {
    MethodSet::from(
        [
            MethodKind::PublicKey,
            MethodKind::KeyboardInteractive,
            MethodKind::Password,
        ]
        .as_slice(),
    )
}

/// For the leg to a target: only keys of the kinds that are pinned are asked for.
pub(crate) fn towards(pinned: &[PublicKey]) -> russh::client::Config {
    let kinds: Vec<_> = pinned.iter().map(PublicKey::algorithm).collect();
    russh::client::Config {
        client_id: SshId::Standard(Cow::Borrowed(ID)),
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(30)),
        keepalive_max: 4,
        preferred: Preferred {
            key: Cow::Owned(kinds),
            ..preferred()
        },
        nodelay: true,
        ..russh::client::Config::default()
    }
}

/// The pinned keys of a target; one that cannot be read is an error, never left out.
pub(crate) fn pinned(backend: &Backend) -> Result<Vec<PublicKey>, Error> {
    let read = |line: &String| {
        PublicKey::from_openssh(line)
            .map_err(|_| Error::Configuration("a pinned host key cannot be read".to_owned()))
    };
    let keys: Vec<PublicKey> = backend
        .host_keys
        .iter()
        .map(read)
        .collect::<Result<_, _>>()?;
    if keys.is_empty() {
        let message = "no host key of the target is pinned".to_owned();
        return Err(Error::Configuration(message));
    }
    Ok(keys)
}

pub(crate) fn private(reference: &Reference, what: &str) -> Result<PrivateKey, Error> {
    let secret = reference
        .resolve()
        .map_err(|error| Error::Configuration(format!("`{what}`: {error}")))?;
    decode_secret_key(secret.expose(), None)
        .map_err(|_| Error::Configuration(format!("`{what}`: not a private key that can be read")))
}

fn preferred() -> Preferred {
    Preferred {
        cipher: Cow::Borrowed(CIPHERS),
        ..Preferred::DEFAULT
    }
}

fn certified(key: &PrivateKey, authority: &PrivateKey, names: &[String]) -> Option<Certificate> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let from = now.saturating_sub(SKEW).as_secs();
    let until = (now + CERTIFIED_FOR).as_secs();
    let mut nonce = vec![0; Builder::RECOMMENDED_NONCE_SIZE];
    aws_lc_rs::rand::fill(&mut nonce).ok()?;
    let mut builder = Builder::new(nonce, key.public_key().key_data().clone(), from, until).ok()?;
    builder.cert_type(CertType::Host).ok()?;
    builder.key_id("countersign").ok()?;
    for name in names {
        builder.valid_principal(name).ok()?;
    }
    builder.sign(authority).ok()
}
