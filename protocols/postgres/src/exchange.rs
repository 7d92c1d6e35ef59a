//! One session's messages in both directions, from one task: what was asked, what is expected back, what is held.

mod answer;
mod ask;
mod hold;
mod own;
mod take;

pub(crate) use ask::{meaning, plain_facts};

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use gate::failpoint::{self, Step};
use gate::{
    BackendStream, ClientStream, Duplex, End, Error, Gone, Leave, Mask, Outcome, OutcomeKind,
    Purpose, Reached, Session, Turn, Underway, Upstream,
};

use crate::analyses::Analyses;
use crate::cancel::Registration;
use crate::config::At;
use crate::decode::{Analysis, SessionState};
use crate::governed::{Catalogues, Governed};
use crate::mask::RowMask;
use crate::request::Text;
use crate::wire::backend::Status;
use crate::wire::frame::{Frame, Limits};
use crate::wire::refusal::Refusal;
use crate::wire::startup::Cancel;
use crate::wire::substitute::Substitute;
use crate::wire::write::server as write;

use hold::Held;
use own::OwnWork;

/// Bytes that may wait for the client before the server is not read any more.
const BACKLOG: usize = 1 << 20;
/// Messages underway before the client is not read any more.
const PIPELINE: usize = 10_000;
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_millis(300);

/// A cancellation on its way to the server.
type Cancelling = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

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
    pub(crate) client: Duplex<ClientStream>,
    pub(crate) watch: Gone,
    pub(crate) inbox: BytesMut,
    pub(crate) server: Upstream<BackendStream>,
    pub(crate) replies: BytesMut,
    pub(crate) connected: Option<Underway>,
    pub(crate) reached: Reached,
    pub(crate) at: At,
    pub(crate) registration: Registration,
    /// The server's key, for cancelling.
    pub(crate) key: Option<Cancel>,
    pub(crate) limits: Limits,
    pub(crate) substitute: Substitute,
    /// What `application_name` was last reported as: repeated to keep a waiting client's timers quiet.
    pub(crate) application: Vec<u8>,
    pub(crate) encoding: Vec<u8>,
    pub(crate) facts: SessionState,
    pub(crate) status: Status,
    pub(crate) state: State,
}

/// What changes from message to message.
pub(crate) struct State {
    /// What the server owes, in order.
    queue: VecDeque<Expected>,
    statements: HashMap<String, Arc<Prepared>>,
    portals: HashMap<String, Portal>,
    held: Option<Held>,
    /// A frame that waits for a look-up of the gateway's own.
    postponed: Option<Frame>,
    batch: Batch,
    /// Role and search path are not known for certain: read back when the server is ready.
    read_back: bool,
    /// They may go back when the transaction ends.
    volatile: bool,
    catalogue_stale: bool,
    /// Of the catalogue that `governed` was made from.
    generation: u64,
    governed: Governed,
    mask: Arc<Mask>,
    cancelling: Option<Cancelling>,
    client_ended: bool,
    over: bool,
    /// Decoded operations in this state of the session; forgotten when it changes.
    operations: take::Remembered,
}

/// Since the last Sync or Query.
#[derive(Debug, Clone, Copy, Default)]
struct Batch {
    /// Something of it went to the server.
    forwarded: bool,
    executed: bool,
    begun: bool,
    /// After an error: nothing is taken until Sync.
    skipping: bool,
}

/// One answer that the server owes.
struct Expected {
    kind: Kind,
    underway: Option<Underway>,
    /// What the client is told in place of the server's error.
    refusal: Option<Refusal>,
    plan: Plan,
    rows: u64,
    code: Option<String>,
    mask: Option<Arc<RowMask>>,
    /// The client gets nothing of it.
    silent: bool,
}

enum Kind {
    Query { done: usize },
    Parse { name: String },
    Bind { portal: String },
    DescribeStatement { name: String },
    DescribePortal { name: String },
    Execute,
    Close,
    Sync,
    Own(OwnWork),
}

/// How a request's replies are treated.
#[derive(Clone, Default)]
struct Plan {
    analysis: Option<Arc<Analysis>>,
    /// A relation with governed columns is named: DETAIL and CONTEXT may hold them.
    drop_detail: bool,
    /// Functions are called whose results may be anything.
    unknown: bool,
}

/// A prepared statement of the protocol.
struct Prepared {
    analysis: Arc<Analysis>,
    /// Text and parameter types, as they are hashed.
    content: bytes::Bytes,
    types: bytes::Bytes,
    text: Text,
    /// Origin, type and nothing else of each column, once described; `None` within: no rows.
    columns: std::sync::OnceLock<Option<Vec<ResultColumn>>>,
}

#[derive(Debug, Clone, Copy)]
struct ResultColumn {
    table: u32,
    attribute: i16,
    type_oid: u32,
}

#[derive(Clone)]
struct Portal {
    prepared: Arc<Prepared>,
    /// Parameters and formats, as they are hashed.
    content: bytes::Bytes,
    leave: Option<Leave>,
    binary: Vec<bool>,
    text: Text,
    plan: Plan,
}

/// What woke the session.
enum Woken {
    Client(std::io::Result<Turn>),
    Server(std::io::Result<Turn>),
    Held(hold::Moment),
    Gone,
    Cancel,
    Cancelled,
    Ended(End),
}

