//! What the gate writes to the audit log, and how long it waits for the disk.

mod words;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use policy::digest::Digest;
use policy::operation::{Effect, Operation};
use recorder::entry::{
    Administration, Approval, ApprovalEvent, Boot, OperationRecord, Reload, SessionClosed,
    SessionOpened, TapeRecord,
};
use recorder::{Audit, Durability, Entry, RequestId, SessionId, entry};

use crate::decision::Reason;
use crate::ledger::{ApprovalId, Question, Row};
use crate::request::Guard;
use crate::session::{Session, SessionState};
use crate::underway::{Outcome, OutcomeKind};
pub(crate) use words::described;
use words::{describe, recorded};
pub use words::{resource_id, resource_type};

/// The most bytes of an outcome's code. Part of it may come from a backend: an entry that is too long is refused, and
/// an outcome must not be.
const CODE: usize = 256;

/// How durable an intent must be before its request is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Survives a kill of the process; reaches the disk within a bounded time.
    Written,
    /// Survives a power cut.
    Synced,
}

/// DESIGN of recording: reads lag; what a COMMIT guards is written; the rest, and what was approved, is synced.
pub(crate) fn wait(effect: Effect, approved: bool, guard: Guard) -> Wait {
    match (effect, guard) {
        _ if approved => Wait::Synced,
        (_, Guard::Commit) => Wait::Synced,
        (Effect::Read, Guard::Alone | Guard::Guarded) | (Effect::Write, Guard::Guarded) => {
            Wait::Written
        }
        (Effect::Write, Guard::Alone) | (Effect::Admin | Effect::Unknown, _) => Wait::Synced,
    }
}

/// One decision, in the gate's words.
pub(crate) struct Decided<'a> {
    pub(crate) request: u128,
    pub(crate) digest: Digest,
    /// `user:ada`, or `gateway:purpose`.
    pub(crate) actor: String,
    pub(crate) operations: Arc<[OperationRecord]>,
    pub(crate) verdict: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) policies: Vec<String>,
    pub(crate) approval: Option<ApprovalId>,
    /// The redacted text; cut where it is long.
    pub(crate) summary: &'a str,
}

/// Operations in the words of the audit log.
pub(crate) fn records(session: &Session, operations: &[Operation]) -> Arc<[OperationRecord]> {
    let records = operations
        .iter()
        .map(|operation| recorded(describe(session, operation)));
    records.collect()
}

/// The audit log as the gate writes it.
pub(crate) struct Log {
    audit: Audit,
}

type Written = Result<(), String>;

