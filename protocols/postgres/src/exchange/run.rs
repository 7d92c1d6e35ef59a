//! A Bind with the Execute right behind it, and the Parse of the unnamed statement right before it: one request, judged and
//! recorded once, sent in one piece.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gate::words::{Operations, Verdict};
use gate::{Error, Unclear};

use super::Exchange;
use super::expected::{Expected, Kind, Plan};
use super::state::{Portal, Prepared};
use crate::wire::Malformed;
use crate::wire::frame::{Frame, HEADER, Phase, next_frontend};
use crate::wire::frontend::Frontend;

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

/// A Bind, and what goes before and after it in one piece.
pub(super) struct Bound {
    pub(super) prepared: Arc<Prepared>,
    pub(super) operations: Result<Arc<Operations>, Unclear>,
    /// The Parse of what it binds.
    pub(super) parse: Option<Frame>,
    pub(super) ahead: Option<Ahead>,
}

impl Ahead {
    /// What runs a portal: its Execute, with a Describe before it or without.
    fn of(portal: &[u8], [first, second]: [Option<(u8, &[u8])>; 2]) -> Option<Self> {
        let (described, execute) = match first? {
            (b'D', body) => {
                let named = body.strip_prefix(b"P")?.strip_suffix(&[0])?;
                if named != portal {
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
        if named != portal || rows.len() != 5 || rows.first() != Some(&0) {
            return None;
        }
        Some(Self {
            length: described.map_or(0, |body| HEADER + body.len()) + HEADER + execute.len(),
            described: described.is_some(),
        })
    }
}

impl Exchange {
    /// What has come already behind a Bind; `None` where it is something else, or not whole yet.
    pub(super) fn ahead(&self, portal: &str) -> Option<Ahead> {
        Ahead::of(portal.as_bytes(), self.two_ahead())
    }

    /// What has come already behind a Bind, where that is the next message and of the unnamed statement.
    fn ahead_of_bind(&self) -> Option<Ahead> {
        if !self.state.ahead.is_empty() || self.state.gathering.is_some() {
            return None;
        }
        let (b'B', body) = message(&self.inbox, self.limits.frame)? else {
            return None;
        };
        let mut names = body.splitn(3, |byte| *byte == 0);
        let (portal, statement, _) = (names.next()?, names.next()?, names.next()?);
        let rest = self.inbox.get(HEADER + body.len()..)?;
        let ahead = Ahead::of(portal, two(rest, self.limits.small))?;
        statement.is_empty().then_some(ahead)
    }

    /// Takes a Bind of what is to be prepared, and its Execute, with the Parse: where all of it has come, and nobody has to
    /// be asked. Else each is judged in its turn.
    pub(super) async fn take_at_once(
        &mut self,
        parse: &Frame,
        prepared: &Arc<Prepared>,
    ) -> Result<bool, Error> {
        let Some(ahead) = self.ahead_of_bind() else {
            return Ok(false);
        };
        let describes_itself = ahead.described && prepared.copied_out().is_none();
        if self.must_describe(prepared) && !describes_itself {
            return Ok(false);
        }
        let Ok(operations) = self.operations_at_once(&prepared.analysis) else {
            return Ok(false);
        };
        if self.session.preview(&operations) != Verdict::Allow {
            return Ok(false);
        }
        let frame = match next_frontend(&mut self.inbox, Phase::CopyEnded, &self.limits) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(false),
            Err(malformed) => return self.broken(malformed).await,
        };
        let bind = match Frontend::read(&frame) {
            Ok(Frontend::Bind(bind)) => bind,
            Ok(_) => return self.broken(Malformed::Format).await,
            Err(malformed) => return self.broken(malformed).await,
        };
        let bound = Bound {
            prepared: prepared.clone(),
            operations: Ok(operations),
            parse: Some(parse.clone()),
            ahead: Some(ahead),
        };
        self.ask_bind(&frame, &bind, bound).await?;
        Ok(true)
    }

    /// Types and bodies of the next two messages: of what was read ahead of its turn, else of what is in the inbox.
    fn two_ahead(&self) -> [Option<(u8, &[u8])>; 2] {
        if !self.state.ahead.is_empty() {
            let mut frames = self.state.ahead.iter();
            return [(); 2].map(|()| frames.next().map(|frame| (frame.tag(), frame.body())));
        }
        two(&self.inbox, self.limits.small)
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

/// The whole messages at the front.
fn two(buffer: &[u8], limit: usize) -> [Option<(u8, &[u8])>; 2] {
    let first = message(buffer, limit);
    let rest = first.and_then(|(_, body)| buffer.get(HEADER + body.len()..));
    [first, rest.and_then(|rest| message(rest, limit))]
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
