//! What the channels of one connection share: who it is, where it leads, and the one leg to the target.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use gate::{Authenticated, Doorkeeper, Gate, Session, Underway};
use tokio::sync::{mpsc, watch};

use crate::Shared;
use crate::ask::Waiting;
use crate::channel::inbox::Inbox;
use crate::channel::siblings::Siblings;
use crate::config::Shell;
use crate::incoming::Incoming;
use crate::lend::Lent;
use crate::listen::Listenings;
use crate::permits::Permits;
use crate::upstream::Leg;

/// Words that nobody read yet; the oldest stay.
const NOTES: usize = 16;

/// One connection of one person.
pub(crate) struct Visit {
    pub(crate) gate: Gate,
    pub(crate) shared: Arc<Shared>,
    pub(crate) who: Authenticated,
    /// What the credentials leave open; policy decides only within it.
    pub(crate) permits: Permits,
    pub(crate) goal: Goal,
    pub(crate) peer: IpAddr,
    /// Lets in the connections that this one carries.
    pub(crate) doorkeeper: Arc<dyn Doorkeeper>,
    pub(crate) client: String,
    /// This connection came through another one: it leads no further.
    pub(crate) within: bool,
    pub(crate) siblings: Siblings,
    /// Turns true when the connection is going away.
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) reach: watch::Sender<Reach>,
    /// Turns true at the target.
    pub(crate) there: watch::Sender<bool>,
    /// Asks the connection's task to reach the target, with the client's reason.
    pub(crate) wanted: mpsc::UnboundedSender<Option<String>>,
    /// Takes what the target opens.
    pub(crate) came: mpsc::Sender<Box<Incoming>>,
    pub(crate) listenings: Arc<Listenings>,
    pub(crate) lent: Lent,
    /// What the protocol has no words for, until somebody reads.
    pub(crate) notes: Mutex<Vec<String>>,
}

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Goal {
    Target {
        name: String,
        /// `None`: the target's default.
        login: Option<String>,
    },
    /// Only onwards, to targets.
    Jump,
}

/// How far it is on its way to the target.
#[derive(Clone)]
pub(crate) enum Reach {
    Idle,
    Asking,
    /// People are asked; this is what clients are told.
    Waiting(String),
    Reached(Arc<Reached>),
    Refused(String),
    /// It could not be reached: who waited hears of it, and the next channel tries anew.
    Unreached(String),
}

/// At the target, logged in.
pub(crate) struct Reached {
    pub(crate) session: Session,
    pub(crate) leg: Leg,
    pub(crate) login: String,
    pub(crate) shell: Shell,
    /// The session's leave to be there.
    pub(crate) connected: Mutex<Option<Underway>>,
}

impl Visit {
    /// Resolves when the connection is going away. Cancel-safe.
    pub(crate) async fn going(&self) {
        let mut closing = self.closing.subscribe();
        // fails only where the sender is gone, which is this value's own
        let _ = closing.wait_for(|closing| *closing).await;
    }

    /// Resolves when the connection to the target is gone. Cancel-safe.
    pub(crate) async fn lost(&self) {
        let mut there = self.there.subscribe();
        // fails only where the sender is gone, which is this value's own
        let arrived = there.wait_for(|there| *there).await.is_ok();
        match self.at_target().filter(|_| arrived) {
            Some(reached) => reached.leg.lost().await,
            None => std::future::pending().await,
        }
    }

    /// The target, reached for the first channel that wants it; who waits is told what people are asked meanwhile.
    pub(crate) async fn reached(
        &self,
        reason: Option<&str>,
        waiting: &impl Waiting,
    ) -> Result<Arc<Reached>, String> {
        let mut seen = self.reach.subscribe();
        let mut came_late = true;
        loop {
            let first = self.reach.send_if_modified(|reach| {
                let idle = match reach {
                    Reach::Idle => true,
                    Reach::Unreached(_) => came_late,
                    Reach::Asking | Reach::Waiting(_) | Reach::Reached(_) | Reach::Refused(_) => {
                        false
                    }
                };
                if idle {
                    *reach = Reach::Asking;
                }
                idle
            });
            came_late = false;
            if first {
                // fails only where the connection is gone
                let _ = self.wanted.send(reason.map(str::to_owned));
            }
            let now = seen.borrow_and_update().clone();
            match now {
                Reach::Reached(reached) => return Ok(reached),
                Reach::Refused(text) | Reach::Unreached(text) => return Err(text),
                Reach::Waiting(text) => waiting.tell(&text).await,
                Reach::Idle => continue,
                Reach::Asking => {}
            }
            if seen.changed().await.is_err() {
                return Err("the connection is going away".to_owned());
            }
        }
    }

    /// For what comes on one side of a channel.
    pub(crate) fn inbox(&self) -> Inbox {
        let shared = &self.shared;
        Inbox::new(shared.buffers, shared.disk.clone(), self.siblings.clone())
    }

    /// Something that the next session channel says.
    pub(crate) fn note(&self, text: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < NOTES {
            notes.push(text);
        }
    }

    pub(crate) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn at_target(&self) -> Option<Arc<Reached>> {
        match &*self.reach.borrow() {
            Reach::Reached(reached) => Some(reached.clone()),
            Reach::Idle
            | Reach::Asking
            | Reach::Waiting(_)
            | Reach::Refused(_)
            | Reach::Unreached(_) => None,
        }
    }
}

impl Reached {
    /// Takes the leave out: the session is over.
    pub(crate) fn take_leave(&self) -> Option<Underway> {
        self.connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub(crate) fn with_leave<T>(&self, look: impl FnOnce(&Underway) -> T) -> Option<T> {
        let leave = self.connected.lock();
        leave
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(look)
    }
}
