//! A recording, one JSON object a line: a header, the events, an end.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use recorder::tape::replay::Ending;
use recorder::tape::{Content, Event, File, Header, Kind, Moment};
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
    /// The same of standard error.
    ErrorReply {
        bytes: String,
    },
    ReplyEnd {
        rows: u64,
        bytes: u64,
        /// So many of the bytes were not kept.
        rest_bytes: u64,
        /// `blake3:` and the hash of them, hex.
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
    /// The request runs in a terminal.
    Terminal {
        columns: u32,
        rows: u32,
    },
    Resized {
        columns: u32,
        rows: u32,
    },
    /// The protocol's own code of the end: an exit status, SFTP's status.
    Exited {
        status: u32,
    },
    Signalled {
        signal: String,
    },
    /// A line that seems to have been entered: read from what the terminal showed, and no more than a hint.
    Advisory {
        text: String,
    },
    /// What became of a file that was opened.
    File {
        path: String,
        read: Passed,
        written: Passed,
        /// False where the channel ended first.
        closed: bool,
    },
    /// Nothing new: sent now and then to who follows.
    Heartbeat,
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

/// What passed of a file in one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    pub bytes: u64,
    /// Hex; null where nothing passed, or not in one piece from the beginning.
    pub sha256: Option<String>,
    /// Why there is none.
    pub unhashed: Option<String>,
}

impl From<Content> for Passed {
    fn from(content: Content) -> Self {
        Self {
            bytes: content.bytes,
            sha256: content.digest.map(|digest| super::hex(&digest)),
            unhashed: Some(content.unhashed).filter(|why| !why.is_empty()),
        }
    }
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
            Kind::ErrorReply(bytes) => What::ErrorReply {
                bytes: STANDARD.encode(bytes),
            },
            Kind::ReplyEnd(end) => What::ReplyEnd {
                rows: end.rows,
                bytes: end.bytes,
                rest_bytes: end.rest.map_or(0, |rest| rest.bytes),
                rest_digest: end
                    .rest
                    .map(|rest| format!("blake3:{}", super::hex(&rest.digest))),
            },
            Kind::Notice(text) => What::Notice { text },
            Kind::Refusal(text) => What::Refusal { text },
            Kind::Note(text) => What::Note { text },
            Kind::Moment(moment) => What::of(moment),
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

    pub(crate) fn heartbeat() -> Self {
        Self::last(What::Heartbeat)
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

impl What {
    fn of(moment: Moment) -> Self {
        match moment {
            Moment::Terminal(size) => Self::Terminal {
                columns: size.columns,
                rows: size.rows,
            },
            Moment::Resized(size) => Self::Resized {
                columns: size.columns,
                rows: size.rows,
            },
            Moment::Exited(status) => Self::Exited { status },
            Moment::Signalled(signal) => Self::Signalled { signal },
            Moment::Advisory(text) => Self::Advisory { text },
            Moment::File(file) => {
                let File {
                    path,
                    read,
                    written,
                    closed,
                } = file;
                Self::File {
                    path,
                    read: read.into(),
                    written: written.into(),
                    closed,
                }
            }
        }
    }
}

fn seconds(nanoseconds: u64) -> Option<Time> {
    i64::try_from(nanoseconds / 1_000_000_000).ok().map(Time)
}
