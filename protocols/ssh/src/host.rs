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

#[cfg(test)]
mod tests {
    use russh::keys::PrivateKey;
    use russh::keys::ssh_key::certificate::Builder;
    use russh::keys::ssh_key::private::Ed25519Keypair;

    use super::*;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
    }

    fn line(key: &PrivateKey) -> String {
        key.public_key().to_openssh().unwrap()
    }

    fn known(pinned: &[u8], authorities: &[u8]) -> Known {
        let lines = |seeds: &[u8]| seeds.iter().map(|seed| line(&key(*seed))).collect();
        let backend = Backend {
            host: "box.internal".into(),
            port: 22,
            host_keys: lines(pinned),
            host_authorities: lines(authorities),
            ..serde_json::from_str(r#"{"host":"x","logins":[]}"#).unwrap()
        };
        Known::of("box", &backend).unwrap()
    }

    /// A host certificate of the authority 1 for the key 2, with something changed.
    fn certified(change: impl FnOnce(&mut Builder), valid: (i64, i64)) -> PublicKeyOrCertificate {
        typed(CertType::Host, change, valid)
    }

    fn typed(
        cert_type: CertType,
        change: impl FnOnce(&mut Builder),
        valid: (i64, i64),
    ) -> PublicKeyOrCertificate {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let at = |seconds: i64| now.as_secs().saturating_add_signed(seconds);
        let public = key(2).public_key().key_data().clone();
        let mut builder = Builder::new([7; 16], public, at(valid.0), at(valid.1)).unwrap();
        builder.cert_type(cert_type).unwrap();
        change(&mut builder);
        builder.sign(&key(1)).unwrap().into()
    }

    fn named(name: &'static str) -> impl FnOnce(&mut Builder) {
        move |builder| drop(builder.valid_principal(name).map(|_| ()))
    }

    #[test]
    fn a_host_certificate_is_for_this_host_now() {
        let known = known(&[], &[1]);
        for name in ["box", "box.internal"] {
            known.check(&certified(named(name), (-60, 60))).unwrap();
        }
        let why = |shown| known.check(&shown).unwrap_err();
        let over = why(certified(named("box"), (-60, -1)));
        assert!(over.contains("is not valid now"), "{over}");
        let later = why(certified(named("box"), (60, 120)));
        assert!(later.contains("is not valid now"), "{later}");
        let another = why(certified(named("box.internal.example"), (-60, 60)));
        assert!(another.contains("is for another host"), "{another}");
        let everybody = certified(|it| drop(it.all_principals_valid().map(|_| ())), (-60, 60));
        assert!(why(everybody).contains("is for another host"));
        let user = typed(CertType::User, named("box"), (-60, 60));
        assert!(why(user).contains("is no host's"));
        let critical = |builder: &mut Builder| {
            builder.valid_principal("box").unwrap();
            builder.critical_option("x@example.com", "y").unwrap();
        };
        let critical = why(certified(critical, (-60, 60)));
        assert!(critical.contains("critical option"), "{critical}");
    }

    #[test]
    fn another_authority_is_named_and_a_pinned_key_is_enough() {
        let shown = certified(named("box"), (-60, 60));
        let why = known(&[], &[3]).check(&shown).unwrap_err();
        let fingerprint = key(1).public_key().fingerprint(HashAlg::Sha256).to_string();
        assert!(why.contains(&fingerprint), "{why}");
        known(&[2], &[3]).check(&shown).unwrap();
        let bare = PublicKeyOrCertificate::from(key(2).public_key().clone());
        known(&[2], &[]).check(&bare).unwrap();
        known(&[1], &[1]).check(&bare).unwrap_err();
        let nothing = serde_json::from_str(r#"{"host":"x","logins":[]}"#).unwrap();
        assert!(Known::of("box", &nothing).is_err());
    }
}
