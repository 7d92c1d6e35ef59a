//! From a decoded message to the gate and back: asked, permitted, refused, or not to be judged now.

use std::sync::Arc;

use bytes::Bytes;
use gate::words::{Operations, Verdict};
use gate::{
    Circumstances, Decision, Denied, Error, Fault, Fingerprint, Guard, Leave, Manner, Permitted,
    Reason, Unclear, Underway,
};

use super::Exchange;
use super::expected::{Expected, Kind, Plan};
use super::group::Step;
use super::run::Run;
use super::state::{Portal, Prepared};
use crate::answers;
use crate::decode::TransactionChange;
use crate::request::{self, Asked, Text};
use crate::wire::backend::Status;
use crate::wire::frame::Frame;
use crate::wire::refusal::Refusal;
use crate::wire::write::client as write;

/// What is to be done once a message is permitted.
pub(super) struct Then {
    pub(super) kind: Kind,
    pub(super) plan: Plan,
    pub(super) leave: Option<Leave>,
    /// Of a Bind that goes with its Parse.
    pub(super) parse: Option<Arc<Prepared>>,
    /// Of a Bind or an Execute.
    pub(super) portal: Option<Portal>,
    /// Of a Bind whose Execute goes with it.
    pub(super) run: Option<Run>,
    /// Of several executions that are asked about at once.
    pub(super) group: Vec<Step>,
}

impl Then {
    /// For what is neither prepared nor bound.
    pub(super) fn of(kind: Kind, plan: Plan) -> Self {
        Self {
            kind,
            plan,
            leave: None,
            parse: None,
            portal: None,
            run: None,
            group: Vec::new(),
        }
    }
}

/// While locks are held, people are waited for this long at most.
const WHILE_LOCKED: std::time::Duration = std::time::Duration::from_secs(10);

impl Exchange {
    pub(super) async fn ask(&mut self, mut asked: Asked, then: Then) -> Result<(), Error> {
        if self.is_doomed(&asked, &then.plan) {
            asked.operations = Err(request::unsupported(
                "failed_transaction",
                "the transaction has failed already",
                "end it with ROLLBACK first",
            ));
        }
        if let Some(refused) = self.no_room(&then) {
            asked.operations = Err(refused);
        }
        let runs = matches!(
            then.kind,
            Kind::Query { .. } | Kind::Bind { .. } | Kind::Execute
        );
        if let Some(analysis) = then.plan.analysis.as_ref().filter(|_| runs) {
            let guard = &mut asked.circumstances.guard;
            *guard = self.state.unsynced.guard(*guard, analysis);
        }
        let decision = match &then.leave {
            Some(leave) => self.session.authorize_within(leave, asked).await,
            None => self.session.authorize(asked).await,
        };
        self.decided(decision, then).await
    }

    /// Whether people would be asked, or their answer be used up, for what the server refuses in any case: a transaction
    /// that has failed.
    fn is_doomed(&self, asked: &Asked, plan: &Plan) -> bool {
        let (Status::Failed, Ok(operations)) = (self.status, &asked.operations) else {
            return false;
        };
        // what was sent before it may end the transaction
        let alone = self.state.queue.iter().all(|one| {
            matches!(
                one.kind,
                Kind::Parse { .. } | Kind::Bind { .. } | Kind::Describe { .. } | Kind::Close
            )
        });
        let ends = plan.analysis.as_ref().is_none_or(|analysis| {
            let mut changes = analysis.statements.iter().map(|one| one.after.transaction);
            changes.any(|change| change.is_some_and(|change| change != TransactionChange::Begin))
        });
        alone && !ends && self.session.preview(operations) == Verdict::Hold
    }

    pub(super) async fn decided(
        &mut self,
        decision: Decision<Asked>,
        then: Then,
    ) -> Result<(), Error> {
        match decision {
            Decision::Permit(permit) => self.forward(permit, then),
            // what few sessions come to has no room in the task of each
            Decision::Hold(hold) if hold.manner() == Manner::Ticket => {
                Box::pin(self.ticket(hold, then)).await
            }
            Decision::Hold(hold) => Box::pin(self.hold(hold, then)).await,
            Decision::Deny(denied) => self.refuse(denied, then),
            Decision::Fault(_, fault) => self.faulted(fault, &then),
        }
    }

    fn forward(&mut self, permit: Permitted<Asked>, then: Then) -> Result<(), Error> {
        let underway = match self.server.forward(permit) {
            Ok((_, underway)) => underway,
            Err(denied) => return self.refuse(denied, then),
        };
        if !then.group.is_empty() {
            self.forward_group(underway, then.group);
            return Ok(());
        }
        let simple = matches!(then.kind, Kind::Query { .. });
        self.state.batch.forwarded |= !simple;
        if let Some(prepared) = &then.parse {
            self.prepares("", Some(prepared));
        }
        let prepares = matches!(then.kind, Kind::Parse { .. } | Kind::Bind { .. });
        if let Some(analysis) = &then.plan.analysis
            && (!prepares || then.run.is_some())
        {
            let analysis = analysis.clone();
            self.forwarded(&analysis);
            self.state.copy_in.sent(&analysis);
        }
        match &then.kind {
            Kind::Parse { name, made } => self.prepares(name, made.as_ref()),
            Kind::Bind { portal: name, .. } => {
                if let Some(mut portal) = then.portal.clone() {
                    portal.leave = Some(underway.leave());
                    self.state.portals.insert(name.clone(), portal);
                }
            }
            _ => {}
        }
        // a simple query commits what was executed before it
        self.state.batch.executed &= !simple;
        self.owed(underway, then);
        Ok(())
    }

