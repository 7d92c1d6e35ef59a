//! One session's messages in both directions, from one task: what was asked, what is expected back, what is held.

mod answer;
mod ask;
mod beside;
mod columns;
mod complete;
mod copy_in;
mod copy_out;
mod durable;
mod effects;
mod expected;
mod extended;
mod failed;
mod finish;
mod group;
mod hold;
mod impact;
mod kept;
mod large;
mod masking;
mod operations;
mod own;
mod rows;
mod run;
mod sound;
mod sources;
mod state;
mod take;
mod telling;
mod watch;

pub(crate) use ask::meaning;
pub(crate) use operations::plain_facts;
pub(crate) use sound::unlaundered;
pub(crate) use state::State;
pub(crate) use watch::Watch;

use bytes::BytesMut;
use gate::failpoint::Step;
use gate::{Duplex, End, Error, Masked, Session, Stream, Turn, Underway, Upstream};

use crate::analyses::Analyses;
use crate::cancel::Registration;
use crate::decode::SessionState;
use crate::governed::Catalogues;
use crate::server::Way;
use crate::wire::backend::Status;
use crate::wire::frame::Limits;
use crate::wire::startup::Cancel;
use crate::wire::substitute::Substitute;

use state::Cancelling;

/// Bytes that may wait for the client before the server is not read any more.
const BACKLOG: usize = 1 << 20;
/// Messages underway before the client is not read any more.
const PIPELINE: usize = 10_000;

/// What all sessions of a listener share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) analyses: Analyses,
    pub(crate) catalogues: Catalogues,
}

/// A session between client and server, both logged in.
pub(crate) struct Exchange {
    pub(crate) session: Session,
    pub(crate) shared: Shared,
    pub(crate) client: Duplex<Stream>,
    pub(crate) watch: Watch,
    pub(crate) inbox: BytesMut,
    pub(crate) server: Upstream<Stream>,
    pub(crate) replies: BytesMut,
    pub(crate) connected: Option<Underway>,
    pub(crate) way: Way,
    pub(crate) registration: Registration,
    /// The server's key, for cancelling.
    pub(crate) key: Option<Cancel>,
    pub(crate) limits: Limits,
    pub(crate) substitute: Substitute,
    /// The report of `application_name` as the client got it last: repeated to keep a waiting client's timers quiet.
    pub(crate) application: Masked,
    pub(crate) encoding: Vec<u8>,
    pub(crate) facts: SessionState,
    pub(crate) status: Status,
    pub(crate) state: State,
}

/// What woke the session.
enum Woken {
    Client(std::io::Result<Turn>),
    Server(std::io::Result<Turn>),
    Held(hold::Moment),
    Gone,
    Cancel,
    Cancelled,
    Inquired,
    Ended(End),
}

impl Exchange {
    /// Runs until either side ends, or the gate ends it.
    pub(crate) async fn run(mut self: Box<Self>) -> Result<(), Error> {
        let ended = self.serve().await;
        Box::pin(self.finish(ended)).await
    }

    async fn serve(&mut self) -> Result<(), Error> {
        self.own_work().await?;
        loop {
            self.take_frames().await?;
            if self.state.over {
                return Ok(());
            }
            self.watch
                .keep(self.state.held.is_some(), &mut self.client)?;
            match self.wait().await {
                Woken::Client(turn) => self.client_turned(turn.map_err(Error::ClientGone)?),
                Woken::Server(turn) => {
                    if turn.map_err(Error::Unreachable)? == Turn::Read(0) {
                        return Err(Error::Backend("closed the connection".into()));
                    }
                    self.answers().await?;
                }
                Woken::Held(moment) => self.held_moment(moment).await?,
                Woken::Gone => return Err(Error::Client("gone while held".into())),
                Woken::Cancel => self.cancel_asked().await?,
                Woken::Cancelled => {
                    self.state.cancelling = None;
                    // what was not looked at until then
                    self.answers().await?;
                }
                Woken::Inquired => self.state.inquiring = None,
                Woken::Ended(end) => return Err(Error::Ended(end)),
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let reading_client = self.reads_client();
        let reading_server = self.client.backlog() < BACKLOG && !self.withholds();
        // the end of the session ends this too
        let mut leave = self.connected.as_ref().map(Underway::revocation);
        let mut front = self
            .state
            .queue
            .iter()
            .find_map(|one| one.underway.as_ref())
            .map(Underway::revocation);
        tokio::select! {
            biased;
            ended = revoked(&mut leave) => Woken::Ended(ended),
            ended = revoked(&mut front) => Woken::Ended(ended),
            moment = hold::moment(&mut self.state.held) => Woken::Held(moment),
            // before what either side sends, of which there may be no end
            rung = self.registration.rung.recv() => match rung { Some(()) => Woken::Cancel, None => Woken::Gone },
            turn = self.server.turn_quietly(&mut self.replies, reading_server) => Woken::Server(turn),
            turn = self.client.turn_quietly(&mut self.inbox, reading_client, Step::Answered) => Woken::Client(turn),
            () = self.watch.gone() => Woken::Gone,
            () = cancelled(&mut self.state.cancelling) => Woken::Cancelled,
            () = inquired(&mut self.state.inquiring) => Woken::Inquired,
        }
    }

    /// The client is read while there is room for what it sends, and not while it waits for people.
    fn reads_client(&self) -> bool {
        !self.state.client_ended
            && self.state.held.is_none()
            && self.state.postponed.is_none()
            && self.state.queue.len() < PIPELINE
            && self.inbox.len() < self.limits.frame
            && self.server.backlog() < BACKLOG
    }

    fn client_turned(&mut self, turn: Turn) {
        if turn == Turn::Read(0) {
            self.state.client_ended = true;
        }
        if self.state.client_ended && self.state.queue.is_empty() {
            self.state.over = true;
        }
    }

    /// A CancelRequest with this session's key: it withdraws a hold, or stops what runs.
    async fn cancel_asked(&mut self) -> Result<(), Error> {
        if self.state.held.is_some() {
            return self.withdraw_held().await;
        }
        if self.looks() {
            // the gateway's own look goes on; what waits for it is the client's statement
            self.state.taken_back = self.state.postponed.is_some()
                || !self.state.ahead.is_empty()
                || !self.inbox.is_empty();
        } else if !self.state.queue.is_empty() {
            self.stop();
        }
        Ok(())
    }

    /// Tells the server to stop what it runs.
    fn stop(&mut self) {
        let Some(key) = self.key.clone().filter(|_| self.state.cancelling.is_none()) else {
            return;
        };
        // nothing new goes to the server until the cancellation has reached it, so that it cannot hit the next statement
        let stopping = crate::server::cancel(self.session.clone(), self.way.clone(), key);
        self.state.cancelling = Some(Box::pin(stopping));
    }
}

async fn revoked(revocation: &mut Option<gate::Revocation>) -> End {
    match revocation {
        Some(revocation) => revocation.wait().await,
        None => std::future::pending().await,
    }
}

async fn cancelled(cancelling: &mut Option<Cancelling>) {
    match cancelling {
        // a cancellation that failed leaves the statement running, as it does without a gateway
        Some(stopping) => drop(stopping.await),
        None => std::future::pending().await,
    }
}

async fn inquired(inquiring: &mut Option<impact::Inquiring>) {
    match inquiring {
        Some(inquiring) => inquiring.await,
        None => std::future::pending().await,
    }
}
