//! Many executions of one statement in one batch that must wait for people: gathered first, then one question.

use std::sync::Arc;

use bytes::Bytes;
use gate::words::{Operations, Redacted, Verdict};
use gate::{Error, Unclear, UnclearKind, Underway};

use super::Exchange;
use super::ask::Then;
use super::copy_in::copies_in;
use super::expected::{Expected, Kind, Plan};
use super::state::{Portal, Prepared};
use crate::wire::frame::{Frame, Phase, next_frontend, precedes};
use crate::wire::frontend::{Bind, Frontend, Named};

/// Executions that one question may be about.
const MOST: usize = 10_000;
/// Bytes of their messages.
const LARGEST: usize = 8 << 20;

/// What follows a Bind that must wait, read ahead.
pub(super) struct Gathering {
    /// The first Bind.
    of: Frame,
    statement: String,
    portal: String,
    executed: bool,
    executions: usize,
    /// Messages that belong to it, the first Bind among them, and all of their bytes.
    messages: usize,
    bytes: usize,
    /// Frames that were read ahead and looked at.
    looked: usize,
    over: bool,
    done: bool,
}

/// One message of a group.
pub(super) enum Step {
    Bind { name: String, portal: Box<Portal> },
    Describe,
    Execute,
}

impl Gathering {
    fn new(frame: &Frame, bind: &Bind<'_>) -> Self {
        Self {
            of: frame.clone(),
            statement: bind.statement.to_owned(),
            portal: bind.portal.to_owned(),
            executed: false,
            executions: 0,
            messages: 1,
            bytes: frame.bytes().len(),
            looked: 1,
            over: false,
            done: false,
        }
    }

    /// Whether the message belongs to the group; only whole executions do.
    fn takes(&mut self, frame: &Frame) -> bool {
        match Frontend::read(frame) {
            Ok(Frontend::Bind(bind)) if self.executed && bind.statement == self.statement => {
                self.portal = bind.portal.to_owned();
                self.executed = false;
            }
            Ok(Frontend::Describe(Named::Portal(name)))
                if !self.executed && name == self.portal => {}
            Ok(Frontend::Execute(execute)) if !self.executed && execute.portal == self.portal => {
                self.executed = true;
                self.executions += 1;
            }
            _ => return false,
        }
        self.messages += 1;
        self.bytes += frame.bytes().len();
        self.over = self.executions > MOST || self.bytes > LARGEST;
        true
    }

    /// Whether there is more than one execution, and each that was bound is there.
    fn is_group(&self) -> bool {
        self.executed && self.executions > 1
    }
}

impl Exchange {
    /// Reads ahead to the end of a group; false while more must come.
    pub(super) async fn gather(&mut self) -> Result<bool, Error> {
        let Some(gathering) = &mut self.state.gathering else {
            return Ok(true);
        };
        while !gathering.done {
            if let Some(frame) = self.state.ahead.get(gathering.looked) {
                gathering.looked += 1;
                gathering.done = !gathering.takes(frame) || gathering.over;
                continue;
            }
            match next_frontend(&mut self.inbox, Phase::CopyEnded, &self.limits) {
                Ok(Some(frame)) => self.state.ahead.push_back(frame),
                Ok(None) if self.state.client_ended => gathering.done = true,
                Ok(None) => return Ok(false),
                Err(malformed) => return self.broken(malformed).await,
            }
        }
        Ok(true)
    }

    /// Whether a Bind is to be asked about together with what follows it, or waits until that is here.
    pub(super) async fn take_in_group(
        &mut self,
        frame: &Frame,
        bind: &Bind<'_>,
        prepared: &Arc<Prepared>,
    ) -> Result<bool, Error> {
        let gathered = self.state.gathering.take();
        let here = |one: &Gathering| one.of.bytes().as_ptr() == frame.bytes().as_ptr();
        let Some(gathering) = gathered.filter(here) else {
            if !self.is_held(prepared) {
                return Ok(false);
            }
            self.state.gathering = Some(Gathering::new(frame, bind));
            self.state.ahead.push_front(frame.clone());
            return Ok(true);
        };
        if gathering.over {
            self.refuse_group(frame, bind).await?;
            return Ok(true);
        }
        if !gathering.is_group() {
            return Ok(false);
        }
        let rest = self.state.ahead.drain(..gathering.messages - 1);
        let frames: Vec<Frame> = std::iter::once(frame.clone()).chain(rest).collect();
        self.ask_group(frames, prepared).await?;
        Ok(true)
    }

    /// Whether a Bind is the first of a group, or may be.
    pub(super) fn may_group(&mut self, prepared: &Arc<Prepared>) -> bool {
        self.state.gathering.is_some() || self.is_held(prepared)
    }

