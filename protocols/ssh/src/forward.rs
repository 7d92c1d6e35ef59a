//! Tunnels that a client opens: each is judged, and one to a target's SSH port ends at the gateway instead.

use std::sync::Arc;

use bytes::Bytes;
use gate::words::{Operations, Target, visible};
use gate::{
    Fingerprint, Guard, Masked, OutcomeKind, Permitted, Unclear, UnclearKind, Underway, Ungoverned,
};
use russh::server::{ChannelOpenHandle, Msg};
use russh::{Channel, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf};

use crate::ask::{Answer, Waiting, ask};
use crate::channel::inbox::{Inbox, Over, Piece};
use crate::channel::siblings::Seat;
use crate::channel::{Pipes, failed};
use crate::request::{Asked, Shown};
use crate::running::Running;
use crate::upstream::{Broken, Failure, Side};
use crate::visit::{Goal, Reached, Visit};
use crate::{address, jump, places, words};

/// Where OpenSSH sends a jump.
pub(crate) const SSH_PORT: u32 = 22;
/// The longest name of a host.
const LONGEST: usize = 255;

/// A tunnel that waits for its answer.
pub(crate) struct Forward {
    pub(crate) channel: Channel<Msg>,
    pub(crate) reply: ChannelOpenHandle,
    pub(crate) host: String,
    pub(crate) port: u32,
    pub(crate) originator: (String, u32),
}

/// A tunnel to a Unix socket that waits for its answer.
pub(crate) struct Socket {
    pub(crate) channel: Channel<Msg>,
    pub(crate) reply: ChannelOpenHandle,
    pub(crate) path: String,
}

/// A channel at the target, with the request that it was opened for.
type Started = (Side, ChannelReadHalf, Underway);

pub(crate) async fn serve(visit: Arc<Visit>, forward: Forward, _seat: Seat) {
    let Forward {
        channel,
        reply,
        host,
        port,
        originator,
    } = forward;
    if jumps(&visit, &host, port) {
        return jump::jump(&visit, channel, reply, host).await;
    }
    let Ok(number) = u16::try_from(port) else {
        return refuse(reply, "no such port").await;
    };
    if !plausible(&host) {
        return refuse(reply, "no such host").await;
    }
    let destination = format!("{host}:{number}");
    let of = if visit.permits.forwards {
        match to_port(places::from(&visit).as_ref(), &host, number).await {
            Ok(operations) => Ok(operations),
            Err(there) => Err(places::refusal(&visit, there).await),
        }
    } else {
        Err(not_permitted())
    };
    let Some((reached, permit, reply)) = allowed(&visit, reply, &destination, of).await else {
        return;
    };
    let to = (host.as_str(), port);
    let from = (originator.0.as_str(), originator.1);
    let started = reached.leg.forward(permit, to, from).await;
    tunnel(&visit, &reached, (channel, reply), started).await;
}

pub(crate) async fn serve_socket(visit: Arc<Visit>, socket: Socket, _seat: Seat) {
    let Socket {
        channel,
        reply,
        path,
    } = socket;
    let of = if visit.permits.forwards {
        match to_socket(places::from(&visit).as_ref(), &path).await {
            Ok(operations) => operations,
            Err(there) => Err(places::refusal(&visit, there).await),
        }
    } else {
        Err(not_permitted())
    };
    let Some((reached, permit, reply)) = allowed(&visit, reply, &path, of).await else {
        return;
    };
    let started = reached.leg.socket(permit, &path).await;
    tunnel(&visit, &reached, (channel, reply), started).await;
}

/// What a tunnel to a port asks for, or the target that listens there.
pub(crate) async fn to_port(
    from: Option<&places::Origin>,
    host: &str,
    port: u16,
) -> Result<Operations, Target> {
    if let Some(from) = from
        && let Some(there) = from.port(host, port).await
    {
        return Err(there);
    }
    Ok(words::forward(words::Forward::Local, host, port.into()))
}

