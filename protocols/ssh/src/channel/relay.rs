//! Both directions of something that runs at a target, until either side ends it or the gate does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use gate::{End, Masked, OutcomeKind, Session, Underway};

use super::inbox::{Inbox, Over, Piece, Size};
use super::{Ending, Pipes, over};
use crate::account::{self, Account};
use crate::answers;
use crate::face::Face;
use crate::mask::{Stream, Unmaskable};
use crate::running::Running;
use crate::upstream::{Broken, Side};
use crate::visit::Reached;

/// The target's side of what was started.
pub(crate) type Started = (Side, Inbox, Underway);

/// How it was started.
pub(crate) struct Manner {
    /// It only copies files: nobody rewrites or keeps those.
    pub(crate) copies: bool,
    pub(crate) terminal: Option<Size>,
    /// Why its client says it asks.
    pub(crate) reason: Option<Arc<str>>,
}

enum Ended {
    /// The target closed the channel; what it said of the end.
    Target(Option<String>, OutcomeKind),
    ClientLeft,
    Revoked(End),
    /// One side's inbox takes nothing more.
    Over(Over),
    /// The target would not start it.
    NotStarted,
    Unrecorded(gate::Fault),
    Unmaskable(Unmaskable),
}

pub(crate) async fn relay(
    reached: &Arc<Reached>,
    pipes: &Pipes,
    face: &Face,
    ((side, target, underway), manner): (Started, Manner),
) -> Ending {
    let mut revocation = underway.revocation();
    let copies = manner.copies;
    let account = Account::open(&underway, &manner);
    let running = Running::new(underway);
    let stream = || Stream::new(reached.session.mask(), face.is_terminal(), copies);
    let mut down = Down {
        session: &reached.session,
        running: &running,
        account: &account,
        face,
        out: stream(),
        err: stream(),
    };
    let ended = tokio::select! {
        biased;
        end = revocation.wait() => Ended::Revoked(end),
        why = pipes.lost(&target) => Ended::Over(why),
        ended = down.run(&target) => ended,
        ended = up((reached, face), (&pipes.client, &target), (&side, &running), &account) => ended,
        () = pipes.going() => Ended::ClientLeft,
        never = pauses(&reached.session, face) => match never {},
    };
    side.close().await;
    conclude(&running, ended)
}

fn conclude(running: &Running, ended: Ended) -> Ending {
    match ended {
        Ended::Target(code, kind) => {
            running.done(kind, code);
            Ending::Done
        }
        Ended::ClientLeft => {
            running.done(OutcomeKind::Unknown, Some("client_left".to_owned()));
            Ending::Done
        }
        Ended::Revoked(end) => {
            running.done(OutcomeKind::Revoked, None);
            Ending::Told(answers::ended(end))
        }
        Ended::Over(why) => {
            running.done(OutcomeKind::Failed, Some("overflow".to_owned()));
            over(Some(why))
        }
        Ended::NotStarted => {
            running.done(OutcomeKind::Failed, None);
            Ending::Told("the target would not start it".to_owned())
        }
        Ended::Unmaskable(why) => {
            running.done(OutcomeKind::Failed, Some("unmaskable".to_owned()));
            Ending::Told(why.to_string())
        }
        Ended::Unrecorded(fault) => {
            running.done(OutcomeKind::Unknown, None);
            Ending::Told(answers::fault(&fault))
        }
    }
}

/// The client's pieces on their way to the target.
async fn up(
    (reached, face): (&Reached, &Face),
    (client, target): (&Inbox, &Inbox),
    (side, running): (&Side, &Running),
    account: &Account,
) -> Ended {
    loop {
        let piece = client.next().await;
        reached.session.flows().await;
        let sent = match piece {
            Ok(Piece::Data(bytes)) => {
                account.typed(&bytes);
                target.beside(side.more(running, bytes)).await
            }
            Ok(Piece::Eof) => target.beside(side.eof(running)).await,
            Ok(Piece::Resized(size)) => {
                face.is_wide(size.columns);
                account.resized(running, size);
                target.beside(side.resize(running, size)).await
            }
            Ok(Piece::Signal(signal)) => target.beside(side.signal(running, signal)).await,
            // one channel starts one thing; nothing else has a meaning while it runs
            Ok(
                Piece::Extended(..)
                | Piece::Terminal(_)
                | Piece::Environment(..)
                | Piece::Wish(_)
                | Piece::Start(_)
                | Piece::Status(_)
                | Piece::Killed(_)
                | Piece::Succeeded
                | Piece::Failed,
            ) => Ok(()),
            Err(Over::Gone) => return Ended::ClientLeft,
            Err(why) => return Ended::Over(why),
        };
        match sent {
            Ok(()) => {}
            Err(Broken::Revoked(end)) => return Ended::Revoked(end),
            // what the target said before it went is still on its way down
            Err(Broken::Lost) => return std::future::pending().await,
        }
    }
}