    /// Whether people must be asked, as far as can be told now.
    fn is_held(&mut self, prepared: &Arc<Prepared>) -> bool {
        // what most clients send: one execution and its Sync
        let alone = self.state.ahead.is_empty() && !precedes(&self.inbox, b'B', b"DE");
        if alone || prepared.analysis.statements.iter().any(copies_in) {
            return false;
        }
        let operations = self.operations_of(&prepared.analysis);
        operations.is_ok_and(|operations| self.session.preview(&operations) == Verdict::Hold)
    }

    async fn refuse_group(&mut self, frame: &Frame, bind: &Bind<'_>) -> Result<(), Error> {
        let refused = Unclear {
            kind: UnclearKind::Oversize,
            code: "batch",
            message: format!(
                "a batch of more than {MOST} executions or {} MiB must wait for approval",
                LARGEST >> 20
            ),
            hint: Some("send smaller batches".into()),
            at: None,
        };
        let text = crate::request::Text::new(Redacted::plain("a batch"));
        let asked = self.asked(frame, (Err(refused), text), Vec::new());
        let kind = Kind::Bind {
            portal: bind.portal.to_owned(),
            made: None,
        };
        self.ask(asked, Then::of(kind, Plan::default())).await?;
        // as the server does after its refusal
        self.state.batch.skipping = true;
        Ok(())
    }

    async fn ask_group(
        &mut self,
        frames: Vec<Frame>,
        prepared: &Arc<Prepared>,
    ) -> Result<(), Error> {
        let operations = self.operations_of(&prepared.analysis);
        let (mut steps, mut rows) = (Vec::with_capacity(frames.len()), Vec::new());
        let mut parts = vec![
            Bytes::from_static(b"batch"),
            prepared.content.clone(),
            prepared.types.clone(),
        ];
        for frame in &frames {
            match Frontend::read(frame) {
                Ok(Frontend::Bind(bind)) => {
                    let (portal, lines) = self.portal(&bind, prepared);
                    parts.push(portal.content.clone());
                    rows.push(lines);
                    steps.push(Step::Bind {
                        name: bind.portal.to_owned(),
                        portal: Box::new(portal),
                    });
                }
                Ok(Frontend::Execute(execute)) => {
                    parts.push(Bytes::copy_from_slice(&execute.rows.to_be_bytes()));
                    steps.push(Step::Execute);
                }
                Ok(_) => steps.push(Step::Describe),
                Err(malformed) => return self.broken(malformed).await,
            }
        }
        let (text, sources) =
            self.sourced(Some(&prepared.analysis), prepared.text.with_rows(&rows));
        parts.extend(sources);
        self.ask_gathered(&frames, (operations, text, parts), steps)
            .await
    }

    async fn ask_gathered(
        &mut self,
        frames: &[Frame],
        (operations, text, parts): (
            Result<Arc<Operations>, Unclear>,
            crate::request::Text,
            Vec<Bytes>,
        ),
        steps: Vec<Step>,
    ) -> Result<(), Error> {
        let (Some(first), Some(Step::Bind { name, portal })) = (frames.first(), steps.first())
        else {
            return Ok(());
        };
        let kind = Kind::Bind {
            portal: name.clone(),
            made: Some(portal.made.clone()),
        };
        let mut then = Then::of(kind, portal.plan.clone());
        let mut asked = self.asked(first, (operations, text), parts);
        asked.wire = frames.iter().map(|frame| frame.bytes().clone()).collect();
        then.group = steps;
        self.ask(asked, then).await
    }

    /// The whole group is on its way: its outcome is that of its last execution.
    pub(super) fn forward_group(&mut self, underway: Underway, steps: Vec<Step>) {
        self.state.batch.forwarded = true;
        let mut current: Option<Box<Portal>> = None;
        for step in steps {
            let kind = match step {
                Step::Bind { name, mut portal } => {
                    portal.leave = Some(underway.leave());
                    let kind = Kind::Bind {
                        portal: name.clone(),
                        made: Some(portal.made.clone()),
                    };
                    self.state.portals.insert(name, Portal::clone(&portal));
                    current = Some(portal);
                    kind
                }
                Step::Describe => Kind::Describe {
                    prepared: current.as_ref().map(|portal| portal.prepared.clone()),
                },
                Step::Execute => Kind::Execute,
            };
            let Some(portal) = &current else { continue };
            let mask = match kind {
                Kind::Execute => {
                    self.forwarded(&portal.prepared.analysis.clone());
                    self.portal_mask(portal)
                }
                _ => None,
            };
            self.state.queue.push_back(Expected {
                plan: portal.plan.clone(),
                mask,
                grouped: true,
                ..Expected::new(kind, None)
            });
        }
        if let Some(last) = self.state.queue.back_mut() {
            last.underway = Some(underway);
        }
    }
}
