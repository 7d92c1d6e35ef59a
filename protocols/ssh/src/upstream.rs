//! The leg to a target. Everything that is ever written to one after login is written in this file, under a permit or
//! beside an underway: the SSH library frames itself, so that nothing but this file's word keeps it so.

mod entry;
mod pins;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gate::{
    Connect, Denied, Error, Framed, Permitted, Purpose, Request, Revoked, Session, Underway,
    Upstream,
};
use russh::client::{self, Handle};
use russh::{Channel, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::{mpsc, watch};

use crate::channel::inbox::{Size, Start, Terminal};
use crate::config::{Backend, Login};
use crate::cut::Line;
use crate::host::Known;
use crate::incoming::Incoming;
use crate::lend::{Display, Granted, What, Wish};
use crate::listen::At;
use crate::running::Running;
use crate::ticket::Bearer;
use crate::upstream::pins::Pins;

/// How long reaching and entering a target may take, each step.
const WITHIN: Duration = Duration::from_secs(15);
/// How long a target may take to open one channel.
const OPENS_WITHIN: Duration = Duration::from_secs(60);

/// A target that let the gateway in; cheap to clone.
#[derive(Clone)]
pub(crate) struct Leg {
    wire: Arc<Framed<Wire>>,
    /// Closed when the connection is gone.
    alive: watch::Receiver<()>,
}

/// The library's handle; dropping it ends the connection.
pub(crate) struct Wire {
    handle: Handle<Pins>,
    _line: Line,
}

/// Why a permitted request came to nothing at the target.
pub(crate) enum Failure {
    /// The permission ended in the hand.
    Revoked(gate::Reason),
    /// The target did not open the channel.
    Refused(ChannelOpenFailure),
    Lost,
}

/// How a target is entered.
pub(crate) struct Entry<'a> {
    pub(crate) login: &'a Login,
    pub(crate) bearer: Bearer<'a>,
    /// Takes what the target opens.
    pub(crate) came: mpsc::Sender<Box<Incoming>>,
}

/// The writing side of one channel at the target.
pub(crate) struct Side {
    leg: Leg,
    write: ChannelWriteHalf<client::Msg>,
}

/// A start, and what was judged with it.
pub(crate) struct Opening {
    pub(crate) terminal: Option<Terminal>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) lends: Vec<What>,
    pub(crate) start: Start,
    /// What was asked for, where a certificate forces another command.
    pub(crate) instead_of: Option<Start>,
}

/// A session channel in which something runs.
pub(crate) struct Begun {
    pub(crate) side: Side,
    pub(crate) read: ChannelReadHalf,
    pub(crate) underway: Underway,
    /// What the target may reach meanwhile.
    pub(crate) loans: Vec<(What, Underway)>,
}

impl Leg {
    /// Dials, checks the target's key, and logs in as an account of the target.
    pub(crate) async fn reach(
        session: &Session,
        permit: Permitted<Connect>,
        backend: &Backend,
        entry: Entry<'_>,
    ) -> Result<(Self, Underway), Error> {
        let known = Known::of(&session.target().name, backend)?;
        let (upstream, connected, _) =
            Upstream::connect(permit, &backend.endpoint(), WITHIN).await?;
        let wire = vec![Bytes::from(format!("login as {}", entry.login.name))];
        let own = session.own(Purpose::Login, wire).await?;
        let (alive, gone) = watch::channel(());
        let entering = upstream.framed(own, |stream| entry::enter(stream, (known, alive), entry));
        match entering.await {
            Ok(framed) => {
                let wire = Arc::new(framed);
                Ok((Self { wire, alive: gone }, connected))
            }
            Err(error) => {
                connected.done(gate::Outcome::of(gate::OutcomeKind::Failed));
                Err(error)
            }
        }
    }

    /// Resolves when the connection to the target is gone. Cancel-safe.
    pub(crate) async fn lost(&self) {
        let mut alive = self.alive.clone();
        // nothing is ever sent: it only closes
        while alive.changed().await.is_ok() {}
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.alive.has_changed().is_err()
    }

    /// A session channel in which exactly the judged request is started.
    pub(crate) async fn start<R: Request>(
        &self,
        permit: Permitted<R>,
        opening: &Opening,
        granted: Granted,
    ) -> Result<Begun, Failure> {
        let (wire, _, underway) = self.wire.enter(permit).map_err(revoked)?;
        let (channel, underway) = opened(wire.handle.channel_open_session(), underway).await?;
        let (side, read) = self.split(channel);
        let loans = side.prepare(granted).await?;
        side.begin(&underway, opening).await?;
        Ok(Begun {
            side,
            read,
            underway,
            loans,
        })
    }

