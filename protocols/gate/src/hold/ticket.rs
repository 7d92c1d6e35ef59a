//! Questions that outlive their client: kept for a retry, which is a request of its own.

use std::fmt;
use std::time::Duration;

use policy::approval::{Manner, Requirement};
use policy::identity::Kind;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Hold, in_time, later, wait_at_most};
use crate::decision::{Denied, Fault, Reason};
use crate::ledger::{ApprovalId, Binding, Row};
use crate::request::Request;

/// What a parked question leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub id: ApprovalId,
}

/// A moment for people, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until(pub i64);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time =
            OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        match time.format(&Rfc3339) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

/// How long a question is kept for a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stays {
    /// From when it is parked on.
    For(Duration),
    /// It was parked before: until the Unix second.
    Until(i64),
}

impl<R: Request> Hold<R> {
    /// Whether the client is to wait for people, or to be told to come back.
    pub fn manner(&self) -> Manner {
        self.question.manner
    }

    /// Keeps the question for a client that will come back, whose retry is a request of its own; frees the request's
    /// memory and the session.
    pub async fn park(mut self, ttl: Duration) -> Result<Ticket, Fault> {
        let until = later(self.now(), ttl);
        self.keep(until).await?;
        let session = self.question.session.clone();
        session
            .parked(&self.request, &self.operations, &self.question)
            .await?;
        Ok(Ticket {
            id: self.question.id,
        })
    }

    /// The same where the protocol refuses natively: the denial names the question, which is kept for as long as its
    /// policies give people to answer. Of one that was parked before the time does not grow.
    pub async fn ticket(mut self) -> Result<Denied<R>, (R, Fault)> {
        let session = self.question.session.clone();
        let approval = self.question.id;
        let reason = match session.ended() {
            Some(end) => {
                self.question.finish(end.as_str()).await;
                Reason::Revoked(end)
            }
            None => match self.kept().await {
                Ok(until) => Reason::Parked {
                    approval,
                    asks: self.question.asks.clone(),
                    until: Until(until),
                },
                Err(fault) => return Err((self.request, fault)),
            },
        };
        let Self {
            request,
            operations,
            question,
        } = self;
        drop(question);
        session
            .denied(request, Some(&operations), reason, Some(approval))
            .await
    }

    /// Until when it is kept.
    async fn kept(&mut self) -> Result<i64, Fault> {
        match self.question.stays {
            Stays::Until(until) => Ok(until),
            Stays::For(long) => {
                let until = later(self.now(), long);
                self.keep(until).await?;
                Ok(until)
            }
        }
    }

    async fn keep(&mut self, until: i64) -> Result<(), Fault> {
        let gate = self.question.session.0.gate.clone();
        let parked = in_time(gate.approvals_inner().park(self.question.id, until)).await;
        parked.map_err(|error| Fault::LedgerUnavailable(error.to_string()))?;
        self.question.settled();
        gate.questions_changed();
        Ok(())
    }

    fn now(&self) -> i64 {
        self.question.session.0.gate.now() / 1_000_000_000
    }
}

/// What the policies say; where they say nothing, services get tickets and people wait.
pub(super) fn manner<'a>(
    kind: &Kind,
    requirements: impl Iterator<Item = &'a Requirement> + Clone,
) -> Manner {
    let says = |wanted| requirements.clone().any(|one| one.manner == Some(wanted));
    if says(Manner::Ticket) {
        return Manner::Ticket;
    }
    match kind {
        Kind::Service { .. } if !says(Manner::Wait) => Manner::Ticket,
        Kind::Service { .. } | Kind::User => Manner::Wait,
    }
}

/// What its binding says, or how long its policies give people to answer.
pub(super) fn stays(row: &Row) -> Stays {
    match row.question.binding {
        Binding::Identity { until } => Stays::Until(until),
        Binding::Session(_) => Stays::For(wait_at_most(row.question.requirements.values(), None)),
    }
}
