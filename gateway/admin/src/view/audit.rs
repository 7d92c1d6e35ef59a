//! The audit log's newest statement about itself.

use serde::{Deserialize, Serialize};

use super::Time;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Entries that it vouches for.
    pub size: u64,
    pub at: Time,
    /// Root of the tree over all entries, hex.
    pub root: String,
    /// The signed form, as `audit verify --since` takes it.
    pub text: String,
}

impl Checkpoint {
    pub(crate) fn of(newest: &recorder::Checkpoint) -> Self {
        Self {
            size: newest.size,
            at: Time(i64::try_from(newest.at / 1_000_000_000).unwrap_or(i64::MAX)),
            root: super::hex(&newest.root),
            text: newest.to_string(),
        }
    }
}
