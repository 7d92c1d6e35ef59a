//! Both directions of one SFTP channel: which request waits for which answer, and which handle is which path.

use std::collections::HashMap;

use bytes::Bytes;

use super::fields::Fields;
use super::frames::Frames;
use super::request::{Ask, Continued, Packet, Request};
use super::{Answers, Malformed, Outcome, Reply, extensions, kinds, reply, request};

/// How many requests may wait for their answers; the next is not taken out before one has come. OpenSSH sends 64.
pub const MAX_WAITING: usize = 512;
/// How many handles may be open at once.
pub const MAX_HANDLES: usize = 4096;
/// OpenSSH's have 4 bytes; the protocol allows 256.
const MAX_HANDLE: usize = 256;

/// A tap on one channel.
#[derive(Debug, Default)]
pub struct Tap {
    client: Frames,
    server: Frames,
    started: bool,
    versioned: bool,
    waiting: HashMap<u32, Waiting>,
    /// Paths by open handle.
    handles: HashMap<Bytes, Bytes>,
}

/// A request that was taken out and has no answer yet.
#[derive(Debug)]
struct Waiting {
    kind: u8,
    /// What its handle will be a handle of.
    opens: Option<Bytes>,
    handle: Option<Bytes>,
    offset: u64,
}

impl Tap {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of the client; what comes of them is asked for by [`Tap::next_request`].
    pub fn from_client(&mut self, bytes: Bytes) {
        self.client.push(bytes);
    }

    /// Takes bytes of the server; what comes of them is asked for by [`Tap::next_reply`].
    pub fn from_server(&mut self, bytes: Bytes) {
        self.server.push(bytes);
    }

    /// How many requests wait for their answers.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many bytes of the client were taken but not asked for, or are no whole packet: nothing at a clean end.
    #[must_use]
    pub fn held(&self) -> usize {
        self.client.held()
    }

    /// The path that a handle was opened with.
    #[must_use]
    pub fn path(&self, handle: &[u8]) -> Option<&Bytes> {
        self.handles.get(handle)
    }

    /// The client's next packet; none until it is whole, or while [`MAX_WAITING`] requests wait.
    ///
    /// Each but the first waits for its answer from now on. One that does not go to the server is answered by the
    /// gateway, which says so with [`Tap::answered`].
    ///
    /// # Errors
    /// When the stream is no SFTP of version 3.
    pub fn next_request(&mut self) -> Result<Option<Packet>, Malformed> {
        if self.waiting.len() >= MAX_WAITING {
            return Ok(None);
        }
        let Some(frame) = self.client.next()? else {
            return Ok(None);
        };
        if frame.kind == kinds::INIT {
            if std::mem::replace(&mut self.started, true) {
                return Err(Malformed::OutOfPhase);
            }
            return Ok(Some(Packet {
                bytes: request::start(&frame)?,
                id: None,
                ask: Ask::Start,
            }));
        }
        if !self.started {
            return Err(Malformed::OutOfPhase);
        }
        let (id, ask) = request::read(&frame, &self.handles)?;
        let waiting = self.wait(frame.kind, &ask);
        if self.waiting.insert(id, waiting).is_some() {
            return Err(Malformed::RepeatedId(id));
        }
        Ok(Some(Packet {
            bytes: frame.bytes,
            id: Some(id),
            ask,
        }))
    }

    /// Copies what it keeps: else a short name would keep the whole packet that it came in.
    fn wait(&mut self, kind: u8, ask: &Ask) -> Waiting {
        let (mut opens, mut on, mut at) = (None, None, 0);
        match ask {
            Ask::Judge(Request::Open { path, .. } | Request::OpenFolder { path }) => {
                opens = Some(Bytes::copy_from_slice(path));
            }
            Ask::Continue { handle, what } => {
                on = Some(Bytes::copy_from_slice(handle));
                match what {
                    Continued::Read { offset, .. } | Continued::Write { offset, .. } => {
                        at = *offset;
                    }
                    // from here on the server may give the same name to another file
                    Continued::Close => {
                        self.handles.remove(handle);
                    }
                    Continued::List | Continued::Look | Continued::Sync => {}
                }
            }
            Ask::Start | Ask::Judge(_) | Ask::Refuse { .. } => {}
        }
        Waiting {
            kind,
            opens,
            handle: on,
            offset: at,
        }
    }

    /// A request was answered by the gateway and never goes to the server.
    pub fn answered(&mut self, id: u32) {
        self.waiting.remove(&id);
    }

    /// The server's next packet; none until it is whole.
    ///
    /// # Errors
    /// When the stream is no SFTP of version 3, or answers what nobody asked.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, Malformed> {
        let Some(frame) = self.server.next()? else {
            return Ok(None);
        };
        if frame.kind == kinds::VERSION {
            if !self.started || std::mem::replace(&mut self.versioned, true) {
                return Err(Malformed::OutOfPhase);
            }
            return Ok(Some(Reply {
                bytes: extensions::version(Fields(frame.body()))?,
                answers: None,
                outcome: Outcome::Version,
            }));
        }
        if !self.versioned {
            return Err(Malformed::OutOfPhase);
        }
        let (id, outcome) = reply::read(&frame)?;
        let waiting = self.waiting.remove(&id).ok_or(Malformed::UnknownId(id))?;
        if !reply::fits(waiting.kind, &outcome) {
            return Err(Malformed::Mismatched(id));
        }
        if let (Outcome::Handle(handle), Some(path)) = (&outcome, &waiting.opens) {
            self.open(handle, path)?;
        }
        Ok(Some(Reply {
            bytes: frame.bytes,
            answers: Some(Answers {
                id,
                handle: waiting.handle,
                offset: waiting.offset,
            }),
            outcome,
        }))
    }

    fn open(&mut self, handle: &Bytes, path: &Bytes) -> Result<(), Malformed> {
        if self.handles.len() >= MAX_HANDLES {
            return Err(Malformed::TooManyHandles);
        }
        let (handle, path) = (Bytes::copy_from_slice(handle), path.clone());
        match handle.len() > MAX_HANDLE || self.handles.insert(handle, path).is_some() {
            true => Err(Malformed::Handle),
            false => Ok(()),
        }
    }
}
