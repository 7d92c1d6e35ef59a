//! A client's proofs become a person: access tokens, signatures of registered keys, certificates of the user authority.

use gate::{Authenticated, LoginRefused};
use russh::keys::{Certificate, PublicKey};

use crate::address::{self, Address};
use crate::certificate::{self, Certified, Shown};
use crate::door::Door;
use crate::factors::Kind;
use crate::permits::Permits;

/// What was shown. A key or certificate is here only once its signature was verified.
pub(crate) enum Proof<'a> {
    Token(&'a str),
    Key(&'a PublicKey),
    Certificate(&'a Certificate),
}

/// Proofs that count so far, all of one person under one user name.
pub(crate) struct Given {
    user: String,
    kinds: Vec<Kind>,
    pub(crate) who: Authenticated,
    pub(crate) permits: Permits,
}

/// What came of a proof.
pub(crate) enum Step {
    In(Address, Box<Given>),
    /// It counts, and another is asked for.
    More(Box<Given>),
    /// Without a word on why.
    No,
}

/// The proofs under this very name: of another one none counts.
pub(crate) fn kinds<'a>(given: Option<&'a Given>, user: &str) -> &'a [Kind] {
    let same = given.filter(|given| given.user == user);
    same.map_or(&[], |given| given.kinds.as_slice())
}

/// Judges a proof together with those before it.
pub(crate) async fn prove(door: &Door, user: &str, proof: Proof<'_>) -> Step {
    door.gate.penalty(user, door.peer).await;
    let Some(address) = address::parse(user) else {
        door.gate.unproved(user, door.peer);
        return Step::No;
    };
    let earlier = door.given.as_deref().filter(|given| given.user == user);
    let mut kinds = kinds(earlier, user).to_vec();
    // a proof that is not asked for now is not even looked at
    if !door.shared.required.wants(&kinds, proof.kind()) {
        return Step::No;
    }
    kinds.push(proof.kind());
    let proved = proved(door, &address, &proof);
    let together = proved.and_then(|(who, permits)| match earlier {
        None => Some((who, permits)),
        Some(earlier) => {
            let both = earlier.who.clone().and(who).ok()?;
            Some((both, permits.and(&earlier.permits)?))
        }
    });
    let Some((who, permits)) = together.filter(|(who, _)| fits(door, &address, who)) else {
        door.gate.unproved(user, door.peer);
        return Step::No;
    };
    let given = Box::new(Given {
        user: user.to_owned(),
        kinds,
        who,
        permits,
    });
    if !door.shared.required.enough(&given.kinds) {
        return Step::More(given);
    }
    door.gate.welcome(user, door.peer);
    Step::In(address, given)
}

impl Proof<'_> {
    fn kind(&self) -> Kind {
        match self {
            Self::Token(_) => Kind::Token,
            Self::Key(_) => Kind::Key,
            Self::Certificate(_) => Kind::Certificate,
        }
    }
}

/// Who it is by this proof alone.
fn proved(door: &Door, address: &Address, proof: &Proof<'_>) -> Option<(Authenticated, Permits)> {
    match proof {
        Proof::Token(token) => {
            let who = door.gate.token(token, door.peer).ok()?;
            Some((who, Permits::ALL))
        }
        Proof::Key(key) => {
            let blob = key.to_bytes().ok()?;
            let owner = door.gate.ssh_key_owner(&blob)?;
            let who = door.gate.ssh_key(&owner, &blob, door.peer).ok()?;
            Some((who, Permits::ALL))
        }
        Proof::Certificate(certificate) => certified(door, address, certificate),
    }
}

fn certified(
    door: &Door,
    address: &Address,
    certificate: &Certificate,
) -> Option<(Authenticated, Permits)> {
    let shown = Shown {
        peer: door.peer,
        now: u64::try_from(door.gate.now() / 1_000_000_000).unwrap_or(0),
        word: match address {
            Address::Word(word) => Some(word),
            Address::Login { .. } => None,
        },
    };
    let (peer, serial) = (door.peer, certificate.serial());
    let authorities = &door.shared.authorities;
    let Certified {
        name,
        certificate,
        permits,
    } = certificate::judge(certificate, authorities, &shown)
        .inspect_err(|void| tracing::info!(%peer, serial, %void, "a certificate was refused"))
        .ok()?;
    match door.gate.ssh_certificate(&name, &certificate, door.peer) {
        Ok(who) => Some((who, permits)),
        Err(refused @ (LoginRefused::WrongCredential | LoginRefused::Locked)) => {
            tracing::info!(%peer, serial, why = %refused, "a certificate was refused");
            None
        }
        Err(LoginRefused::Malformed) => None,
    }
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

/// Whether a signature with this key could lead anywhere; it says nothing about who holds it. With a user authority any
/// may: the library does not tell whether a certificate came with it.
pub(crate) fn plausible(door: &Door, user: &str, key: &PublicKey) -> bool {
    let kinds = kinds(door.given.as_deref(), user);
    let wants = |kind| door.shared.required.wants(kinds, kind);
    let registered = || {
        key.to_bytes()
            .is_ok_and(|blob| door.gate.ssh_key_owner(&blob).is_some())
    };
    let certified = !door.shared.authorities.is_empty() && wants(Kind::Certificate);
    address::parse(user).is_some() && (certified || (wants(Kind::Key) && registered()))
}
