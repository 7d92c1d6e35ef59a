//! A request that waits for people, on its client's live connection.

mod ask;
mod inquiry;
mod pending;
mod ticket;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use policy::approval::Requirement;
use policy::operation::Operations;
use policy::verdict::Judged;
use recorder::entry::ApprovalEvent;
use tokio::time::Instant;

use crate::approvals::{Moment, Settled, Standing};
use crate::decision::{Decision, Reason};
use crate::failpoint::{self, Step};
use crate::ledger::{ApprovalId, LedgerError, Row};
use crate::request::Request;
use crate::session::Granted;
use crate::underway::{Countersigned, Duty};
pub(crate) use ask::Asking;
pub use inquiry::Inquiry;
use pending::AtEnd;
pub(crate) use pending::Pending;
pub use ticket::{Ticket, Until};

/// How long the ledger may be silent before a held request looks again.
const LEDGER_PATIENCE: Duration = Duration::from_secs(1);
/// No client waits longer, whatever a policy says.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Dropping it withdraws the question (or detaches from a parked one). `wait` may be a branch of a select; `settle`
/// never is: it consumes the approval and writes the intent.
#[must_use]
pub struct Hold<R: Request> {
    request: R,
    operations: Arc<Operations>,
    question: Pending,
}

/// Who is asked, for the notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub policy: String,
    pub groups: Vec<String>,
    pub quorum: u32,
    pub message: Option<String>,
}

impl<R: Request> Hold<R> {
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
        let Pending {
            session,
            bell,
            deadline,
            again,
            epoch,
            ..
        } = &mut self.question;
        let mut end = session.end();
        if let Some(again) = *again {
            tokio::select! {
                _ = end.wait() => {}
                () = tokio::time::sleep_until(again) => {}
            }
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
    pub async fn settle(mut self) -> Decision<R> {
        let session = self.question.session.clone();
        if let Some(end) = session.ended() {
            self.question.finish(end.as_str()).await;
            return self.denied(Reason::Revoked(end)).await;
        }
        // registered before it is judged, so that a reload is seen here or sees this
        let duty = Duty::register(&session, Some(self.operations.clone()));
        let covered = self.question.covered.clone();
        duty.countersigned(covered.clone());
        let (judged, standing) = session.weigh(&self.operations, &covered);
        if let Standing::Asks(asks) = &standing {
            // no byte passes before the votes are counted; a reload meanwhile finds what they would cover
            duty.countersigned(with(&covered, asks));
        }
        let overdue = Instant::now() >= self.question.deadline;
        let gate = session.0.gate.clone();
        let clock = Moment {
            now: gate.now() / 1_000_000_000,
            overdue,
        };
        match in_time(gate.settle(self.question.id, &standing, clock)).await {
            Ok((settled, row)) => {
                self.question.again = None;
                let next = Next {
                    judged,
                    settled,
                    overdue,
                };
                self.concluded(duty, next, &row).await
            }
            // nothing can be released any more: whoever dropped it withdraws the question once the ledger answers
            Err(_) if overdue => {
                let approval = self.question.id;
                self.denied(Reason::Expired { approval }).await
            }
            // what is held stays held, and looks again after a while
            Err(_) => {
                self.question.again = Some(Instant::now() + LEDGER_PATIENCE);
                Decision::Hold(self)
            }
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "names every way a held request goes on"
    )]
    async fn concluded(mut self, duty: Duty, next: Next, row: &Row) -> Decision<R> {
        let session = self.question.session.clone();
        let approval = self.question.id;
        let Next {
            judged,
            settled,
            overdue,
        } = next;
        if !matches!(settled, Settled::Waiting { .. }) {
            self.question.settled();
        }
        match settled {
            Settled::Waiting { grown } => {
                drop(duty);
                if grown {
                    self.question.grown(row).await;
                }
                if overdue && self.question.end == AtEnd::Detach {
                    // this client waited long enough; the parked question goes on without it
                    return self.denied(Reason::Expired { approval }).await;
                }
                Decision::Hold(self)
            }
            Settled::Released => {
                failpoint::pass(Step::Consumed);
                drop(self.question.account(row, ApprovalEvent::Used));
                let Self {
                    request,
                    operations,
                    ..
                } = self;
                let granted = Granted {
                    operations,
                    judged,
                    approval: Some(approval),
                    used: true,
                };
                session.permit(request, duty, granted).await
            }
            Settled::Unneeded => {
                drop(self.question.account(row, ApprovalEvent::Withdrawn));
                let Self {
                    request,
                    operations,
                    ..
                } = self;
                let granted = Granted {
                    operations,
                    judged,
                    approval: Some(approval),
                    used: false,
                };
                session.permit(request, duty, granted).await
            }
            Settled::Denied => {
                drop(self.question.account(row, ApprovalEvent::Withdrawn));
                self.denied(Reason::of(&judged)).await
            }
            Settled::Expired { now } => {
                if now {
                    drop(self.question.account(row, ApprovalEvent::Expired));
                }
                self.denied(Reason::Expired { approval }).await
            }
            // who refused or withdrew it has recorded that
            Settled::Refused => self.denied(refused(row)).await,
            Settled::Withdrawn => self.denied(Reason::Withdrawn { approval }).await,
            Settled::Used => self.denied(Reason::Spent { approval }).await,
        }
    }

    async fn denied(self, reason: Reason) -> Decision<R> {
        let Self {
            request,
            operations,
            question,
        } = self;
        let (session, approval) = (question.session.clone(), question.id);
        drop(question);
        session
            .deny_asked(request, Some(&operations), reason, Some(approval))
            .await
    }

    /// The client went away or asked to stop: the question ends, and the denial is recorded.
    pub async fn withdraw(mut self) -> Decision<R> {
        let approval = self.question.id;
        self.question.finish("client").await;
        self.denied(Reason::Withdrawn { approval }).await
    }
}

/// What a look at the question came to.
struct Next {
    judged: Arc<Judged>,
    settled: Settled,
    /// This client's own deadline has passed.
    overdue: bool,
}

/// What is covered once these are satisfied.
fn with(covered: &Countersigned, asks: &BTreeMap<String, Requirement>) -> Countersigned {
    let mut all = BTreeMap::clone(covered);
    all.extend(
        asks.iter()
            .map(|(id, requirement)| (id.clone(), requirement.text)),
    );
    Arc::new(all)
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

/// The shortest of the policies' time-outs, and of what the circumstances allow.
fn wait_at_most<'a>(
    requirements: impl Iterator<Item = &'a Requirement>,
    at_most: Option<Duration>,
) -> Duration {
    let asked = requirements
        .map(|r| Duration::from_secs(r.timeout_seconds))
        .min();
    let asked = asked.unwrap_or(Duration::from_secs(300)).min(LONGEST_WAIT);
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

/// A time in Unix seconds that lies so much later.
fn later(now: i64, by: Duration) -> i64 {
    now.saturating_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX))
}

pub(crate) async fn in_time<T>(
    call: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    match tokio::time::timeout(LEDGER_PATIENCE, call).await {
        Ok(result) => result,
        Err(_) => Err(LedgerError::Unavailable("no answer within a second".into())),
    }
}
