//! The SFTP subsystem: each request is judged on its own, and one that is held or refused stops no other.

mod asked;
mod ending;
mod files;
mod size;
mod transfer;
mod waiting;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gate::{Decision, Hold, Masked, Permitted, Ungoverned};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::answers;
use crate::ask::{Answer, wait_for};
use crate::channel::inbox::{Inbox, Over, Piece};
use crate::channel::relay::{Started, pauses};
use crate::channel::{Ending, Pipes, failed};
use crate::decode::sftp::{Ask, Outcome, Packet, Reply, Request, Tap, permission_denied, status};
use crate::face::Face;
use crate::request::Asked;
use crate::running::Running;
use crate::upstream::Side;
use crate::visit::{Reached, Visit};
use ending::Ended;
use files::Files;
use transfer::Transfer;
use waiting::AtFile;

pub(crate) const NAME: &str = "sftp";

/// Requests that may wait for people at once on one channel.
const MOST_HELD: usize = 64;
/// Replies that came together are told together, up to so many bytes.
const TOGETHER: usize = 8 << 10;

/// The id of a request, and what will be told of the file that it opens.
type Opens = (u32, Option<Box<Transfer>>);

/// One channel's SFTP.
struct Session<'a> {
    reached: &'a Arc<Reached>,
    face: &'a Arc<Face>,
    visit: Arc<Visit>,
    client: Inbox,
    target: Inbox,
    side: Side,
    tap: Tap,
    /// The subsystem itself.
    running: Running,
    files: Files,
    /// Requests about which people are asked.
    asking: JoinSet<(Opens, String, Answer<Asked>)>,
    closing: watch::Sender<bool>,
    client_ended: bool,
    /// The target was told that the client sends no more.
    told_end: bool,
    /// Why its client says it asks.
    reason: Option<Arc<str>>,
}

pub(crate) async fn relay(
    reached: &Arc<Reached>,
    pipes: &Pipes,
    face: &Arc<Face>,
    ((side, target, underway), reason): (Started, Option<Arc<str>>),
) -> Ending {
    let mut revocation = underway.revocation();
    let inbox = target.clone();
    let mut session = Session {
        reached,
        face,
        visit: pipes.visit(),
        client: pipes.client.clone(),
        target,
        side,
        tap: Tap::new(),
        running: Running::new(underway),
        files: Files::default(),
        asking: JoinSet::new(),
        closing: watch::Sender::new(false),
        client_ended: false,
        told_end: false,
        reason,
    };
    let ended = tokio::select! {
        biased;
        end = revocation.wait() => Ended::Revoked(end),
        why = pipes.lost(&inbox) => Ended::Over(why),
        ended = session.run() => ended,
        () = pipes.going() => Ended::ClientLeft,
        never = pauses(&reached.session, face) => match never {},
    };
    session.conclude(ended).await
}

enum Woken {
    Client(Result<Piece, Over>),
    Target(Result<Piece, Over>),
    Answered(Opens, String, Box<Answer<Asked>>),
}

