//! The last word on a request: permitted, denied or parked, and recorded before it takes effect.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use policy::operation::Operations;
use policy::verdict::Judged;

use super::Session;
use crate::decision::{Decision, Denied, Fault, Permitted, Reason};
use crate::failpoint::{self, Step};
use crate::hold::Pending;
use crate::ledger::ApprovalId;
use crate::record::{self, Decided};
use crate::request::{self, Request};
use crate::underway::Duty;

/// What a permit rests on.
pub(crate) struct Granted {
    pub(crate) operations: Arc<Operations>,
    pub(crate) judged: Arc<Judged>,
    /// The question that was put about it,
    pub(crate) approval: Option<ApprovalId>,
    /// and whether it took the answer to let it through.
    pub(crate) used: bool,
}

impl Session {
    /// Writes the intent, then permits. From the call on an outcome is owed, whatever becomes of this future.
    pub(crate) async fn permit<R: Request>(
        &self,
        request: R,
        mut duty: Duty,
        granted: Granted,
    ) -> Decision<R> {
        // what cannot be recorded may not happen
        if let Some(why) = self.0.tape.broken() {
            return Decision::Fault(request, Fault::AuditUnwritable(why));
        }
        let identity = self.identity();
        let Granted {
            operations,
            judged,
            approval,
            used,
        } = granted;
        let shown = request.shown();
        let wait = record::wait(judged.effect, used, request.circumstances().guard);
        let decided = Decided {
            request: duty.id(),
            digest: request::digest(&request, &identity.label(), &self.0.target.name),
            actor: identity.label(),
            operations: self.recorded_words(&operations),
            verdict: "allow",
            reason: if used { "approval" } else { "permitted" },
            policies: judged
                .overall
                .policies
                .iter()
                .map(|cited| cited.id.clone())
                .collect(),
            approval,
            summary: &shown,
        };
        duty.intended();
        self.0.tape.request(duty.id(), &shown);
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.0.gate.metrics().decision(self.0.protocol, "allow");
        match self.log().decided(self, decided, wait).await {
            Ok(()) => {
                failpoint::pass(Step::Intended);
                Decision::Permit(Permitted { request, duty })
            }
            Err(why) => {
                duty.unwritten();
                Decision::Fault(request, Fault::AuditUnwritable(why))
            }
        }
    }

    /// Records the denial, then refuses.
    pub(crate) async fn deny<R: Request>(
        &self,
        request: R,
        operations: Option<&Operations>,
        reason: Reason,
    ) -> Decision<R> {
        let approval = reason.approval();
        self.deny_asked(request, operations, reason, approval).await
    }

    /// The same for a request about which a question was put.
    pub(crate) async fn deny_asked<R: Request>(
        &self,
        request: R,
        operations: Option<&Operations>,
        reason: Reason,
        approval: Option<ApprovalId>,
    ) -> Decision<R> {
        match self.denied(request, operations, reason, approval).await {
            Ok(denied) => Decision::Deny(denied),
            Err((request, fault)) => Decision::Fault(request, fault),
        }
    }

    /// The same for a caller to whom it can be nothing else.
    pub(crate) async fn denied<R: Request>(
        &self,
        request: R,
        operations: Option<&Operations>,
        reason: Reason,
        approval: Option<ApprovalId>,
    ) -> Result<Denied<R>, (R, Fault)> {
        // a duty of its own, without operations: other rules may not end the refusal that is sent under it
        let mut duty = Duty::register(self, None);
        let shown = request.shown();
        let identity = self.identity();
        let decided = Decided {
            request: duty.id(),
            digest: request::digest(&request, &identity.label(), &self.0.target.name),
            actor: identity.label(),
            operations: operations
                .map(|all| record::records(self, all))
                .unwrap_or_default(),
            verdict: reason.verdict(),
            reason: reason.as_str(),
            policies: reason
                .policies()
                .iter()
                .map(|cited| cited.id.clone())
                .collect(),
            approval,
            summary: &shown,
        };
        duty.denied();
        self.0.tape.refused(duty.id(), &shown, reason.as_str());
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.0.gate.metrics().decision(self.0.protocol, "deny");
        match self
            .log()
            .decided(self, decided, record::Wait::Written)
            .await
        {
            Ok(()) => {
                failpoint::pass(Step::Denied);
                Ok(Denied {
                    request,
                    session: self.clone(),
                    reason,
                    owes: Some(duty),
                })
            }
            Err(why) => Err((request, Fault::AuditUnwritable(why))),
        }
    }

    /// The last word on a request whose question outlives it.
    pub(crate) async fn parked<R: Request>(
        &self,
        request: &R,
        operations: &Operations,
        question: &Pending,
    ) -> Result<(), Fault> {
        let shown = request.shown();
        let identity = self.identity();
        let id = self.0.gate.next_id();
        let decided = Decided {
            request: id,
            digest: request::digest(request, &identity.label(), &self.0.target.name),
            actor: identity.label(),
            operations: record::records(self, operations),
            verdict: "hold",
            reason: "parked",
            policies: question.policies(),
            approval: Some(question.id),
            summary: &shown,
        };
        self.0.tape.refused(id, &shown, "parked");
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        let recorded = self.log().decided(self, decided, record::Wait::Written);
        recorded.await.map_err(Fault::AuditUnwritable)
    }
}
