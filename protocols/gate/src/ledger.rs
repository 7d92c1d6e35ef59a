//! The memory of approvals: rows that change by compare-and-set only. Its keepers are the store and, in tests, memory.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use policy::approval::{Asker, Requirement, State, Vote};
use policy::digest::Digest;
use policy::identity::Lineage;
use policy::operation::Effect;

pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Number of an approval, unique on one ledger and rising.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct ApprovalId(pub u64);

impl std::fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a granted approval may release.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binding {
    /// Only the live session of this id (hex), which waits.
    Session(String),
    /// A retry by the same identity and credential lineage, until the Unix second.
    Identity { until: i64 },
}

/// One question and all its answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Question {
    pub state: State,
    /// What is approved: another digest is another question.
    pub digest: Digest,
    pub binding: Binding,
    pub asker: Asker,
    /// `user:ada`, `service:robot`.
    pub label: String,
    pub lineage: Lineage,
    pub session: String,
    pub protocol: String,
    pub target: String,
    pub labels: Vec<String>,
    /// What it asks for, as the approver and the auditor read it.
    pub operations: Vec<Described>,
    /// What must be countersigned, by policy id.
    pub requirements: BTreeMap<String, Requirement>,
    pub votes: Vec<Vote>,
    pub policy_revision: String,
    /// Shown to approvers: already redacted and made visible.
    pub rendering: String,
    /// The same laid out for reading, where the protocol can.
    #[serde(default)]
    pub laid_out: Option<String>,
    /// The data classes of constants that are marked in `rendering`: approving needs `reveal` of each.
    pub redacted: BTreeSet<String>,
    /// Whether `rendering` had to be cut.
    pub cut: bool,
    /// The asker's own words: untrusted.
    pub reason: Option<String>,
    /// Session facts worth knowing, such as locks held.
    pub notes: Vec<String>,
    /// What it would touch, as far as the backend could tell; added while people are asked already.
    #[serde(default)]
    pub impact: Option<Impact>,
    /// Unix seconds.
    pub asked_at: i64,
    pub expires_at: i64,
    /// When and by whom it ended.
    pub ended: Option<Ended>,
    /// Boot id of the gateway that holds the client.
    pub holder: String,
}

/// One operation in the words of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Described {
    /// `postgres.drop`.
    pub action: String,
    pub effect: Effect,
    /// `postgres.table`.
    pub resource_type: String,
    /// `shop/shop/public/orders`.
    pub resource: String,
}

/// What a request would touch. Names only, made visible: no value of a row or of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Impact {
    /// The tables that it names, with their sizes.
    pub tables: Vec<String>,
    pub estimate: Option<Estimate>,
    /// Why there is no estimate.
    pub no_estimate: Option<String>,
    /// What the session holds while it waits.
    pub locks: Vec<String>,
}

/// The backend's own guess.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Estimate {
    /// Rows that are changed or returned.
    pub rows: u64,
    /// How, a step a line.
    pub plan: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ended {
    pub at: i64,
    pub by: Option<String>,
    pub why: Option<String>,
}

/// A question with the version that a change must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: ApprovalId,
    pub version: u64,
    pub question: Question,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LedgerError {
    /// The identity has as many questions open as it may have.
    #[error("{open} questions of `{asker}` are open already")]
    TooMany { asker: String, open: usize },
    #[error("there is no approval {0}")]
    Unknown(ApprovalId),
    /// The row was changed since it was read: read again and decide again.
    #[error("approval {0} was changed meanwhile")]
    Stale(ApprovalId),
    #[error("the ledger does not answer: {0}")]
    Unavailable(String),
}

/// Which rows to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub asker: Option<String>,
    pub digest: Option<Digest>,
    /// At most so many, newest first; 0 is no limit.
    pub limit: usize,
}

/// One conformance suite (`gate::testing::ledger`) runs over every keeper.
pub trait Ledger: Send + Sync + 'static {
    /// Adds a row with version 1, unless its asker has `cap` questions in state Asked already.
    fn ask(&self, question: Question, cap: usize) -> Boxed<'_, Result<Row, LedgerError>>;
    fn read(&self, id: ApprovalId) -> Boxed<'_, Result<Row, LedgerError>>;
    fn list(&self, filter: Filter) -> Boxed<'_, Result<Vec<Row>, LedgerError>>;
    /// Replaces the row if its version is still `row.version`; the new version is one higher.
    fn swap(&self, row: Row) -> Boxed<'_, Result<Row, LedgerError>>;
    /// What an earlier boot (any holder but this) left asked or granted and bound to a session is withdrawn: its clients
    /// are gone. Returns how many.
    fn withdraw_orphans(&self, holder: &str, at: i64) -> Boxed<'_, Result<usize, LedgerError>>;
}
