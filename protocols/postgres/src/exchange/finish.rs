//! The end of a session: the client is told, what runs is stopped, and all of it is accounted for.

use std::time::Duration;

use gate::{End, Error, Outcome, OutcomeKind, Purpose, Underway};

use super::{Exchange, revoked};
use crate::wire::refusal::Refusal;
use crate::wire::write::server as write;

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_millis(300);

/// How long a client that ended its side may read nothing of the answers that it still gets, and how long it may take in all.
const LISTENS: Duration = Duration::from_secs(10);
const LISTENS_AT_MOST: Duration = Duration::from_secs(300);

impl Exchange {
    /// What is queued still goes out. After an orderly end, for as long as the client goes on reading and may; else
    /// briefly, for it may not read any more.
    async fn last_words(&mut self, orderly: bool) {
        if !orderly {
            let _ = tokio::time::timeout(GOODBYE, self.client.flush()).await;
            return;
        }
        let mut leave = self.connected.as_ref().map(Underway::revocation);
        let listened = async {
            let mut before = usize::MAX;
            while self.client.backlog() < before {
                before = self.client.backlog();
                if tokio::time::timeout(LISTENS, self.client.flush())
                    .await
                    .is_ok()
                {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            _ = revoked(&mut leave) => {}
            _ = tokio::time::timeout(LISTENS_AT_MOST, listened) => {}
        }
    }

    /// Says goodbye in the protocol's words, stops what still runs, and accounts for it.
    pub(super) async fn finish(mut self: Box<Self>, ended: Result<(), Error>) -> Result<(), Error> {
        let refusal = match &ended {
            Ok(()) | Err(Error::Client(_) | Error::ClientGone(_)) => None,
            Err(Error::Ended(End::Drained) | Error::Fault(gate::Fault::Draining)) => {
                Some(Refusal::Drain)
            }
            Err(Error::Ended(_)) => Some(Refusal::Killed),
            Err(Error::Fault(_)) => Some(Refusal::GatewayFault { request: None }),
            Err(_) if self.state.farewelled => None,
            Err(_) => Some(Refusal::UpstreamLost),
        };
        self.copy_in_over(false);
        let held = self.state.held.take();
        if let Some(refusal) = refusal {
            self.client.queue(refusal.encode());
        }
        self.last_words(ended.is_ok()).await;
        match (held, self.state.inquiring.take()) {
            (Some(held), _) => held.abandon(self.session.ended().is_some()).await,
            // a ticket's question stays without its client, and people are asked about it
            (None, Some(inquiring)) if self.session.ended().is_none() => inquiring.await,
            (None, _) => {}
        }
        let running = self.state.queue.iter().any(|one| one.underway.is_some());
        let key = self.key.clone().filter(|_| running);
        let revoked = matches!(ended, Err(Error::Ended(_)));
        if let Some(key) = key {
            let stopping = crate::server::cancel(self.session.clone(), self.way.clone(), key);
            let _ = stopping.await;
        }
        for expected in self.state.queue.drain(..) {
            if let Some(underway) = expected.underway {
                let kind = if revoked {
                    OutcomeKind::Revoked
                } else {
                    OutcomeKind::Unknown
                };
                underway.done(Outcome {
                    code: expected.code,
                    rows: expected.rows,
                    ..Outcome::of(kind)
                });
            }
        }
        if let Ok(goodbye) = self
            .session
            .own(Purpose::Framing, vec![write::terminate()])
            .await
            && let Ok((_, underway)) = self.server.forward(goodbye)
        {
            let _ = tokio::time::timeout(GOODBYE, self.server.flush()).await;
            underway.done(Outcome::of(OutcomeKind::Completed));
        }
        if let Some(connected) = self.connected.take() {
            connected.done(Outcome::of(OutcomeKind::Completed));
        }
        ended
    }
}
