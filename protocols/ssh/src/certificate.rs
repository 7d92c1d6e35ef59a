//! A user certificate that a client logs in with: the library has verified who signed it and that its key is held,
//! whether it counts here is decided in this file.

use std::net::IpAddr;
use std::sync::Arc;

use gate::SshCertificate;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate};

use crate::permits::Permits;

/// The most names that one is looked through for; those of the gateway's own have one.
const MOST_PRINCIPALS: usize = 64;

/// Whom a certificate names, and what it lets them ask for.
pub(crate) struct Certified {
    pub(crate) name: String,
    pub(crate) certificate: SshCertificate,
    pub(crate) permits: Permits,
}

/// Why a certificate does not count; told to the operator, never to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Void {
    #[error("its key or signature is of a kind that is not taken")]
    Kind,
    #[error("another authority signed it")]
    Authority,
    #[error("it is no user's")]
    NotUsers,
    #[error("it is not valid now")]
    Time,
    #[error("it names nobody, or several people")]
    Principals,
    #[error("it is for other addresses")]
    Address,
    #[error("it forces a command that is none")]
    ForcedCommand,
    #[error("it has a critical option that is not known")]
    CriticalOption,
}

/// Where and when it is shown, and as whom.
pub(crate) struct Shown<'a> {
    pub(crate) peer: IpAddr,
    /// Unix seconds.
    pub(crate) now: u64,
    /// The bare word of the user name, where it is one.
    pub(crate) word: Option<&'a str>,
}

/// Everything about it but who the account is and whether it was revoked.
pub(crate) fn judge(
    certificate: &Certificate,
    authorities: &[KeyData],
    shown: &Shown<'_>,
) -> Result<Certified, Void> {
    let signed_with = certificate.signature().algorithm();
    let kinds = [certificate.algorithm(), signed_with];
    if !authorities.contains(certificate.signature_key()) {
        return Err(Void::Authority);
    }
    if !kinds.iter().all(acceptable) {
        return Err(Void::Kind);
    }
    certificate
        .verify_signature()
        .map_err(|_| Void::Authority)?;
    if certificate.cert_type() != CertType::User {
        return Err(Void::NotUsers);
    }
    if !(certificate.valid_after()..certificate.valid_before()).contains(&shown.now) {
        return Err(Void::Time);
    }
    let mut forced = None;
    for (option, value) in certificate.critical_options().iter() {
        match option.as_str() {
            "source-address" if within(value, shown.peer) => {}
            "source-address" => return Err(Void::Address),
            "force-command" if value.is_empty() || value.contains('\0') => {
                return Err(Void::ForcedCommand);
            }
            "force-command" => forced = Some(Arc::from(value.as_str())),
            _ => return Err(Void::CriticalOption),
        }
    }
    let extensions = certificate.extensions();
    Ok(Certified {
        name: person(certificate, shown.word).ok_or(Void::Principals)?,
        certificate: SshCertificate {
            serial: certificate.serial(),
            key_id: certificate.key_id().to_owned(),
            valid_until: i64::try_from(certificate.valid_before()).unwrap_or(i64::MAX),
        },
        permits: Permits::of_extensions(forced, |name| extensions.contains_key(name)),
    })
}

/// SHA-1 proves nothing, and whether a security key was touched the library does not tell.
pub(crate) fn acceptable(algorithm: &Algorithm) -> bool {
    use russh::keys::HashAlg::{Sha256, Sha512};
    match algorithm {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => true,
        Algorithm::Rsa { hash } => matches!(hash, Some(Sha256 | Sha512)),
        _ => false,
    }
}

/// Its one name; of several the one that the client goes by. None means nobody, never everybody.
fn person(certificate: &Certificate, word: Option<&str>) -> Option<String> {
    let names = certificate.valid_principals();
    match names {
        [one] if !one.is_empty() => Some(one.clone()),
        _ if names.len() > MOST_PRINCIPALS => None,
        _ => {
            let named = names.iter().find(|name| Some(name.as_str()) == word);
            named.cloned()
        }
    }
}

/// Whether an address lies in a list such as `192.0.2.0/24,2001:db8::1`; a list that is not understood holds none.
fn within(list: &str, peer: IpAddr) -> bool {
    let networks: Option<Vec<_>> = list.split(',').map(network).collect();
    let peer = peer.to_canonical();
    networks.is_some_and(|networks| networks.iter().any(|(base, bits)| same(*base, peer, *bits)))
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        None => (text, None),
        Some((address, bits)) => {
            let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
            (address, Some(bits.parse().ok().filter(|_| digits)?))
        }
    };
    let base: IpAddr = address.parse().ok()?;
    let most = if base.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some((base, bits))
}

fn same(base: IpAddr, peer: IpAddr, bits: u32) -> bool {
    match (base, peer) {
        (IpAddr::V4(base), IpAddr::V4(peer)) => {
            let differs = base.to_bits() ^ peer.to_bits();
            differs.checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(base), IpAddr::V6(peer)) => {
            let differs = base.to_bits() ^ peer.to_bits();
            differs.checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lie_in_their_networks() {
        let peer: IpAddr = "192.0.2.7".parse().unwrap();
        for list in [
            "192.0.2.7",
            "192.0.2.0/24",
            "10.0.0.0/8,192.0.2.7/32",
            "0.0.0.0/0",
        ] {
            assert!(within(list, peer), "{list}");
        }
        for list in [
            "",
            "192.0.2.8",
            "192.0.3.0/24",
            "::/0",
            "192.0.2.0/33",
            "192.0.2.7,nonsense",
            "!192.0.2.8",
            "192.0.2.0/+24",
            "192.0.2.0/",
            " 192.0.2.7",
            "*",
        ] {
            assert!(!within(list, peer), "{list}");
        }
        let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        assert!(within("192.0.2.0/24", mapped));
        let six: IpAddr = "2001:db8::1".parse().unwrap();
        assert!(within("2001:db8::/32", six) && within("::/0", six));
        assert!(!within("2001:db9::/32", six) && !within("0.0.0.0/0", six));
    }
}
