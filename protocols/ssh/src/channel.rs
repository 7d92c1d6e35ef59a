//! One session channel: what it is set up with, the one thing it starts, and how that ends.

pub(crate) mod drain;
pub(crate) mod inbox;
pub(crate) mod relay;
pub(crate) mod siblings;
pub(crate) mod spill;

use std::sync::Arc;
use std::time::Duration;

use russh::server::{Handle, Msg};
use russh::{Channel, ChannelReadHalf};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ask::{Answer, Waiting, ask};
use crate::channel::drain::drain;
use crate::channel::inbox::{Inbox, Over, Piece, Start, Terminal};
use crate::channel::siblings::Seat;
use crate::face::Face;
use crate::lend::{Loan, Wish};
use crate::started::There;
use crate::told::Living;
use crate::upstream::{Begun, Failure, Opening};
use crate::visit::{Reached, Visit};
use crate::{answers, environment, lend, sftp, started};

/// How long a channel may wait for its start, which clients send at once.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// How long each of the last words to a client may take; one that does not read misses them.
const FAREWELL: Duration = Duration::from_secs(2);
/// So much is recorded of a refused variable's name.
const NAMED: usize = 100;

/// How a channel came to its end.
pub(crate) enum Ending {
    /// As the target said, or the client left.
    Done,
    /// Refused or broken off, in words for the client.
    Told(String),
}

/// The two directions of a channel, with the tasks that always read them. Dropping it ends those.
pub(crate) struct Pipes {
    pub(crate) client: Inbox,
    tasks: JoinSet<()>,
    visit: Arc<Visit>,
}

impl Pipes {
    pub(crate) fn new(visit: &Arc<Visit>, read: ChannelReadHalf) -> Self {
        let client = visit.inbox();
        let mut tasks = JoinSet::new();
        tasks.spawn(drain(read, client.clone()));
        Self {
            client,
            tasks,
            visit: visit.clone(),
        }
    }

    /// Reads the target's side from now on.
    pub(crate) fn target(&mut self, read: ChannelReadHalf) -> Inbox {
        let target = self.visit.inbox();
        target.flow();
        self.tasks.spawn(drain(read, target.clone()));
        target
    }

    pub(crate) fn visit(&self) -> Arc<Visit> {
        self.visit.clone()
    }

    /// One direction keeps no more. Cancel-safe.
    pub(crate) async fn lost(&self, target: &Inbox) -> Over {
        tokio::select! {
            over = self.client.lost() => over,
            over = target.lost() => over,
        }
    }

    pub(crate) async fn going(&self) {
        self.visit.going().await;
    }

    /// The client left, or this connection or the target's is going away. Cancel-safe.
    pub(crate) async fn given_up(&self) {
        tokio::select! {
            () = self.client.given_up() => {}
            () = self.visit.going() => {}
            () = self.visit.lost() => {}
        }
    }
}

/// What was said before the start.
#[derive(Default)]
struct Setting {
    terminal: Option<Terminal>,
    environment: Vec<(String, String)>,
    /// Names of variables that no policy could permit.
    refused: Vec<String>,
    reason: Option<Arc<str>>,
    wishes: Vec<Wish>,
}

/// A client that reads its standard error or terminal while it waits.
pub(crate) struct AtChannel<'a> {
    pub(crate) face: &'a Face,
    pub(crate) pipes: &'a Pipes,
}

impl Waiting for AtChannel<'_> {
    async fn tell(&self, text: &str) {
        self.face.say(text).await;
    }

    async fn given_up(&self) {
        self.pipes.given_up().await;
    }
}

