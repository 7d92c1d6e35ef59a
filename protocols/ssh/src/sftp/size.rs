//! How far a file has come: what is read and written on a handle is judged anew, with its size so far, as it grows.

use bytes::Bytes;
use gate::{Decision, Leave};

use super::asked::{self, Growing};
use super::{Ended, Session};
use crate::answers;
use crate::decode::sftp::Continued;

/// The opening covers so much; from there on it is judged at each further eighth, and at most so often.
pub(super) const STEP: u64 = 1 << 20;

/// How far the permission of a handle reaches, in one direction.
pub(super) struct Reach {
    passed: u64,
    judged: u64,
    /// Refused once: nothing more passes, and nobody is asked again.
    over: bool,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            passed: 0,
            judged: STEP,
            over: false,
        }
    }
}

/// What a request on a handle needs.
pub(super) enum Way {
    On,
    No,
    /// To be judged with this size.
    Judged(u64, Leave),
}

/// What a read or write takes a file to: a read begins there, so the file is at least so long; a write ends there, or
/// behind all that was written where that is more.
pub(super) fn grows(what: &Continued) -> Option<(bool, u64, u64)> {
    match what {
        Continued::Read { offset, .. } => Some((false, *offset, 0)),
        Continued::Write { offset, data } => {
            let length = data.len() as u64;
            Some((true, offset.saturating_add(length), length))
        }
        Continued::List | Continued::Look | Continued::Sync | Continued::Close => None,
    }
}

impl Reach {
    /// The size to be judged, where what is next lies beyond what was.
    pub(super) fn beyond(&mut self, to: u64, passes: u64) -> Result<Option<u64>, ()> {
        if self.over {
            return Err(());
        }
        self.passed = self.passed.saturating_add(passes);
        let size = to.max(self.passed);
        Ok((size > self.judged).then_some(size))
    }

    pub(super) fn permitted(&mut self, size: u64) {
        self.judged = size.saturating_add(STEP.max(size / 8));
    }

    pub(super) fn refused(&mut self) {
        self.over = true;
    }
}

impl Session<'_> {
    /// Under the permission that its handle was opened with.
    pub(super) async fn go_on(
        &mut self,
        (id, bytes): (u32, Bytes),
        handle: &Bytes,
        what: &Continued,
    ) -> Result<(), Ended> {
        match self.files.go_on(handle, id, what) {
            Way::On => self.more(bytes).await,
            Way::No => {
                self.refuse(id, "", "not open, or not allowed any more")
                    .await
            }
            Way::Judged(size, leave) => {
                let growing = Growing {
                    path: self.tap.path(handle).cloned().unwrap_or_default(),
                    writes: matches!(what, Continued::Write { .. }),
                    size,
                };
                self.grow((id, bytes), (handle, what), (growing, leave))
                    .await
            }
        }
    }

    async fn grow(
        &mut self,
        (id, bytes): (u32, Bytes),
        (handle, what): (&Bytes, &Continued),
        (growing, leave): (Growing, Leave),
    ) -> Result<(), Ended> {
        let (asked, name) = asked::growing(self.reached, bytes, &growing);
        let asked = asked.because(self.reason.as_ref());
        let session = &self.reached.session;
        let text = match session.authorize_within(&leave, asked).await {
            Decision::Permit(permit) => {
                if self.pass((id, None), permit).await? {
                    self.files.permitted(handle, (id, what), growing.size);
                }
                return Ok(());
            }
            Decision::Deny(denied) => answers::refusal(denied.reason(), denied.id().as_deref()),
            Decision::Fault(_, fault) => answers::fault(&fault),
            // what follows in the file would go past the question
            Decision::Hold(hold) => {
                drop(hold.withdraw().await);
                "a size cannot be waited for: have the opening countersigned".to_owned()
            }
        };
        self.files.refused(handle, growing.writes);
        self.refuse(id, &name, &text).await
    }
}

/// The direction of a file that a request goes in.
pub(super) fn direction(reaches: &mut [Reach; 2], writes: bool) -> &mut Reach {
    let [reads, written] = reaches;
    if writes { written } else { reads }
}
