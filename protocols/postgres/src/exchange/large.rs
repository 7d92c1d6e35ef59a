//! Rows too long to be held in memory: passed in pieces where nothing is masked in them, else withheld.

use gate::{Error, Masked};

use super::Exchange;
use super::answer::out_of_turn;
use super::expected::Kind;
use crate::wire::frame::Large;
use crate::wire::refusal::Refusal;

/// A long message on its way.
pub(super) struct Passage {
    large: Large,
    /// Else nobody gets it.
    passes: bool,
}

pub(super) fn too_long() -> Refusal {
    Refusal::OverLimit {
        what: "a row is too long to be masked".into(),
        hint: Some("leave its longest columns out, or ask for parts of them with substring".into()),
    }
}

impl Exchange {
    pub(super) fn large(&mut self, large: Large) -> Result<(), Error> {
        let passes = match large.tag() {
            b'D' => self.passes_rows(),
            _ => self.passes_copy(),
        };
        let Some(front) = self.state.queue.front_mut() else {
            return Err(out_of_turn());
        };
        front.rows += 1;
        if !matches!(front.kind, Kind::Query { .. } | Kind::Execute) {
            return Err(Error::Backend(
                "sent a row longer than the gateway reads".into(),
            ));
        }
        if !passes && !front.silent {
            self.withhold(too_long());
        }
        self.state.large = Some(Passage { large, passes });
        Ok(())
    }

    /// Takes what has come of a long message; false where more of it must be read first.
    pub(super) fn pass_large(&mut self) -> Result<bool, Error> {
        let Some(Passage { large, passes }) = &mut self.state.large else {
            return Ok(true);
        };
        let (piece, passes) = (large.take(&mut self.replies), *passes);
        let whole = large.remaining() == 0;
        if passes && !piece.is_empty() {
            self.copied(piece)?;
        }
        if whole {
            self.state.large = None;
        }
        Ok(whole)
    }

    /// The client gets no more of what runs, and a refusal in place of its end: the server is told to stop.
    pub(super) fn withhold(&mut self, refusal: Refusal) {
        let Some(front) = self.state.queue.front_mut() else {
            return;
        };
        front.silent = true;
        front.withheld = true;
        front.refusal = Some(refusal);
        self.stop();
    }

    /// Whether the server is not read until it was told to stop: what it has not sent yet, it then does not send.
    pub(super) fn withholds(&self) -> bool {
        let front = self.state.queue.front();
        self.state.cancelling.is_some() && front.is_some_and(|front| front.withheld)
    }

    /// The server was done before it could be stopped: the client is told all the same, and gets nothing up to Sync.
    pub(super) fn withheld_to_the_end(&mut self) -> Result<(), Error> {
        let Some(front) = self.state.queue.front_mut() else {
            return Ok(());
        };
        if !front.withheld {
            return Ok(());
        }
        let Some(refusal) = front.refusal.take() else {
            return Ok(());
        };
        let extended = matches!(front.kind, Kind::Execute);
        let told = Masked::ungoverned(gate::Ungoverned::Own, refusal.encode());
        self.reply(told)?;
        if extended {
            let mut synced = false;
            for one in self.state.queue.iter_mut().skip(1) {
                synced = matches!(one.kind, Kind::Sync);
                if synced {
                    break;
                }
                one.silent = true;
            }
            self.state.batch.skipping |= !synced;
        }
        Ok(())
    }
}
