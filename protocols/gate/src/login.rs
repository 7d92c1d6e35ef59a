//! Credentials become an identity here and nowhere else.

mod second;
mod ssh;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::{constant_time, digest, hmac};
use policy::identity::{Credential, Identity, Lineage};
use tokio::time::Instant;

use crate::directory::{Account, Token};
use crate::failpoint::{self, Step};
use crate::gate::Gate;
use crate::scram;
use crate::underway::lock;
pub(crate) use ssh::KEY;
pub use ssh::{SshCertificate, ssh_fingerprint};

/// The most a failed login can slow the next one down: there is no lock-out.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// Sources and users whose failures are remembered.
const REMEMBERED: usize = 10_000;
/// Failures are forgotten after this long.
const MEMORY: Duration = Duration::from_secs(600);
/// The kind of credential that an access token is.
pub(crate) const TOKEN: &str = "token";

/// An identity that was proved. Only this module makes one.
#[derive(Debug, Clone)]
pub struct Authenticated {
    identity: Identity,
    /// Unix seconds: what the credential itself says; of tokens and keys the directory knows.
    until: Option<i64>,
    /// What else the same person was asked for: the session lasts only while each of them would still prove it.
    beside: Vec<Credential>,
}

impl Authenticated {
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Without any proof: for tests only.
    #[cfg(any(test, feature = "testing"))]
    pub fn assumed(identity: Identity) -> Self {
        Self {
            identity,
            until: None,
            beside: Vec::new(),
        }
    }

    /// The identity, the Unix second at which its session ends where the credential says it, and what proved it besides.
    pub(crate) fn into_parts(self) -> (Identity, Option<i64>, Vec<Credential>) {
        (self.identity, self.until, self.beside)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefused {
    #[error("unknown user or wrong credential")]
    WrongCredential,
    #[error("malformed credential")]
    Malformed,
    #[error("the account is locked")]
    Locked,
}

/// A SCRAM exchange of one user, real or not.
pub struct Exchange {
    server: scram::Server,
    account: Option<Arc<Account>>,
    user: String,
    source: IpAddr,
}

/// The client's first message of a SCRAM exchange.
pub struct ScramFirst<'a> {
    pub user: &'a str,
    pub source: IpAddr,
    pub message: &'a [u8],
    /// The mechanism is SCRAM-SHA-256-PLUS.
    pub plus: bool,
    /// Hash of our certificate where PLUS was on offer.
    pub end_point: Option<[u8; 32]>,
}

impl Gate {
    /// Begins SCRAM-SHA-256. An unknown user gets the same salt each time and fails at the end, like a wrong token.
    pub fn scram(&self, first: &ScramFirst<'_>) -> Result<(Exchange, String), LoginRefused> {
        let account = self.directory().account(first.user);
        let (salt, iterations) = match &account {
            Some(account) => (account.salt, account.iterations),
            None => (
                scram::mock_salt(self.login_secret(), first.user),
                scram::ITERATIONS,
            ),
        };
        let opening = scram::Opening {
            message: first.message,
            plus: first.plus,
            end_point: first.end_point.as_ref().map(<[u8; 32]>::as_slice),
        };
        let (server, answer) = scram::Server::first(&opening, &salt, iterations)
            .map_err(|_| LoginRefused::Malformed)?;
        let user = first.user.to_owned();
        Ok((
            Exchange {
                server,
                account,
                user,
                source: first.source,
            },
            answer,
        ))
    }

    /// Ends it: the identity and the server's last message.
    pub fn scram_finish(
        &self,
        exchange: Exchange,
        message: &[u8],
    ) -> Result<(Authenticated, String), LoginRefused> {
        let Exchange {
            server,
            account,
            user,
            source,
        } = exchange;
        let now = self.now() / 1_000_000_000;
        let live: Vec<&Token> = account
            .iter()
            .flat_map(|account| account.tokens.iter().filter(|token| token.live(now)))
            .collect();
        let verifiers: Vec<scram::Verifier> = live.iter().map(|t| t.verifier.clone()).collect();
        let finished = server.last(message, &verifiers);
        let proved = finished
            .ok()
            .and_then(|(index, answer)| Some((*live.get(index)?, answer)));
        match (account.as_ref(), proved) {
            (Some(account), Some((token, answer))) => {
                let authenticated = self.proved(account, token, source)?;
                self.failures().forget(&user, source);
                Ok((authenticated, answer))
            }
            _ => {
                self.failures().note(&user, source);
                Err(LoginRefused::WrongCredential)
            }
        }
    }

    /// A bearer token, `cs_<id>_<secret>`, as the whole login.
    pub fn bearer(&self, token: &str, source: IpAddr) -> Result<Authenticated, LoginRefused> {
        let id = public_id(token)?;
        let found = self.token(token, source);
        match &found {
            Ok(_) => self.failures().forget(id, source),
            Err(LoginRefused::WrongCredential) => self.failures().note(id, source),
            Err(LoginRefused::Malformed | LoginRefused::Locked) => {}
        }
        found
    }

    /// The same as one proof of several: failures are the protocol's to note and to forget.
    pub fn token(&self, token: &str, source: IpAddr) -> Result<Authenticated, LoginRefused> {
        let id = public_id(token)?;
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        let account = self.directory().owner_of_token(id);
        let now = self.now() / 1_000_000_000;
        let found = account.as_ref().and_then(|account| {
            let token = account.tokens.iter().find(|token| token.id == id)?;
            constant_time::verify_slices_are_equal(&token.hash, hash.as_ref()).ok()?;
            token.live(now).then_some((account, token))
        });
        let (account, token) = found.ok_or(LoginRefused::WrongCredential)?;
        self.proved(account, token, source)
    }

