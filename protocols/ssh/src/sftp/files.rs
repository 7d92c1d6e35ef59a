//! Requests of one SFTP session that were let through: until their answers come, and for a handle until it is closed.

use std::collections::HashMap;

use bytes::Bytes;
use gate::{Masked, OutcomeKind, Revoked};

use crate::decode::sftp::{Answers, Continued};
use crate::running::Running;

const SUCCESS: u32 = 0;
/// The end of a file or folder.
const EOF: u32 = 1;

#[derive(Default)]
pub(super) struct Files {
    /// By the id of a request that has no answer yet.
    waiting: HashMap<u32, Running>,
    /// By handle: the permission that it was opened with.
    open: HashMap<Bytes, Running>,
    /// Handles that are being closed, by the id of that request.
    closing: HashMap<u32, Running>,
}

impl Files {
    pub(super) fn asked(&mut self, id: u32, running: Running) {
        self.waiting.insert(id, running);
    }

    /// Whether a request on an open handle may pass: its permission still holds.
    pub(super) fn go_on(&mut self, handle: &Bytes, id: u32, what: &Continued) -> bool {
        if *what == Continued::Close {
            let Some(running) = self.open.remove(handle) else {
                return false;
            };
            // closing is allowed even where nothing else is any more
            self.closing.insert(id, running);
            return true;
        }
        self.open
            .get(handle)
            .is_some_and(|running| running.check().is_ok())
    }

    /// A piece of a reply, recorded with the request that it belongs to.
    pub(super) fn reply(
        &self,
        answers: &Answers,
        masked: Masked,
        session: &Running,
    ) -> Result<Bytes, Revoked> {
        let on = answers.handle.as_ref();
        let running = on
            .and_then(|handle| self.open.get(handle))
            .or_else(|| self.waiting.get(&answers.id));
        running.unwrap_or(session).reply(masked)
    }

    /// The answer came: the request is done, or its handle is open now.
    pub(super) fn answered(&mut self, id: u32, handle: Option<&Bytes>, code: u32) {
        if let Some(running) = self.waiting.remove(&id) {
            match handle {
                Some(handle) => {
                    let handle = Bytes::copy_from_slice(handle);
                    self.open.insert(handle, running);
                }
                None => done(&running, code),
            }
        }
        if let Some(running) = self.closing.remove(&id) {
            done(&running, code);
        }
    }
}

fn done(running: &Running, code: u32) {
    match code {
        SUCCESS | EOF => running.done(OutcomeKind::Completed, None),
        code => running.done(OutcomeKind::Failed, Some(format!("sftp {code}"))),
    }
}
