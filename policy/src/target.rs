//! One backend behind the gateway as policy sees it.

use std::collections::BTreeSet;

/// The name of the target on which administration acts: the gateway itself. No configured target may use it.
pub const GATEWAY: &str = "gateway";

#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Target {
    pub name: String,
    /// `Protocol::NAME`, or `countersign` for the gateway itself.
    pub protocol: String,
    /// Such as `env:prod`.
    pub labels: BTreeSet<String>,
}
