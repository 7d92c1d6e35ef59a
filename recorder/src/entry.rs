//! What the audit log remembers: one entry for each thing that happened, and its one encoding.

use policy::operation::Effect;

use crate::error::Error;
use crate::field::{Field, Input, codes, fields};

pub use crate::id::{RequestId, SessionId};

/// Where an entry stands in the log; the first is 1.
pub type Sequence = u64;

/// The most bytes of `Decided::summary` that are kept.
pub const SUMMARY: usize = 4096;

/// An entry of the audit log. Times (`at`) are nanoseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Boot(Boot),
    Segment(Segment),
    SessionOpened(SessionOpened),
    Decided(Decided),
    Outcome(Outcome),
    Approval(Approval),
    SessionClosed(SessionClosed),
    Administration(Administration),
    Reload(Reload),
}

/// A gateway process started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    pub boot: [u8; 16],
    pub version: String,
    /// The revision of the policies in force.
    pub revision: String,
    pub at: u64,
}

/// Written by the recorder itself at the head of each segment: what is open there, so that recovery reads one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Requests that were let through and have no outcome yet, ascending.
    pub open: Vec<RequestId>,
    pub at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOpened {
    pub session: SessionId,
    /// `user:ada`.
    pub actor: String,
    pub on_behalf_of: Option<String>,
    pub target: String,
    pub protocol: String,
    pub address: String,
    /// The credential's id, never the credential.
    pub credential: String,
    /// What the client calls itself: untrusted text.
    pub application: String,
    pub at: u64,
}

codes! {
    /// The final word on a request; `Hold` when it ended while it was held (withdrawn, expired).
    pub enum Verdict {
        Allow = 1 "allow",
        Hold = 2 "hold",
        Deny = 3 "deny",
    }
}

/// One operation as it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationRecord {
    /// `postgres.drop`.
    pub action: String,
    pub effect: Effect,
    /// `postgres.table`.
    pub resource_type: String,
    /// `shop/shop/public/orders`.
    pub resource_id: String,
}

/// Exactly one per request. With `Verdict::Allow` it is the intent: it precedes the forward and owes one `Outcome`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub request: RequestId,
    pub session: SessionId,
    /// `user:ada`, or `gateway` for what the gateway sends on its own account.
    pub actor: String,
    /// Why the gateway sent a message of its own.
    pub purpose: Option<String>,
    pub target: String,
    pub protocol: String,
    /// The content digest.
    pub digest: [u8; 32],
    pub operations: Vec<OperationRecord>,
    pub verdict: Verdict,
    /// `permitted`, `forbidden`, `withdrawn` ...
    pub reason: String,
    /// The policies that decided.
    pub policies: Vec<String>,
    pub approval: Option<String>,
    pub policy_revision: String,
    /// Redacted text, at most `SUMMARY` bytes; what is longer is cut at a character when it is encoded.
    pub summary: String,
    pub at: u64,
}

codes! {
    pub enum OutcomeKind {
        Completed = 1 "completed",
        /// The backend refused or failed it.
        Failed = 2 "failed",
        /// It was let through and never left the gateway.
        NotSent = 3 "not_sent",
        /// It left, or may have left, and nobody knows how it ended.
        Unknown = 4 "unknown",
        /// A kill, lock or new verdict ended it.
        Revoked = 5 "revoked",
        Cancelled = 6 "cancelled",
    }
}

/// How a request that was let through ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub request: RequestId,
    pub kind: OutcomeKind,
    pub rows: u64,
    pub bytes: u64,
    /// The protocol's own code: an SQLSTATE, an exit status, an HTTP status; may be empty.
    pub code: String,
    pub at: u64,
}

codes! {
    pub enum ApprovalEvent {
        Asked = 1 "asked",
        Approved = 2 "approved",
        Granted = 3 "granted",
        Refused = 4 "refused",
        Expired = 5 "expired",
        Withdrawn = 6 "withdrawn",
        Used = 7 "used",
        /// Judged again, and a requirement grew.
        AskedAgain = 8 "asked_again",
        /// One person voted against it.
        Opposed = 9 "opposed",
    }
}

