//! A request underway that both directions of a channel share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gate::told::Moment;
use gate::{End, Leave, Masked, Outcome, OutcomeKind, Revoked, Underway};

/// Ended once; dropped before that, nobody knows how it came out.
pub(crate) struct Running(Mutex<Option<Underway>>);

impl Running {
    pub(crate) fn new(underway: Underway) -> Self {
        Self(Mutex::new(Some(underway)))
    }

    pub(crate) fn check(&self) -> Result<(), Revoked> {
        match self.lock().as_ref() {
            Some(underway) => underway.check(),
            None => Err(Revoked(End::Policy)),
        }
    }

    /// A piece of the reply: recorded, then let through.
    pub(crate) fn reply(&self, bytes: Masked) -> Result<Bytes, Revoked> {
        match self.lock().as_mut() {
            Some(underway) => underway.reply(bytes),
            None => Err(Revoked(End::Policy)),
        }
    }

    /// The same of standard error.
    pub(crate) fn error_reply(&self, bytes: Masked) -> Result<Bytes, Revoked> {
        match self.lock().as_mut() {
            Some(underway) => underway.error_reply(bytes),
            None => Err(Revoked(End::Policy)),
        }
    }

    /// The same of what is recorded in figures only.
    pub(crate) fn uncopied(&self, bytes: Masked) -> Result<Bytes, Revoked> {
        match self.lock().as_mut() {
            Some(underway) => underway.uncopied(bytes),
            None => Err(Revoked(End::Policy)),
        }
    }

    /// Recorded beside the reply.
    pub(crate) fn tell(&self, moment: Moment) {
        if let Some(underway) = self.lock().as_ref() {
            underway.tell(moment);
        }
    }

    /// For what belongs to it.
    pub(crate) fn leave(&self) -> Option<Leave> {
        self.lock().as_ref().map(Underway::leave)
    }

    pub(crate) fn done(&self, kind: OutcomeKind, code: Option<String>) {
        if let Some(underway) = self.lock().take() {
            underway.done(Outcome {
                code,
                ..Outcome::of(kind)
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Underway>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
