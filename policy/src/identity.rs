//! Who asks: a user or a service, its groups, and how it proved itself.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Users and services share one name space.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    User,
    /// A service has an owner, a user's name.
    Service {
        owner: String,
    },
}

/// What stays the same when a short-lived credential is renewed: a token's id, or issuer, subject and rule.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Lineage(pub String);

/// How an identity proved itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Credential {
    pub id: String,
    /// `token`, `certificate`, `oidc` ...
    pub kind: String,
    pub lineage: Lineage,
}

/// Who asks, as proved by the gate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    pub kind: Kind,
    pub name: String,
    pub groups: BTreeSet<String>,
    pub credential: Credential,
    /// Made canonical by the gate: never an IPv4-mapped IPv6 address.
    pub address: IpAddr,
    /// The user for whom an agent acts.
    pub on_behalf_of: Option<String>,
}

impl Identity {
    /// `user:ada` or `service:robot`.
    pub fn label(&self) -> String {
        match self.kind {
            Kind::User => format!("user:{}", self.name),
            Kind::Service { .. } => format!("service:{}", self.name),
        }
    }
}
