//! Users, services, their tokens, and what is locked.

use gate::directory::Account;
use serde::{Deserialize, Serialize};

use super::Time;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    User,
    Service,
}

/// A user or a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    pub kind: Kind,
    /// Of a service.
    pub owner: Option<String>,
    pub groups: Vec<Group>,
    pub locked: bool,
    pub live_tokens: usize,
    pub live_ssh_keys: usize,
}

/// How somebody came to be in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub given_by: String,
    pub given_at: Time,
}

/// The body that adds a user or a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    pub name: String,
    pub kind: Kind,
    /// Of a service, and only of one.
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub groups: Vec<String>,
}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub name: String,
    pub kind: Kind,
    pub owner: Option<String>,
    pub groups: Vec<String>,
    /// Id of the token that was sent.
    pub token: String,
}

/// A token as it is listed: its text is shown once, when it is issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    pub id: String,
    pub account: String,
    pub name: String,
    pub issued_by: String,
    pub issued_at: Time,
    /// Null is never.
    pub expires_at: Option<Time>,
    pub last_used: Option<Time>,
    pub revoked: Option<Revoked>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    pub at: Time,
    pub by: String,
}

/// The body that issues a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    pub account: String,
    pub name: String,
    #[serde(default)]
    pub expires_at: Option<Time>,
}

/// The one answer that holds a token. Deliberately without `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct IssuedToken {
    pub id: String,
    pub account: String,
    pub name: String,
    pub expires_at: Option<Time>,
    /// `cs_<id>_<secret>`.
    pub token: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockKind {
    /// A user or a service.
    User,
    Token,
    Target,
    /// Ends with the session: it is not listed.
    Session,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub kind: LockKind,
    /// Of the account or target, or the id of the token.
    pub name: String,
    pub by: String,
    pub at: Time,
    pub reason: Option<String>,
}

/// The body that locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLock {
    pub kind: LockKind,
    pub name: String,
    #[serde(default)]
    pub reason: Option<String>,
}

/// A lock that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// So many sessions were ended by it.
    pub sessions_ended: usize,
}

impl Kind {
    pub(crate) fn of(kind: &policy::identity::Kind) -> (Self, Option<String>) {
        match kind {
            policy::identity::Kind::User => (Self::User, None),
            policy::identity::Kind::Service { owner } => (Self::Service, Some(owner.clone())),
        }
    }
}

impl User {
    pub(crate) fn of(account: &Account, now: i64) -> Self {
        let (kind, owner) = Kind::of(&account.kind);
        let group = |(name, how): (&String, &gate::directory::Membership)| Group {
            name: name.clone(),
            given_by: how.given_by.clone(),
            given_at: Time(how.given_at),
        };
        Self {
            name: account.name.clone(),
            kind,
            owner,
            groups: account.groups.iter().map(group).collect(),
            locked: account.locked,
            live_tokens: account
                .tokens
                .iter()
                .filter(|token| token.live(now))
                .count(),
            live_ssh_keys: account.ssh_keys.iter().filter(|key| key.live(now)).count(),
        }
    }
}

impl From<store::Revoked> for Revoked {
    fn from(how: store::Revoked) -> Self {
        Self {
            at: Time(how.at),
            by: how.by,
        }
    }
}

impl From<store::TokenRecord> for Token {
    fn from(kept: store::TokenRecord) -> Self {
        Self {
            id: kept.id,
            account: kept.account,
            name: kept.name,
            issued_by: kept.issued_by,
            issued_at: Time(kept.issued_at),
            expires_at: kept.expires_at.map(Time),
            last_used: kept.last_used.map(Time),
            revoked: kept.revoked.map(Revoked::from),
        }
    }
}
