//! The session's recording as the gate feeds it: in order, never blocking, and never losing what found no room at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use policy::identity::Identity;
use policy::target::Target;
use recorder::entry::TapeRecord;
use recorder::tape::{Event, Header, Kind, Moment, RecordMode, Reply, Tapes};
use recorder::{Error, RequestId, SessionId, Unwritable};

use crate::gate::Clock;
use crate::underway::{Outcome, lock};

/// A reply is put on the tape in pieces of at most this size.
const PIECE: usize = 1 << 20;
/// Pieces that are smaller are gathered, up to this size, where more of the same reply is at hand.
const GATHERED: usize = 8 << 10;

/// Cheap to clone; one per session.
#[derive(Clone)]
pub(crate) struct Tape(Option<Arc<Running>>);

struct Running {
    tape: recorder::tape::Tape,
    mode: RecordMode,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Whoever moves what waits to the writer: one at a time, so that the order stays.
    pump: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    replies: HashMap<u128, Reply>,
    /// Small pieces of one reply, on their way to be one event.
    gathered: Option<(u128, BytesMut)>,
    /// What found no room: `room` waits for it before the session goes on.
    waiting: VecDeque<Event>,
    broken: Option<String>,
}

/// Whose tape it is.
pub(crate) struct Label<'a> {
    pub(crate) session: u128,
    pub(crate) identity: &'a Identity,
    pub(crate) target: &'a Target,
}

impl Tape {
    pub(crate) async fn start(
        tapes: Option<&Tapes>,
        mode: RecordMode,
        clock: Arc<dyn Clock>,
        label: Label<'_>,
    ) -> Result<Self, String> {
        let Some(tapes) = tapes else {
            return Ok(Self(None));
        };
        let header = Header {
            actor: label.identity.label(),
            target: label.target.name.clone(),
            protocol: label.target.protocol.clone(),
            at: u64::try_from(clock.now()).unwrap_or(0),
        };
        let started = tapes.start(SessionId::from(label.session), header).await;
        let tape = started.map_err(|error| error.to_string())?;
        let state = Mutex::new(State::default());
        let pump = tokio::sync::Mutex::default();
        Ok(Self(Some(Arc::new(Running {
            tape,
            mode,
            clock,
            state,
            pump,
        }))))
    }

    /// What is left in the place of one that was taken.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Why it cannot be written any more: then nothing of its session may go on.
    pub(crate) fn broken(&self) -> Option<String> {
        lock(&self.0.as_ref()?.state).broken.clone()
    }

    pub(crate) fn request(&self, id: u128, text: &str) {
        self.put(id, Kind::Statement(text.to_owned()));
    }

    pub(crate) fn refused(&self, id: u128, text: &str, reason: &str) {
        self.put(id, Kind::Statement(text.to_owned()));
        self.put(id, Kind::Refusal(reason.to_owned()));
    }

    pub(crate) fn reply(&self, id: u128, bytes: &Bytes, error: bool) {
        let Some(running) = &self.0 else { return };
        let mut state = lock(&running.state);
        running.settle(&mut state);
        running.pieces(&mut state, id, bytes, error);
    }

    /// A piece of a reply of which more may be at hand: on the tape with what follows, and by `room` at the latest.
    pub(crate) fn part(&self, id: u128, bytes: &Bytes) {
        let Some(running) = &self.0 else { return };
        let mut state = lock(&running.state);
        match &mut state.gathered {
            Some((same, gathered)) if *same == id && gathered.len() + bytes.len() <= GATHERED => {
                gathered.extend_from_slice(bytes);
            }
            Some(_) | None => {
                running.settle(&mut state);
                if bytes.len() < GATHERED {
                    let mut gathered = BytesMut::with_capacity(bytes.len().max(GATHERED / 16));
                    gathered.extend_from_slice(bytes);
                    state.gathered = Some((id, gathered));
                } else {
                    running.pieces(&mut state, id, bytes, false);
                }
            }
        }
    }

    /// Of a terminal all is kept: half of one cannot be played.
    pub(crate) fn moment(&self, id: u128, moment: Moment) {
        if matches!(moment, Moment::Terminal(_)) {
            self.keep(id, RecordMode::Full);
        }
        self.put(id, Kind::Moment(moment));
    }