impl Log {
    pub(crate) fn new(audit: Audit) -> Self {
        Self { audit }
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Enqueues at once, in the order of calls; the future says when it is as durable as asked.
    pub(crate) fn decided(
        &self,
        session: &Session,
        decided: Decided<'_>,
        wait: Wait,
    ) -> impl Future<Output = Written> + Send + use<> {
        let gate = &session.0.gate;
        let (actor, purpose) = match decided.actor.split_once(':') {
            Some(("gateway", purpose)) => ("gateway".to_owned(), Some(purpose.to_owned())),
            _ => (decided.actor, None),
        };
        let intent = Entry::Decided(entry::Decided {
            request: RequestId::from(decided.request),
            session: SessionId::from(session.0.id),
            actor,
            purpose,
            target: session.0.target.name.clone(),
            protocol: session.0.protocol.to_owned(),
            digest: *decided.digest.as_bytes(),
            operations: decided.operations.to_vec(),
            verdict: verdict(decided.verdict),
            reason: decided.reason.to_owned(),
            policies: decided.policies,
            approval: decided.approval.map(|id| id.to_string()),
            policy_revision: gate.revision(),
            summary: cut(decided.summary).to_owned(),
            at: time(gate.now()),
        });
        let durability = match wait {
            Wait::Written => Durability::Lagging,
            Wait::Synced => Durability::Synced,
        };
        let appended = self.audit.append(intent, durability);
        let gate = gate.clone();
        async move {
            // what others ask for in the same turn of the reactor is written together with it
            tokio::task::yield_now().await;
            appended.await.map(|_| ()).map_err(|error| {
                gate.metrics().fault();
                error.to_string()
            })
        }
    }

    /// The last word on a request that an ended gateway held: its client is gone, and nothing of it ran.
    pub(crate) fn orphaned(
        &self,
        row: &Row,
        request: u128,
        now: i64,
    ) -> impl Future<Output = Written> + Send + use<> {
        let question = &row.question;
        let gateway = "gateway".to_owned();
        let withdrawn = self.approval(row, ApprovalEvent::Withdrawn, gateway, now);
        let entry = Entry::Decided(entry::Decided {
            request: RequestId::from(request),
            session: question.session.parse().unwrap_or(SessionId([0; 16])),
            actor: question.label.clone(),
            purpose: None,
            target: question.target.clone(),
            protocol: question.protocol.clone(),
            digest: *question.digest.as_bytes(),
            operations: question.operations.iter().cloned().map(recorded).collect(),
            verdict: entry::Verdict::Hold,
            reason: "gateway_ended".to_owned(),
            policies: question.requirements.keys().cloned().collect(),
            approval: Some(row.id.to_string()),
            policy_revision: question.policy_revision.clone(),
            summary: cut(&question.rendering).to_owned(),
            at: time(now),
        });
        let decided = self.written(entry, Durability::Synced);
        async move { withdrawn.await.and(decided.await) }
    }

    pub(crate) fn outcome(&self, session: &Session, request: u128, outcome: &Outcome) {
        let outcome = Entry::Outcome(entry::Outcome {
            request: RequestId::from(request),
            kind: match outcome.kind {
                OutcomeKind::Completed => entry::OutcomeKind::Completed,
                OutcomeKind::Failed | OutcomeKind::Refused => entry::OutcomeKind::Failed,
                OutcomeKind::NotSent => entry::OutcomeKind::NotSent,
                OutcomeKind::Revoked => entry::OutcomeKind::Revoked,
                OutcomeKind::Cancelled => entry::OutcomeKind::Cancelled,
                OutcomeKind::Unknown => entry::OutcomeKind::Unknown,
            },
            rows: outcome.rows,
            bytes: outcome.bytes,
            code: shortened(outcome.code.as_deref().unwrap_or_default(), CODE).to_owned(),
            at: time(session.0.gate.now()),
        });
        // nobody waits for an outcome: if it cannot be written, the next intent cannot either
        drop(self.audit.append(outcome, Durability::Lagging));
    }

    /// A step of an approval's life, and whose it was. Enqueues at once.
    pub(crate) fn approval(
        &self,
        row: &Row,
        event: ApprovalEvent,
        actor: String,
        now: i64,
    ) -> impl Future<Output = Written> + Send + use<> {
        let question = &row.question;
        let entry = Entry::Approval(Approval {
            approval: row.id.to_string(),
            event,
            session: question.session.parse().unwrap_or(SessionId([0; 16])),
            actor,
            digest: *question.digest.as_bytes(),
            policies: question.requirements.keys().cloned().collect(),
            note: note(question, event).unwrap_or_default(),
            at: time(now),
        });
        self.written(entry, Durability::Synced)
    }

    pub(crate) async fn opened(&self, session: &Session) -> Written {
        let identity = session.identity();
        let entry = Entry::SessionOpened(SessionOpened {
            session: SessionId::from(session.0.id),
            actor: identity.label(),
            on_behalf_of: identity.on_behalf_of.clone(),
            target: session.0.target.name.clone(),
            protocol: session.0.protocol.to_owned(),
            address: identity.address.to_string(),
            credential: identity.credential.id.clone(),
            application: session.0.client.clone(),
            at: time(session.0.opened_at),
        });
        self.written(entry, Durability::Written).await
    }

    pub(crate) fn closed(&self, closed: Closed, tape: Option<TapeRecord>, now: i64) {
        let entry = Entry::SessionClosed(SessionClosed {
            session: SessionId::from(closed.session),
            reason: closed.reason.to_owned(),
            requests: closed.requests,
            tape,
            at: time(now),
        });
        drop(self.audit.append(entry, Durability::Lagging));
    }

    pub(crate) async fn administration(
        &self,
        actor: String,
        (action, subject): (&str, &str),
        allowed: bool,
        now: i64,
    ) -> Written {
        let entry = Entry::Administration(Administration {
            actor,
            action: action.to_owned(),
            subject: subject.to_owned(),
            allowed,
            at: time(now),
        });
        self.written(entry, Durability::Synced).await
    }

    pub(crate) async fn reload(&self, revision: String, ok: bool, now: i64) -> Written {
        let actor = "gateway".to_owned();
        let entry = Entry::Reload(Reload {
            actor,
            revision,
            ok,
            at: time(now),
        });
        self.written(entry, Durability::Synced).await
    }

    pub(crate) async fn boot(&self, boot: u128, revision: String, now: i64) -> Written {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let entry = Entry::Boot(Boot {
            boot: boot.to_be_bytes(),
            version,
            revision,
            at: time(now),
        });
        self.written(entry, Durability::Synced).await
    }

    fn written(
        &self,
        entry: Entry,
        durability: Durability,
    ) -> impl Future<Output = Written> + Send + use<> {
        let appended = self.audit.append(entry, durability);
        async move {
            appended
                .await
                .map(|_| ())
                .map_err(|error| error.to_string())
        }
    }
}

/// What is left of a session when its last clone is gone.
pub(crate) struct Closed {
    pub(crate) session: u128,
    pub(crate) reason: &'static str,
    pub(crate) requests: u64,
}

impl Closed {
    /// `None` where its opening was never recorded.
    pub(crate) fn of(state: &SessionState, requests: u64) -> Option<Self> {
        if !state.announced.load(Ordering::Relaxed) {
            return None;
        }
        let reason = state
            .switch
            .ended()
            .map_or("client", crate::underway::End::as_str);
        Some(Self {
            session: state.id,
            reason,
            requests,
        })
    }
}

impl Reason {
    /// `hold` where it ended while it was held.
    pub(crate) fn verdict(&self) -> &'static str {
        match self {
            Self::Expired { .. } | Self::Withdrawn { .. } | Self::Parked { .. } => "hold",
            Self::Refused { .. }
            | Self::Policy { .. }
            | Self::Unclear(_)
            | Self::Spent { .. }
            | Self::TooManyQuestions { .. }
            | Self::Revoked(_) => "deny",
        }
    }

