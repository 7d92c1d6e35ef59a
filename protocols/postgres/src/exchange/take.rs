//! What a client sends, message by message: decoded, judged, and handed on or refused.

use std::sync::Arc;

use bytes::Bytes;
use gate::words::{Hiding, Redacted};
use gate::{Error, Purpose, Unclear, UnclearKind};

use super::Exchange;
use super::ask::Then;
use super::copy_in;
use super::expected::{Expected, Kind, Plan};
use super::state::{Batch, Made};
use crate::decode::Analysis;
use crate::request::{self, Text};
use crate::wire::Malformed;
use crate::wire::frame::{Frame, Phase, next_frontend};
use crate::wire::frontend::Frontend;
use crate::wire::refusal::Refusal;

impl Exchange {
    /// Takes every whole message that has come, until one has to wait.
    pub(super) async fn take_frames(&mut self) -> Result<(), Error> {
        while self.state.copy_in.drop_rest(&mut self.inbox) && self.ready_to_take() {
            if self.state.copy_in.passes() {
                if self.take_copy_data().await? {
                    continue;
                }
                break;
            }
            if !self.gather().await? {
                break;
            }
            let next = self.state.postponed.take();
            let frame = match next.or_else(|| self.state.ahead.pop_front()) {
                Some(frame) => frame,
                None => match next_frontend(&mut self.inbox, Phase::CopyEnded, &self.limits) {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(malformed) => return self.broken(malformed).await,
                },
            };
            self.take(frame).await?;
        }
        if self.state.client_ended && self.state.queue.is_empty() && self.state.held.is_none() {
            self.state.over = true;
        }
        Ok(())
    }

    fn ready_to_take(&self) -> bool {
        if self.state.copy_in.passes() {
            return self.state.cancelling.is_none() && self.server.backlog() < super::BACKLOG;
        }
        let awaits_copy = self.state.copy_in.is_awaited() && !self.state.queue.is_empty();
        // what is taken goes on, and is owed an answer: neither without a bound
        let room =
            self.state.queue.len() < super::PIPELINE && self.server.backlog() < super::BACKLOG;
        room && self.state.held.is_none()
            && !awaits_copy
            && self.state.cancelling.is_none()
            && !self.state.over
            && !self.owes_own()
            && !self.must_wait()
            && !self.awaits()
    }

    /// What the postponed message rests on is not answered yet.
    fn awaits(&self) -> bool {
        let open = self
            .state
            .awaited
            .as_ref()
            .is_some_and(|made| !made.is_answered());
        open && !self.state.queue.is_empty()
    }

    /// Postpones a message of a batch until the server has answered what it rests on, which an earlier batch sent.
    pub(super) fn must_await(&mut self, made: &Arc<Made>, frame: &Frame) -> bool {
        let waits = !made.is_answered() && !made.carries(self.state.batches);
        if waits {
            self.state.awaited = Some(made.clone());
            self.state.postponed = Some(frame.clone());
        }
        waits
    }

    /// At the start of a batch, while what the one before changed is not known: its answers come first.
    fn must_wait(&self) -> bool {
        self.state.read_back && !self.state.batch.forwarded && !self.state.queue.is_empty()
    }

    pub(super) async fn broken<T>(&mut self, malformed: Malformed) -> Result<T, Error> {
        crate::client::farewell(&mut self.client, &Refusal::Malformed(malformed)).await
    }

    async fn take(&mut self, frame: Frame) -> Result<(), Error> {
        self.refresh_mask();
        if !self.state.batch.forwarded && self.must_look() {
            self.state.postponed = Some(frame);
            return self.own_work().await;
        }
        let message = match Frontend::read(&frame) {
            Ok(message) => message,
            Err(malformed) => return self.broken(malformed).await,
        };
        let ends_batch = matches!(message, Frontend::Sync | Frontend::Terminate);
        if self.state.batch.skipping && !ends_batch {
            return Ok(());
        }
        if std::mem::take(&mut self.state.taken_back)
            && let Some(kind) = taken_back(&message)
        {
            return self.refuse_taken_back(&frame, kind).await;
        }
        match message {
            Frontend::Query(query) => self.take_query(&frame, query.text).await,
            Frontend::Parse(parse) => self.take_parse(&frame, parse).await,
            Frontend::Bind(bind) => self.take_bind(&frame, bind).await,
            Frontend::Execute(execute) => self.take_execute(&frame, execute).await,
            Frontend::Describe(named) => self.take_describe(&frame, named).await,
            Frontend::Close(named) => self.take_close(&frame, named).await,
            Frontend::Flush => self.pass(frame.into_bytes(), None).await,
            Frontend::Sync => self.take_sync(frame).await,
            Frontend::FunctionCall(_) => self.take_function_call(&frame).await,
            Frontend::CopyData(_) | Frontend::CopyDone | Frontend::CopyFail { .. } => {
                // sent before it was known that the COPY failed: the server itself ignores it
                Ok(())
            }
            Frontend::Terminate => {
                // what runs is answered to its end, as by the server itself
                self.state.client_ended = true;
                Ok(())
            }
        }
    }

