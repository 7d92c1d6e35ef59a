//! The life of a connection: keys are agreed, somebody proves who it is, then channels come and go until it ends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gate::{Doorkeeper, End, Error, Gate, Outcome, OutcomeKind};
use russh::Disconnect;
use russh::server::{Handle, RunningSession, run_stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::address::Address;
use crate::cut::Cut;
use crate::door::Door;
use crate::incoming::Incoming;
use crate::lend::Lent;
use crate::listen::Listenings;
use crate::permits::Permits;
use crate::told::{Entered, Told};
use crate::visit::{Goal, Reach, Visit};
use crate::{Shared, answers, channel, forward, incoming, listen, reach};

/// How long a client that was told to go may take, and how long its channels may take to conclude.
const FAREWELL: Duration = Duration::from_secs(2);
const CONCLUDES_WITHIN: Duration = Duration::from_secs(10);
/// How long a client whose target is gone may take to leave by itself.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);
/// Channels of the target's that wait to be looked at.
const AT_ONCE: usize = 64;

/// A connection that came in.
pub(crate) struct Arrival {
    pub(crate) stream: Box<dyn Io>,
    pub(crate) peer: IpAddr,
    pub(crate) deadline: Instant,
    pub(crate) doorkeeper: Arc<dyn Doorkeeper>,
    /// Within another connection.
    pub(crate) jump: Option<Jump>,
}

/// The connection that another one carries: to one target, by the same person.
#[derive(Debug, Clone)]
pub(crate) struct Jump {
    pub(crate) target: String,
    pub(crate) person: String,
    /// What the outer login permits.
    pub(crate) permits: Permits,
}

pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

type Boxed = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Boxed: a connection may carry another one.
pub(crate) fn serve(shared: Arc<Shared>, gate: Gate, arrival: Arrival) -> Boxed {
    Box::pin(async move {
        let (stream, line) = Cut::new(arrival.stream);
        let (tell, mut told) = mpsc::unbounded_channel();
        let config = shared.keys.shown(arrival.jump.as_ref());
        let listenings = Arc::new(Listenings::default());
        let door = Door {
            gate: gate.clone(),
            shared: shared.clone(),
            peer: arrival.peer,
            jump: arrival.jump.clone(),
            tell,
            given: None,
            proved: None,
            permits: Permits::NONE,
            sessions: HashMap::new(),
            listenings: listenings.clone(),
            opened: false,
        };
        let entering = enter(run_stream(config, stream, door), &mut told);
        let entered = tokio::select! {
            entered = tokio::time::timeout_at(arrival.deadline, entering) => entered,
            () = gate.drains() => return Err(Error::Ended(End::Drained)),
        };
        let (running, entered) = entered.map_err(|_| Error::Deadline("login"))??;
        let handle = running.handle();
        let (wanted, wants) = mpsc::unbounded_channel();
        let (came, comes) = mpsc::channel(AT_ONCE);
        let visit = Arc::new(Visit {
            goal: goal(&shared, arrival.jump.as_ref(), &entered.address),
            gate,
            shared,
            permits: entered.permits,
            who: entered.who,
            peer: arrival.peer,
            doorkeeper: arrival.doorkeeper,
            client: entered.client,
            within: arrival.jump.is_some(),
            siblings: channel::siblings::Siblings::default(),
            closing: watch::Sender::new(false),
            reach: watch::Sender::new(Reach::Idle),
            there: watch::Sender::new(false),
            wanted,
            came,
            listenings,
            lent: Lent::default(),
            notes: Mutex::default(),
        });
        let mut life = Life {
            visit,
            handle,
            told,
            wants,
            comes,
            tasks: JoinSet::new(),
        };
        let ended = life.run(running).await;
        drop(line);
        life.conclude().await;
        ended
    })
}

async fn enter(
    starting: impl Future<Output = Result<RunningSession<Door>, russh::Error>>,
    told: &mut mpsc::UnboundedReceiver<Box<Told>>,
) -> Result<(RunningSession<Door>, Entered), Error> {
    let mut running = starting.await.map_err(broken)?;
    tokio::select! {
        biased;
        first = told.recv() => match first.map(|told| *told) {
            Some(Told::Entered(entered)) => Ok((running, *entered)),
            Some(_) | None => Err(Error::Client("a channel before login".into())),
        },
        ended = &mut running => {
            ended.map_err(broken)?;
            Err(Error::Client("gone before login".into()))
        }
    }
}

fn goal(shared: &Shared, jump: Option<&Jump>, address: &Address) -> Goal {
    match (jump, address) {
        (Some(jump), Address::Word(login)) => Goal::Target {
            name: jump.target.clone(),
            login: Some(login.clone()),
        },
        (_, Address::Login { login, target }) => Goal::Target {
            name: target.clone(),
            login: Some(login.clone()),
        },
        (None, Address::Word(name)) if shared.backends.find(name).is_some() => Goal::Target {
            name: name.clone(),
            login: None,
        },
        (None, Address::Word(_)) => Goal::Jump,
    }
}

/// A connection after login.
struct Life {
    visit: Arc<Visit>,
    handle: Handle,
    /// Boxed, like what comes: a queue takes room for 32 at once.
    told: mpsc::UnboundedReceiver<Box<Told>>,
    wants: mpsc::UnboundedReceiver<Option<String>>,
    comes: mpsc::Receiver<Box<Incoming>>,
    tasks: JoinSet<()>,
}

enum Woken {
    Over(Result<(), russh::Error>),
    Told(Option<Told>),
    Wanted(Option<String>),
    Came(Incoming),
    Ended(End),
    /// The target's connection is gone.
    Lost,
    /// And nothing else is left of this one.
    Forsaken,
    Done,
    /// A task of this connection panicked: what it owned is in an unknown state.
    Panicked,
}

impl Life {
    async fn run(&mut self, mut running: RunningSession<Door>) -> Result<(), Error> {
        let mut leaves_at = None;
        loop {
            let woken = tokio::select! {
                biased;
                over = &mut running => Woken::Over(over),
                end = ended(&self.visit) => Woken::Ended(end),
                () = self.visit.lost(), if leaves_at.is_none() => Woken::Lost,
                () = forsaken(&self.visit, leaves_at) => Woken::Forsaken,
                told = self.told.recv() => Woken::Told(told.map(|told| *told)),
                Some(reason) = self.wants.recv() => Woken::Wanted(reason),
                Some(incoming) = self.comes.recv() => Woken::Came(*incoming),
                Some(done) = self.tasks.join_next() => match done {
                    Ok(()) => Woken::Done,
                    Err(_) => Woken::Panicked,
                },
            };
            match woken {
                Woken::Over(over) => return over.map_err(broken),
                Woken::Told(Some(told)) => self.take(told),
                // the library's loop is gone
                Woken::Told(None) => return running.await.map_err(broken),
                Woken::Wanted(reason) => {
                    let _ = self.tasks.spawn(reach::reach(self.visit.clone(), reason));
                }
                Woken::Came(incoming) => self.let_in(incoming),
                Woken::Ended(end) => {
                    self.dismiss(answers::ended(end), running).await;
                    return Err(Error::Ended(end));
                }
                Woken::Panicked => {
                    self.dismiss(answers::failed(), running).await;
                    return Err(Error::Panicked);
                }
                // clients that have nothing more to do here leave by themselves
                Woken::Lost => leaves_at = Some(Instant::now() + LEAVES_WITHIN),
                Woken::Forsaken => {
                    self.dismiss(answers::lost(), running).await;
                    return Err(Error::Backend("closed its connection".into()));
                }
                // what it said last is read first
                Woken::Done => {
                    leaves_at = leaves_at.map(|_| Instant::now() + LEAVES_WITHIN);
                }
            }
        }
    }

    fn take(&mut self, told: Told) {
        let visit = self.visit.clone();
        if let Told::Listen(listen) = told {
            // a flood of them is refused as they are dropped
            if self.tasks.len() < 2 * visit.shared.channels {
                self.tasks.spawn(listen::serve(visit, listen));
            }
            return;
        }
        let Some(seat) = visit.siblings.join(visit.shared.channels) else {
            return self.turn_away(&told);
        };
        match told {
            Told::Session(channel, living) => {
                let handle = self.handle.clone();
                let seat = (seat, living);
                self.tasks
                    .spawn(channel::serve(visit, channel, handle, seat));
            }
            Told::Forward(forward) => {
                self.tasks.spawn(forward::serve(visit, forward, seat));
            }
            Told::Socket(socket) => {
                self.tasks.spawn(forward::serve_socket(visit, socket, seat));
            }
            // there is one login a connection
            Told::Entered(_) | Told::Listen(_) => {}
        }
    }

    /// A channel of the target's; where too many are open, it is refused as it is dropped.
    fn let_in(&mut self, incoming: Incoming) {
        let visit = self.visit.clone();
        if let Some(seat) = visit.siblings.join(visit.shared.channels) {
            let handle = self.handle.clone();
            self.tasks
                .spawn(incoming::serve(visit, handle, incoming, seat));
        }
    }

    /// Too many are open: a session channel is closed again, a tunnel is refused as it is dropped.
    fn turn_away(&mut self, told: &Told) {
        if let Told::Session(channel, _) = told {
            let (handle, id) = (self.handle.clone(), channel.id());
            self.tasks.spawn(async move {
                // fails only where the connection is gone
                let _ = handle.close(id).await;
            });
        }
    }

    /// The client is told why, and given a moment to go.
    async fn dismiss(&self, text: String, running: RunningSession<Door>) {
        self.visit.closing.send_replace(true);
        let telling = self
            .handle
            .disconnect(Disconnect::ByApplication, text, String::new());
        let _ = tokio::time::timeout(FAREWELL, telling).await;
        let _ = tokio::time::timeout(FAREWELL, running).await;
    }

    /// Holds are withdrawn and outcomes recorded by the channels themselves, as far as they are quick.
    async fn conclude(mut self) {
        self.visit.closing.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CONCLUDES_WITHIN, all).await;
        self.tasks.abort_all();
        if let Some(reached) = self.visit.at_target()
            && let Some(connected) = reached.take_leave()
        {
            connected.done(Outcome::of(OutcomeKind::Completed));
        }
    }
}

/// Resolves at that time; never while a channel is open, such as a jump, which leads elsewhere.
async fn forsaken(visit: &Visit, at: Option<Instant>) {
    match at {
        Some(at) if visit.siblings.none() => tokio::time::sleep_until(at).await,
        Some(_) | None => std::future::pending().await,
    }
}

/// Resolves when the session or its leave to be at the target ends.
async fn ended(visit: &Visit) -> End {
    let mut there = visit.there.subscribe();
    let arrived = tokio::select! {
        biased;
        arrived = there.wait_for(|there| *there) => arrived.is_ok(),
        // nothing is underway: it need not wait
        () = visit.gate.drains() => return End::Drained,
    };
    let Some(reached) = visit.at_target().filter(|_| arrived) else {
        return std::future::pending().await;
    };
    let mut end = reached.session.end();
    let revocation = reached.with_leave(gate::Underway::revocation);
    match revocation {
        Some(mut revocation) => tokio::select! {
            end = end.wait() => end,
            end = revocation.wait() => end,
        },
        None => end.wait().await,
    }
}

fn broken(error: russh::Error) -> Error {
    match error {
        russh::Error::IO(error) => Error::ClientGone(error),
        error => Error::Client(error.to_string()),
    }
}
