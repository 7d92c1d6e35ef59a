//! A client's proof becomes a person: by an access token, or by the signature of a registered key.

use gate::{Authenticated, Gate};
use russh::keys::{Algorithm, HashAlg, PublicKey};

use crate::address::{self, Address};
use crate::door::Door;

/// What was shown. A key is here only once its signature was verified.
pub(crate) enum Proof<'a> {
    Token(&'a str),
    Key(&'a PublicKey),
}

/// Who it is and what is asked for; `None` where either is wrong, without a word on which.
pub(crate) async fn prove(
    door: &Door,
    user: &str,
    proof: Proof<'_>,
) -> Option<(Authenticated, Address)> {
    let address = address::parse(user)?;
    door.gate.penalty(user, door.peer).await;
    let who = match proof {
        Proof::Token(token) => door.gate.bearer(token, door.peer).ok()?,
        Proof::Key(key) => {
            let blob = key.to_bytes().ok()?;
            // an unknown key is a failure of its source
            let owner = door.gate.ssh_key_owner(&blob).unwrap_or_default();
            door.gate.ssh_key(&owner, &blob, door.peer).ok()?
        }
    };
    fits(door, &address, &who).then_some((who, address))
}

/// Whether this person may go by that name: a bare word that is no target is the person's own.
fn fits(door: &Door, address: &Address, who: &Authenticated) -> bool {
    let name = &who.identity().name;
    match (&door.jump, address) {
        // the inner connection is the same person's, and its user name is a login
        (Some(jump), Address::Word(_)) => jump.person == *name,
        (Some(_), Address::Login { .. }) => false,
        (None, Address::Login { .. }) => true,
        (None, Address::Word(word)) => word == name || door.shared.backends.find(word).is_some(),
    }
}

/// Whether a key is somebody's; it says nothing about who holds it.
pub(crate) fn known(gate: &Gate, key: &PublicKey) -> bool {
    key.to_bytes()
        .is_ok_and(|blob| gate.ssh_key_owner(&blob).is_some())
}

/// SHA-1 proves nothing, and whether a security key was touched the library does not tell.
pub(crate) fn acceptable(algorithm: &Algorithm) -> bool {
    match algorithm {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => true,
        Algorithm::Rsa { hash } => matches!(hash, Some(HashAlg::Sha256 | HashAlg::Sha512)),
        _ => false,
    }
}
