//! `-R`: addresses and sockets that the target listens at for the client, from the question to the last connection.
//!
//! The library can answer such a request only while it calls, so the answer comes at once: what people have to be asked
//! about is refused and kept as a question, and asking again after they have answered finds their answer.

mod standing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gate::words::{Operations, visible};
use gate::{Decision, Fingerprint, Guard, OutcomeKind, Permitted, Unclear};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::ask::Waiting;
use crate::channel::failed;
use crate::forward::at_socket;
use crate::request::{Asked, Shown};
use crate::running::Running;
use crate::visit::{Goal, Reached, Visit};
use crate::{answers, forward, words};
pub(crate) use standing::Listenings;

/// Listening at this many places is enough for one connection.
const MOST: usize = 64;

/// How long a connection may stand still while a target is asked to listen: one that carries nothing yet, and any other.
const ALONE: Duration = Duration::from_secs(8);
const BESIDE: Duration = Duration::from_secs(2);

/// Where the target listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Port { address: String, port: u32 },
    Socket(String),
}

/// A client's request; its answer is the port, or why not.
pub(crate) struct Listen {
    at: At,
    answer: oneshot::Sender<Result<u32, String>>,
}

/// Where that answer comes.
type Answered = oneshot::Receiver<Result<u32, String>>;

impl Listen {
    pub(crate) fn at(at: At) -> (Self, Answered) {
        let (answer, answered) = oneshot::channel();
        (Self { at, answer }, answered)
    }
}

/// The library answers the client when its call returns and at no other time: so the call waits a moment for the
/// target, and never for people.
pub(crate) async fn answer(answered: Answered, beside: bool) -> Result<u32, String> {
    let patience = if beside { BESIDE } else { ALONE };
    match tokio::time::timeout(patience, answered).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => Err("the target takes too long to answer".to_owned()),
    }
}

impl At {
    fn text(&self) -> String {
        match self {
            Self::Port { address, port } => format!("{address}:{port}"),
            Self::Socket(path) => path.clone(),
        }
    }

    pub(crate) fn operations(&self) -> Result<Operations, Unclear> {
        match self {
            Self::Port { address, port } => {
                let kind = words::Forward::Remote;
                Ok(words::forward(kind, address, *port))
            }
            Self::Socket(path) => at_socket(path, words::listening),
        }
    }

    /// The same with the port that the target chose.
    fn chosen(self, chosen: u32) -> Self {
        match self {
            Self::Port { address, port: 0 } => Self::Port {
                address,
                port: chosen,
            },
            at => at,
        }
    }
}

/// From the question until nobody listens any more. Runs as a task of the connection's.
pub(crate) async fn serve(visit: Arc<Visit>, listen: Listen) {
    let Listen { at, mut answer } = listen;
    let allowed = tokio::select! {
        biased;
        () = visit.going() => return,
        // the client was told that it took too long: what was permitted meanwhile is recorded as not sent
        () = answer.closed() => return,
        allowed = allowed(&visit, &at) => allowed,
    };
    let (reached, permit) = match allowed {
        Ok(allowed) => allowed,
        Err(text) => return refuse(&visit, answer, &at, text),
    };
    let asked = visit.listenings.asked();
    // not given up once the target was asked: it may listen by then
    let (chosen, underway) = match reached.leg.listen(permit, &at).await {
        Ok(listening) => listening,
        Err(failure) => return refuse(&visit, answer, &at, failed(failure)),
    };
    let code = match &at {
        At::Port { port: 0, .. } => Some(format!("port {chosen}")),
        At::Port { .. } | At::Socket(_) => None,
    };
    let at = at.chosen(chosen);
    let mut revocation = underway.revocation();
    let listening = visit.listenings.stand(at.clone(), underway.leave());
    drop(asked);
    let running = Running::new(underway);
    let kind = if answer.send(Ok(chosen)).is_err() {
        OutcomeKind::Cancelled
    } else {
        tokio::select! {
            biased;
            _ = revocation.wait() => OutcomeKind::Revoked,
            () = listening.cancelled() => OutcomeKind::Completed,
            () = visit.going() => OutcomeKind::Completed,
            () = visit.gate.drains() => OutcomeKind::Completed,
        }
    };
    visit.listenings.end(&at);
    reached.leg.unlisten(&reached.session, &at).await;
    running.done(kind, code);
}

async fn allowed(visit: &Arc<Visit>, at: &At) -> Result<(Arc<Reached>, Permitted<Asked>), String> {
    if visit.goal == Goal::Jump {
        return Err("this connection leads to targets only by `ssh -J`".to_owned());
    }
    if !visit.permits.forwards {
        return Err(forward::not_permitted().message);
    }
    if visit.listenings.count() >= MOST {
        return Err(format!("the target listens at {MOST} places already"));
    }
    let held = Held(Notify::new());
    let reached = tokio::select! {
        biased;
        reached = visit.reached(None, &held) => reached?,
        () = held.0.notified() => {
            return Err("connecting waits for approval; ask again once it is granted".to_owned());
        }
    };
    let request = asked(&reached.login, at);
    match reached.session.authorize(request).await {
        Decision::Permit(permit) => Ok((reached, permit)),
        Decision::Hold(hold) => {
            let text = answers::waiting(hold.id(), hold.asks());
            let left = hold.deadline().saturating_duration_since(Instant::now());
            // kept for whoever asks again: nobody can wait here
            match hold.park(left.max(Duration::from_secs(1))).await {
                Ok(_) => Err(format!("{text}; ask again once it is approved")),
                Err(fault) => Err(answers::fault(&fault)),
            }
        }
        Decision::Deny(denied) => Err(answers::refusal(denied.reason(), denied.id().as_deref())),
        Decision::Fault(_, fault) => Err(answers::fault(&fault)),
    }
}

pub(crate) fn asked(login: &str, at: &At) -> Asked {
    let (kind, wire) = match at {
        At::Port { .. } => ("listen", Bytes::from(at.text())),
        At::Socket(path) => ("listen at a socket", Bytes::from(path.clone())),
    };
    Asked {
        content: vec![
            Bytes::from_static(kind.as_bytes()),
            Bytes::from(login.to_owned()),
            wire.clone(),
        ],
        wire: vec![wire],
        meaning: Fingerprint::of(&[]),
        operations: at.operations().map(Arc::new),
        guard: Guard::Alone,
        shown: Shown::new(&format!("listen at {}", at.text()), None, Vec::new()),
    }
}

/// The protocol's answer has no room for words: the next channel that somebody reads says them.
fn refuse(visit: &Visit, answer: oneshot::Sender<Result<u32, String>>, at: &At, text: String) {
    visit.note(format!(
        "the target does not listen at {}: {text}",
        visible(&at.text())
    ));
    // who asked may have been told already that it took too long
    let _ = answer.send(Err(text));
}

/// Somebody who cannot wait for people.
struct Held(Notify);

impl Waiting for Held {
    async fn tell(&self, _: &str) {
        self.0.notify_one();
    }

    async fn given_up(&self) {
        std::future::pending().await
    }
}
