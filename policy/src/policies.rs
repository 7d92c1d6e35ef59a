//! The policies in force: loaded all or nothing, sliced by action.

mod annotations;
mod expressions;
mod load;
mod place;
mod similar;
mod slices;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cedar_policy::Authorizer;

use crate::approval::Requirement;
use crate::verdict::PolicyEffect;
use crate::vocabulary::Vocabulary;
use slices::Slices;

pub use crate::evaluate::{Asking, Question};
pub(crate) use slices::Slice;

/// One policy file: its name as it is shown, and its whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub file: String,
    pub text: String,
}

/// Why a set of policies was not taken; `line` and `column` (in characters) count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}{}", .hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default())]
pub struct LoadError {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
}

/// Names one state of all policy files: SHA-256 over their names and texts, in hexadecimal.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub String);

/// What of [`Asking`] some policy looks at; what none reads need not be part of a cached verdict's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each attribute of the context"
)]
pub struct Reads {
    pub now: bool,
    pub address: bool,
    pub credential: bool,
    pub on_behalf_of: bool,
    pub reason: bool,
    pub approval: bool,
}

/// All policies, validated against one vocabulary.
pub struct Policies {
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) authorizer: Authorizer,
    slices: Slices,
    known: BTreeMap<String, Known>,
    revision: Revision,
    reads: Reads,
}

/// What is told of a policy beside its id.
pub(crate) struct Known {
    pub(crate) effect: PolicyEffect,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) requirement: Option<Requirement>,
}

impl Policies {
    /// Reads, checks and slices policies; the ready-made ones are always among them.
    ///
    /// # Errors
    /// Every error and warning of Cedar's strict validation and every broken rule of ours, at most one a place, sorted.
    pub fn load(vocabulary: &Arc<Vocabulary>, sources: &[Source]) -> Result<Self, Vec<LoadError>> {
        load::load(vocabulary, sources)
    }

    pub const fn revision(&self) -> &Revision {
        &self.revision
    }

    /// What a policy with `@approve` asks for; none for any other.
    pub fn requirement(&self, policy_id: &str) -> Option<&Requirement> {
        self.known(policy_id)?.requirement.as_ref()
    }

    pub const fn reads(&self) -> Reads {
        self.reads
    }

    pub(crate) fn known(&self, policy_id: &str) -> Option<&Known> {
        self.known.get(policy_id)
    }

    pub(crate) fn slice(&self, protocol: &str, action: &str) -> Option<&Slice> {
        self.slices.of(protocol, action)
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies")
            .field("revision", &self.revision)
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reads {
    pub(crate) const EVERYTHING: Self = Self {
        now: true,
        address: true,
        credential: true,
        on_behalf_of: true,
        reason: true,
        approval: true,
    };

    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            now: self.now || other.now,
            address: self.address || other.address,
            credential: self.credential || other.credential,
            on_behalf_of: self.on_behalf_of || other.on_behalf_of,
            reason: self.reason || other.reason,
            approval: self.approval || other.approval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Policies>();
        shared::<Vocabulary>();
        shared::<crate::mask::Masking>();
    }
}
