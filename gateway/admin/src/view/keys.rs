//! Public keys as the API shows them.

use serde::{Deserialize, Serialize};

use super::{Revoked, Time};

/// A registered key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// `SHA256:...`.
    pub id: String,
    pub account: String,
    pub name: String,
    pub added_by: String,
    pub added_at: Time,
    pub revoked: Option<Revoked>,
}

/// The body that registers a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    pub account: String,
    /// A line of a public key file.
    pub key: String,
    /// In place of the line's comment.
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedKey {
    pub id: String,
    pub account: String,
}

impl From<store::KeyRecord> for Key {
    fn from(kept: store::KeyRecord) -> Self {
        Self {
            id: kept.id,
            account: kept.account,
            name: kept.name,
            added_by: kept.added_by,
            added_at: Time(kept.added_at),
            revoked: kept.revoked.map(|how| Revoked {
                at: Time(how.at),
                by: how.by,
            }),
        }
    }
}
