//! What a target may prove itself with: a key that is pinned, or a certificate of an authority that is named.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use gate::Error;
use russh::Preferred;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use crate::certificate::acceptable;
use crate::config::Backend;

/// The kinds of key that a host certificate may be for.
const CERTIFIED: [Algorithm; 4] = {
    use russh::keys::EcdsaCurve::{NistP256, NistP384, NistP521};
    [
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: NistP256 },
        Algorithm::Ecdsa { curve: NistP384 },
        Algorithm::Ecdsa { curve: NistP521 },
    ]
};

/// What is known of a target.
pub(crate) struct Known {
    pinned: Vec<KeyData>,
    authorities: Vec<KeyData>,
    /// The names that a host certificate may be for.
    names: [String; 2],
}

impl Known {
    /// Of the target that the configuration calls `name`; a line that cannot be read is an error, never left out.
    pub(crate) fn of(name: &str, backend: &Backend) -> Result<Self, Error> {
        let known = Self {
            pinned: keys(&backend.host_keys, "host_keys")?,
            authorities: keys(&backend.host_authorities, "host_authorities")?,
            names: [backend.host.clone(), name.to_owned()],
        };
        if known.pinned.is_empty() && known.authorities.is_empty() {
            let message = "neither a host key nor a host authority of the target is named";
            return Err(Error::Configuration(message.to_owned()));
        }
        Ok(known)
    }

    /// Only keys of the kinds that are pinned are asked for; with an authority any, for the text of a refusal.
    pub(crate) fn preferred(&self, otherwise: Preferred) -> Preferred {
        if self.authorities.is_empty() {
            let kinds = self.pinned.iter().map(KeyData::algorithm);
            return Preferred {
                key: Cow::Owned(kinds.collect()),
                ..otherwise
            };
        }
        Preferred {
            host_key_certificates: Cow::Borrowed(&CERTIFIED),
            ..otherwise
        }
    }

    /// Whether it is the target; else why not, in words for people.
    pub(crate) fn check(&self, shown: &PublicKeyOrCertificate) -> Result<(), String> {
        let key = shown.public_key();
        if self.pinned.contains(key.key_data()) {
            return Ok(());
        }
        let fingerprint = fingerprint(key.key_data());
        match shown {
            PublicKeyOrCertificate::PublicKey { .. } if self.authorities.is_empty() => Err(
                format!("shows the host key {fingerprint}, which is not pinned"),
            ),
            PublicKeyOrCertificate::PublicKey { .. } => Err(format!(
                "shows the host key {fingerprint} without a certificate of its host authority"
            )),
            PublicKeyOrCertificate::Certificate(certificate) => {
                self.vouched(certificate).map_err(|why| {
                    format!("shows the host key {fingerprint} with a certificate that {why}")
                })
            }
        }
    }

    fn vouched(&self, certificate: &Certificate) -> Result<(), String> {
        let authority = certificate.signature_key();
        if !self.authorities.contains(authority) {
            let fingerprint = fingerprint(authority);
            return Err(format!("another authority signed, {fingerprint}"));
        }
        let signed_with = certificate.signature().algorithm();
        if !acceptable(&signed_with) || certificate.verify_signature().is_err() {
            return Err("its authority did not sign so".to_owned());
        }
        if certificate.cert_type() != CertType::Host {
            return Err("is no host's".to_owned());
        }
        let valid = certificate.valid_after()..certificate.valid_before();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        if !now.is_ok_and(|now| valid.contains(&now.as_secs())) {
            return Err("is not valid now".to_owned());
        }
        if !certificate.critical_options().is_empty() {
            return Err("has a critical option that is not known".to_owned());
        }
        let mut named = certificate.valid_principals().iter();
        if !named.any(|name| self.names.contains(name)) {
            return Err("is for another host".to_owned());
        }
        Ok(())
    }
}

/// Public keys, a line each.
pub(crate) fn keys(lines: &[String], what: &str) -> Result<Vec<KeyData>, Error> {
    let read = |line: &String| {
        let key = PublicKey::from_openssh(line.trim());
        key.map(|key| key.key_data().clone())
            .map_err(|_| Error::Configuration(format!("`{what}`: a line is no public key")))
    };
    lines.iter().map(read).collect()
}

fn fingerprint(key: &KeyData) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}
