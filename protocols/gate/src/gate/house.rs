//! What is left to do when holds and sessions are dropped: one task owns it all, and nothing of it waits for another.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use policy::approval::Event;
use policy::digest::Digest;
use recorder::entry::ApprovalEvent;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::Clock;
use crate::approvals::{Approvals, Ending};
use crate::directory::Directory;
use crate::failpoint::{self, Step};
use crate::hold::in_time;
use crate::ledger::{ApprovalId, LedgerError};
use crate::record::{Closed, Log};
use crate::tape::Tape;

/// What somebody left behind who let go.
pub(super) enum Chore {
    /// Nobody waits for this question any more.
    Withdraw(ApprovalId),
    /// The last clone of a session is gone.
    Close(Option<Closed>, Tape),
    /// Tells when all before it is done.
    Told(oneshot::Sender<()>),
}

/// What the chores need; none of them keeps the gate or a session alive.
#[derive(Clone)]
pub(super) struct House {
    pub(super) approvals: Arc<Approvals>,
    pub(super) log: Arc<Log>,
    pub(super) directory: Arc<dyn Directory>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) questions: Arc<watch::Sender<u64>>,
}

/// A silent ledger is asked again after this long,
const AGAIN: Duration = Duration::from_secs(1);
/// so many times; after that the next boot withdraws what is left.
const TRIES: usize = 600;

impl House {
    /// Ends when the gate is gone and all is done.
    pub(super) async fn keep(self, mut work: mpsc::UnboundedReceiver<Chore>) {
        let mut tasks = JoinSet::new();
        // held by all that was begun since somebody last asked: closed when it is done
        let (mut begun, mut over) = mpsc::channel::<Infallible>(1);
        loop {
            let chore = tokio::select! {
                chore = work.recv() => chore,
                Some(_) = tasks.join_next() => continue,
            };
            let (house, busy) = (self.clone(), begun.clone());
            match chore {
                None => break,
                Some(Chore::Withdraw(id)) => tasks.spawn(async move {
                    house.withdraw(id).await;
                    drop(busy);
                }),
                Some(Chore::Close(closed, tape)) => tasks.spawn(async move {
                    let sealed = tape.seal().await;
                    if let Some(closed) = closed {
                        let digest = sealed
                            .as_ref()
                            .map(|tape| Digest::from_bytes(tape.digest).to_string());
                        let (session, at) =
                            (crate::record::label(closed.session), house.clock.now());
                        house.directory.closed(&session, at / 1_000_000_000, digest);
                        house.log.closed(closed, sealed, house.clock.now());
                    }
                    failpoint::pass(Step::Sealed);
                    drop(busy);
                }),
                Some(Chore::Told(done)) => {
                    drop(busy);
                    let (next, next_over) = mpsc::channel(1);
                    let mut before = std::mem::replace(&mut over, next_over);
                    begun = next.clone();
                    tasks.spawn(async move {
                        before.recv().await;
                        // the one who asked may have given up
                        let _ = done.send(());
                        drop(next);
                    })
                }
            };
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn withdraw(&self, id: ApprovalId) {
        for _ in 0..TRIES {
            let at = self.clock.now();
            let ending = Ending {
                at: at / 1_000_000_000,
                by: None,
                why: Some("client gone"),
            };
            match in_time(self.approvals.end(id, Event::Withdrawn, ending)).await {
                Ok(Some(row)) => {
                    let actor = row.question.label.clone();
                    // a lost line about a question that released nothing is no reason to stop
                    let _ = self
                        .log
                        .approval(&row, ApprovalEvent::Withdrawn, actor, at)
                        .await;
                    self.questions.send_modify(|count| *count += 1);
                    return;
                }
                Ok(None) | Err(LedgerError::Unknown(_)) => return,
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}
