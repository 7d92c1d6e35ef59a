//! A statement that waits for people, as a state of the session's loop: the server is still read, the client watched.

use std::time::Duration;

use gate::{Error, Hold, Purpose};
use tokio::time::{Instant, sleep_until};

use super::Exchange;
use super::ask::Then;
use super::expected::{Expected, Kind};
use super::own::OwnWork;
use crate::answers;
use crate::request::Asked;
use crate::wire::write::server;

/// An unchanged ParameterStatus this often keeps a client's read timer quiet.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// When the notice is repeated, after the first.
const NOTICES: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(60)];
const LATER_NOTICES: Duration = Duration::from_secs(300);

pub(super) struct Held {
    hold: Hold<Asked>,
    then: Then,
    since: Instant,
    notices: usize,
    keep_alive: Instant,
}

/// What a held statement waits for.
pub(super) enum Moment {
    /// A decision, other rules, or the deadline.
    Settle,
    Notice,
    KeepAlive,
}

/// Pending for ever while nothing is held; cancel-safe.
pub(super) async fn moment(held: &mut Option<Held>) -> Moment {
    let Some(held) = held else {
        return std::future::pending().await;
    };
    let notice = held.next_notice();
    let keep_alive = held.keep_alive;
    tokio::select! {
        biased;
        () = held.hold.wait() => Moment::Settle,
        () = sleep_until(notice) => Moment::Notice,
        () = sleep_until(keep_alive) => Moment::KeepAlive,
    }
}

impl Held {
    /// Nobody waits for it any more: the question ends, and the log holds what became of the request.
    pub(super) async fn abandon(self, revoked: bool) {
        drop(if revoked {
            self.hold.settle().await
        } else {
            self.hold.withdraw().await
        });
    }

    fn next_notice(&self) -> Instant {
        let fixed = NOTICES.get(self.notices.saturating_sub(1));
        match fixed {
            Some(after) => self.since + *after,
            None => {
                let later =
                    u32::try_from(self.notices.saturating_sub(NOTICES.len())).unwrap_or(u32::MAX);
                self.since + LATER_NOTICES * later.max(1)
            }
        }
    }
}

impl Exchange {
    pub(super) async fn hold(&mut self, hold: Hold<Asked>, then: Then) -> Result<(), Error> {
        self.clear_the_way(&then).await?;
        self.client.queue(self.notice(&hold));
        self.state.inquiring = self.inquire(&hold, &then);
        let now = Instant::now();
        self.state.held = Some(Held {
            hold,
            then,
            since: now,
            notices: 1,
            keep_alive: now + KEEP_ALIVE,
        });
        Ok(())
    }

    /// Who cannot wait is refused with the question's number, which a retry finds answered.
    pub(super) async fn ticket(&mut self, hold: Hold<Asked>, then: Then) -> Result<(), Error> {
        self.state.inquiring = self.inquire(&hold, &then);
        match hold.ticket().await {
            Ok(denied) => self.refuse(denied, then),
            Err((_, fault)) => self.faulted(fault, &then),
        }
    }

    /// What went before is answered while people are asked. Where it was only prepared, a Sync of the gateway's own lets
    /// go of its locks; else a Flush brings the answers.
    async fn clear_the_way(&mut self, then: &Then) -> Result<(), Error> {
        let extended = !matches!(then.kind, Kind::Query { .. });
        if !extended || !self.state.batch.forwarded {
            return Ok(());
        }
        if self.state.batch.executed {
            return self.pass(server::flush(), None).await;
        }
        self.send_own(Purpose::Framing, vec![server::sync()], OwnWork::EarlySync)
            .await
    }

    fn notice(&self, hold: &Hold<Asked>) -> bytes::Bytes {
        let locked = self.in_transaction() || self.state.batch.executed;
        answers::waiting(hold.id(), hold.asks(), locked)
    }

    pub(super) async fn held_moment(&mut self, moment: Moment) -> Result<(), Error> {
        match moment {
            Moment::Settle => {
                let Some(held) = self.state.held.take() else {
                    return Ok(());
                };
                Box::pin(self.settle(held)).await
            }
            Moment::Notice => {
                if let Some(held) = &mut self.state.held {
                    held.notices += 1;
                }
                if let Some(held) = &self.state.held {
                    let notice = self.notice(&held.hold);
                    self.client.queue(notice);
                }
                Ok(())
            }
            Moment::KeepAlive => {
                if let Some(held) = &mut self.state.held {
                    held.keep_alive = Instant::now() + KEEP_ALIVE;
                    let report = self.application.clone().unrecorded(&self.session);
                    self.client.queue(report.map_err(Error::Ended)?);
                }
                Ok(())
            }
        }
    }

    async fn settle(&mut self, held: Held) -> Result<(), Error> {
        let Held {
            hold,
            then,
            since,
            notices,
            keep_alive,
        } = held;
        let before = self.state.mask.clone();
        self.refresh_mask();
        if !before.same_as(&self.state.mask) {
            // it was found sound, and its reply planned, for what could be seen then
            let decision = hold.withdraw().await;
            return self.decided(decision, then).await;
        }
        let asked_before = hold.asks().to_vec();
        match hold.settle().await {
            gate::Decision::Hold(hold) => {
                // a question that grew is told at once
                if hold.asks() != asked_before.as_slice() {
                    let notice = self.notice(&hold);
                    self.client.queue(notice);
                }
                self.state.held = Some(Held {
                    hold,
                    then,
                    since,
                    notices,
                    keep_alive,
                });
                Ok(())
            }
            decision => self.decided(decision, then).await,
        }
    }

    /// The client cancelled: the question ends, and the statement is refused as a cancelled one.
    pub(super) async fn withdraw_held(&mut self) -> Result<(), Error> {
        let Some(Held { hold, then, .. }) = self.state.held.take() else {
            return Ok(());
        };
        let decision = Box::pin(hold.withdraw()).await;
        self.decided(decision, then).await
    }

    /// The ReadyForQuery of a Sync of the gateway's own, which the client never sees.
    pub(super) fn early_sync_done(expected: Expected) {
        if let Some(underway) = expected.underway {
            underway.done(gate::Outcome::of(gate::OutcomeKind::Completed));
        }
    }
}
