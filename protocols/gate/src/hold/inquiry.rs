//! What is found out about a held request while people are asked already.

use super::pending::AtEnd;
use super::{Hold, in_time};
use crate::decision::Fault;
use crate::gate::Gate;
use crate::ledger::{ApprovalId, Impact};
use crate::request::Request;

/// A question that something may be added to; it outlives the hold.
pub struct Inquiry {
    gate: Gate,
    id: ApprovalId,
}

impl<R: Request> Hold<R> {
    /// `None` for one that was parked before: it was inquired into when it was put.
    pub fn inquiry(&self) -> Option<Inquiry> {
        (self.question.end == AtEnd::Withdraw).then(|| Inquiry {
            gate: self.question.session.0.gate.clone(),
            id: self.question.id,
        })
    }
}

impl Inquiry {
    /// Nothing of it is approved or recorded: an approver's digest stays the same.
    pub async fn found(self, impact: Impact) -> Result<(), Fault> {
        let adding = self.gate.approvals_inner().add_impact(self.id, &impact);
        in_time(adding)
            .await
            .map_err(|error| Fault::LedgerUnavailable(error.to_string()))?;
        self.gate.questions_changed();
        Ok(())
    }
}