/// The same of a Unix socket.
pub(crate) async fn to_socket(
    from: Option<&places::Origin>,
    path: &str,
) -> Result<Result<Operations, Unclear>, Target> {
    if let Some(from) = from
        && let Some(there) = from.socket(path).await
    {
        return Err(there);
    }
    Ok(at_socket(path, words::socket))
}

/// Visible ASCII: what a resolver might read otherwise than the gateway does is no name of a host.
pub(crate) fn plausible(host: &str) -> bool {
    host.len() <= LONGEST && host.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A socket by its path, where that says by itself which it is.
pub(crate) fn at_socket(
    path: &str,
    by: impl Fn(&str) -> Operations,
) -> Result<Operations, Unclear> {
    if !words::climbs(path) {
        return Ok(by(path));
    }
    Err(Unclear {
        kind: UnclearKind::Unclear,
        code: "climbs",
        message: "a socket's path with `..` leads where only the target knows".to_owned(),
        hint: None,
        at: None,
    })
}

/// `ssh -J gateway login@target` opens a tunnel to the target's name.
fn jumps(visit: &Visit, host: &str, port: u32) -> bool {
    !visit.within
        && port == SSH_PORT
        && address::target_name(host)
        && visit.shared.backends.find(host).is_some()
}

/// Asks for the tunnel; a client is told why not in the answer to its request, which comes when people have answered.
async fn allowed(
    visit: &Arc<Visit>,
    reply: ChannelOpenHandle,
    destination: &str,
    operations: Result<Operations, Unclear>,
) -> Option<(Arc<Reached>, Permitted<Asked>, ChannelOpenHandle)> {
    if visit.goal == Goal::Jump {
        let text = crate::answers::not_connected(&visible(destination));
        refuse(reply, &text).await;
        return None;
    }
    let waiting = AtTunnel(visit);
    let reaching = visit.reached(None, &waiting);
    let reached = tokio::select! {
        biased;
        () = visit.going() => return None,
        reached = reaching => reached,
    };
    let reached = match reached {
        Ok(reached) => reached,
        Err(text) => {
            refuse(reply, &text).await;
            return None;
        }
    };
    let request = asked(&reached.login, destination, operations);
    match ask(&reached.session, request, &waiting).await {
        Answer::Go(permit) => Some((reached, permit, reply)),
        Answer::No(text) => {
            refuse(reply, &text).await;
            None
        }
        Answer::GivenUp => None,
    }
}

/// A client that has no answer to its request yet, and nothing to read.
struct AtTunnel<'a>(&'a Visit);

impl Waiting for AtTunnel<'_> {
    async fn tell(&self, _: &str) {}

    async fn given_up(&self) {
        tokio::select! {
            () = self.0.going() => {}
            () = self.0.lost() => {}
        }
    }
}

pub(crate) fn not_permitted() -> Unclear {
    Unclear {
        kind: UnclearKind::Unsupported,
        code: "credential",
        message: "your certificate permits no tunnels".to_owned(),
        hint: None,
        at: None,
    }
}

pub(crate) fn asked(
    login: &str,
    destination: &str,
    operations: Result<Operations, Unclear>,
) -> Asked {
    let wire = Bytes::from(destination.to_owned());
    let text = format!("forward to {destination}");
    Asked {
        content: vec![
            Bytes::from_static(b"forward"),
            Bytes::from(login.to_owned()),
            wire.clone(),
        ],
        wire: vec![wire],
        meaning: Fingerprint::of(&[]),
        operations: operations.map(Arc::new),
        guard: Guard::Alone,
        shown: Shown::new(&text, None, Vec::new()),
    }
}

async fn tunnel(
    visit: &Arc<Visit>,
    reached: &Reached,
    (channel, reply): (Channel<Msg>, ChannelOpenHandle),
    started: Result<Started, Failure>,
) {
    match started {
        Ok(started) => {
            reply.accept().await;
            relay(visit, reached, (channel, started), std::future::pending()).await;
        }
        Err(failure) => not_opened(reply, failure).await,
    }
}

