//! What the gate answers: a permit, a hold, a refusal, or its own fault.

use std::sync::Arc;

use bytes::Bytes;
use policy::operation::Operations;
use policy::verdict::{Cited, Judged, Why};

use crate::hold::{Ask, Hold, Until};
use crate::ledger::ApprovalId;
use crate::request::{Fingerprint, Rendering, Request, Unclear};
use crate::session::Session;
use crate::underway::{Duty, End, Outcome, OutcomeKind, Underway};

#[must_use]
pub enum Decision<R: Request> {
    Permit(Permitted<R>),
    Hold(Hold<R>),
    Deny(Denied<R>),
    /// The gateway cannot judge or record now: the request comes back unforwarded.
    Fault(R, Fault),
}

/// The only key to a backend. It cannot be made, cloned or taken apart outside this crate; dropped unused, it is
/// recorded as not sent.
#[must_use]
pub struct Permitted<R: Request> {
    pub(crate) request: R,
    pub(crate) duty: Duty,
}

impl<R: Request> std::fmt::Debug for Permitted<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Permitted").finish_non_exhaustive()
    }
}

impl<R: Request> Permitted<R> {
    pub fn request(&self) -> &R {
        &self.request
    }

    pub(crate) fn target(&self) -> Arc<str> {
        self.duty.session().target().name.as_str().into()
    }

    /// The permit itself, where it is for this target; else it is spent unsent.
    pub(crate) fn meant_for(self, target: &str) -> Result<Self, Denied<R>> {
        if self.duty.session().target().name == target {
            return Ok(self);
        }
        let Self { request, mut duty } = self;
        let session = duty.session().clone();
        duty.pay(Outcome::of(OutcomeKind::NotSent));
        let reason = Reason::Revoked(End::Policy);
        Err(Denied {
            request,
            session,
            reason,
            owes: None,
        })
    }

    /// A permit can die in the hand: a kill, a lock or a reload may come while the protocol is busy.
    pub(crate) fn begin(self) -> Result<(R, Underway), Denied<R>> {
        let Self { request, mut duty } = self;
        match duty.ended() {
            None => {
                duty.sent();
                Ok((request, Underway::new(duty)))
            }
            Some(end) => {
                let session = duty.session().clone();
                duty.pay(Outcome::of(OutcomeKind::NotSent));
                Err(Denied {
                    request,
                    session,
                    reason: Reason::Revoked(end),
                    owes: None,
                })
            }
        }
    }
}

/// A request refused by policy, by people, or because it was not understood. The denial is recorded already.
#[must_use]
pub struct Denied<R: Request> {
    pub(crate) request: R,
    pub(crate) session: Session,
    pub(crate) reason: Reason,
    /// The registered denial: what a substituted message is sent under.
    pub(crate) owes: Option<Duty>,
}

impl<R: Request> std::fmt::Debug for Denied<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Denied")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<R: Request> Denied<R> {
    pub fn request(&self) -> &R {
        &self.request
    }

    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Id of the request in the audit log, to be named in the refusal.
    pub fn id(&self) -> Option<String> {
        self.owes.as_ref().map(Duty::label)
    }

    /// The substituted message, on the gateway's own account: the denial's record is its intent. `None` where the
    /// protocol does not refuse by substitution, or where nothing was recorded (a session that ended).
    pub fn refusal(&mut self) -> Option<Permitted<Own>> {
        let wire = self.request.substitute()?;
        let duty = self.owes.take()?;
        Some(Permitted {
            request: Own {
                wire,
                purpose: Purpose::Refusal,
                meaning: self.session.blank(),
            },
            duty,
        })
    }

    pub fn into_request(self) -> R {
        self.request
    }
}

/// Why a request was refused; a protocol turns it into its own words in one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Forbidden, without a permit, or an evaluation error.
    Policy {
        why: Why,
        policies: Vec<Cited>,
    },
    Unclear(Unclear),
    /// Somebody with a vote said no.
    Refused {
        approval: ApprovalId,
        by: String,
        words: Option<String>,
    },
    Expired {
        approval: ApprovalId,
    },
    /// By the client, its disconnect or the gateway's.
    Withdrawn {
        approval: ApprovalId,
    },
    /// It cannot run yet: its question stays open, and who sends the same again until then finds the answer.
    Parked {
        approval: ApprovalId,
        asks: Vec<Ask>,
        until: Until,
    },
    /// The approval was there, and another retry of the same was released by it.
    Spent {
        approval: ApprovalId,
    },
    /// The identity has as many open questions as it may have.
    TooManyQuestions {
        open: usize,
    },
    /// The session was killed or locked, or a reload took the permission away.
    Revoked(End),
}

impl Reason {
    /// A denial by the rules.
    pub(crate) fn of(judged: &Judged) -> Self {
        let overall = &judged.overall;
        Self::Policy {
            why: overall.why,
            policies: overall.policies.clone(),
        }
    }

    /// The word that contracts and the audit log use.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Policy { why, .. } => why.as_str(),
            Self::Unclear(unclear) => unclear.kind.as_str(),
            Self::Refused { .. } => "refused",
            Self::Expired { .. } => "expired",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Parked { .. } => "parked",
            Self::Spent { .. } => "spent",
            Self::TooManyQuestions { .. } => "too_many_questions",
            Self::Revoked(_) => "revoked",
        }
    }

    /// The policies that decided, for the refusal's words.
    pub fn policies(&self) -> &[Cited] {
        match self {
            Self::Policy { policies, .. } => policies,
            Self::Unclear(_)
            | Self::Refused { .. }
            | Self::Expired { .. }
            | Self::Withdrawn { .. }
            | Self::Parked { .. }
            | Self::Spent { .. }
            | Self::TooManyQuestions { .. }
            | Self::Revoked(_) => &[],
        }
    }
}

/// The gateway's own inability: nothing was forwarded, and the client is told to try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the audit log cannot be written")]
    AuditUnwritable(String),
    #[error("the approvals cannot be reached")]
    LedgerUnavailable(String),
    #[error("the gateway is shutting down")]
    Draining,
    #[error("the decoder gave up")]
    Decoder(String),
}

/// What the gateway sends on its own account.
pub struct Own {
    pub(crate) wire: Vec<Bytes>,
    pub(crate) purpose: Purpose,
    pub(crate) meaning: Fingerprint,
}

/// Why the gateway speaks to a backend for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Start-up and authentication at the backend.
    Login,
    /// In place of a denied request.
    Refusal,
    /// Reading the catalogue: columns, oids, settings.
    LookUp,
    /// What a held request would touch, for who is asked about it.
    Estimate,
    /// Reading back role and search path.
    ReadBack,
    /// Stopping what runs.
    Cancel,
    /// Flush or Sync that the gateway injects, and Terminate.
    Framing,
}

impl Purpose {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refusal => "refusal",
            Self::LookUp => "look_up",
            Self::Estimate => "estimate",
            Self::ReadBack => "read_back",
            Self::Cancel => "cancel",
            Self::Framing => "framing",
        }
    }
}

impl Request for Own {
    async fn operations(&self) -> Result<Arc<Operations>, Unclear> {
        Ok(Arc::new(Operations::new(Vec::new())))
    }
    fn wire(&self) -> &[Bytes] {
        &self.wire
    }
    fn meaning(&self) -> &Fingerprint {
        &self.meaning
    }
    fn render(&self) -> Rendering {
        Rendering::plain(self.purpose.as_str())
    }
}
