//! The recording of a session: what was asked and answered, after masking, compressed and encrypted.

pub mod cast;
pub mod replay;

mod chunk;
mod deck;
mod event;
mod inbox;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};
use zeroize::Zeroizing;

use crate::error::{Error, Unwritable};
use crate::field::{Field, length};
use crate::id::{RequestId, SessionId};
use crate::keys::{read_secret, write_secret};
use deck::{Deck, Message};
pub use event::{Content, Event, File, Header, Kind, Moment, ReplyEnd, Rest, Size};

/// The most bytes that wait to be written, over all tapes.
const WAITING: usize = 16 << 20;
/// The most bytes of one event.
pub const EVENT: usize = 4 << 20;
/// How much of a reply `RecordMode::Head` keeps.
pub const HEAD: usize = 64 << 10;
/// How long a push waits for a disk that does not keep up.
const PATIENCE: Duration = Duration::from_millis(800);

/// The gateway's key, which wraps the data key of each tape. Shows nothing of itself.
pub struct TapeKey(Zeroizing<[u8; 32]>);

impl TapeKey {
    /// Makes a new key and writes its 32 bytes, mode 0600; the file must not exist.
    pub fn generate(path: &Path) -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| Error::Cryptography("no random numbers"))?;
        write_secret(path, &*key)?;
        Ok(Self(key))
    }

    /// Reads 32 bytes; nobody else may read the file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = read_secret(path)?;
        let wrong = || Error::Key {
            path: path.to_owned(),
            reason: "not 32 bytes",
        };
        bytes
            .as_slice()
            .try_into()
            .map(|key| Self(Zeroizing::new(key)))
            .map_err(|_| wrong())
    }
}

impl std::fmt::Debug for TapeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TapeKey")
    }
}

/// How much of an answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordMode {
    /// The first `HEAD` bytes, figures, and a hash of the rest.
    #[default]
    Head,
    Full,
    /// Figures and a hash.
    None,
}

/// Turns one answer into events, as much of it as the mode says.
pub struct Reply {
    request: RequestId,
    keep: usize,
    bytes: u64,
    rest: u64,
    /// Of what is not kept; made when there is something.
    hash: Option<Box<blake3::Hasher>>,
}

impl Reply {
    pub fn new(request: RequestId, mode: RecordMode) -> Self {
        let keep = match mode {
            RecordMode::Head => HEAD,
            RecordMode::Full => usize::MAX,
            RecordMode::None => 0,
        };
        Self {
            request,
            keep,
            bytes: 0,
            rest: 0,
            hash: None,
        }
    }

    /// The next piece of the masked answer; an event when some of it is kept.
    pub fn piece(&mut self, at: u64, piece: &Bytes) -> Option<Event> {
        self.kept(piece)
            .map(|kept| self.event(at, Kind::Reply(kept)))
    }

    /// The same of what goes to standard error; the figures are those of both together.
    pub fn error_piece(&mut self, at: u64, piece: &Bytes) -> Option<Event> {
        self.kept(piece)
            .map(|kept| self.event(at, Kind::ErrorReply(kept)))
    }

    fn kept(&mut self, piece: &Bytes) -> Option<Bytes> {
        self.bytes += piece.len() as u64;
        let kept = piece.slice(..piece.len().min(self.keep));
        let rest = piece.slice(kept.len()..);
        self.keep -= kept.len();
        self.rest += rest.len() as u64;
        if !rest.is_empty() {
            let hash = self.hash.get_or_insert_default();
            hash.update(&rest);
        }
        (!kept.is_empty()).then_some(kept)
    }

    fn event(&self, at: u64, kind: Kind) -> Event {
        Event {
            at,
            request: Some(self.request),
            kind,
        }
    }

    /// The answer is complete.
    pub fn end(self, at: u64, rows: u64) -> Event {
        let rest = self.hash.map(|hash| Rest {
            bytes: self.rest,
            digest: hash.finalize().into(),
        });
        Event {
            at,
            request: Some(self.request),
            kind: Kind::ReplyEnd(ReplyEnd {
                rows,
                bytes: self.bytes,
                rest,
            }),
        }
    }
}

