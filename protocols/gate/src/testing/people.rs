//! A directory in memory and a clock that stands still.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use policy::identity::{Credential, Identity, Kind, Lineage};

use crate::directory::{Account, Directory, Membership, SshKey, Token};
use crate::gate::Clock;
use crate::login::ssh_fingerprint;
use crate::scram;
use crate::underway::lock;

/// 2026-11-21T10:00:00Z, in seconds.
const NOW: i64 = 1_795_255_200;

/// Moves only when it is told to.
pub struct FakeClock(AtomicI64);

impl Default for FakeClock {
    fn default() -> Self {
        Self(AtomicI64::new(NOW * 1_000_000_000))
    }
}

impl FakeClock {
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000_000, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// ada (engineers), grace and bob (dba), heidi (dba, sre), root (admin), and the service robot (engineers) of ada's.
/// Each has one token: id `<name>-1`, secret `cs_<name>-1_secret`.
pub struct People {
    accounts: Mutex<BTreeMap<String, Account>>,
    locked_targets: Mutex<BTreeSet<String>>,
}

impl Default for People {
    fn default() -> Self {
        let people = Self {
            accounts: Mutex::default(),
            locked_targets: Mutex::default(),
        };
        people.add("ada", Kind::User, &["engineers"]);
        people.add("grace", Kind::User, &["dba"]);
        people.add("bob", Kind::User, &["dba"]);
        people.add("heidi", Kind::User, &["dba", "sre"]);
        people.add("root", Kind::User, &["admin"]);
        people.add(
            "robot",
            Kind::Service {
                owner: "ada".into(),
            },
            &["engineers"],
        );
        people
    }
}

impl People {
    pub fn add(&self, name: &str, kind: Kind, groups: &[&str]) {
        let salt = [7; scram::SALT];
        let account = Account {
            name: name.to_owned(),
            kind,
            groups: groups
                .iter()
                .map(|group| ((*group).to_owned(), given("root")))
                .collect(),
            salt,
            iterations: scram::ITERATIONS,
            tokens: vec![token(name, 1, &salt)],
            ssh_keys: Vec::new(),
            revoked_certificates: BTreeSet::new(),
            locked: false,
        };
        lock(&self.accounts).insert(name.to_owned(), account);
    }

    /// Changes an account; the gate must be told (`directory_changed`).
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Account)) {
        change(lock(&self.accounts).get_mut(name).unwrap());
    }

    /// One more token, `<name>-<number>`.
    pub fn give_token(&self, name: &str, number: u8, issued_by: &str) {
        self.change(name, |account| {
            let token = Token {
                issued_by: issued_by.into(),
                ..token(name, number, &account.salt)
            };
            account.tokens.push(token);
        });
    }

    /// An SSH key whose bytes are `blob`, with the id `<name>-key`.
    pub fn give_ssh_key(&self, name: &str, blob: &[u8], added_by: &str) {
        self.change(name, |account| {
            account.ssh_keys.push(SshKey {
                id: format!("{name}-key"),
                name: "laptop".to_owned(),
                blob: blob.to_vec(),
                fingerprint: ssh_fingerprint(blob),
                added_by: added_by.to_owned(),
                added_at: NOW - 30 * 86_400,
                expires_at: None,
                revoked: false,
            });
        });
    }

    pub fn join(&self, name: &str, group: &str, given_by: &str) {
        self.change(name, |account| {
            account.groups.insert(group.to_owned(), given(given_by));
        });
    }

    pub fn leave(&self, name: &str, group: &str) {
        self.change(name, |account| drop(account.groups.remove(group)));
    }

    pub fn lock_target(&self, target: &str) {
        lock(&self.locked_targets).insert(target.to_owned());
    }

    /// As after a login with the token `<name>-<number>` from 10.0.0.1.
    pub fn identity(&self, name: &str, number: u8) -> Identity {
        let account = self.account(name).unwrap();
        let id = format!("{name}-{number}");
        Identity {
            kind: account.kind.clone(),
            name: name.to_owned(),
            groups: account.groups.keys().cloned().collect(),
            credential: Credential {
                id: id.clone(),
                kind: "token".to_owned(),
                lineage: Lineage(id),
            },
            address: IpAddr::from([10, 0, 0, 1]),
            on_behalf_of: None,
        }
    }
}

impl Directory for People {
    fn account(&self, name: &str) -> Option<Arc<Account>> {
        lock(&self.accounts).get(name).cloned().map(Arc::new)
    }

    fn owner_of_token(&self, token: &str) -> Option<Arc<Account>> {
        let accounts = lock(&self.accounts);
        let owns = |account: &&Account| account.tokens.iter().any(|one| one.id == token);
        accounts.values().find(owns).cloned().map(Arc::new)
    }

    fn owner_of_ssh_key(&self, fingerprint: &str) -> Option<Arc<Account>> {
        let accounts = lock(&self.accounts);
        let owns = |account: &&Account| {
            let mut keys = account.ssh_keys.iter();
            keys.any(|key| key.fingerprint == fingerprint && !key.revoked)
        };
        accounts.values().find(owns).cloned().map(Arc::new)
    }

    fn services_of(&self, owner: &str) -> BTreeSet<String> {
        let accounts = lock(&self.accounts);
        let owned = accounts.values().filter(|account| match &account.kind {
            Kind::User => false,
            Kind::Service { owner: whose } => whose == owner,
        });
        owned.map(|account| account.name.clone()).collect()
    }

    fn target_locked(&self, target: &str) -> bool {
        lock(&self.locked_targets).contains(target)
    }

    fn used(&self, _token: &str, _at: i64) {}
}

fn given(by: &str) -> Membership {
    Membership {
        given_by: by.to_owned(),
        given_at: NOW - 30 * 86_400,
    }
}

fn token(name: &str, number: u8, salt: &[u8]) -> Token {
    let id = format!("{name}-{number}");
    let secret = format!("cs_{id}_secret");
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    Token {
        verifier: scram::Verifier::of(&secret, salt, scram::ITERATIONS),
        name: id.clone(),
        id,
        hash,
        issued_by: "root".into(),
        issued_at: NOW - 30 * 86_400,
        expires_at: None,
        revoked: false,
    }
}
