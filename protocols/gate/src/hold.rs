//! A request that waits for people, on its client's live connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use policy::approval::{Asker, Event, Requirement, State};
use policy::operation::Operations;
use policy::verdict::{Judged, Verdict};
use recorder::entry::ApprovalEvent;
use tokio::time::Instant;

use crate::approvals::{Ending, Moment, Settled, Standing};
use crate::decision::{Decision, Fault, Reason};
use crate::gate::Gate;
use crate::ledger::{ApprovalId, Binding, LedgerError, Question, Row};
use crate::record;
use crate::request::{self, Request};
use crate::session::{Granted, Session};
use crate::sync::Notify;
use crate::underway::Duty;

/// How long the ledger may be silent before a held request looks again.
const LEDGER_PATIENCE: Duration = Duration::from_secs(1);

/// Dropping it withdraws the question (or detaches from a parked one). `wait` may be a branch of a select; `settle`
/// never is: it consumes the approval and writes the intent.
#[must_use]
pub struct Hold<R: Request> {
    request: R,
    operations: Arc<Operations>,
    question: Pending,
}

/// The question apart from the request: what `Drop` needs.
struct Pending {
    session: Session,
    id: ApprovalId,
    bell: Arc<Notify>,
    deadline: Instant,
    asks: Vec<Ask>,
    /// A failed look at the ledger: wait a while before the next.
    silent: bool,
    end: AtEnd,
    epoch: tokio::sync::watch::Receiver<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtEnd {
    Withdraw,
    /// Parked before, and only attached to: the question outlives this client.
    Detach,
    Nothing,
}

/// Who is asked, for the notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub policy: String,
    pub groups: Vec<String>,
    pub quorum: u32,
    pub message: Option<String>,
}

/// What a parked question leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub id: ApprovalId,
}

impl Session {
    /// Puts the question, unless a parked one of the same content waits for this retry.
    pub(crate) async fn ask<R: Request>(
        &self,
        request: R,
        operations: Arc<Operations>,
        judged: Arc<Judged>,
    ) -> Decision<R> {
        let gate = self.0.gate.clone();
        let requirements = gate.requirements(&judged);
        let question = self.question(&request, &operations, requirements);
        let cap = gate.limits().questions_per_identity;
        let parked = in_time(gate.approvals_inner().parked(&question, question.asked_at)).await;
        let (row, end) = match parked {
            Ok(Some(row)) => (row, AtEnd::Detach),
            Ok(None) => match in_time(gate.approvals_inner().ask(question, cap)).await {
                Ok(row) => (row, AtEnd::Withdraw),
                Err(error) => return self.not_asked(request, &operations, error).await,
            },
            Err(error) => return self.not_asked(request, &operations, error).await,
        };
        let hold = Hold::new(self, request, operations, (&row, end));
        if end == AtEnd::Detach && row.question.state != State::Asked {
            return Box::pin(hold.settle()).await;
        }
        gate.metrics().decision(self.0.protocol, "hold");
        if let Err(why) = gate.log().approval(self, &row, ApprovalEvent::Asked, None).await {
            let Hold { request, question, .. } = hold;
            question.finish("audit").await;
            return Decision::Fault(request, Fault::AuditUnwritable(why));
        }
        Decision::Hold(hold)
    }

    async fn not_asked<R: Request>(
        &self,
        request: R,
        operations: &Operations,
        error: LedgerError,
    ) -> Decision<R> {
        match error {
            LedgerError::TooMany { open, .. } => {
                let duty = Duty::register(self, None);
                let reason = Reason::TooManyQuestions { open };
                self.deny(request, duty, Some(operations), reason).await
            }
            LedgerError::Unknown(_) | LedgerError::Stale(_) | LedgerError::Unavailable(_) => {
                Decision::Fault(request, Fault::LedgerUnavailable(error.to_string()))
            }
        }
    }

    fn question<R: Request>(
        &self,
        request: &R,
        operations: &Operations,
        requirements: BTreeMap<String, Requirement>,
    ) -> Question {
        let identity = self.identity();
        let gate = &self.0.gate;
        let rendering = request.render();
        let now = gate.now() / 1_000_000_000;
        let wait = wait_at_most(requirements.values(), request.circumstances().hold_at_most);
        Question {
            state: State::Asked,
            digest: request::digest(request, &identity.label(), &self.0.target.name),
            binding: Binding::Session(self.id()),
            asker: Asker {
                agents: gate.directory().services_of(&identity.name),
                ..Asker::of(&identity)
            },
            label: identity.label(),
            lineage: identity.credential.lineage.clone(),
            session: self.id(),
            protocol: self.0.protocol.to_owned(),
            target: self.0.target.name.clone(),
            labels: self.0.target.labels.iter().cloned().collect(),
            operations: record::described(&self.0.target, operations),
            requirements,
            votes: Vec::new(),
            policy_revision: gate.rules().now().rules.policies.revision().0.clone(),
            rendering: rendering.text.to_string(),
            redacted: rendering.redacted,
            cut: rendering.cut,
            reason: self.0.reason.clone(),
            notes: rendering.notes,
            asked_at: now,
            expires_at: now + i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            ended: None,
            holder: gate.boot().to_owned(),
        }
    }
}

