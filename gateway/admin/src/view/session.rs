//! Sessions, open and ended.

use serde::{Deserialize, Serialize};

use super::Time;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: String,
    /// `user:ada`, `service:robot`.
    #[serde(rename = "as")]
    pub identity: String,
    pub target: String,
    pub protocol: String,
    pub address: String,
    pub opened_at: Time,
    /// Null while it is open.
    pub closed_at: Option<Time>,
    /// What the client calls itself: untrusted. Known while the session is open.
    pub client: Option<String>,
    /// Known while the session is open.
    pub requests: Option<u64>,
    /// While it is paused: who stopped it, and when it ends unless it is resumed.
    pub paused_by: Option<String>,
    pub paused_until: Option<Time>,
    /// Digest of the sealed recording, hex.
    pub recording: Option<String>,
}

/// How a session is to be paused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPause {
    /// It ends then, unless it was resumed; 900 where nothing is said, 86,400 at most.
    pub seconds: Option<u64>,
}

impl From<gate::SessionInfo> for Session {
    fn from(live: gate::SessionInfo) -> Self {
        Self {
            id: live.id,
            identity: live.identity,
            target: live.target,
            protocol: live.protocol,
            address: live.address.to_string(),
            opened_at: Time(live.opened_at),
            closed_at: None,
            client: Some(live.client),
            requests: Some(live.requests),
            paused_until: live.paused.as_ref().map(|paused| Time(paused.until)),
            paused_by: live.paused.map(|paused| paused.by),
            recording: None,
        }
    }
}

impl From<store::SessionRecord> for Session {
    fn from(kept: store::SessionRecord) -> Self {
        Self {
            id: kept.id,
            identity: kept.identity,
            target: kept.target,
            protocol: kept.protocol,
            address: kept.address,
            opened_at: Time(kept.opened_at),
            closed_at: kept.closed_at.map(Time),
            client: None,
            requests: None,
            paused_by: None,
            paused_until: None,
            recording: kept.tape,
        }
    }
}