impl Exchange {
    /// Runs until either side ends, or the gate ends it.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let ended = self.serve().await;
        self.finish(ended).await
    }

    async fn serve(&mut self) -> Result<(), Error> {
        self.own_work().await?;
        loop {
            self.take_frames().await?;
            if self.state.over {
                return Ok(());
            }
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
                Woken::Cancelled => self.state.cancelling = None,
                Woken::Ended(end) => return Err(Error::Ended(end)),
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let reading_client = self.reads_client();
        let reading_server = self.client.backlog() < BACKLOG;
        let mut end = self.session.end();
        let mut leave = self.connected.as_ref().map(Underway::revocation);
        let mut front = self
            .state
            .queue
            .iter()
            .find_map(|one| one.underway.as_ref())
            .map(Underway::revocation);
        let held = self.state.held.is_some();
        tokio::select! {
            biased;
            ended = end.wait() => Woken::Ended(ended),
            ended = revoked(&mut leave) => Woken::Ended(ended),
            ended = revoked(&mut front) => Woken::Ended(ended),
            moment = hold::moment(&mut self.state.held) => Woken::Held(moment),
            turn = self.server.turn(&mut self.replies, reading_server) => Woken::Server(turn),
            turn = self.client.turn(&mut self.inbox, reading_client) => Woken::Client(turn),
            () = self.watch.wait(), if held => Woken::Gone,
            rung = self.registration.rung.recv() => match rung { Some(()) => Woken::Cancel, None => Woken::Gone },
            () = cancelled(&mut self.state.cancelling) => Woken::Cancelled,
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
        if turn == Turn::Written {
            failpoint::pass(Step::Answered);
        }
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
        let Some(key) = self.key.clone() else {
            return Ok(());
        };
        if self.state.queue.is_empty() || self.state.cancelling.is_some() {
            return Ok(());
        }
        // nothing new goes to the server until the cancellation has reached it, so that it cannot hit the next statement
        let stopping = crate::server::cancel(
            self.session.clone(),
            self.reached.clone(),
            self.at.clone(),
            key,
        );
        self.state.cancelling = Some(Box::pin(stopping));
        Ok(())
    }

    /// Says goodbye in the protocol's words, stops what still runs, and accounts for it.
    async fn finish(mut self, ended: Result<(), Error>) -> Result<(), Error> {
        let refusal = match &ended {
            Ok(()) | Err(Error::Client(_) | Error::ClientGone(_)) => None,
            Err(Error::Ended(End::Drained) | Error::Fault(gate::Fault::Draining)) => {
                Some(Refusal::Drain)
            }
            Err(Error::Ended(_)) => Some(Refusal::Killed),
            Err(Error::Fault(_)) => Some(Refusal::GatewayFault { request: None }),
            Err(_) => Some(Refusal::UpstreamLost),
        };
        let held = self.state.held.take();
        if let Some(refusal) = refusal {
            self.client.queue(refusal.encode());
        }
        // the client may not read any more
        let _ = tokio::time::timeout(GOODBYE, self.client.flush()).await;
        if let Some(held) = held {
            held.abandon(self.session.ended().is_some()).await;
        }
        let running = self.state.queue.iter().any(|one| one.underway.is_some());
        let key = self.key.clone().filter(|_| running);
        let revoked = matches!(ended, Err(Error::Ended(_)));
        if let Some(key) = key {
            let stopping = crate::server::cancel(
                self.session.clone(),
                self.reached.clone(),
                self.at.clone(),
                key,
            );
            let _ = stopping.await;
        }
        for expected in self.state.queue.drain(..) {
            if let Some(underway) = expected.underway {
                let kind = if revoked {
                    OutcomeKind::Revoked
                } else {
                    OutcomeKind::Unknown
                };
                underway.done(Outcome {
                    code: expected.code,
                    rows: expected.rows,
                    ..Outcome::of(kind)
                });
            }
        }
        if let Ok(goodbye) = self
            .session
            .own(Purpose::Framing, vec![write::terminate()])
            .await
            && let Ok((_, underway)) = self.server.forward(goodbye)
        {
            let _ = tokio::time::timeout(GOODBYE, self.server.flush()).await;
            underway.done(Outcome::of(OutcomeKind::Completed));
        }
        if let Some(connected) = self.connected.take() {
            connected.done(Outcome::of(OutcomeKind::Completed));
        }
        ended
    }
}

impl State {
    pub(crate) fn new(mask: Arc<Mask>) -> Self {
        Self {
            queue: VecDeque::new(),
            statements: HashMap::new(),
            portals: HashMap::new(),
            held: None,
            postponed: None,
            batch: Batch::default(),
            read_back: true,
            volatile: false,
            catalogue_stale: true,
            generation: 0,
            governed: Governed::unknown(),
            mask,
            cancelling: None,
            client_ended: false,
            over: false,
            operations: take::Remembered::default(),
        }
    }
}

impl Expected {
    fn new(kind: Kind, underway: Option<Underway>) -> Self {
        Self {
            kind,
            underway,
            refusal: None,
            plan: Plan::default(),
            rows: 0,
            code: None,
            mask: None,
            silent: false,
        }
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