impl<R: Request> Hold<R> {
    fn new(session: &Session, request: R, operations: Arc<Operations>, of: (&Row, AtEnd)) -> Self {
        let (row, end) = of;
        let gate = &session.0.gate;
        let requirements = row.question.requirements.values();
        let wait = wait_at_most(requirements.clone(), request.circumstances().hold_at_most);
        let mut epoch = gate.rules().changes();
        // whatever changed since the judging is looked at once
        epoch.mark_changed();
        Self {
            request,
            operations,
            question: Pending {
                session: session.clone(),
                id: row.id,
                bell: gate.approvals_inner().listen(row.id),
                deadline: Instant::now() + wait,
                asks: requirements.map(Ask::of).collect(),
                silent: false,
                end,
                epoch,
            },
        }
    }

    pub fn request(&self) -> &R {
        &self.request
    }

    pub fn id(&self) -> ApprovalId {
        self.question.id
    }

    /// Who is asked, by policy.
    pub fn asks(&self) -> &[Ask] {
        &self.question.asks
    }

    /// When the question expires; monotonic.
    pub fn deadline(&self) -> Instant {
        self.question.deadline
    }

    /// Resolves when there is reason to `settle`: a decision, other rules, the session's end, or the deadline.
    /// Cancel-safe.
    pub async fn wait(&mut self) {
        let Pending { session, bell, deadline, silent, epoch, .. } = &mut self.question;
        let mut end = session.end();
        if *silent {
            tokio::time::sleep(LEDGER_PATIENCE).await;
            return;
        }
        tokio::select! {
            () = bell.notified() => {}
            _ = end.wait() => {}
            () = tokio::time::sleep_until(*deadline) => {}
            _ = epoch.changed() => {}
        }
    }

    /// Judges anew and takes the one step that follows.
    pub async fn settle(self) -> Decision<R> {
        let session = self.question.session.clone();
        if let Some(end) = session.ended() {
            self.question.finish(end.as_str()).await;
            return self.denied(Reason::Revoked(end)).await;
        }
        // registered before it is judged, so that a reload is seen here or sees this
        let duty = Duty::register(&session, Some(self.operations.clone()));
        let judged = session.judge(&self.operations);
        let gate = session.0.gate.clone();
        let standing = gate.standing(&judged);
        let clock = Moment {
            now: gate.now() / 1_000_000_000,
            overdue: Instant::now() >= self.question.deadline,
        };
        match in_time(gate.settle(self.question.id, &standing, clock)).await {
            Ok(settled) => self.concluded(duty, judged, settled).await,
            Err(_) => Decision::Hold(self.silent()),
        }
    }

    async fn concluded(mut self, duty: Duty, judged: Arc<Judged>, settled: Settled) -> Decision<R> {
        self.question.silent = false;
        let session = self.question.session.clone();
        let approval = self.question.id;
        match settled {
            Settled::Waiting { grown } => {
                drop(duty);
                if grown {
                    self.question.grown().await;
                }
                Decision::Hold(self)
            }
            Settled::Released(policies) => {
                duty.countersigned(policies.into_iter().collect());
                let (request, operations) = self.released();
                let granted = Granted { operations, judged, approval: Some(approval) };
                session.permit(request, duty, granted).await
            }
            Settled::Unneeded => {
                let (request, operations) = self.released();
                session.permit(request, duty, Granted { operations, judged, approval: None }).await
            }
            Settled::Denied => {
                let why = judged.overall.why;
                let policies = judged.overall.policies.clone();
                self.denied(Reason::Policy { why, policies }).await
            }
            Settled::Refused(row) => self.denied(refused(&row)).await,
            Settled::Expired => self.denied(Reason::Expired { approval }).await,
            Settled::Withdrawn => self.denied(Reason::Withdrawn { approval }).await,
        }
    }

    /// The ledger did not answer: what is held stays held, and looks again after a while.
    fn silent(mut self) -> Self {
        self.question.silent = true;
        self
    }