impl Session<'_> {
    async fn run(&mut self) -> Ended {
        let mut code = None;
        loop {
            let reads = !self.client_ended && self.asking.len() < MOST_HELD;
            let woken = tokio::select! {
                biased;
                Some(done) = self.asking.join_next() => match done {
                    Ok((opens, what, answer)) => Woken::Answered(opens, what, Box::new(answer)),
                    Err(_) => return Ended::Panicked,
                },
                piece = self.target.next() => Woken::Target(piece),
                piece = self.client.next(), if reads => Woken::Client(piece),
            };
            self.reached.session.flows().await;
            let done = match woken {
                Woken::Answered(opens, what, answer) => self.answered(opens, &what, *answer).await,
                Woken::Target(Ok(Piece::Status(status))) => {
                    code = (status != 0).then(|| format!("exit {status}"));
                    self.face.status(status).await;
                    Ok(())
                }
                Woken::Target(Ok(piece)) => self.take_target(piece).await,
                Woken::Target(Err(Over::Gone)) => return Ended::Target(code),
                Woken::Target(Err(why)) => return Ended::Over(why),
                Woken::Client(Ok(piece)) => self.take_client(piece).await,
                Woken::Client(Err(Over::Gone)) => return Ended::ClientLeft,
                Woken::Client(Err(why)) => return Ended::Over(why),
            };
            // room for a reply is room for a request
            let done = match done {
                Ok(()) => self.requests().await,
                Err(ended) => Err(ended),
            };
            if let Err(ended) = done {
                return ended;
            }
        }
    }

    async fn take_client(&mut self, piece: Piece) -> Result<(), Ended> {
        match piece {
            Piece::Data(bytes) => self.tap.from_client(bytes),
            Piece::Eof => self.client_ended = true,
            Piece::Signal(signal) => {
                let sent = self.side.signal(&self.running, signal);
                self.target.beside(sent).await?;
            }
            Piece::Extended(..)
            | Piece::Terminal(_)
            | Piece::Environment(..)
            | Piece::Wish(_)
            | Piece::Start(_)
            | Piece::Resized(_)
            | Piece::Status(_)
            | Piece::Killed(_)
            | Piece::Succeeded
            | Piece::Failed => {}
        }
        Ok(())
    }

    async fn take_target(&mut self, piece: Piece) -> Result<(), Ended> {
        match piece {
            Piece::Data(bytes) => {
                self.tap.from_server(bytes);
                self.replies().await?;
            }
            Piece::Extended(code, bytes) => {
                let masked = Masked::ungoverned(Ungoverned::Opaque, bytes);
                let bytes = self.running.error_reply(masked)?;
                self.face.data(Some(code), bytes).await;
            }
            Piece::Killed(killed) => self.face.killed(killed).await,
            Piece::Eof => self.face.output_is_over(),
            Piece::Failed => return Err(Ended::NotStarted),
            Piece::Succeeded
            | Piece::Status(_)
            | Piece::Terminal(_)
            | Piece::Environment(..)
            | Piece::Wish(_)
            | Piece::Start(_)
            | Piece::Resized(_)
            | Piece::Signal(_) => {}
        }
        Ok(())
    }

    /// Takes out what came whole, and says goodbye once nothing of it is left.
    async fn requests(&mut self) -> Result<(), Ended> {
        while self.asking.len() < MOST_HELD
            && let Some(packet) = self.tap.next_request()?
        {
            self.request(packet).await?;
        }
        let quiet = self.asking.is_empty() && self.tap.held() == 0;
        if self.client_ended && quiet && !self.told_end {
            self.told_end = true;
            self.target.beside(self.side.eof(&self.running)).await?;
        }
        Ok(())
    }

    async fn request(&mut self, packet: Packet) -> Result<(), Ended> {
        let Packet { bytes, id, ask } = packet;
        match (ask, id) {
            (Ask::Start, _) | (_, None) => self.more(bytes).await,
            (Ask::Judge(request), Some(id)) => self.judge(id, bytes, request).await,
            (Ask::Continue { handle, what }, Some(id)) => {
                self.go_on((id, bytes), &handle, &what).await
            }
            (
                Ask::Refuse {
                    status: code,
                    message,
                },
                Some(id),
            ) => {
                self.tap.answered(id);
                self.face.data(None, status(id, code, message)).await;
                Ok(())
            }
        }
    }

    async fn judge(&mut self, id: u32, bytes: Bytes, request: Request) -> Result<(), Ended> {
        let (asked, what) = asked::asked(self.reached, bytes, &request);
        let opens = (id, files::transfer(&request));
        let asked = asked.because(self.reason.as_ref());
        match self.reached.session.authorize(asked).await {
            Decision::Permit(permit) => self.pass(opens, permit).await.map(drop),
            Decision::Deny(denied) => {
                let text = answers::refusal(denied.reason(), denied.id().as_deref());
                self.refuse(id, &what, &text).await
            }
            Decision::Fault(_, fault) => self.refuse(id, &what, &answers::fault(&fault)).await,
            Decision::Hold(hold) => {
                self.hold(opens, what, hold);
                Ok(())
            }
        }
    }

    async fn more(&self, bytes: Bytes) -> Result<(), Ended> {
        let sent = self.side.more(&self.running, bytes);
        Ok(self.target.beside(sent).await?)
    }

    fn hold(&mut self, opens: Opens, what: String, hold: Hold<Asked>) {
        let waiting = AtFile {
            face: self.face.clone(),
            client: self.client.clone(),
            visit: self.visit.clone(),
            closing: self.closing.subscribe(),
        };
        self.asking
            .spawn(async move { (opens, what, wait_for(hold, &waiting).await) });
    }

    async fn answered(
        &mut self,
        opens: Opens,
        what: &str,
        answer: Answer<Asked>,
    ) -> Result<(), Ended> {
        match answer {
            Answer::Go(permit) => self.pass(opens, permit).await.map(drop),
            Answer::No(text) => self.refuse(opens.0, what, &text).await,
            Answer::GivenUp => self.refuse(opens.0, what, "given up").await,
        }
    }

    /// Whether it went out: a permission may end in the hand.
    async fn pass(
        &mut self,
        (id, transfer): Opens,
        permit: Permitted<Asked>,
    ) -> Result<bool, Ended> {
        match self.target.beside(self.side.pass(permit)).await {
            Ok(underway) => {
                self.files.asked(id, Running::new(underway), transfer);
                Ok(true)
            }
            Err(crate::upstream::Failure::Lost) => Err(Ended::Lost),
            Err(failure) => {
                self.refuse(id, "", &failed(failure)).await?;
                Ok(false)
            }
        }
    }

    async fn refuse(&mut self, id: u32, what: &str, text: &str) -> Result<(), Ended> {
        self.tap.answered(id);
        // clients print the code in words of their own
        if !what.is_empty() {
            self.face.say(&format!("{what}: {text}")).await;
        }
        self.face.data(None, permission_denied(id, text)).await;
        Ok(())
    }

    /// All that came whole, recorded and then told: short ones together, for each that is sent wakes others.
    async fn replies(&mut self) -> Result<(), Ended> {
        let mut together = BytesMut::new();
        loop {
            let reply = match self.tap.next_reply() {
                Ok(Some(reply)) => reply,
                Ok(None) => return self.tell(together.freeze()).await,
                Err(why) => {
                    self.tell(together.freeze()).await?;
                    return Err(why.into());
                }
            };
            let bytes = self.reply(reply)?;
            if together.len() + bytes.len() > TOGETHER {
                self.tell(together.split().freeze()).await?;
            }
            if bytes.len() > TOGETHER {
                self.tell(bytes).await?;
            } else {
                together.extend_from_slice(&bytes);
            }
        }
    }

    async fn tell(&self, bytes: Bytes) -> Result<(), Ended> {
        if bytes.is_empty() {
            return Ok(());
        }
        let recorded = self.reached.session.recorded().await;
        recorded.map_err(Ended::Unrecorded)?;
        self.face.data(None, bytes).await;
        Ok(())
    }

    /// Counted and recorded with its request, as it may be told.
    fn reply(&mut self, reply: Reply) -> Result<Bytes, Ended> {
        let Reply {
            bytes,
            answers,
            outcome,
        } = reply;
        let masked = Masked::ungoverned(Ungoverned::Opaque, bytes);
        let Some(answers) = answers else {
            return Ok(self.running.uncopied(masked)?);
        };
        let bytes = self
            .files
            .reply((&answers, &outcome), masked, &self.running)?;
        let (handle, code) = match &outcome {
            Outcome::Handle(handle) => (Some(handle), 0),
            Outcome::Status(code) => (None, *code),
            _ => (None, 0),
        };
        self.files.answered(answers.id, handle, code);
        Ok(bytes)
    }
}
