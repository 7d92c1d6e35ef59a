//! The question apart from its request: what is done about it when the one who waits lets go.

use std::sync::Arc;

use policy::approval::{Event, Manner, Requirement};
use recorder::entry::ApprovalEvent;
use tokio::time::Instant;

use super::ticket::{Stays, manner, stays};
use super::{Ask, in_time};
use crate::approvals::Ending;
use crate::ledger::{ApprovalId, Row};
use crate::session::Session;
use crate::sync::Notify;
use crate::underway::Countersigned;

pub(crate) struct Pending {
    pub(super) session: Session,
    pub(crate) id: ApprovalId,
    pub(super) bell: Arc<Notify>,
    pub(super) deadline: Instant,
    pub(super) asks: Vec<Ask>,
    pub(super) manner: Manner,
    pub(super) stays: Stays,
    /// What the request it belongs to was countersigned for already.
    pub(super) covered: Countersigned,
    /// The ledger was silent: not before this is it asked again.
    pub(super) again: Option<Instant>,
    pub(super) end: AtEnd,
    pub(super) epoch: tokio::sync::watch::Receiver<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtEnd {
    Withdraw,
    /// Parked before, and only attached to: the question outlives this client.
    Detach,
    Nothing,
}

impl Pending {
    /// The policies that ask.
    pub(crate) fn policies(&self) -> Vec<String> {
        self.asks.iter().map(|ask| ask.policy.clone()).collect()
    }

    /// Nothing is left to do when this is dropped.
    pub(super) fn settled(&mut self) {
        self.end = AtEnd::Nothing;
    }

    pub(super) async fn grown(&mut self, row: &Row) {
        let requirements = || row.question.requirements.values();
        self.asks = asks(requirements());
        self.manner = manner(&self.session.identity().kind, requirements());
        self.stays = stays(row);
        // a lost line about a question that released nothing is no reason to end it
        let _ = self.account(row, ApprovalEvent::AskedAgain).await;
        self.session.0.gate.questions_changed();
    }

    /// A line of the account about the question; enqueued at once.
    pub(super) fn account(
        &self,
        row: &Row,
        event: ApprovalEvent,
    ) -> impl Future<Output = Result<(), String>> + Send + use<> {
        let gate = &self.session.0.gate;
        let actor = match event {
            ApprovalEvent::Expired => "gateway".to_owned(),
            _ => row.question.label.clone(),
        };
        gate.log().approval(row, event, actor, gate.now())
    }

    /// Ends the question, where it is this client's alone. What the ledger does not take now is done when this is
    /// dropped.
    pub(super) async fn finish(&mut self, why: &str) {
        if self.end != AtEnd::Withdraw {
            return;
        }
        let gate = self.session.0.gate.clone();
        let ending = Ending {
            at: gate.now() / 1_000_000_000,
            by: None,
            why: Some(why),
        };
        if let Ok(ended) = in_time(
            gate.approvals_inner()
                .end(self.id, Event::Withdrawn, ending),
        )
        .await
        {
            self.settled();
            if let Some(row) = ended {
                drop(self.account(&row, ApprovalEvent::Withdrawn));
                gate.questions_changed();
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let gate = &self.session.0.gate;
        gate.approvals_inner().forget(self.id, &self.bell);
        if self.end == AtEnd::Withdraw {
            gate.withdraw(self.id);
        }
    }
}

pub(super) fn asks<'a>(requirements: impl Iterator<Item = &'a Requirement>) -> Vec<Ask> {
    requirements.map(Ask::of).collect()
}
