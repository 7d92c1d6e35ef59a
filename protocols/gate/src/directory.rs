//! Who is known: accounts, their groups and tokens, and what is locked. The memory of it is the store's.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use policy::identity::Kind;

use crate::gate::SessionInfo;
use crate::scram::Verifier;

/// One person or service as of now; replaced whole when anything about it changes.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    pub kind: Kind,
    pub groups: BTreeMap<String, Membership>,
    /// Shared by all tokens of the account, so that one SCRAM exchange serves each of them.
    pub salt: [u8; 16],
    pub iterations: NonZeroU32,
    /// Live and dead ones; at most 16 live.
    pub tokens: Vec<Token>,
    /// Live and dead ones; at most 16 live.
    pub ssh_keys: Vec<SshKey>,
    /// Serials of SSH certificates that are void before their time.
    pub revoked_certificates: BTreeSet<u64>,
    pub locked: bool,
}

/// How somebody came to be in a group: a vote does not count where the asker gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub given_by: String,
    /// Unix seconds.
    pub given_at: i64,
}

/// An access token, as kept at rest: nothing here lets its holder log in.
#[derive(Debug, Clone)]
pub struct Token {
    /// Public id; also the lineage of what is asked with it.
    pub id: String,
    pub name: String,
    /// SHA-256 of the whole token, for bearers.
    pub hash: [u8; 32],
    pub verifier: Verifier,
    pub issued_by: String,
    /// Unix seconds.
    pub issued_at: i64,
    pub expires_at: Option<i64>,
    pub revoked: bool,
}

impl Token {
    pub fn live(&self, now: i64) -> bool {
        !self.revoked && self.expires_at.is_none_or(|at| now < at)
    }
}

/// A public key that its holder proves to hold by a signature; it belongs to one account only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// Public id; also the lineage of what is asked with it.
    pub id: String,
    pub name: String,
    /// As SSH sends it: compared byte by byte.
    pub blob: Vec<u8>,
    /// `SHA256:...`, as OpenSSH shows it.
    pub fingerprint: String,
    pub added_by: String,
    /// Unix seconds.
    pub added_at: i64,
    pub expires_at: Option<i64>,
    pub revoked: bool,
}

impl SshKey {
    pub fn live(&self, now: i64) -> bool {
        !self.revoked && self.expires_at.is_none_or(|at| now < at)
    }
}

/// The look into the accounts that the gate is given. Answers come from memory: it never waits.
pub trait Directory: Send + Sync + 'static {
    fn account(&self, name: &str) -> Option<Arc<Account>>;
    /// The owner of a bearer token, found by its public id.
    fn owner_of_token(&self, token: &str) -> Option<Arc<Account>>;
    /// The owner of an SSH key that was not revoked, found by its fingerprint.
    fn owner_of_ssh_key(&self, fingerprint: &str) -> Option<Arc<Account>>;
    /// The services that a user owns.
    fn services_of(&self, owner: &str) -> BTreeSet<String>;
    fn target_locked(&self, target: &str) -> bool;
    /// Remembers the last use of a token or key; must not wait.
    fn used(&self, credential: &str, at: i64);
    /// Remembers a session beyond its end; must not wait.
    fn opened(&self, _: &SessionInfo) {}
    /// A session ended at this Unix second, with the digest (hex) of its tape where one was sealed; must not wait.
    fn closed(&self, _session: &str, _at: i64, _tape: Option<String>) {}
}