pub(crate) async fn serve(
    visit: Arc<Visit>,
    channel: Channel<Msg>,
    handle: Handle,
    _seat: (Seat, Living),
) {
    let (read, write) = channel.split();
    let mut pipes = Pipes::new(&visit, read);
    let face = Arc::new(Face::new(write, pipes.client.clone(), handle));
    let telling = face.clone();
    pipes
        .tasks
        .spawn(async move { telling.tell_of_the_end().await });
    let ending = live(&visit, &mut pipes, &face).await;
    // each has a while of its own: who reads no text is told the status all the same
    if let Ending::Told(text) = ending {
        let _ = timeout(FAREWELL, face.say(&text)).await;
        let _ = timeout(FAREWELL, face.status(answers::EXIT)).await;
    }
    let _ = timeout(FAREWELL, face.eof()).await;
    face.close().await;
}

async fn live(visit: &Arc<Visit>, pipes: &mut Pipes, face: &Arc<Face>) -> Ending {
    let settling = settle_in(visit, &pipes.client, face);
    let (setting, start) = match in_time(settling, &pipes.client).await {
        Ok(settled) => settled,
        Err(ending) => return ending,
    };
    for text in visit.take_notes() {
        face.say(&text).await;
    }
    let waiting = AtChannel { face, pipes };
    let reaching = visit.reached(setting.reason.as_deref(), &waiting);
    let reached = tokio::select! {
        biased;
        reached = reaching => match reached {
            Ok(reached) => reached,
            Err(text) => return Ending::Told(text),
        },
        () = pipes.given_up() => return over(pipes.client.over()),
    };
    // boxed, each for itself: a channel stays in the last the longest
    let begun = Box::pin(begin(&reached, pipes, face, (setting, start))).await;
    match begun {
        Ok(begun) => carry(&reached, pipes, face, begun).await,
        Err(ending) => ending,
    }
}

/// What is settled within the time that a start may take.
async fn in_time<T>(
    settling: impl Future<Output = Option<T>>,
    client: &Inbox,
) -> Result<T, Ending> {
    match timeout(STARTS_WITHIN, settling).await {
        Ok(Some(settled)) => Ok(settled),
        Ok(None) => Err(over(client.over())),
        Err(_) => Err(Ending::Told(
            "nothing was started here for too long; the channel is closed".to_owned(),
        )),
    }
}

/// Reads up to the start.
async fn settle_in(visit: &Visit, client: &Inbox, face: &Face) -> Option<(Setting, Start)> {
    let mut setting = Setting::default();
    loop {
        match client.next().await.ok()? {
            // the client was told that it gets none
            Piece::Terminal(_) if !visit.permits.terminal => {}
            Piece::Terminal(terminal) => {
                face.becomes_terminal();
                face.is_wide(terminal.size.columns);
                setting.terminal = Some(terminal);
            }
            Piece::Resized(size) => {
                if let Some(terminal) = &mut setting.terminal {
                    face.is_wide(size.columns);
                    terminal.size = size;
                }
            }
            Piece::Environment(name, value) if name == environment::REASON => {
                let reason: String = value.chars().take(1000).collect();
                setting.reason = Some(reason.into());
            }
            Piece::Environment(name, value) => {
                let room = setting.environment.len() < environment::MOST;
                if room && environment::reaches_target(&name, &value) {
                    setting.environment.push((name, value));
                } else if setting.refused.len() < environment::MOST {
                    setting.refused.push(name.chars().take(NAMED).collect());
                }
            }
            Piece::Wish(wish) if visit.permits.lends(wish.what()) => {
                setting.wishes.retain(|one| one.what() != wish.what());
                setting.wishes.push(wish);
            }
            Piece::Start(start) => return Some((setting, start)),
            Piece::Data(_)
            | Piece::Extended(..)
            | Piece::Signal(_)
            | Piece::Status(_)
            | Piece::Killed(_)
            | Piece::Wish(_)
            | Piece::Succeeded
            | Piece::Failed
            | Piece::Eof => {}
        }
    }
}

