//! A recording, one JSON object a line: a header, the events, an end.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use recorder::tape::replay::Ending;
use recorder::tape::{Event, Header, Kind};
use serde::{Deserialize, Serialize};

use super::Time;

/// One line of a replay. All text was masked when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Nanoseconds since 1970-01-01 UTC; the end has none.
    pub nanoseconds: Option<u64>,
    pub at: Option<Time>,
    /// Hex; what belongs to one request has the same.
    pub request: Option<String>,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    Header {
        actor: String,
        target: String,
        protocol: String,
    },
    Statement {
        text: String,
    },
    /// A piece of an answer as the protocol sent it, base64.
    Reply {
        bytes: String,
    },
    ReplyEnd {
        rows: u64,
        bytes: u64,
        /// So many of the bytes were not kept.
        rest_bytes: u64,
        /// SHA-256 of them, hex.
        rest_digest: Option<String>,
    },
    Notice {
        text: String,
    },
    Refusal {
        text: String,
    },
    Note {
        text: String,
    },
    /// The last line: where it is missing, the answer was cut.
    End {
        /// Whole, as its last chunk proves; a session that is open is not sealed yet.
        sealed: bool,
        torn_bytes: u64,
    },
    /// The last line of a recording that cannot be read further.
    Broken {
        why: String,
    },
}

impl Line {
    pub(crate) fn header(header: &Header) -> Self {
        let what = What::Header {
            actor: header.actor.clone(),
            target: header.target.clone(),
            protocol: header.protocol.clone(),
        };
        Self {
            nanoseconds: Some(header.at),
            at: seconds(header.at),
            request: None,
            what,
        }
    }

    pub(crate) fn event(event: Event) -> Self {
        let what = match event.kind {
            Kind::Statement(text) => What::Statement { text },
            Kind::Reply(bytes) => What::Reply {
                bytes: STANDARD.encode(bytes),
            },
            Kind::ReplyEnd(end) => What::ReplyEnd {
                rows: end.rows,
                bytes: end.bytes,
                rest_bytes: end.rest.map_or(0, |rest| rest.bytes),
                rest_digest: end.rest.map(|rest| super::hex(&rest.digest)),
            },
            Kind::Notice(text) => What::Notice { text },
            Kind::Refusal(text) => What::Refusal { text },
            Kind::Note(text) => What::Note { text },
        };
        Self {
            nanoseconds: Some(event.at),
            at: seconds(event.at),
            request: event.request.map(|request| request.to_string()),
            what,
        }
    }

    pub(crate) fn end(ending: Option<Ending>) -> Self {
        let (sealed, torn_bytes) = match ending {
            Some(Ending::Sealed) => (true, 0),
            Some(Ending::Unsealed { torn_bytes }) => (false, torn_bytes),
            None => (false, 0),
        };
        Self::last(What::End { sealed, torn_bytes })
    }

    pub(crate) fn broken(why: String) -> Self {
        Self::last(What::Broken { why })
    }

    fn last(what: What) -> Self {
        Self {
            nanoseconds: None,
            at: None,
            request: None,
            what,
        }
    }
}

fn seconds(nanoseconds: u64) -> Option<Time> {
    i64::try_from(nanoseconds / 1_000_000_000).ok().map(Time)
}
