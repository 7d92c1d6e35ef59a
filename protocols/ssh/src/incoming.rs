//! Channels that a target opens: connections to where it listens, the lent agent, the lent display. Each is judged as
//! part of what was permitted before, and passes only while that stands.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gate::words::{Operations, visible};
use gate::{Decision, Fingerprint, Guard, Leave, Unclear, UnclearKind};
use russh::client;
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelOpenFailure};

use crate::agent;
use crate::channel::siblings::Seat;
use crate::forward::relay;
use crate::lend::What;
use crate::listen::At;
use crate::request::{Asked, Shown};
use crate::visit::{Reached, Visit};
use crate::words;

/// How long a client may take to take a connection.
const TAKES_WITHIN: Duration = Duration::from_secs(30);

/// What the gate is asked, where that can be told.
type Judged = Result<Operations, Unclear>;

/// A channel that waits for its answer.
pub(crate) struct Incoming {
    pub(crate) from: From,
    pub(crate) channel: Channel<client::Msg>,
    pub(crate) reply: client::ChannelOpenHandle,
}

/// What the target says that it is.
#[derive(Debug, Clone)]
pub(crate) enum From {
    /// Somebody connected to where it listens.
    Connection {
        at: At,
        peer: (String, u32),
    },
    Agent,
    Display {
        peer: (String, u32),
    },
}

impl From {
    fn text(&self) -> String {
        match self {
            Self::Connection {
                at: At::Port { address, port },
                peer: (host, from),
            } => format!("connection from {host}:{from} to {address}:{port}"),
            Self::Connection {
                at: At::Socket(path),
                ..
            } => format!("connection to {path}"),
            Self::Agent => "a channel to the key agent".to_owned(),
            Self::Display { peer: (host, from) } => {
                format!("a channel to the display from {host}:{from}")
            }
        }
    }

    /// What it belongs to, and what that is asked of the gate as; `None` where nothing of the kind stands.
    async fn belongs(&self, visit: &Visit) -> Option<(Leave, Judged, Option<At>)> {
        match self {
            Self::Connection { at, .. } => {
                let listening = visit.listenings.find(at).await?;
                let operations = listening.at.operations();
                Some((
                    listening.leave.clone(),
                    operations,
                    Some(listening.at.clone()),
                ))
            }
            Self::Agent => Some((visit.lent.leave(What::Agent)?, Ok(words::agent()), None)),
            Self::Display { .. } => {
                Some((visit.lent.leave(What::Display)?, Ok(words::x11()), None))
            }
        }
    }
}

pub(crate) async fn serve(visit: Arc<Visit>, handle: Handle, incoming: Incoming, _seat: Seat) {
    let Incoming {
        from,
        channel,
        reply,
    } = incoming;
    let Some(reached) = visit.at_target() else {
        return;
    };
    let belongs = from.belongs(&visit).await;
    let stands = belongs.is_some();
    let (operations, leave, at) = match belongs {
        Some((leave, operations, at)) => (operations, Some(leave), at),
        None => (Err(unasked()), None, None),
    };
    let request = asked(&reached, &from, operations);
    let decision = match &leave {
        Some(leave) => reached.session.authorize_within(leave, request).await,
        None => reached.session.authorize(request).await,
    };
    // nobody waits here for people: what was not countersigned with the whole is refused
    let permit = match decision {
        Decision::Permit(permit) if stands => permit,
        Decision::Hold(hold) => {
            drop(hold.withdraw().await);
            return refuse(reply).await;
        }
        Decision::Permit(_) | Decision::Deny(_) | Decision::Fault(..) => {
            return refuse(reply).await;
        }
    };
    let client = match tokio::time::timeout(TAKES_WITHIN, open(&handle, &from, at)).await {
        Ok(Ok(client)) => client,
        Ok(Err(_)) | Err(_) => return refuse(reply).await,
    };
    let started = reached.leg.take(permit, (channel, reply)).await;
    let Ok(started) = started else {
        // the client's side closes as it is dropped
        let _ = client.close().await;
        return;
    };
    match from {
        From::Connection { .. } => {
            relay(&visit, &reached, (client, started), std::future::pending()).await;
        }
        From::Display { .. } => {
            let gone = visit.lent.gone(What::Display);
            relay(&visit, &reached, (client, started), gone).await;
        }
        From::Agent => agent::relay(&visit, &reached, client, started).await,
    }
}

async fn open(handle: &Handle, from: &From, at: Option<At>) -> Result<Channel<Msg>, russh::Error> {
    match (from, at) {
        // in the client's own spelling
        (From::Connection { peer, .. }, Some(At::Port { address, port })) => {
            let (host, from) = peer.clone();
            handle
                .channel_open_forwarded_tcpip(address, port, host, from)
                .await
        }
        (From::Connection { .. }, Some(At::Socket(path))) => {
            handle.channel_open_forwarded_streamlocal(path).await
        }
        (From::Display { peer }, _) => {
            let (host, from) = peer.clone();
            handle.channel_open_x11(host, from).await
        }
        (From::Agent, _) => handle.channel_open_agent().await,
        (From::Connection { .. }, None) => Err(russh::Error::RequestDenied),
    }
}

fn asked(reached: &Reached, from: &From, operations: Judged) -> Asked {
    let text = from.text();
    let wire = Bytes::from(text.clone());
    Asked {
        content: vec![
            Bytes::from_static(b"incoming"),
            Bytes::from(reached.login.clone()),
            wire.clone(),
        ],
        wire: vec![wire],
        meaning: Fingerprint::of(&[]),
        operations: operations.map(Arc::new),
        guard: Guard::Alone,
        shown: Shown::new(&visible(&text), None, Vec::new()),
    }
}

fn unasked() -> Unclear {
    Unclear {
        kind: UnclearKind::Unsupported,
        code: "unasked",
        message: "nobody asked the target for this".to_owned(),
        hint: None,
        at: None,
    }
}

async fn refuse(reply: client::ChannelOpenHandle) {
    reply
        .reject(ChannelOpenFailure::AdministrativelyProhibited)
        .await;
}