    fn proved(
        &self,
        account: &Account,
        token: &Token,
        source: IpAddr,
    ) -> Result<Authenticated, LoginRefused> {
        let credential = Credential {
            id: token.id.clone(),
            kind: TOKEN.into(),
            lineage: Lineage(token.id.clone()),
        };
        self.entered(account, credential, source)
    }

    /// The last step of every login, once the credential is proved.
    fn entered(
        &self,
        account: &Account,
        credential: Credential,
        source: IpAddr,
    ) -> Result<Authenticated, LoginRefused> {
        if account.locked {
            return Err(LoginRefused::Locked);
        }
        self.directory()
            .used(&credential.id, self.now() / 1_000_000_000);
        failpoint::pass(Step::LoggedIn);
        Ok(Authenticated {
            identity: Identity {
                kind: account.kind.clone(),
                name: account.name.clone(),
                groups: account.groups.keys().cloned().collect(),
                credential,
                address: source.to_canonical(),
                on_behalf_of: None,
            },
            until: None,
            beside: Vec::new(),
        })
    }

    /// The identity as the directory knows it now; `None` where it is locked, gone, or one of its credentials is dead.
    pub(crate) fn refreshed(&self, identity: &Identity, beside: &[Credential]) -> Option<Identity> {
        let account = self.directory().account(&identity.name)?;
        let now = self.now() / 1_000_000_000;
        let mut credentials = beside.iter().chain([&identity.credential]);
        if account.locked || !credentials.all(|one| alive(&account, one, now)) {
            return None;
        }
        Some(Identity {
            kind: account.kind.clone(),
            groups: account.groups.keys().cloned().collect(),
            ..identity.clone()
        })
    }

    /// When the credential ends by itself, in Unix seconds, as the directory knows it.
    pub(crate) fn expiry(&self, name: &str, credential: &Credential) -> Option<i64> {
        let account = self.directory().account(name)?;
        let id = &credential.id;
        if credential.kind == ssh::KEY {
            account
                .ssh_keys
                .iter()
                .find(|key| key.id == *id)?
                .expires_at
        } else {
            account.tokens.iter().find(|one| one.id == *id)?.expires_at
        }
    }

    /// Groups of a person as of now; empty where there is none such.
    pub(crate) fn groups_of(&self, person: &str) -> BTreeSet<String> {
        let account = self.directory().account(person);
        account
            .map(|account| account.groups.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// How long this login has to wait for its answer: it grows with the failures of its source and user.
    pub async fn penalty(&self, user: &str, source: IpAddr) {
        let delay = self.failures().delay(user, source);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

/// The part of a token that is no secret.
fn public_id(token: &str) -> Result<&str, LoginRefused> {
    let rest = token
        .strip_prefix("cs_")
        .and_then(|rest| rest.split_once('_'));
    rest.map(|(id, _)| id).ok_or(LoginRefused::Malformed)
}

/// Whether this credential would still prove the account; what is of no known kind would not.
fn alive(account: &Account, credential: &Credential, now: i64) -> bool {
    match credential.kind.as_str() {
        TOKEN => {
            let mut tokens = account.tokens.iter();
            tokens.any(|token| token.id == credential.id && token.live(now))
        }
        ssh::KEY => {
            let mut keys = account.ssh_keys.iter();
            keys.any(|key| key.id == credential.id && key.live(now))
        }
        ssh::CERTIFICATE => ssh::serial(&credential.id)
            .is_some_and(|serial| !account.revoked_certificates.contains(&serial)),
        _ => false,
    }
}

/// Recent failures, by source and by user.
#[derive(Default)]
pub(crate) struct Failures {
    counts: Mutex<HashMap<Key, (u32, Instant)>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Source(IpAddr),
    /// A hash of the name: what a client sends is not kept.
    User([u8; 32], IpAddr),
}

impl Failures {
    fn keys(user: &str, source: IpAddr) -> [Key; 2] {
        [
            Key::Source(source),
            Key::User(scram::sha256(user.as_bytes()), source),
        ]
    }

    fn note(&self, user: &str, source: IpAddr) {
        let mut counts = lock(&self.counts);
        let now = Instant::now();
        if counts.len() >= REMEMBERED {
            counts.retain(|_, (_, at)| now.duration_since(*at) < MEMORY);
            if counts.len() >= REMEMBERED {
                counts.clear();
            }
        }
        for key in Self::keys(user, source) {
            let entry = counts.entry(key).or_insert((0, now));
            *entry = (entry.0.saturating_add(1), now);
        }
    }

    fn forget(&self, user: &str, source: IpAddr) {
        let mut counts = lock(&self.counts);
        for key in Self::keys(user, source) {
            counts.remove(&key);
        }
    }

    fn delay(&self, user: &str, source: IpAddr) -> Duration {
        let counts = lock(&self.counts);
        let now = Instant::now();
        let failures = Self::keys(user, source)
            .iter()
            .filter_map(|key| counts.get(key))
            .filter(|(_, at)| now.duration_since(*at) < MEMORY)
            .map(|(count, _)| *count)
            .max()
            .unwrap_or(0);
        match failures {
            0..=2 => Duration::ZERO,
            more => (Duration::from_millis(100) * 2u32.saturating_pow((more - 3).min(6)))
                .min(LONGEST_DELAY),
        }
    }
}

/// A secret of this gateway's own for mock salts, from its signing seed.
pub(crate) fn derive_login_secret(seed: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
    let tag = hmac::sign(&key, b"countersign login mock salt");
    let mut secret = [0; 32];
    secret.copy_from_slice(tag.as_ref());
    secret
}
