//! Keys: those that prove the gateway to clients, with certificates in the names of targets, and the algorithms on offer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gate::Error;
use gate::secret::Reference;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, PrivateKey, decode_secret_key};
use russh::server::Config;
use russh::{MethodSet, Preferred, SshId, cipher};

use crate::config::Listener;
use crate::host::{self, Known};
use crate::serve::Jump;

/// Host certificates are made anew for each connection: they live as long as a clock may be wrong.
const CERTIFIED_FOR: Duration = Duration::from_secs(24 * 3600);
const SKEW: Duration = Duration::from_secs(3600);
const ID: &str = "SSH-2.0-Countersign";
/// The cheapest first. ChaCha20-Poly1305 is not among them: it lets packets be cut out of the beginning (Terrapin) where a
/// client does not agree on strict key exchange.
const CIPHERS: &[cipher::Name] = &[cipher::AES_128_GCM, cipher::AES_256_GCM];
/// For what knows nothing better, such as libssh2 and paramiko of before 2024. It costs four times as much, and many
/// clients prefer it where it is on offer.
const LEGACY_CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// What the gateway proves itself with.
pub(crate) struct HostKeys {
    keys: Vec<PrivateKey>,
    authority: Option<PrivateKey>,
    names: Vec<String>,
    /// What a client may begin with.
    methods: MethodSet,
    ciphers: &'static [cipher::Name],
    plain: Arc<Config>,
}

impl HostKeys {
    pub(crate) fn load(listener: &Listener, methods: MethodSet) -> Result<Self, Error> {
        let section = listener.section.as_ref();
        let keys = match (&listener.host_keys, section) {
            (own, Some(section)) if own.is_empty() => &section.host_keys,
            (own, _) => own,
        };
        let keys = keys.iter().map(|one| private(one, "host_keys"));
        let keys: Vec<PrivateKey> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() {
            let message = "`host_keys` names no key, nor does `host_key` in the section `ssh`";
            return Err(Error::Configuration(message.to_owned()));
        }
        let authority = listener.host_authority.as_ref();
        let authority = authority.or(section.map(|section| &section.host_authority));
        let authority = authority
            .map(|one| private(one, "host_authority"))
            .transpose()?;
        let names = match (&listener.names, section) {
            (own, Some(section)) if own.is_empty() => section.names.clone(),
            (own, _) => own.clone(),
        };
        let mut made = Self {
            keys,
            authority,
            names,
            methods,
            ciphers: match listener.legacy_ciphers {
                true => LEGACY_CIPHERS,
                false => CIPHERS,
            },
            plain: Arc::new(Config::default()),
        };
        made.plain = Arc::new(made.config(Vec::new()));
        Ok(made)
    }

    /// For a connection to the gateway itself, or for one that the client believes to be with a target.
    pub(crate) fn shown(&self, jump: Option<&Jump>) -> Arc<Config> {
        match jump {
            Some(jump) => self.named(std::slice::from_ref(&jump.target)),
            None if self.names.is_empty() => self.plain.clone(),
            None => self.named(&self.names),
        }
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
            methods: self.methods.clone(),
            // failures cost time by source and name, in the gate
            auth_rejection_time: Duration::ZERO,
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: self.keys.clone(),
            certificates,
            max_auth_attempts: 6,
            inactivity_timeout: None,
            keepalive_interval: Some(Duration::from_secs(30)),
            keepalive_max: 4,
            preferred: preferred(self.ciphers),
            nodelay: true,
            ..Config::default()
        }
    }
}

/// For the leg to a target: it is asked for what is known of it.
pub(crate) fn towards(known: &Known) -> russh::client::Config {
    russh::client::Config {
        client_id: SshId::Standard(Cow::Borrowed(ID)),
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(30)),
        keepalive_max: 4,
        preferred: known.preferred(preferred(LEGACY_CIPHERS)),
        nodelay: true,
        ..russh::client::Config::default()
    }
}

/// The authorities whose user certificates log in at a listener.
pub(crate) fn user_authorities(listener: &Listener) -> Result<Vec<KeyData>, Error> {
    match &listener.section {
        Some(section) if listener.user_authorities.is_empty() => {
            let key = private(&section.user_authority, "user_authority")?;
            Ok(vec![key.public_key().key_data().clone()])
        }
        _ => host::keys(&listener.user_authorities, "user_authorities"),
    }
}

pub(crate) fn private(reference: &Reference, what: &str) -> Result<PrivateKey, Error> {
    let secret = reference
        .resolve()
        .map_err(|error| Error::Configuration(format!("`{what}`: {error}")))?;
    let refuse = |why: &str| Error::Configuration(format!("`{what}`: {why}"));
    let key = decode_secret_key(secret.expose(), None)
        .map_err(|_| refuse("not a private key that can be read, or one with a passphrase"))?;
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(key),
        // signing with RSA in a way that tells nothing by its time is not at hand
        _ => Err(refuse(
            "keys of this kind are not taken: use ed25519 or ecdsa",
        )),
    }
}

fn preferred(ciphers: &'static [cipher::Name]) -> Preferred {
    Preferred {
        cipher: Cow::Borrowed(ciphers),
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
