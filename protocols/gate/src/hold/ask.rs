//! How a question is put: found parked, or asked anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use policy::approval::{Asker, Event, Requirement, State};
use policy::mask::Hiding;
use policy::operation::Operations;
use recorder::entry::ApprovalEvent;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::pending::{AtEnd, Pending, asks};
use super::ticket::{manner, stays};
use super::{Hold, in_time, later, wait_at_most};
use crate::approvals::{Ending, stale};
use crate::decision::{Decision, Fault, Reason};
use crate::failpoint::{self, Step};
use crate::gate::Gate;
use crate::ledger::{ApprovalId, Binding, Filter, LedgerError, Question, Row};
use crate::record;
use crate::request::{self, Request};
use crate::session::Session;
use crate::underway::Countersigned;

/// A request that needs to be countersigned, and what of it was already.
pub(crate) struct Asking<R> {
    pub(crate) request: R,
    pub(crate) operations: Arc<Operations>,
    pub(crate) covered: Countersigned,
}

impl Session {
    /// Puts the question, unless a parked one of the same content waits for this retry.
    pub(crate) async fn ask<R: Request>(
        &self,
        asking: Asking<R>,
        requirements: BTreeMap<String, Requirement>,
    ) -> Decision<R> {
        let gate = &self.0.gate;
        let question = self.question(&asking.request, &asking.operations, requirements);
        let wait = wait_at_most(
            question.requirements.values(),
            asking.request.circumstances().hold_at_most,
        );
        let pending = match self.pending(question, &asking.covered, wait).await {
            Ok(pending) => pending,
            Err(error) => return self.not_asked(asking, error).await,
        };
        let (mut question, row) = pending;
        if question.end == AtEnd::Withdraw {
            if let Err(why) = question.account(&row, ApprovalEvent::Asked).await {
                question.finish("audit").await;
                return Decision::Fault(asking.request, Fault::AuditUnwritable(why));
            }
            gate.questions_changed();
            failpoint::pass(Step::Asked);
        }
        let Asking {
            request,
            operations,
            ..
        } = asking;
        let hold = Hold {
            request,
            operations,
            question,
        };
        // whoever comes back for an open one may find other rules, which ask less
        if row.question.state != State::Asked || hold.question.end == AtEnd::Detach {
            return Box::pin(hold.settle()).await;
        }
        gate.metrics().decision(self.0.protocol, "hold");
        Decision::Hold(hold)
    }

    async fn pending(
        &self,
        question: Question,
        covered: &Countersigned,
        wait: Duration,
    ) -> Result<(Pending, Row), LedgerError> {
        let gate = &self.0.gate;
        let parked = in_time(gate.approvals_inner().parked(&question, question.asked_at)).await?;
        if let Some(row) = parked {
            return Ok((self.waiting(&row, AtEnd::Detach, (covered, wait)), row));
        }
        let asker = question.asker.name.clone();
        match self.put(question.clone(), covered, wait).await {
            Err(LedgerError::TooMany { .. }) => {
                // tickets that nobody came back for do not count
                gate.expire_stale(Filter {
                    asker: Some(asker),
                    ..Filter::default()
                })
                .await?;
                self.put(question, covered, wait).await
            }
            put => put,
        }
    }

    /// A row in the ledger has somebody who waits for it from the moment on that it is there: if this is dropped, or the
    /// ledger answers too late, it is withdrawn.
    async fn put(
        &self,
        question: Question,
        covered: &Countersigned,
        wait: Duration,
    ) -> Result<(Pending, Row), LedgerError> {
        let (answer, answered) = oneshot::channel();
        let (session, covered) = (self.clone(), covered.clone());
        tokio::spawn(async move {
            let gate = &session.0.gate;
            let cap = gate.limits().questions_per_identity;
            let asked = gate.approvals_inner().ask(question, cap).await;
            let asked = asked.map(|row| {
                (
                    session.waiting(&row, AtEnd::Withdraw, (&covered, wait)),
                    row,
                )
            });
            // unread, it is dropped, and thereby withdrawn
            let _ = answer.send(asked);
        });
        let gone = || LedgerError::Unavailable("the question was not put".into());
        in_time(async { answered.await.unwrap_or_else(|_| Err(gone())) }).await
    }

    fn waiting(
        &self,
        row: &Row,
        end: AtEnd,
        (covered, wait): (&Countersigned, Duration),
    ) -> Pending {
        let gate = &self.0.gate;
        let mut epoch = gate.rules().changes();
        // whatever changed since the judging, or since the row was read, is looked at once
        epoch.mark_changed();
        Pending {
            session: self.clone(),
            id: row.id,
            bell: gate.approvals_inner().listen(row.id),
            deadline: Instant::now() + wait,
            asks: asks(row.question.requirements.values()),
            manner: manner(&self.identity().kind, row.question.requirements.values()),
            stays: stays(row),
            covered: covered.clone(),
            again: None,
            end,
            epoch,
        }
    }

    async fn not_asked<R: Request>(&self, asking: Asking<R>, error: LedgerError) -> Decision<R> {
        let Asking {
            request,
            operations,
            ..
        } = asking;
        match error {
            LedgerError::TooMany { open, .. } => {
                self.deny(
                    request,
                    Some(&operations),
                    Reason::TooManyQuestions { open },
                )
                .await
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
            operations: record::described(self, operations),
            requirements,
            votes: Vec::new(),
            policy_revision: gate.revision(),
            rendering: rendering.text.to_string(),
            laid_out: request.laid_out(),
            redacted: rendering.redacted,
            cut: rendering.cut,
            reason: self.shown_reason(operations),
            notes: rendering.notes,
            impact: None,
            asked_at: now,
            expires_at: later(now, wait),
            ended: None,
            holder: gate.boot().to_owned(),
        }
    }

    /// Why the asker says that it is needed, as people may see it: rules read it as it came.
    fn shown_reason(&self, operations: &Operations) -> Option<String> {
        let reason = operations.reason().or(self.0.reason.as_deref())?;
        Some(self.mask().redact(reason, &Hiding::whole(reason)).text)
    }
}

impl Gate {
    /// Ends parked questions whose time is over: nobody else does while nobody comes back for them.
    pub(crate) async fn expire_stale(&self, filter: Filter) -> Result<(), LedgerError> {
        let now = self.now() / 1_000_000_000;
        let rows = in_time(self.approvals_inner().list(filter)).await?;
        for row in rows.iter().filter(|row| stale(&row.question, now)) {
            self.expire(row.id).await?;
        }
        Ok(())
    }

    pub(crate) async fn expire(&self, id: ApprovalId) -> Result<(), LedgerError> {
        let ending = Ending {
            at: self.now() / 1_000_000_000,
            by: None,
            why: None,
        };
        let ended = in_time(self.approvals_inner().end(id, Event::Expired, ending)).await?;
        if let Some(row) = ended {
            let event = ApprovalEvent::Expired;
            drop(
                self.log()
                    .approval(&row, event, "gateway".to_owned(), self.now()),
            );
            self.questions_changed();
        }
        Ok(())
    }
}
