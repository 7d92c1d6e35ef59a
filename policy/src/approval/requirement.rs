//! What one policy with `@approve` asks for.

use std::collections::BTreeSet;
use std::fmt;

use crate::digest::Digest;

/// The text of a policy as approvers see it: SHA-256 of Cedar's printed form, of the annotations only `@message`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct TextHash(pub Digest);

/// Later, others are asked too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    pub after_seconds: u64,
    pub groups: BTreeSet<String>,
}

/// How a held request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manner {
    /// On its live connection, until people have answered.
    Wait,
    /// It is refused, and its question stays open: who sends the same again finds the answer.
    Ticket,
}

/// The annotations of one policy, checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The policy's id.
    pub policy: String,
    /// Anybody in any of them is asked.
    pub groups: BTreeSet<String>,
    /// How many different people must approve, at least 1.
    pub quorum: u32,
    /// Who counts here counts for no other requirement.
    pub distinct: bool,
    /// The owner of a service, or who an agent acts for, may approve what it asks.
    pub owner_may_approve: bool,
    pub timeout_seconds: u64,
    /// None: services get tickets, people wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manner: Option<Manner>,
    pub escalate: Vec<Escalation>,
    pub message: Option<String>,
    /// Only ever together with `risk_low`.
    pub on_timeout_approve: bool,
    pub risk_low: bool,
    pub text: TextHash,
}

impl fmt::Display for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
