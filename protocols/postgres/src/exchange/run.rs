//! A Bind with the Execute right behind it: one request, judged and recorded once, sent in one piece.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Exchange;
use super::expected::{Expected, Kind, Plan};
use super::state::{Portal, Prepared};
use crate::wire::frame::HEADER;

/// What stands behind a Bind and runs its portal.
pub(super) struct Run {
    /// A Describe of the portal, where there is one, and the Execute, as they came.
    pub(super) wire: Bytes,
    described: bool,
}

/// Bytes of it, while it still waits to be taken.
pub(super) struct Ahead {
    length: usize,
    described: bool,
}

impl Exchange {
    /// What has come already behind a Bind; `None` where it is something else, or not whole yet.
    pub(super) fn ahead(&self, portal: &str) -> Option<Ahead> {
        let [first, second] = self.two_ahead();
        let (described, execute) = match first? {
            (b'D', body) => {
                let named = body.strip_prefix(b"P")?.strip_suffix(&[0])?;
                if named != portal.as_bytes() {
                    return None;
                }
                (Some(body), second?)
            }
            first => (None, first),
        };
        let (b'E', execute) = execute else {
            return None;
        };
        let (named, rows) = execute.split_at_checked(portal.len())?;
        // a name's end, and the most rows
        if named != portal.as_bytes() || rows.len() != 5 || rows.first() != Some(&0) {
            return None;
        }
        Some(Ahead {
            length: described.map_or(0, |body| HEADER + body.len()) + HEADER + execute.len(),
            described: described.is_some(),
        })
    }

    /// Types and bodies of the next two messages: of what was read ahead of its turn, else of what is in the inbox.
    fn two_ahead(&self) -> [Option<(u8, &[u8])>; 2] {
        if !self.state.ahead.is_empty() {
            let mut frames = self.state.ahead.iter();
            return [(); 2].map(|()| frames.next().map(|frame| (frame.tag(), frame.body())));
        }
        let limit = self.limits.small;
        let first = message(&self.inbox, limit);
        let rest = first.and_then(|(_, body)| self.inbox.get(HEADER + body.len()..));
        [first, rest.and_then(|rest| message(rest, limit))]
    }

    /// Takes it from where it waits.
    pub(super) fn take_run(&mut self, ahead: &Ahead) -> Run {
        let wire = if self.state.ahead.is_empty() {
            self.inbox.split_to(ahead.length)
        } else {
            let messages = 1 + usize::from(ahead.described);
            let mut wire = BytesMut::with_capacity(ahead.length);
            for frame in self.state.ahead.drain(..messages) {
                wire.extend_from_slice(frame.bytes());
            }
            wire
        };
        Run {
            wire: wire.freeze(),
            described: ahead.described,
        }
    }

    /// Whether the answer to a Describe on the way is early enough to mask what is bound. Of a COPY it tells nothing, and a
    /// group is planned before it is sent.
    pub(super) fn describes_itself(
        &mut self,
        ahead: Option<&Ahead>,
        prepared: &Arc<Prepared>,
    ) -> bool {
        ahead.is_some_and(|ahead| ahead.described)
            && prepared.copied_out().is_none()
            && !self.may_group(prepared)
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
        let mask = self.portal_mask(&portal);
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
            let mask = self.portal_mask(&portal);
            if let Some(front) = self.state.queue.front_mut() {
                front.mask = mask;
            }
        }
    }
}

/// Type and body of the whole message at the front.
fn message(buffer: &[u8], limit: usize) -> Option<(u8, &[u8])> {
    let (head, rest) = buffer.split_first_chunk::<HEADER>()?;
    let [tag, length @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    if length + 1 > limit {
        return None;
    }
    Some((tag, rest.get(..length.checked_sub(HEADER - 1)?)?))
}