    /// The answers owed to what went out; its record goes from one to the next.
    fn owed(&mut self, underway: Underway, mut then: Then) {
        let mask = match (&then.kind, &then.portal) {
            (Kind::Execute, Some(portal)) => self.portal_mask(portal),
            _ => None,
        };
        let run = then.run.take().zip(then.portal.take());
        let mut underway = Some(underway);
        if let Some(prepared) = then.parse.take() {
            let kind = Kind::Parse {
                name: String::new(),
                made: Some(prepared),
            };
            self.state.queue.push_back(Expected {
                plan: then.plan.clone(),
                joined: true,
                ..Expected::new(kind, underway.take())
            });
        }
        self.state.queue.push_back(Expected {
            plan: then.plan.clone(),
            mask,
            joined: run.is_some(),
            ..Expected::new(then.kind, underway)
        });
        if let Some((run, portal)) = run {
            self.owed_to_run(&run, portal, then.plan);
        }
    }

    /// A Parse is on its way: its name means what it prepares.
    fn prepares(&mut self, name: &str, made: Option<&Arc<Prepared>>) {
        self.forget_name(name);
        if let Some(prepared) = made {
            let statements = &mut self.state.statements;
            statements.insert(name.to_owned(), prepared.clone());
        }
    }

    /// Deny by substitution: the server itself refuses, and its error is rewritten.
    pub(super) fn refuse(&mut self, mut denied: Denied<Asked>, then: Then) -> Result<(), Error> {
        if let Reason::Revoked(end) = denied.reason() {
            return Err(Error::Ended(*end));
        }
        let refusal = answers::refusal(denied.reason(), denied.id());
        let Some(permit) = denied.refusal() else {
            return Err(Error::Backend("a refusal has nothing to be sent".into()));
        };
        let Ok((_, underway)) = self.server.forward(permit) else {
            return Err(Error::Ended(
                self.session.ended().unwrap_or(gate::End::Killed),
            ));
        };
        self.state.batch.forwarded |= !matches!(then.kind, Kind::Query { .. });
        // nothing is made under it
        let kind = match then.kind {
            Kind::Bind { .. } if then.parse.is_some() => Kind::Parse {
                name: String::new(),
                made: None,
            },
            Kind::Parse { name, .. } => Kind::Parse { name, made: None },
            Kind::Bind { portal, .. } => Kind::Bind { portal, made: None },
            kind => kind,
        };
        let expected = Expected {
            refusal: Some(refusal),
            plan: then.plan,
            ..Expected::new(kind, Some(underway))
        };
        self.state.queue.push_back(expected);
        Ok(())
    }

    /// The gateway cannot judge or record. It answers itself where that cannot leave half a transaction behind.
    pub(super) fn faulted(&mut self, fault: Fault, then: &Then) -> Result<(), Error> {
        let alone = self.status == Status::Idle
            && self.state.queue.is_empty()
            && !self.state.batch.forwarded;
        if fault == Fault::Draining || !alone {
            return Err(fault.into());
        }
        self.client
            .queue(Refusal::GatewayFault { request: None }.encode());
        match then.kind {
            Kind::Query { .. } => self.ready_locally(),
            _ => {
                self.state.batch.skipping = true;
                Ok(())
            }
        }
    }

    pub(super) fn ready_locally(&mut self) -> Result<(), Error> {
        let mut out = bytes::BytesMut::new();
        write::ready_for_query(&mut out, self.status);
        self.client.queue(out.freeze());
        Ok(())
    }

    /// A message with all that gives it its meaning.
    pub(super) fn asked(
        &mut self,
        frame: &Frame,
        (operations, text): (Result<Arc<Operations>, Unclear>, Text),
        content: Vec<Bytes>,
    ) -> Asked {
        let locked = self.in_transaction() || self.state.batch.executed;
        Asked {
            wire: vec![frame.bytes().clone()],
            content,
            meaning: self.meaning(),
            operations,
            text,
            role: Some(self.state.role.clone()),
            note: None,
            circumstances: Circumstances {
                guard: self.guard(frame),
                hold_at_most: locked.then_some(WHILE_LOCKED),
                locks_held: locked,
            },
            refusable: Some((frame.clone(), self.substitute.clone())),
        }
    }

    /// A write in an explicit transaction is made durable by its COMMIT, which waits for the disk then.
    fn guard(&self, frame: &Frame) -> Guard {
        match (self.in_transaction(), frame.tag()) {
            // a batch of statements may hold the COMMIT itself
            (true, b'E' | b'B') => Guard::Guarded,
            _ => Guard::Alone,
        }
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.status != Status::Idle || self.state.batch.begun
    }

    /// Kept until role or search path are read back.
    fn meaning(&mut self) -> Fingerprint {
        let (facts, encoding) = (&self.facts, &self.encoding);
        let kept = self
            .state
            .meaning
            .get_or_insert_with(|| meaning(facts, encoding));
        kept.clone()
    }
}

/// The state that changes what the same bytes mean.
pub(crate) fn meaning(facts: &crate::decode::SessionState, encoding: &[u8]) -> Fingerprint {
    let mut parts: Vec<&[u8]> = vec![facts.database.as_bytes(), facts.role.as_bytes(), encoding];
    parts.extend(facts.search_path.iter().map(String::as_bytes));
    Fingerprint::of(&parts)
}