/// Judges the start, and starts it.
async fn begin(
    reached: &Arc<Reached>,
    pipes: &Pipes,
    face: &Arc<Face>,
    (setting, start): (Setting, Start),
) -> Result<(Start, relay::Manner, Begun), Ending> {
    let waiting = AtChannel { face, pipes };
    lend::refuse(reached, &setting.refused).await;
    let asks = (setting.environment, setting.wishes);
    let granted = lend::granted(reached, asks, setting.reason.as_ref(), &waiting).await;
    let given_up = || {
        if reached.leg.is_lost() {
            return Ending::Told(failed(Failure::Lost));
        }
        over(pipes.client.over())
    };
    let Some(granted) = granted else {
        return Err(given_up());
    };
    let permits = &pipes.visit.permits;
    let opening = Opening {
        terminal: setting.terminal,
        environment: granted.environment(),
        lends: granted.lends(),
        instead_of: permits.forced.is_some().then(|| start.clone()),
        start: permits.starts(start),
    };
    let mask = reached.session.mask();
    let there = There {
        login: &reached.login,
        shell: reached.shell,
        target: &reached.session.target().name,
        mask: Some(&mask),
    };
    let (request, copies) = started::asked(&pipes.visit.shared.decoder, &there, &opening).await;
    pipes.client.calm();
    let request = request.because(setting.reason.as_ref());
    let permit = match ask(&reached.session, request, &waiting).await {
        Answer::Go(permit) => permit,
        Answer::No(text) => return Err(Ending::Told(text)),
        Answer::GivenUp => return Err(given_up()),
    };
    let begun = reached.leg.start(permit, &opening, granted).await;
    let begun = begun.map_err(|failure| Ending::Told(failed(failure)))?;
    let terminal = opening.terminal.as_ref().map(|terminal| terminal.size);
    let manner = relay::Manner {
        copies,
        terminal,
        reason: setting.reason,
    };
    Ok((opening.start, manner, begun))
}

/// Passes what it says and hears, to its end.
async fn carry(
    reached: &Arc<Reached>,
    pipes: &mut Pipes,
    face: &Arc<Face>,
    (start, manner, begun): (Start, relay::Manner, Begun),
) -> Ending {
    let Begun {
        side,
        read,
        underway,
        loans,
    } = begun;
    let lend = |loan| Loan::stand(&pipes.visit, loan, face);
    let _loans: Vec<Loan> = loans.into_iter().map(lend).collect();
    let target = pipes.target(read);
    pipes.client.flow();
    let started = (side, target, underway);
    match start {
        Start::Subsystem(name) if name == sftp::NAME => {
            Box::pin(sftp::relay(reached, pipes, face, (started, manner.reason))).await
        }
        Start::Exec(_) | Start::Shell | Start::Subsystem(_) => {
            Box::pin(relay::relay(reached, pipes, face, (started, manner))).await
        }
    }
}

pub(crate) fn failed(failure: Failure) -> String {
    match failure {
        Failure::Revoked(reason) => answers::refusal(&reason, None),
        Failure::Refused(why) => format!("the target refused: {}", why.description()),
        Failure::Lost => "the connection to the target is lost".to_owned(),
    }
}

pub(crate) fn over(over: Option<Over>) -> Ending {
    match over {
        Some(Over::Overflown) => {
            Ending::Told("more came than this channel may keep; it is ended".to_owned())
        }
        Some(Over::Broken) => Ending::Told("the gateway's temporary file failed".to_owned()),
        // given up by Ctrl-C: the client still reads
        None => Ending::Told("given up; nothing was run".to_owned()),
        Some(Over::Gone) => Ending::Done,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::channel::siblings::Siblings;
    use crate::channel::spill::Disk;
    use crate::config::Buffers;

    fn empty() -> Inbox {
        Inbox::new(Buffers::default(), Disk::of(0), Siblings::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_channel_that_starts_nothing_is_closed_with_a_word() {
        let client = empty();
        let began = Instant::now();
        let settled = in_time(std::future::pending::<Option<()>>(), &client).await;
        assert!(matches!(settled, Err(Ending::Told(_))));
        assert_eq!(began.elapsed(), STARTS_WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_left_before_is_over_at_once() {
        let client = empty();
        client.end(Over::Gone);
        let settled = in_time(async { None::<()> }, &client).await;
        assert!(matches!(settled, Err(Ending::Done)));
    }
}