    pub(crate) fn approval(&self) -> Option<ApprovalId> {
        match self {
            Self::Refused { approval, .. }
            | Self::Expired { approval }
            | Self::Withdrawn { approval }
            | Self::Parked { approval, .. }
            | Self::Spent { approval } => Some(*approval),
            Self::Policy { .. }
            | Self::Unclear(_)
            | Self::TooManyQuestions { .. }
            | Self::Revoked(_) => None,
        }
    }
}

/// As much of a text as the audit log keeps.
fn cut(text: &str) -> &str {
    shortened(text, entry::SUMMARY)
}

fn shortened(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// The words of whoever took the step: of the voter, or of who asked.
fn note(question: &Question, event: ApprovalEvent) -> Option<String> {
    match event {
        ApprovalEvent::Approved
        | ApprovalEvent::Granted
        | ApprovalEvent::Refused
        | ApprovalEvent::Opposed => question.votes.last()?.reason.clone(),
        ApprovalEvent::Asked
        | ApprovalEvent::AskedAgain
        | ApprovalEvent::Expired
        | ApprovalEvent::Withdrawn
        | ApprovalEvent::Used => question.reason.clone(),
    }
}

/// 32 hexadecimal digits.
pub(crate) fn label(id: u128) -> String {
    format!("{id:032x}")
}

fn verdict(word: &str) -> entry::Verdict {
    match word {
        "allow" => entry::Verdict::Allow,
        "hold" => entry::Verdict::Hold,
        _ => entry::Verdict::Deny,
    }
}

fn time(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds).unwrap_or(0)
}