/// Both directions, until either side ends it, the gate does, or what it belongs to is gone.
pub(crate) async fn relay(
    visit: &Arc<Visit>,
    reached: &Reached,
    (channel, (side, read, underway)): (Channel<Msg>, Started),
    gone: impl Future<Output = ()>,
) {
    let (from_client, client) = channel.split();
    let mut pipes = Pipes::new(visit, from_client);
    let target = pipes.target(read);
    pipes.client.flow();
    let mut revocation = underway.revocation();
    underway.keep_figures();
    let running = Running::new(underway);
    let kind = tokio::select! {
        biased;
        _ = revocation.wait() => OutcomeKind::Revoked,
        _ = pipes.lost(&target) => OutcomeKind::Failed,
        kind = both(reached, (&pipes.client, &target), (&client, &side), &running) => kind,
        () = visit.going() => OutcomeKind::Completed,
        () = gone => OutcomeKind::Completed,
    };
    running.done(kind, None);
    side.close().await;
    // the client may be gone already
    let _ = client.close().await;
}

/// Until both directions have ended, or one is broken.
async fn both(
    reached: &Reached,
    (from_client, from_target): (&Inbox, &Inbox),
    (client, side): (&ChannelWriteHalf<Msg>, &Side),
    running: &Running,
) -> OutcomeKind {
    tokio::select! {
        kind = down(reached, (from_target, from_client), client, running) => kind,
        kind = up(reached, (from_client, from_target), side, running) => kind,
    }
}

async fn up(
    reached: &Reached,
    (client, target): (&Inbox, &Inbox),
    side: &Side,
    running: &Running,
) -> OutcomeKind {
    loop {
        let piece = client.next().await;
        reached.session.flows().await;
        let sent = match piece {
            Ok(Piece::Data(bytes)) => target.beside(side.more(running, bytes)).await,
            Ok(Piece::Eof) => target.beside(side.eof(running)).await,
            Ok(_) => Ok(()),
            Err(Over::Gone) => return OutcomeKind::Completed,
            Err(Over::Overflown | Over::Broken) => return OutcomeKind::Failed,
        };
        match sent {
            Ok(()) => {}
            Err(Broken::Revoked(_)) => return OutcomeKind::Revoked,
            Err(Broken::Lost) => return std::future::pending().await,
        }
    }
}

async fn down(
    reached: &Reached,
    (target, from_client): (&Inbox, &Inbox),
    client: &ChannelWriteHalf<Msg>,
    running: &Running,
) -> OutcomeKind {
    loop {
        let piece = target.next().await;
        reached.session.flows().await;
        let sent = match piece {
            Ok(Piece::Data(bytes)) => {
                let masked = Masked::ungoverned(Ungoverned::Opaque, bytes);
                let Ok(bytes) = running.reply(masked) else {
                    return OutcomeKind::Revoked;
                };
                if reached.session.recorded().await.is_err() {
                    return OutcomeKind::Unknown;
                }
                from_client.beside(client.data_bytes(bytes)).await
            }
            Ok(Piece::Eof) => from_client.beside(client.eof()).await,
            Ok(_) => Ok(()),
            Err(Over::Gone) => return OutcomeKind::Completed,
            Err(Over::Overflown | Over::Broken) => return OutcomeKind::Failed,
        };
        if sent.is_err() {
            return OutcomeKind::Unknown;
        }
    }
}

pub(crate) async fn refuse(reply: ChannelOpenHandle, text: &str) {
    let code = ChannelOpenFailure::AdministrativelyProhibited.code();
    reject(reply, code, text).await;
}

/// The target's own kind of refusal stays what it is: clients tell `nobody listens` from `not allowed` by the code.
async fn not_opened(reply: ChannelOpenHandle, failure: Failure) {
    let code = match &failure {
        Failure::Refused(why) => why.code(),
        Failure::Revoked(_) | Failure::Lost => {
            ChannelOpenFailure::AdministrativelyProhibited.code()
        }
    };
    reject(reply, code, &failed(failure)).await;
}

async fn reject(reply: ChannelOpenHandle, code: u32, text: &str) {
    let reason = visible(text);
    reply
        .reject(ChannelOpenFailure::Other { code, reason })
        .await;
}