/// A step of an approval's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub approval: String,
    pub event: ApprovalEvent,
    pub session: SessionId,
    /// Who asked, voted or withdrew; `gateway` for time-outs.
    pub actor: String,
    /// The content digest the actor spoke of.
    pub digest: [u8; 32],
    /// The policies that asked.
    pub policies: Vec<String>,
    /// The reason given: untrusted text.
    pub note: String,
    pub at: u64,
}

/// The sealed tape of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapeRecord {
    /// SHA-256 of the sealed file.
    pub digest: [u8; 32],
    pub events: u64,
    /// Length of the sealed file.
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionClosed {
    pub session: SessionId,
    /// `client`, `killed`, `locked`, `drained` ...
    pub reason: String,
    /// Requests decided in this session.
    pub requests: u64,
    pub tape: Option<TapeRecord>,
    pub at: u64,
}

/// Something done to the gateway itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administration {
    pub actor: String,
    /// `manage_users`, `kill` ...
    pub action: String,
    pub subject: String,
    pub allowed: bool,
    pub at: u64,
}

/// Policies were loaded, or could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    pub actor: String,
    pub revision: String,
    pub ok: bool,
    pub at: u64,
}

fields!(Boot {
    boot,
    version,
    revision,
    at
});
fields!(Segment { open, at });
fields!(SessionOpened {
    session,
    actor,
    on_behalf_of,
    target,
    protocol,
    address,
    credential,
    application,
    at
});
fields!(OperationRecord {
    action,
    effect,
    resource_type,
    resource_id
});
fields!(Decided {
    request,
    session,
    verdict,
    actor,
    purpose,
    target,
    protocol,
    digest,
    operations,
    reason,
    policies,
    approval,
    policy_revision,
    summary,
    at,
});
fields!(Outcome {
    request,
    kind,
    rows,
    bytes,
    code,
    at
});
fields!(Approval {
    approval,
    event,
    session,
    actor,
    digest,
    policies,
    note,
    at
});
fields!(TapeRecord {
    digest,
    events,
    bytes
});
fields!(SessionClosed {
    session,
    reason,
    requests,
    tape,
    at
});
fields!(Administration {
    actor,
    action,
    subject,
    allowed,
    at
});
fields!(Reload {
    actor,
    revision,
    ok,
    at
});

macro_rules! kinds {
    ($($variant:ident = $code:literal),* $(,)?) => {
        impl Entry {
            fn write(&self, output: &mut Vec<u8>) {
                match self { $(Self::$variant(value) => { output.push($code); value.put(output); })* }
            }
        }
        /// Decodes one entry; any other bytes than those `encode` makes are refused. Never panics.
        pub fn decode(bytes: &[u8]) -> Result<Entry, Error> {
            let mut input = Input(bytes);
            let entry = match u8::take(&mut input)? {
                $($code => Entry::$variant(Field::take(&mut input)?),)*
                _ => return Err(Error::Malformed("a kind of entry that does not exist")),
            };
            input.end()?;
            Ok(entry)
        }
    };
}
kinds!(
    Boot = 1,
    Segment = 2,
    SessionOpened = 3,
    Decided = 4,
    Outcome = 5,
    Approval = 6,
    SessionClosed = 7,
    Administration = 8,
    Reload = 9,
);

impl Entry {
    /// The entry's only encoding; a too long summary is cut at a character.
    pub fn encode(mut self) -> Vec<u8> {
        if let Self::Decided(decided) = &mut self
            && decided.summary.len() > SUMMARY
        {
            decided
                .summary
                .truncate(decided.summary.floor_char_boundary(SUMMARY));
        }
        let mut output = Vec::with_capacity(384);
        self.write(&mut output);
        output
    }
}