    fn released(mut self) -> (R, Arc<Operations>) {
        self.question.settled();
        (self.request, self.operations)
    }

    async fn denied(mut self, reason: Reason) -> Decision<R> {
        self.question.settled();
        let session = self.question.session.clone();
        self.question.account(None).await;
        let duty = Duty::register(&session, None);
        session.deny(self.request, duty, Some(&self.operations), reason).await
    }

    /// The client went away or asked to stop: the question ends, and the denial is recorded.
    pub async fn withdraw(self) -> Decision<R> {
        let approval = self.question.id;
        self.question.finish("client").await;
        self.denied(Reason::Withdrawn { approval }).await
    }

    /// Keeps the question for a client that will come back; frees the request's memory and the session.
    pub async fn park(mut self, ttl: Duration) -> Result<Ticket, Fault> {
        let gate = self.question.session.0.gate.clone();
        let until = gate.now() / 1_000_000_000 + i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let id = self.question.id;
        in_time(gate.approvals_inner().park(id, until))
            .await
            .map_err(|error| Fault::LedgerUnavailable(error.to_string()))?;
        self.question.settled();
        Ok(Ticket { id })
    }
}

impl Pending {
    /// Nothing is left to do when this is dropped.
    fn settled(&mut self) {
        self.end = AtEnd::Nothing;
    }

    async fn grown(&mut self) {
        let gate = self.session.0.gate.clone();
        if let Ok(row) = in_time(gate.approvals_inner().read(self.id)).await {
            self.asks = row.question.requirements.values().map(Ask::of).collect();
        }
        self.account(Some(ApprovalEvent::AskedAgain)).await;
    }

    /// A line of the account about the question. A lost one shows when the intent is written, which is awaited.
    async fn account(&self, event: Option<ApprovalEvent>) {
        let gate = &self.session.0.gate;
        if let Ok(row) = in_time(gate.approvals_inner().read(self.id)).await {
            let event = event.unwrap_or_else(|| event_of(&row));
            let _ = gate.log().approval(&self.session, &row, event, None).await;
        }
    }

    async fn finish(&self, why: &str) {
        if self.end != AtEnd::Withdraw {
            return;
        }
        let gate = &self.session.0.gate;
        let ending = Ending { at: gate.now() / 1_000_000_000, by: None, why: Some(why) };
        let _ = in_time(gate.approvals_inner().end(self.id, Event::Withdrawn, ending)).await;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let gate = &self.session.0.gate;
        gate.approvals_inner().forget(self.id);
        if self.end == AtEnd::Withdraw {
            gate.withdraw(self.session.clone(), self.id);
        }
    }
}

impl Ask {
    fn of(requirement: &Requirement) -> Self {
        Self {
            policy: requirement.policy.clone(),
            groups: requirement.groups.iter().cloned().collect(),
            quorum: requirement.quorum,
            message: requirement.message.clone(),
        }
    }
}

impl Gate {
    /// What the rules of this moment require for a verdict.
    pub(crate) fn standing(&self, judged: &Judged) -> Standing {
        match judged.overall.verdict {
            Verdict::Allow => Standing::Allowed,
            Verdict::Hold => Standing::Asks(self.requirements(judged)),
            Verdict::Deny => Standing::Denied,
        }
    }
}

/// The shortest of the policies' time-outs, and of what the circumstances allow.
fn wait_at_most<'a>(
    requirements: impl Iterator<Item = &'a Requirement>,
    at_most: Option<Duration>,
) -> Duration {
    let asked = requirements.map(|r| Duration::from_secs(r.timeout_seconds)).min();
    let asked = asked.unwrap_or(Duration::from_secs(300));
    at_most.map_or(asked, |limit| limit.min(asked))
}

fn refused(row: &Row) -> Reason {
    let ended = row.question.ended.as_ref();
    Reason::Refused {
        approval: row.id,
        by: ended.and_then(|ended| ended.by.clone()).unwrap_or_default(),
        words: ended.and_then(|ended| ended.why.clone()),
    }
}

fn event_of(row: &Row) -> ApprovalEvent {
    match row.question.state {
        State::Asked => ApprovalEvent::Asked,
        State::Granted => ApprovalEvent::Granted,
        State::Refused => ApprovalEvent::Refused,
        State::Expired => ApprovalEvent::Expired,
        State::Withdrawn => ApprovalEvent::Withdrawn,
        State::Used => ApprovalEvent::Used,
    }
}

pub(crate) async fn in_time<T>(
    call: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    match tokio::time::timeout(LEDGER_PATIENCE, call).await {
        Ok(result) => result,
        Err(_) => Err(LedgerError::Unavailable("no answer within a second".into())),
    }
}
