//! SSH keys and certificates.

use serde::{Deserialize, Serialize};

use super::{Revoked, Time};

/// A key as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    pub id: String,
    pub account: String,
    pub name: String,
    /// `SHA256:...`, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    pub added_by: String,
    pub added_at: Time,
    /// Null is never.
    pub expires_at: Option<Time>,
    pub last_used: Option<Time>,
    pub revoked: Option<Revoked>,
}

/// The body that adds a key to any account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSshKey {
    pub account: String,
    pub name: String,
    /// `ssh-ed25519 AAAA...`
    pub key: String,
    #[serde(default)]
    pub expires_at: Option<Time>,
}

/// The body that adds a key to the caller's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOwnSshKey {
    pub name: String,
    pub key: String,
    #[serde(default)]
    pub expires_at: Option<Time>,
}

/// The body that asks for a certificate in the caller's own name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSshCertificate {
    pub key: String,
    /// At most a day; it never outlives the token that asks.
    pub valid_seconds: u32,
}

/// A certificate that was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedSshCertificate {
    /// Of 63 bits: a string, for programs that count with less.
    pub serial: String,
    pub key_id: String,
    pub principal: String,
    pub valid_until: Time,
    /// The line that stands in a `-cert.pub` file.
    pub certificate: String,
}

/// A certificate as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshCertificate {
    pub serial: String,
    pub account: String,
    /// Of the key that was signed.
    pub fingerprint: String,
    /// Id of the token that asked for it; it ends with that one's revocation.
    pub issued_with: String,
    pub issued_at: Time,
    pub valid_until: Time,
    pub revoked: Option<Revoked>,
}

/// What a client must know of the gateway's SSH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssh {
    /// Signs the certificates of people.
    pub user_authority: String,
    /// Signs those of hosts: for a `@cert-authority` line.
    pub host_authority: String,
    pub ports: Vec<u16>,
    /// Names of targets that speak SSH.
    pub targets: Vec<String>,
}

impl From<store::SshKeyRecord> for SshKey {
    fn from(kept: store::SshKeyRecord) -> Self {
        Self {
            id: kept.id,
            account: kept.account,
            name: kept.name,
            fingerprint: kept.fingerprint,
            added_by: kept.added_by,
            added_at: Time(kept.added_at),
            expires_at: kept.expires_at.map(Time),
            last_used: kept.last_used.map(Time),
            revoked: kept.revoked.map(Revoked::from),
        }
    }
}

impl From<store::SshCertificateRecord> for SshCertificate {
    fn from(kept: store::SshCertificateRecord) -> Self {
        Self {
            serial: kept.serial.to_string(),
            account: kept.account,
            fingerprint: kept.fingerprint,
            issued_with: kept.issued_with,
            issued_at: Time(kept.issued_at),
            valid_until: Time(kept.valid_until),
            revoked: kept.revoked.map(Revoked::from),
        }
    }
}