/// Tells the client whenever the session is paused or goes on; never comes to an end.
pub(crate) async fn pauses(session: &Session, face: &Face) -> Infallible {
    let mut pauses = session.pauses();
    let mut was = false;
    loop {
        let paused = pauses.borrow_and_update().clone();
        match &paused {
            Some(paused) => face.say(&answers::paused(paused)).await,
            None if was => face.say("the session goes on").await,
            None => {}
        }
        was = paused.is_some();
        if pauses.changed().await.is_err() {
            // its session is gone: who holds it hears of that
            return std::future::pending().await;
        }
    }
}

/// The target's pieces on their way to the client.
struct Down<'a> {
    session: &'a Session,
    running: &'a Running,
    account: &'a Account,
    face: &'a Face,
    out: Stream,
    err: Stream,
}

impl Down<'_> {
    async fn run(&mut self, target: &Inbox) -> Ended {
        let mut last = (None, OutcomeKind::Unknown);
        loop {
            let next = self.next(target).await;
            self.session.flows().await;
            let passed = match next {
                None => self.flush().await,
                Some(Ok(Piece::Data(bytes))) => {
                    self.refresh();
                    let masked = self.out.push(bytes);
                    self.pass_found(None, masked).await
                }
                Some(Ok(Piece::Extended(code, bytes))) => {
                    self.refresh();
                    let masked = self.err.push(bytes);
                    self.pass_found(Some(code), masked).await
                }
                Some(Ok(Piece::Status(status))) => {
                    last = (exit(status), OutcomeKind::Completed);
                    // more of the output may come yet
                    self.account.exited(self.running, status);
                    self.face.status(status).await;
                    Ok(())
                }
                Some(Ok(Piece::Killed(killed))) => {
                    let name = account::name(&killed.signal);
                    last = (Some(format!("signal {name}")), OutcomeKind::Completed);
                    self.account.signalled(self.running, name);
                    self.face.killed(killed).await;
                    Ok(())
                }
                Some(Ok(Piece::Eof)) => {
                    let flushed = self.finish().await;
                    self.face.output_is_over();
                    flushed
                }
                Some(Ok(Piece::Failed)) => return Ended::NotStarted,
                Some(Ok(
                    Piece::Succeeded
                    | Piece::Terminal(_)
                    | Piece::Environment(..)
                    | Piece::Wish(_)
                    | Piece::Start(_)
                    | Piece::Resized(_)
                    | Piece::Signal(_),
                )) => Ok(()),
                Some(Err(Over::Gone)) => {
                    return match self.finish().await {
                        Ok(()) => Ended::Target(last.0, last.1),
                        Err(ended) => ended,
                    };
                }
                Some(Err(why)) => return Ended::Over(why),
            };
            if let Err(ended) = passed {
                return ended;
            }
        }
    }

    /// The next piece; `None` where what is kept back has waited long enough.
    async fn next(&self, target: &Inbox) -> Option<Result<Piece, Over>> {
        match self.patience() {
            None => Some(target.next().await),
            Some(patience) => tokio::time::timeout(patience, target.next()).await.ok(),
        }
    }

    fn patience(&self) -> Option<Duration> {
        [self.out.patience(), self.err.patience()]
            .into_iter()
            .flatten()
            .min()
    }

    fn refresh(&mut self) {
        let mask = self.session.mask();
        let columns = self.face.columns();
        self.out.refresh(&mask, columns);
        self.err.refresh(&mask, columns);
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        let out = self.out.flush();
        self.pass(None, out).await?;
        let err = self.err.flush();
        self.pass(Some(1), err).await
    }

    async fn finish(&mut self) -> Result<(), Ended> {
        let out = self.out.finish();
        self.pass(None, out).await?;
        let err = self.err.finish();
        self.pass(Some(1), err).await
    }

    async fn pass_found(
        &self,
        code: Option<u32>,
        found: Result<Option<Masked>, Unmaskable>,
    ) -> Result<(), Ended> {
        match found {
            Ok(masked) => self.pass(code, masked).await,
            Err(why) => Err(Ended::Unmaskable(why)),
        }
    }

    /// Recorded, then written.
    async fn pass(&self, code: Option<u32>, masked: Option<Masked>) -> Result<(), Ended> {
        let Some(masked) = masked else {
            return Ok(());
        };
        let bytes = match code {
            None => self.running.reply(masked),
            Some(_) => self.running.error_reply(masked),
        };
        let bytes = bytes.map_err(|gate::Revoked(end)| Ended::Revoked(end))?;
        self.account.shown(self.running, &bytes);
        self.session.recorded().await.map_err(Ended::Unrecorded)?;
        self.face.data(code, bytes).await;
        Ok(())
    }
}

fn exit(status: u32) -> Option<String> {
    (status != 0).then(|| format!("exit {status}"))
}