    /// How much of one answer is kept, said before its first piece.
    pub(crate) fn keep(&self, id: u128, mode: RecordMode) {
        let Some(running) = &self.0 else { return };
        let reply = Reply::new(RequestId::from(id), mode);
        lock(&running.state).replies.entry(id).or_insert(reply);
    }

    /// About the session, and no request of it.
    pub(crate) fn notice(&self, text: String) {
        let Some(running) = &self.0 else { return };
        let event = Event {
            at: running.now(),
            request: None,
            kind: Kind::Notice(text),
        };
        let mut state = lock(&running.state);
        running.settle(&mut state);
        running.offer(&mut state, event);
    }

    pub(crate) fn outcome(&self, id: u128, outcome: &Outcome) {
        let Some(running) = &self.0 else { return };
        let at = running.now();
        let mut state = lock(&running.state);
        running.settle(&mut state);
        if let Some(reply) = state.replies.remove(&id) {
            let event = reply.end(at, outcome.rows);
            running.offer(&mut state, event);
        }
    }

    fn put(&self, id: u128, kind: Kind) {
        let Some(running) = &self.0 else { return };
        let event = Event {
            at: running.now(),
            request: Some(RequestId::from(id)),
            kind,
        };
        let mut state = lock(&running.state);
        running.settle(&mut state);
        running.offer(&mut state, event);
    }

    /// Resolves when all that was offered is with the tape's writer; fails when the tape cannot be written. Cancel-safe:
    /// an event stays in the queue until the writer has it.
    pub(crate) async fn room(&self) -> Result<(), String> {
        let Some(running) = &self.0 else {
            return Ok(());
        };
        if !running.behind()? {
            return Ok(());
        }
        let pumping = running.pump.lock().await;
        while running.behind()? {
            let Some(event) = lock(&running.state).waiting.front().cloned() else {
                break;
            };
            match running.tape.push(event).await {
                Ok(()) => drop(lock(&running.state).waiting.pop_front()),
                Err(error) => lock(&running.state).broken = Some(error.to_string()),
            }
        }
        drop(pumping);
        Ok(())
    }

    /// What goes into the audit log when the session closes; `None` where there is no tape, or it could not be sealed.
    pub(crate) async fn seal(self) -> Option<TapeRecord> {
        // whatever still waits goes first
        let _ = self.room().await;
        let running = Arc::into_inner(self.0?)?;
        let sealed = running.tape.seal().await.ok()?;
        Some(TapeRecord {
            digest: sealed.digest,
            events: sealed.events,
            bytes: sealed.bytes,
        })
    }
}

impl Running {
    fn now(&self) -> u64 {
        u64::try_from(self.clock.now()).unwrap_or(0)
    }

    fn behind(&self) -> Result<bool, String> {
        let mut state = lock(&self.state);
        self.settle(&mut state);
        match &state.broken {
            Some(broken) => Err(broken.clone()),
            None => Ok(!state.waiting.is_empty()),
        }
    }

    /// What was gathered goes before whatever comes next.
    fn settle(&self, state: &mut State) {
        if let Some((id, bytes)) = state.gathered.take() {
            self.pieces(state, id, &bytes.freeze(), false);
        }
    }

    fn pieces(&self, state: &mut State, id: u128, bytes: &Bytes, error: bool) {
        let at = self.now();
        let mut rest = bytes.clone();
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PIECE));
            let reply = state
                .replies
                .entry(id)
                .or_insert_with(|| Reply::new(RequestId::from(id), self.mode));
            let event = if error {
                reply.error_piece(at, &piece)
            } else {
                reply.piece(at, &piece)
            };
            if let Some(event) = event {
                self.offer(state, event);
            }
        }
    }

    fn offer(&self, state: &mut State, event: Event) {
        if !state.waiting.is_empty() {
            state.waiting.push_back(event);
            return;
        }
        match self.tape.try_push(&event) {
            Ok(()) => {}
            Err(Error::Unwritable(Unwritable::Overloaded)) => state.waiting.push_back(event),
            Err(error) => state.broken = Some(error.to_string()),
        }
    }
}
