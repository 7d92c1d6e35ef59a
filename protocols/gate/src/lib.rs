//! The door: turns a request into `Permitted<Request>`, a hold or a refusal, and is the only way to a backend.

mod approvals;
pub mod connection;
pub mod decision;
pub mod desk;
pub mod directory;
pub mod duplex;
mod electorate;
pub mod error;
pub mod failpoint;
pub mod framed;
pub mod gate;
mod gone;
pub mod hold;
pub mod ledger;
pub mod login;
pub mod masked;
pub mod metrics;
pub mod protocol;
pub mod record;
pub mod request;
pub mod rules;
pub mod scram;
pub mod secret;
pub mod session;
pub mod stream;
mod sync;
mod tape;
pub mod targets;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tls;
pub mod underway;
pub mod upstream;
pub mod whereabouts;

pub use approvals::VoteError;
pub use connection::{Connection, Doorkeeper, Uncounted};
pub use decision::{Decision, Denied, Fault, Own, Permitted, Purpose, Reason};
pub use duplex::{Duplex, Turn};
pub use error::Error;
pub use framed::Framed;
pub use gate::{About, Clock, Gate, Limits, NotOpened, Parts, SessionInfo, SystemClock, Whom};
pub use gone::{Gone, probe};
pub use hold::{Ask, Hold, Inquiry, Ticket, Until};
pub use login::{
    Authenticated, Exchange, LoginRefused, ScramFirst, SshCertificate, ssh_fingerprint,
};
pub use masked::{Masked, Ungoverned};
pub use policy::approval::Manner;
pub use protocol::{Boxed, Entry, Hint, Live, Protocol, Running, Sample};
pub use request::{
    Circumstances, Content, Fingerprint, Guard, Rendering, Request, Unclear, UnclearKind,
};
pub use rules::{Column, Mask, Rules};
pub use session::{Connect, NotPaused, Paused, Session};
pub use stream::Stream;
pub use targets::{Backends, ErasedTarget, Registry, Target};
pub use underway::{End, Leave, Outcome, OutcomeKind, Revocation, Revoked, SessionEnd, Underway};
pub use upstream::{Endpoint, Reached, Upstream};

/// The words of policy that a protocol needs: it depends on the gate only.
pub mod words {
    pub use policy::identity::{Identity, Kind};
    pub use policy::mask::{
        DataClass, Detector, Found, Hiding, How, LONGEST_OPEN, Masking, Open, Redacted,
    };
    pub use policy::operation::{
        Action, Attributes, Effect, Operation, Operations, Resource, Span, Value,
    };
    pub use policy::target::Target;
    pub use policy::verdict::{Cited, PolicyEffect, Role, Verdict, Why, forbidding};
    pub use recorder::visible::visible;
}

/// What a protocol tells the tape, and what it reads from a terminal's output.
pub mod told {
    pub use recorder::tape::{Content, File, Moment, Size};
    pub use recorder::terminal::lines::Lines;
}
