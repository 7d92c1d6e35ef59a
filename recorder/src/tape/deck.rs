//! The thread that writes all tapes, away from the hot path.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::chunk::{Cipher, PLAIN};
use super::inbox::Inbox;
use super::{Sealed, TapeKey, Token};
use crate::error::{Error, Unwritable};
use crate::field::{Field, length};
use crate::id::SessionId;

/// What is gathered longer than this is written although the chunk is small: all that a crash can lose, and how far
/// behind one is who watches.
const GATHER: Duration = Duration::from_millis(500);

pub(crate) enum Message {
    Start {
        token: Arc<Token>,
        header: Vec<u8>,
        permit: OwnedSemaphorePermit,
    },
    Event {
        token: Arc<Token>,
        record: Vec<u8>,
        permit: OwnedSemaphorePermit,
    },
    Seal {
        token: Arc<Token>,
        answer: oneshot::Sender<Result<Sealed, Error>>,
    },
}

/// The way to the writing thread, which ends when this is dropped.
pub(crate) struct Deck(Arc<Inbox>);

/// However the thread ends, nothing more is put in.
struct Open(Arc<Inbox>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Deck {
    pub(crate) fn start(directory: &Path, key: TapeKey) -> Result<Self, Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(Error::io(directory))?;
        let inbox = Arc::new(Inbox::default());
        let reels = Reels {
            directory: directory.to_owned(),
            key,
            reels: HashMap::new(),
        };
        let open = Open(inbox.clone());
        let thread = thread::Builder::new()
            .name("tape-writer".to_owned())
            .spawn(move || reels.run(&open.0));
        thread.map_err(Error::io(directory))?;
        Ok(Self(inbox))
    }

    pub(crate) fn send(&self, message: Message) -> Result<(), Error> {
        if self.0.put(message) {
            Ok(())
        } else {
            Err(Unwritable::Closed.into())
        }
    }
}

impl Drop for Deck {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Reels {
    directory: PathBuf,
    key: TapeKey,
    reels: HashMap<SessionId, Reel>,
}

impl Reels {
    fn run(mut self, inbox: &Inbox) {
        let mut look = Instant::now() + GATHER;
        loop {
            // with nothing on any reel there is nothing to look after
            let taken = inbox.take((!self.reels.is_empty()).then_some(look));
            for message in taken.messages {
                self.take(message);
            }
            if taken.closed {
                break;
            }
            if Instant::now() >= look {
                self.look();
                look = Instant::now() + GATHER;
            }
        }
        for reel in self.reels.values_mut() {
            reel.flush(false);
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Start {
                token,
                header,
                permit,
            } => {
                let reel = Reel::new(&self.directory, &self.key, token.clone());
                drop(permit);
                match reel {
                    Ok(mut reel) => {
                        reel.add(&header);
                        self.reels.insert(token.session, reel);
                    }
                    Err(error) => fail(&token, &error),
                }
            }
            Message::Event {
                token,
                record,
                permit,
            } => {
                if let Some(reel) = self.reels.get_mut(&token.session) {
                    reel.events += 1;
                    reel.add(&record);
                }
                drop(permit);
            }
            Message::Seal { token, answer } => {
                let sealed = match self.reels.remove(&token.session) {
                    Some(reel) => reel.seal(),
                    None => Err(Error::Tape("it could not be written")),
                };
                // whoever asked may have gone
                drop(answer.send(sealed));
            }
        }
    }

    /// Writes what was gathered, and ends tapes that were dropped.
    fn look(&mut self) {
        for reel in self.reels.values_mut() {
            reel.flush(false);
        }
        self.reels
            .retain(|_, reel| Arc::strong_count(&reel.token) > 1);
    }
}

fn fail(token: &Token, error: &Error) {
    tracing::error!(%error, session = %token.session, "a tape cannot be written");
    token.broken.store(true, Ordering::SeqCst);
}

/// One tape being written.
struct Reel {
    token: Arc<Token>,
    path: PathBuf,
    file: File,
    cipher: Cipher,
    plain: Vec<u8>,
    hash: Context,
    events: u64,
    bytes: u64,
}

impl Reel {
    fn new(directory: &Path, key: &TapeKey, token: Arc<Token>) -> Result<Self, Error> {
        let path = directory.join(format!("{}.tape", token.session));
        let (cipher, head) = Cipher::generate(key, token.session)?;
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io(&path))?;
        let hash = Context::new(&SHA256);
        let mut reel = Self {
            token,
            path,
            file,
            cipher,
            plain: Vec::new(),
            hash,
            events: 0,
            bytes: 0,
        };
        reel.write(&head)?;
        Ok(reel)
    }

    fn add(&mut self, record: &[u8]) {
        length(record.len()).put(&mut self.plain);
        self.plain.extend_from_slice(record);
        if self.plain.len() >= PLAIN {
            self.flush(false);
        }
    }

    /// Writes what was gathered; a tape that cannot be written takes nothing more.
    fn flush(&mut self, last: bool) {
        if self.token.broken.load(Ordering::SeqCst) || (self.plain.is_empty() && !last) {
            return;
        }
        let chunk = self.cipher.seal(&self.plain, last);
        self.plain.clear();
        if let Err(error) = chunk.and_then(|chunk| self.write(&chunk)) {
            fail(&self.token, &error);
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(Error::io(&self.path))?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn seal(mut self) -> Result<Sealed, Error> {
        self.flush(true);
        if self.token.broken.load(Ordering::SeqCst) {
            return Err(Error::Tape("it could not be written"));
        }
        self.file.sync_all().map_err(Error::io(&self.path))?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(Error::io(folder))?;
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(self.hash.finish().as_ref());
        Ok(Sealed {
            digest,
            events: self.events,
            bytes: self.bytes,
        })
    }
}