    /// A tunnel to where the judged request leads.
    pub(crate) async fn forward<R: Request>(
        &self,
        permit: Permitted<R>,
        (host, port): (&str, u32),
        (originator, from): (&str, u32),
    ) -> Result<(Side, ChannelReadHalf, Underway), Failure> {
        let (wire, _, underway) = self.wire.enter(permit).map_err(revoked)?;
        let opening = wire
            .handle
            .channel_open_direct_tcpip(host, port, originator, from);
        let (channel, underway) = opened(opening, underway).await?;
        let (side, read) = self.split(channel);
        Ok((side, read, underway))
    }

    /// The same to a Unix socket.
    pub(crate) async fn socket<R: Request>(
        &self,
        permit: Permitted<R>,
        path: &str,
    ) -> Result<(Side, ChannelReadHalf, Underway), Failure> {
        let (wire, _, underway) = self.wire.enter(permit).map_err(revoked)?;
        let opening = wire.handle.channel_open_direct_streamlocal(path);
        let (channel, underway) = opened(opening, underway).await?;
        let (side, read) = self.split(channel);
        Ok((side, read, underway))
    }

    /// Has the target listen; comes back with the port, which it chooses where none was named.
    pub(crate) async fn listen<R: Request>(
        &self,
        permit: Permitted<R>,
        at: &At,
    ) -> Result<(u32, Underway), Failure> {
        let (wire, _, underway) = self.wire.enter(permit).map_err(revoked)?;
        let asking = async {
            match at {
                At::Port { address, port } => {
                    let chosen = wire.handle.tcpip_forward(address.as_str(), *port).await?;
                    Ok(if *port == 0 { chosen } else { *port })
                }
                At::Socket(path) => wire
                    .handle
                    .streamlocal_forward(path.as_str())
                    .await
                    .map(|()| 0),
            }
        };
        let failure = match tokio::time::timeout(OPENS_WITHIN, asking).await {
            Ok(Ok(port)) => return Ok((port, underway)),
            Ok(Err(russh::Error::RequestDenied)) => {
                Failure::Refused(ChannelOpenFailure::AdministrativelyProhibited)
            }
            Ok(Err(_)) | Err(_) => Failure::Lost,
        };
        underway.done(gate::Outcome::of(gate::OutcomeKind::Failed));
        Err(failure)
    }

    /// Takes that back, on the gateway's own account: also where nothing is permitted any more.
    pub(crate) async fn unlisten(&self, session: &Session, at: &At) {
        let wire = vec![Bytes::from_static(b"listen no more")];
        let Ok(own) = session.own(Purpose::Cancel, wire).await else {
            // unrecorded, it is not sent; nothing that comes in there is let through
            return;
        };
        let Ok((wire, _, underway)) = self.wire.enter(own) else {
            return;
        };
        let asking = async {
            match at {
                At::Port { address, port } => {
                    wire.handle
                        .cancel_tcpip_forward(address.as_str(), *port)
                        .await
                }
                At::Socket(path) => wire.handle.cancel_streamlocal_forward(path.as_str()).await,
            }
        };
        let ended = tokio::time::timeout(WITHIN, asking).await;
        let kind = match ended {
            Ok(Ok(())) => gate::OutcomeKind::Completed,
            Ok(Err(_)) | Err(_) => gate::OutcomeKind::Failed,
        };
        underway.done(gate::Outcome::of(kind));
    }

    /// Takes a channel that the target opened.
    pub(crate) async fn take<R: Request>(
        &self,
        permit: Permitted<R>,
        (channel, reply): (Channel<client::Msg>, client::ChannelOpenHandle),
    ) -> Result<(Side, ChannelReadHalf, Underway), Failure> {
        let (_, _, underway) = self.wire.enter(permit).map_err(revoked)?;
        reply.accept().await;
        let (side, read) = self.split(channel);
        Ok((side, read, underway))
    }

    fn split(&self, channel: Channel<client::Msg>) -> (Side, ChannelReadHalf) {
        let (read, write) = channel.split();
        let leg = self.clone();
        (Side { leg, write }, read)
    }
}

