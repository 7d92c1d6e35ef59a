//! A Bind with the Execute right behind it: one request, judged and recorded once, sent in one piece.

use std::sync::Arc;

use bytes::Bytes;

use super::Exchange;
use super::expected::{Expected, Kind, Plan};
use super::state::{Portal, Prepared};
use crate::wire::frame::HEADER;
use crate::wire::frontend::Bind;

/// What stands behind a Bind and runs its portal.
pub(super) struct Run {
    /// A Describe of the portal, where there is one, and the Execute, as they came.
    pub(super) wire: Bytes,
    described: bool,
}

/// Bytes of it, while it still stands in the inbox.
pub(super) struct Ahead {
    length: usize,
    pub(super) described: bool,
}

impl Exchange {
    /// What has come already behind a Bind; `None` where it is something else, or not whole yet.
    pub(super) fn ahead(&self, portal: &str) -> Option<Ahead> {
        let limit = self.limits.small;
        let mut described = false;
        let mut length = 0;
        if let Some(describe) = message(&self.inbox, b'D', limit) {
            let named = describe.strip_prefix(b"P")?.strip_suffix(&[0])?;
            if named != portal.as_bytes() {
                return None;
            }
            described = true;
            length = HEADER + describe.len();
        }
        let execute = message(self.inbox.get(length..)?, b'E', limit)?;
        let (named, rows) = execute.split_at_checked(portal.len())?;
        // a name's end, and the most rows
        if named != portal.as_bytes() || rows.len() != 5 || rows.first() != Some(&0) {
            return None;
        }
        length += HEADER + execute.len();
        Some(Ahead { length, described })
    }

    /// Takes it out of the inbox.
    pub(super) fn take_run(&mut self, ahead: &Ahead) -> Run {
        Run {
            wire: self.inbox.split_to(ahead.length).freeze(),
            described: ahead.described,
        }
    }

    /// Whether the answer to a Describe on the way is early enough to mask what is bound: text can always be masked.
    pub(super) fn describes_itself(ahead: Option<&Ahead>, bind: &Bind<'_>) -> bool {
        let formats = &bind.result_formats;
        let text = (0..formats.len()).all(|place| !formats.is_binary(place));
        text && ahead.is_some_and(|ahead| ahead.described)
    }

    /// The answers owed to what went out behind a Bind. Its record ends with the last of them.
    pub(super) fn owed_to_run(&mut self, run: &Run, portal: Portal, plan: Plan) {
        if run.described {
            let prepared = Some(portal.prepared.clone());
            self.state.queue.push_back(Expected {
                joined: true,
                ..Expected::new(Kind::Describe { prepared }, None)
            });
        }
        let known = portal.prepared.columns(self.state.generation).is_some();
        let mask = self.portal_mask(&portal).ok().flatten();
        self.state.queue.push_back(Expected {
            plan,
            mask,
            unmasked: (!known).then_some(portal),
            ..Expected::new(Kind::Execute, None)
        });
    }

    /// The rows that follow were described on their way.
    pub(super) fn described_on_the_way(&mut self, prepared: &Arc<Prepared>) {
        let Some(front) = self.state.queue.front_mut() else {
            return;
        };
        let Some(portal) = front.unmasked.take() else {
            return;
        };
        if Arc::ptr_eq(&portal.prepared, prepared) {
            let mask = self.portal_mask(&portal).ok().flatten();
            if let Some(front) = self.state.queue.front_mut() {
                front.mask = mask;
            }
        }
    }
}

/// The body of the whole message at the front, where it has this type.
fn message(buffer: &[u8], tag: u8, limit: usize) -> Option<&[u8]> {
    let (head, rest) = buffer.split_first_chunk::<HEADER>()?;
    let [found, length @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    if found != tag || length + 1 > limit {
        return None;
    }
    rest.get(..length.checked_sub(HEADER - 1)?)
}