/// All tapes of one gateway, and the thread that writes them.
#[derive(Clone)]
pub struct Tapes {
    deck: Arc<Deck>,
    room: Arc<Semaphore>,
}

/// A tape being recorded. One that is dropped without `seal` stays readable, and says that it was not sealed.
pub struct Tape {
    tapes: Tapes,
    /// Shared with the writing thread; its last clone there means that the tape was dropped.
    pub(crate) token: Arc<Token>,
}

/// What a tape and its writer know of each other.
pub(crate) struct Token {
    pub(crate) session: SessionId,
    pub(crate) broken: AtomicBool,
}

/// A sealed tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// SHA-256 of the file.
    pub digest: [u8; 32],
    pub events: u64,
    /// Length of the file.
    pub bytes: u64,
}

impl Tapes {
    /// `directory` is made when it is not there; a tape is `<session>.tape` in it.
    pub fn open(directory: &Path, key: TapeKey) -> Result<Self, Error> {
        let deck = Arc::new(Deck::start(directory, key)?);
        Ok(Self {
            deck,
            room: Arc::new(Semaphore::new(WAITING)),
        })
    }

    /// Begins a tape; fails later, by `push`, when its file cannot be made.
    pub async fn start(&self, session: SessionId, header: Header) -> Result<Tape, Error> {
        let token = Arc::new(Token {
            session,
            broken: AtomicBool::new(false),
        });
        let tape = Tape {
            tapes: self.clone(),
            token: token.clone(),
        };
        let mut record = Vec::new();
        header.put(&mut record);
        let permit = tape.room(record.len()).await?;
        self.deck.send(Message::Start {
            token,
            header: record,
            permit,
        })?;
        Ok(tape)
    }
}

impl Tape {
    /// Waits while too much waits for the disk, at most 800 ms. After an error nothing of the session may go on: what
    /// is not recorded must not happen.
    pub async fn push(&self, event: Event) -> Result<(), Error> {
        let record = self.record(&event)?;
        let permit = self.room(record.len()).await?;
        self.tapes.deck.send(Message::Event {
            token: self.token.clone(),
            record,
            permit,
        })
    }

    /// As `push`, without waiting: `Unwritable::Overloaded` when there is no room now.
    pub fn try_push(&self, event: &Event) -> Result<(), Error> {
        let record = self.record(event)?;
        let permit = self
            .tapes
            .room
            .clone()
            .try_acquire_many_owned(length(record.len().min(WAITING)));
        let permit = permit.map_err(|_| Unwritable::Overloaded)?;
        self.tapes.deck.send(Message::Event {
            token: self.token.clone(),
            record,
            permit,
        })
    }

    /// Writes the end and waits until the file is on the disk.
    pub async fn seal(self) -> Result<Sealed, Error> {
        let (answer, sealed) = oneshot::channel();
        self.tapes.deck.send(Message::Seal {
            token: self.token.clone(),
            answer,
        })?;
        match tokio::time::timeout(PATIENCE, sealed).await {
            Ok(Ok(sealed)) => sealed,
            Ok(Err(_)) => Err(Unwritable::Closed.into()),
            Err(_) => Err(Unwritable::Hanging.into()),
        }
    }

    fn record(&self, event: &Event) -> Result<Vec<u8>, Error> {
        if self.token.broken.load(Ordering::SeqCst) {
            return Err(Error::Tape("it could not be written"));
        }
        let mut record = Vec::with_capacity(256);
        event.put(&mut record);
        if record.len() > EVENT {
            Err(Unwritable::TooLarge.into())
        } else {
            Ok(record)
        }
    }

    async fn room(&self, bytes: usize) -> Result<tokio::sync::OwnedSemaphorePermit, Error> {
        let room = self.tapes.room.clone();
        if let Ok(permit) = room.clone().try_acquire_many_owned(length(bytes)) {
            return Ok(permit);
        }
        match tokio::time::timeout(PATIENCE, room.acquire_many_owned(length(bytes))).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Unwritable::Closed.into()),
            Err(_) => Err(Unwritable::Hanging.into()),
        }
    }
}