impl Side {
    /// What was granted before the start, each under its own permit.
    async fn prepare(&self, granted: Granted) -> Result<Vec<(What, Underway)>, Failure> {
        let lost = |_| Failure::Lost;
        for (variables, permit) in granted.variables {
            let underway = self.beside(permit)?;
            for (name, value) in variables {
                let sent = self.write.set_env(false, name, value);
                sent.await.map_err(lost)?;
            }
            underway.done(gate::Outcome::of(gate::OutcomeKind::Completed));
        }
        let mut loans = Vec::new();
        for (wish, permit) in granted.wishes {
            let underway = self.beside(permit)?;
            let what = wish.what();
            let sent = match wish {
                Wish::Agent => self.write.agent_forward(false).await,
                Wish::Display(Display {
                    single,
                    protocol,
                    cookie,
                    screen,
                }) => {
                    let sent = self
                        .write
                        .request_x11(false, single, protocol, cookie, screen);
                    sent.await
                }
            };
            sent.map_err(lost)?;
            loans.push((what, underway));
        }
        Ok(loans)
    }

    /// For what is written here beside the request that the channel was opened with.
    pub(crate) fn beside<R: Request>(&self, permit: Permitted<R>) -> Result<Underway, Failure> {
        let (_, _, underway) = self.leg.wire.enter(permit).map_err(revoked)?;
        Ok(underway)
    }

    async fn begin(&self, underway: &Underway, opening: &Opening) -> Result<(), Failure> {
        let lost = |_| Failure::Lost;
        if let Some(terminal) = &opening.terminal {
            let Size {
                columns,
                rows,
                width,
                height,
            } = terminal.size;
            let (term, modes) = (&terminal.term, &terminal.modes);
            let sent = self
                .write
                .request_pty(false, term, columns, rows, width, height, modes);
            sent.await.map_err(lost)?;
        }
        // what was granted may have ended while the channel opened
        underway
            .check()
            .map_err(|Revoked(end)| Failure::Revoked(gate::Reason::Revoked(end)))?;
        let started = match &opening.start {
            Start::Exec(command) => self.write.exec(true, command.to_vec()).await,
            Start::Shell => self.write.request_shell(true).await,
            Start::Subsystem(name) => self.write.request_subsystem(true, name.as_str()).await,
        };
        started.map_err(lost)
    }

    /// More bytes of what is running: standard input, the tunnel's. Waits while the target does not read.
    pub(crate) async fn more(&self, running: &Running, bytes: Bytes) -> Result<(), Broken> {
        running.check()?;
        self.write.data_bytes(bytes).await.map_err(|_| Broken::Lost)
    }

    pub(crate) async fn eof(&self, running: &Running) -> Result<(), Broken> {
        running.check()?;
        self.write.eof().await.map_err(|_| Broken::Lost)
    }

    pub(crate) async fn signal(&self, running: &Running, signal: Sig) -> Result<(), Broken> {
        running.check()?;
        self.write.signal(signal).await.map_err(|_| Broken::Lost)
    }

    pub(crate) async fn resize(&self, running: &Running, size: Size) -> Result<(), Broken> {
        running.check()?;
        let sent = self
            .write
            .window_change(size.columns, size.rows, size.width, size.height);
        sent.await.map_err(|_| Broken::Lost)
    }

    /// Exactly the wire of a judged request within a subsystem that runs.
    pub(crate) async fn pass<R: Request>(&self, permit: Permitted<R>) -> Result<Underway, Failure> {
        let (_, request, underway) = self.leg.wire.enter(permit).map_err(revoked)?;
        for bytes in request.wire() {
            let sent = self.write.data_bytes(bytes.clone());
            sent.await.map_err(|_| Failure::Lost)?;
        }
        Ok(underway)
    }

    /// Says nothing but that the channel ends: needs no permission.
    pub(crate) async fn close(&self) {
        // it may be gone already
        let _ = self.write.close().await;
    }
}

/// Why nothing more passes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Broken {
    Revoked(gate::End),
    Lost,
}

impl From<Revoked> for Broken {
    fn from(Revoked(end): Revoked) -> Self {
        Self::Revoked(end)
    }
}

fn revoked<R: Request>(denied: Denied<R>) -> Failure {
    Failure::Revoked(denied.reason().clone())
}

async fn opened(
    opening: impl Future<Output = Result<Channel<client::Msg>, russh::Error>>,
    underway: Underway,
) -> Result<(Channel<client::Msg>, Underway), Failure> {
    let failure = match tokio::time::timeout(OPENS_WITHIN, opening).await {
        Ok(Ok(channel)) => return Ok((channel, underway)),
        Ok(Err(russh::Error::ChannelOpenFailure(why))) => Failure::Refused(why),
        Ok(Err(_)) | Err(_) => Failure::Lost,
    };
    underway.done(gate::Outcome::of(gate::OutcomeKind::Failed));
    Err(failure)
}
