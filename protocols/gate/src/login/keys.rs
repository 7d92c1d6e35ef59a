//! Public keys: whose signature it was, by the very bytes of the key.

use std::net::IpAddr;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use policy::identity::{Credential, Lineage};

use super::{Authenticated, LoginRefused, entered};
use crate::directory::{Account, Key};
use crate::gate::Gate;

pub(super) const KIND: &str = "key";

/// The id of a public key as OpenSSH shows it: `SHA256:...`.
pub fn key_id(blob: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, blob);
    format!("SHA256:{}", STANDARD_NO_PAD.encode(hash))
}

impl Gate {
    /// Whose key it is. Only for a key whose signature over this very login was verified: the key alone proves nothing.
    pub fn public_key(&self, blob: &[u8], source: IpAddr) -> Result<Authenticated, LoginRefused> {
        let id = key_id(blob);
        let account = self.directory().owner_of_key(&id);
        let found =
            account.filter(|account| find(account, &id).is_some_and(|key| key.blob == blob));
        let Some(account) = found else {
            self.failures().note(&id, source);
            return Err(LoginRefused::WrongCredential);
        };
        let credential = Credential {
            id: id.clone(),
            kind: KIND.into(),
            lineage: Lineage(id.clone()),
        };
        let authenticated = entered(&account, credential, source)?;
        self.failures().forget(&id, source);
        Ok(authenticated)
    }

    /// Whether anybody registered this key: for answering an offer, which changes nothing.
    pub fn knows_key(&self, blob: &[u8]) -> bool {
        let id = key_id(blob);
        let account = self.directory().owner_of_key(&id);
        account.is_some_and(|account| find(&account, &id).is_some_and(|key| key.blob == blob))
    }
}

pub(super) fn live(account: &Account, id: &str) -> bool {
    find(account, id).is_some()
}

fn find<'a>(account: &'a Account, id: &str) -> Option<&'a Key> {
    account.keys.iter().find(|key| key.id == id && !key.revoked)
}
