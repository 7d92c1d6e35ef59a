//! The lent key agent: the target's questions reach it one at a time, and each signature is judged on its own.

mod frame;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gate::{Fingerprint, Guard, Masked, OutcomeKind, Unclear, UnclearKind, Underway, Ungoverned};
use russh::server::Msg;
use russh::{Channel, ChannelReadHalf, ChannelWriteHalf};

use crate::ask::{Answer, Waiting, ask};
use crate::channel::Pipes;
use crate::channel::inbox::{Inbox, Piece};
use crate::lend::What;
use crate::request::{Asked, Shown};
use crate::running::Running;
use crate::upstream::{Broken, Side};
use crate::visit::{Reached, Visit};
use crate::words;
use frame::{Asks, Signature};

/// Until either side ends it, nobody lends the agent any more, or the gate ends it.
pub(crate) async fn relay(
    visit: &Arc<Visit>,
    reached: &Reached,
    client: Channel<Msg>,
    (side, read, underway): (Side, ChannelReadHalf, Underway),
) {
    let (from_client, write) = client.split();
    let mut pipes = Pipes::new(visit, from_client);
    let target = pipes.target(read);
    pipes.client.flow();
    let mut revocation = underway.revocation();
    let running = Running::new(underway);
    let lent = Lent {
        visit,
        reached,
        agent: Stream::of(&pipes.client),
        write: &write,
        target: Stream::of(&target),
        side: &side,
        running: &running,
    };
    let kind = tokio::select! {
        biased;
        _ = revocation.wait() => OutcomeKind::Revoked,
        _ = pipes.lost(&target) => OutcomeKind::Failed,
        () = visit.lent.gone(What::Agent) => OutcomeKind::Completed,
        () = visit.going() => OutcomeKind::Completed,
        () = pipes.client.gone() => OutcomeKind::Completed,
        kind = lent.run() => kind,
    };
    running.done(kind, None);
    side.close().await;
    // the client may be gone already
    let _ = write.close().await;
}

struct Lent<'a> {
    visit: &'a Arc<Visit>,
    reached: &'a Reached,
    agent: Stream<'a>,
    write: &'a ChannelWriteHalf<Msg>,
    target: Stream<'a>,
    side: &'a Side,
    running: &'a Running,
}

/// Why a channel to the agent ends.
enum Over {
    Ended,
    /// Something that is no frame of the agent's protocol, or too long.
    Unreadable,
    Revoked,
}

impl std::convert::From<Broken> for Over {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Revoked(_) => Self::Revoked,
            Broken::Lost => Self::Ended,
        }
    }
}

impl Lent<'_> {
    async fn run(mut self) -> OutcomeKind {
        loop {
            match self.turn().await {
                Ok(()) => {}
                Err(Over::Ended) => return OutcomeKind::Completed,
                Err(Over::Unreadable) => return OutcomeKind::Failed,
                Err(Over::Revoked) => return OutcomeKind::Revoked,
            }
        }
    }

    /// One question and its answer: the protocol knows no others meanwhile.
    async fn turn(&mut self) -> Result<(), Over> {
        let question = self.target.frame().await?;
        self.reached.session.flows().await;
        match frame::asks(&question) {
            Asks::Harmless => {
                let answer = self.put(self.running, question).await?;
                Ok(self.side.more(self.running, answer).await?)
            }
            Asks::Signature(signature) => self.sign(question, &signature).await,
            Asks::Refused(what) => {
                self.record(what).await;
                Ok(self.side.more(self.running, frame::failure()).await?)
            }
        }
    }

    /// The agent's answer to a question.
    async fn put(&mut self, running: &Running, question: Bytes) -> Result<Bytes, Over> {
        let question = Masked::ungoverned(Ungoverned::Opaque, question);
        let question = running.reply(question).map_err(|_| Over::Revoked)?;
        let recorded = self.reached.session.recorded().await;
        recorded.map_err(|_| Over::Revoked)?;
        let sent = self.write.data_bytes(question).await;
        sent.map_err(|_| Over::Ended)?;
        self.agent.frame().await
    }

    async fn sign(&mut self, question: Bytes, signature: &Signature) -> Result<(), Over> {
        let text = signature.text();
        let request = asked(&text, &question, Ok(signature));
        let waiting = AtAgent(self.visit);
        let permit = match ask(&self.reached.session, request, &waiting).await {
            Answer::Go(permit) => permit,
            Answer::No(_) => return Ok(self.side.more(self.running, frame::failure()).await?),
            Answer::GivenUp => return Err(Over::Ended),
        };
        let underway = self.side.beside(permit);
        let signing = Running::new(underway.map_err(|_| Over::Revoked)?);
        let answer = self.put(&signing, question).await?;
        let signed = frame::is_signature(&answer);
        self.side.more(&signing, answer).await?;
        let kind = match signed {
            true => OutcomeKind::Completed,
            false => OutcomeKind::Refused,
        };
        signing.done(kind, None);
        Ok(())
    }

    /// The denial's record is all that is wanted of it.
    async fn record(&self, what: &'static str) {
        let text = format!("ask the key agent to {what}");
        let refused = Err(Unclear {
            kind: UnclearKind::Unsupported,
            code: "agent_message",
            message: "a lent agent lists keys and signs, nothing else".to_owned(),
            hint: None,
            at: None,
        });
        let request = asked(&text, &Bytes::new(), refused);
        drop(self.reached.session.authorize(request).await);
    }
}

fn asked(text: &str, question: &Bytes, signature: Result<&Signature, Unclear>) -> Asked {
    let operations =
        signature.map(|signature| Arc::new(words::agent_sign(&signature.key, &signature.signs)));
    Asked {
        content: vec![
            Bytes::from_static(b"agent"),
            Bytes::from(text.to_owned()),
            question.clone(),
        ],
        wire: vec![question.clone()],
        meaning: Fingerprint::of(&[]),
        operations,
        guard: Guard::Alone,
        shown: Shown::new(text, None, Vec::new()),
    }
}

/// Whoever lent the agent is told that something of it waits.
struct AtAgent<'a>(&'a Visit);

impl Waiting for AtAgent<'_> {
    async fn tell(&self, text: &str) {
        for face in self.0.lent.faces(What::Agent) {
            face.say(text).await;
        }
    }

    async fn given_up(&self) {
        self.0.lent.gone(What::Agent).await;
    }
}

/// One direction, cut into frames.
struct Stream<'a> {
    from: &'a Inbox,
    buffer: BytesMut,
}

impl<'a> Stream<'a> {
    fn of(from: &'a Inbox) -> Self {
        Self {
            from,
            buffer: BytesMut::new(),
        }
    }

    async fn frame(&mut self) -> Result<Bytes, Over> {
        loop {
            match frame::cut(&mut self.buffer) {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(frame::TooLong) => return Err(Over::Unreadable),
            }
            match self.from.next().await {
                Ok(Piece::Data(bytes)) => self.buffer.extend_from_slice(&bytes),
                Ok(Piece::Eof) | Err(_) => return Err(Over::Ended),
                Ok(_) => {}
            }
        }
    }
}