    async fn take_query(&mut self, frame: &Frame, text: &str) -> Result<(), Error> {
        let analysis = self.shared.analyses.of(text).await;
        if let Ok(analysis) = &analysis
            && self.must_shape(frame, analysis).await?
        {
            return Ok(());
        }
        // what was sent before it without a Sync may still fail, and then this is skipped as well
        self.state.batch = Batch {
            begun: self.state.batch.begun,
            forwarded: self.state.batch.forwarded,
            ..Default::default()
        };
        let shown = self.shown(text, analysis.as_deref().ok());
        let decoded = match &analysis {
            Ok(analysis) => self.operations_of(analysis),
            Err(refused) => Err(request::unclear(refused)),
        };
        let mut plan = self.plan(analysis.ok());
        self.shape(frame, &mut plan);
        Self::keep_source(&mut plan, frame.bytes(), &shown);
        let (shown, sources) = self.sourced(plan.analysis.as_deref(), shown);
        let content = match sources.as_slice() {
            [] => Vec::new(),
            _ => [
                vec![Bytes::from_static(b"query"), frame.bytes().clone()],
                sources,
            ]
            .concat(),
        };
        let mut asked = self.asked(frame, (decoded, shown), content);
        asked.note = copy_in::note(plan.analysis.as_deref());
        self.ask(asked, Then::of(Kind::Query { done: 0 }, plan))
            .await
    }

    async fn take_sync(&mut self, frame: Frame) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.state.batch);
        self.state.batches += 1;
        if batch.skipping && !batch.forwarded && self.state.queue.is_empty() {
            // the gateway itself refused, and nothing of the batch went out
            return self.ready_locally();
        }
        self.pass(frame.into_bytes(), Some(Expected::new(Kind::Sync, None)))
            .await?;
        self.state.batch.forwarded = false;
        if self.status == crate::wire::backend::Status::Idle && !batch.begun {
            self.state.portals.clear();
        }
        Ok(())
    }

    async fn take_function_call(&mut self, frame: &Frame) -> Result<(), Error> {
        let refused = request::unsupported(
            "function_call",
            "the function call message is not spoken here",
            "call the function in a statement: SELECT function(...)",
        );
        let text = Text::new(Redacted::plain("function call"));
        let asked = self.asked(frame, (Err(refused), text), Vec::new());
        let kind = Kind::Query { done: 0 };
        self.ask(asked, Then::of(kind, Plan::default())).await
    }

    /// The client cancelled before its message was judged.
    async fn refuse_taken_back(&mut self, frame: &Frame, kind: Kind) -> Result<(), Error> {
        let refused = Unclear {
            kind: UnclearKind::TakenBack,
            code: "cancelled",
            message: "the client cancelled it".to_owned(),
            hint: None,
            at: None,
        };
        let text = Text::new(Redacted::plain("a cancelled statement"));
        let asked = self.asked(frame, (Err(refused), text), Vec::new());
        self.ask(asked, Then::of(kind, Plan::default())).await
    }

    /// A name that this session did not prepare or bind through the gateway: it cannot be judged.
    pub(super) async fn unknown(
        &mut self,
        frame: &Frame,
        kind: Kind,
        what: &str,
    ) -> Result<(), Error> {
        let refused = request::unsupported(
            "unknown_name",
            &format!("no such prepared {what} is known here"),
            "prepare it again with a Parse message on this connection",
        );
        let asked = self.asked(
            frame,
            (Err(refused), Text::new(Redacted::plain(what))),
            Vec::new(),
        );
        self.ask(asked, Then::of(kind, Plan::default())).await
    }

    /// Passes what belongs to something underway, or on the gateway's own account where nothing is.
    pub(super) async fn pass(
        &mut self,
        bytes: Bytes,
        expected: Option<Expected>,
    ) -> Result<(), Error> {
        let last = self
            .state
            .queue
            .iter_mut()
            .rev()
            .find_map(|one| one.underway.as_mut());
        match last {
            Some(underway) => {
                let passed = self.server.more(underway, bytes);
                passed.map_err(|revoked| Error::Ended(revoked.0))?;
                self.state.queue.extend(expected);
            }
            None => {
                let permit = self.session.own(Purpose::Framing, vec![bytes]).await?;
                let forwarded = self.server.forward(permit);
                let (_, underway) = forwarded.map_err(|_| Error::Ended(gate::End::Killed))?;
                match expected {
                    Some(mut expected) => {
                        expected.underway = Some(underway);
                        self.state.queue.push_back(expected);
                    }
                    // a Flush has no answer
                    None => underway.done(gate::Outcome::of(gate::OutcomeKind::Completed)),
                }
            }
        }
        self.state.batch.forwarded = true;
        Ok(())
    }

    /// A text that the client sees again: constants that detectors know are marked, for every reader.
    pub(super) fn shown(&self, text: &str, analysis: Option<&Analysis>) -> Text {
        let redacted = match analysis {
            Some(analysis) => self.state.mask.redact(text, &analysis.hiding),
            None => self.state.mask.redact(text, &Hiding::whole(text)),
        };
        Text::new(redacted)
    }
}

/// What a message that runs something, or leads to it, is answered as.
fn taken_back(message: &Frontend<'_>) -> Option<Kind> {
    match message {
        Frontend::Query(_) => Some(Kind::Query { done: 0 }),
        Frontend::Parse(parse) => Some(Kind::Parse {
            name: parse.name.to_owned(),
            made: None,
        }),
        Frontend::Bind(bind) => Some(Kind::Bind {
            portal: bind.portal.to_owned(),
            made: None,
        }),
        Frontend::Execute(_) => Some(Kind::Execute),
        _ => None,
    }
}
