//! Public keys and certificates of SSH: the protocol verifies signatures, whose they are is decided here.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use policy::identity::{Credential, Lineage};

use super::{Authenticated, LoginRefused};
use crate::directory::{Account, SshKey};
use crate::gate::Gate;

pub(crate) const KEY: &str = "ssh-key";
pub(super) const CERTIFICATE: &str = "ssh-certificate";
/// Before the serial, in the id of such a credential.
const SERIAL: &str = "ssh-certificate-";

/// What is left to check of a certificate that the protocol has verified: signature and authority, that it is a user's,
/// its principals, its time and its critical options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshCertificate {
    pub serial: u64,
    /// Whom it names, for the record of the protocol; decides nothing here.
    pub key_id: String,
    /// Unix seconds: sessions end then.
    pub valid_until: i64,
}

impl SshCertificate {
    /// What this certificate is called as a credential: in the audit log, and where it is revoked.
    pub fn credential(serial: u64) -> String {
        format!("{SERIAL}{serial}")
    }
}

/// `SHA256:...` of a public key in its wire form, as OpenSSH shows it.
pub fn ssh_fingerprint(blob: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, blob);
    format!("SHA256:{}", STANDARD_NO_PAD.encode(hash))
}

impl Gate {
    /// Who registered this public key, where somebody did and it is live: for answering an offer, and for a client that
    /// names a target but not itself. It proves nothing and changes nothing.
    pub fn ssh_key_owner(&self, blob: &[u8]) -> Option<String> {
        let account = self.directory().owner_of_ssh_key(&ssh_fingerprint(blob))?;
        let now = self.now() / 1_000_000_000;
        live_key(&account, blob, now)?;
        Some(account.name.clone())
    }

    /// Only for a key whose signature over this very login was verified: the key alone proves nothing. Earlier failures
    /// are forgotten by [`Gate::welcome`], once nothing more is asked.
    pub fn ssh_key(
        &self,
        user: &str,
        blob: &[u8],
        source: IpAddr,
    ) -> Result<Authenticated, LoginRefused> {
        let account = self.directory().account(user);
        let now = self.now() / 1_000_000_000;
        let found = account
            .as_ref()
            .and_then(|account| Some((account, live_key(account, blob, now)?)));
        let Some((account, key)) = found else {
            return self.refused(user, source);
        };
        let credential = Credential {
            id: key.id.clone(),
            kind: KEY.into(),
            lineage: Lineage(key.id.clone()),
        };
        self.entered(account, credential, source)
    }

    /// Only for a certificate that was verified, with the signature over this very login; as with a key.
    pub fn ssh_certificate(
        &self,
        user: &str,
        certificate: &SshCertificate,
        source: IpAddr,
    ) -> Result<Authenticated, LoginRefused> {
        let now = self.now() / 1_000_000_000;
        let serial = certificate.serial;
        let good = |account: &Arc<Account>| {
            now < certificate.valid_until && !account.revoked_certificates.contains(&serial)
        };
        let Some(account) = self.directory().account(user).filter(good) else {
            return self.refused(user, source);
        };
        let credential = Credential {
            id: SshCertificate::credential(serial),
            kind: CERTIFICATE.into(),
            // short-lived ones change: what was asked with one is theirs who come with the next
            lineage: Lineage(format!("ssh-ca:{}", account.name)),
        };
        let mut authenticated = self.entered(&account, credential, source)?;
        authenticated.until = Some(certificate.valid_until);
        Ok(authenticated)
    }

    fn refused(&self, user: &str, source: IpAddr) -> Result<Authenticated, LoginRefused> {
        self.failures().note(user, source);
        Err(LoginRefused::WrongCredential)
    }
}

fn live_key<'a>(account: &'a Account, blob: &[u8], now: i64) -> Option<&'a SshKey> {
    let mut keys = account.ssh_keys.iter();
    keys.find(|key| key.blob == blob && key.live(now))
}

pub(super) fn serial(credential: &str) -> Option<u64> {
    credential.strip_prefix(SERIAL)?.parse().ok()
}
