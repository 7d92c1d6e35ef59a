//! Requests of one SFTP session that were let through: until their answers come, and for a handle until it is closed.

use std::collections::HashMap;

use bytes::Bytes;
use gate::told::Moment;
use gate::words::visible;
use gate::{Masked, OutcomeKind, Revoked};

use super::size::{Reach, Way, direction, grows};
use super::transfer::{Failure, Transfer, Waiting};
use crate::decode::sftp::{Answers, Continued, Outcome, Request};
use crate::running::Running;

const SUCCESS: u32 = 0;
/// The end of a file or folder.
const EOF: u32 = 1;

#[derive(Default)]
pub(super) struct Files {
    /// By the id of a request that has no answer yet.
    waiting: HashMap<u32, Asked>,
    /// By handle: the permission that it was opened with.
    open: HashMap<Bytes, Asked>,
    /// Handles that are being closed, by the id of that request.
    closing: HashMap<u32, (Bytes, Asked)>,
    /// Writes that have no answer yet.
    writing: HashMap<u32, Failure>,
    early: Waiting,
}

/// A request under way, and what passes where it opened a file.
struct Asked {
    running: Running,
    transfer: Option<Box<Transfer>>,
    /// Of what is read, and of what is written.
    reaches: [Reach; 2],
}

/// What an opening will be told as, once it is closed.
pub(super) fn transfer(request: &Request) -> Option<Box<Transfer>> {
    match request {
        Request::Open { path, flags, .. } => {
            let path = visible(&String::from_utf8_lossy(path));
            Some(Box::new(Transfer::new(path, flags.append)))
        }
        Request::OpenFolder { .. }
        | Request::Look { .. }
        | Request::Remove { .. }
        | Request::Rename { .. }
        | Request::MakeFolder { .. }
        | Request::SetStat { .. }
        | Request::Link { .. }
        | Request::Copy { .. }
        | Request::Extended { .. } => None,
    }
}

impl Files {
    pub(super) fn asked(&mut self, id: u32, running: Running, transfer: Option<Box<Transfer>>) {
        let asked = Asked {
            running,
            transfer,
            reaches: Default::default(),
        };
        self.waiting.insert(id, asked);
    }

    /// Whether a request on an open handle may pass: its permission still holds, and reaches so far.
    pub(super) fn go_on(&mut self, handle: &Bytes, id: u32, what: &Continued) -> Way {
        if *what == Continued::Close {
            let Some(asked) = self.open.remove(handle) else {
                return Way::No;
            };
            // closing is allowed even where nothing else is any more
            let handle = Bytes::copy_from_slice(handle);
            self.closing.insert(id, (handle, asked));
            return Way::On;
        }
        let Some(asked) = self.open.get_mut(handle) else {
            return Way::No;
        };
        if asked.running.check().is_err() {
            return Way::No;
        }
        if let Some((writes, to, passes)) = grows(what) {
            match direction(&mut asked.reaches, writes).beyond(to, passes) {
                Ok(None) => {}
                Ok(Some(size)) => {
                    let leave = asked.running.leave();
                    return leave.map_or(Way::No, |leave| Way::Judged(size, leave));
                }
                Err(()) => return Way::No,
            }
        }
        self.writes(handle, id, what);
        Way::On
    }

    /// A read or write that was judged with its size goes on.
    pub(super) fn permitted(&mut self, handle: &Bytes, (id, what): (u32, &Continued), size: u64) {
        if let Some(asked) = self.open.get_mut(handle) {
            let writes = matches!(what, Continued::Write { .. });
            direction(&mut asked.reaches, writes).permitted(size);
        }
        self.writes(handle, id, what);
    }

    pub(super) fn refused(&mut self, handle: &Bytes, writes: bool) {
        if let Some(asked) = self.open.get_mut(handle) {
            direction(&mut asked.reaches, writes).refused();
        }
    }

    fn writes(&mut self, handle: &Bytes, id: u32, what: &Continued) {
        let file = self.open.get_mut(handle);
        let file = file.and_then(|asked| asked.transfer.as_mut());
        if let (Continued::Write { offset, data }, Some(file)) = (what, file) {
            file.written(*offset, data, &mut self.early);
            self.writing.insert(id, file.failure());
        }
    }

    /// A reply, counted with the request that it belongs to; what is read from a file is hashed.
    pub(super) fn reply(
        &mut self,
        (answers, outcome): (&Answers, &Outcome),
        masked: Masked,
        session: &Running,
    ) -> Result<Bytes, Revoked> {
        let running = match &answers.handle {
            Some(handle) => self.open.get(handle).map(|asked| &asked.running),
            None => self.waiting.get(&answers.id).map(|asked| &asked.running),
        };
        // also what is still read from a handle that is being closed
        let bytes = running.unwrap_or(session).uncopied(masked)?;
        if let (Outcome::Data(data), Some(handle)) = (outcome, &answers.handle) {
            let mut closing = self.closing.values_mut();
            let asked = match self.open.get_mut(handle) {
                Some(asked) => Some(asked),
                None => closing.find_map(|(of, asked)| (*of == *handle).then_some(asked)),
            };
            if let Some(file) = asked.and_then(|asked| asked.transfer.as_mut()) {
                file.read(answers.offset, data, &mut self.early);
            }
        }
        Ok(bytes)
    }

    /// The answer came: the request is done, or its handle is open now.
    pub(super) fn answered(&mut self, id: u32, handle: Option<&Bytes>, code: u32) {
        if let Some(failure) = self.writing.remove(&id)
            && code != SUCCESS
        {
            failure.happened();
        }
        if let Some(asked) = self.waiting.remove(&id) {
            match handle {
                Some(handle) => {
                    let handle = Bytes::copy_from_slice(handle);
                    self.open.insert(handle, asked);
                }
                None => self.done(asked, code),
            }
        }
        if let Some((_, asked)) = self.closing.remove(&id) {
            self.done(asked, code);
        }
    }

    fn done(&mut self, asked: Asked, code: u32) {
        let Asked {
            running, transfer, ..
        } = asked;
        running.tell(Moment::Exited(code));
        // one that could not be opened has nothing to tell
        if let Some(file) = transfer.filter(|_| code == SUCCESS) {
            let file = file.end(true, &mut self.early);
            running.tell(Moment::File(file));
        }
        match code {
            SUCCESS | EOF => running.done(OutcomeKind::Completed, None),
            code => running.done(OutcomeKind::Failed, Some(format!("sftp {code}"))),
        }
    }

    /// The channel is over: files that were not closed are told as far as they came.
    pub(super) fn broken_off(&mut self) {
        let open = std::mem::take(&mut self.open).into_values();
        let closing = std::mem::take(&mut self.closing).into_values();
        let closing = closing.map(|(_, asked)| asked);
        for asked in open.chain(closing) {
            if let Some(file) = asked.transfer {
                let file = file.end(false, &mut self.early);
                asked.running.tell(Moment::File(file));
            }
        }
    }
}
