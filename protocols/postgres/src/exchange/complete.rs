//! Answers that are whole: what they were for is settled, and what they changed is known.

use std::sync::Arc;

use gate::{Error, Outcome, OutcomeKind};

use super::Exchange;
use super::answer::out_of_turn;
use super::expected::{Expected, Kind};
use super::own::OwnWork;
use super::state::{Prepared, Source};
use crate::wire::backend::Status;
use crate::wire::frame::Frame;

impl Exchange {
    pub(super) fn command_complete(
        &mut self,
        frame: &Frame,
        rows: Option<u64>,
    ) -> Result<(), Error> {
        self.withheld_to_the_end()?;
        let Some(front) = self.state.queue.front_mut() else {
            return Err(out_of_turn());
        };
        if let Some(rows) = rows {
            front.rows = front.rows.max(rows);
        }
        let (analysis, source) = (front.plan.analysis.clone(), front.plan.source.clone());
        match &mut front.kind {
            Kind::Query { done } => {
                let statement = *done;
                *done += 1;
                front.mask = None;
                self.protocol(frame)?;
                if let Some(statement) = analysis
                    .as_ref()
                    .and_then(|all| all.statements.get(statement))
                {
                    self.statement_done(statement, source);
                }
                Ok(())
            }
            Kind::Execute => {
                if let Some(statement) = analysis.as_ref().and_then(|all| all.statements.first()) {
                    self.statement_done(statement, source);
                }
                self.execute_done(frame)
            }
            Kind::Own(_) => Ok(()),
            _ => Err(out_of_turn()),
        }
    }

    pub(super) fn execute_done(&mut self, frame: &Frame) -> Result<(), Error> {
        if !matches!(
            self.state.queue.front().map(|front| &front.kind),
            Some(Kind::Execute)
        ) {
            return Err(out_of_turn());
        }
        self.one_done(frame)
    }

    /// The message at the front is answered whole.
    pub(super) fn one_done(&mut self, frame: &Frame) -> Result<(), Error> {
        self.protocol(frame)?;
        self.complete_front()
    }

    pub(super) fn parse_complete(&mut self, frame: &Frame) -> Result<(), Error> {
        match self.state.queue.front().map(|front| &front.kind) {
            Some(Kind::Own(_)) => return Ok(()),
            Some(Kind::Parse { name, made }) => {
                let (name, made) = (name.clone(), made.clone());
                self.prepared(name, made);
            }
            _ => return Err(out_of_turn()),
        }
        self.one_done(frame)
    }

    /// The server has it under its name, for EXECUTE too where it has one, unless something was done to the name since.
    fn prepared(&mut self, name: String, made: Option<Arc<Prepared>>) {
        let Some(prepared) = made else { return };
        prepared.made.answered(true);
        let named = self.state.statements.get(&name);
        if name.is_empty() || !named.is_some_and(|named| Arc::ptr_eq(named, &prepared)) {
            return;
        }
        if let [statement] = prepared.analysis.statements.as_slice() {
            let source = Source {
                sent: prepared.content.clone(),
                text: prepared.text.clone(),
            };
            self.state.sources.insert(name.clone(), source);
            self.facts
                .prepared
                .insert(name, Arc::new(statement.clone()));
            self.state.operations.forget();
        }
    }

    pub(super) fn bind_complete(&mut self, frame: &Frame) -> Result<(), Error> {
        match self.state.queue.front().map(|front| &front.kind) {
            Some(Kind::Own(_)) => return Ok(()),
            Some(Kind::Bind { made, .. }) => {
                if let Some(made) = made {
                    made.answered(true);
                }
            }
            _ => return Err(out_of_turn()),
        }
        self.one_done(frame)
    }

    pub(super) fn close_complete(&mut self, frame: &Frame) -> Result<(), Error> {
        match self.state.queue.front().map(|front| &front.kind) {
            Some(Kind::Own(OwnWork::Shape { of: Some(_), .. })) => self.own_front_done(),
            Some(Kind::Own(_)) => Ok(()),
            Some(Kind::Close) => self.one_done(frame),
            _ => Err(out_of_turn()),
        }
    }

    fn complete_front(&mut self) -> Result<(), Error> {
        match self.state.queue.front().map(|front| &front.kind) {
            // the gateway's own answers are complete with their ReadyForQuery
            Some(Kind::Own(_)) => return Ok(()),
            Some(_) => {}
            None => return Err(out_of_turn()),
        }
        let Some(mut expected) = self.state.queue.pop_front() else {
            return Ok(());
        };
        match self.state.queue.front_mut() {
            Some(next) if expected.joined => next.underway = expected.underway.take(),
            next => {
                let grouped = next.filter(|next| next.grouped && expected.underway.is_none());
                if let Some(next) = grouped {
                    next.rows_before = expected.rows_before + expected.rows;
                }
                self.settled(expected);
            }
        }
        Ok(())
    }

    pub(super) fn settled(&mut self, expected: Expected) {
        self.copy_in_settled(&expected.kind, expected.plan.analysis.as_deref());
        self.state.touched.governed(expected.plan.drop_detail);
        let Expected {
            underway,
            rows,
            code,
            refusal,
            withheld,
            rows_before,
            ..
        } = expected;
        let Some(underway) = underway else { return };
        let kind = match (&code, &refusal) {
            _ if withheld => OutcomeKind::Failed,
            (_, Some(_)) => OutcomeKind::Refused,
            (Some(code), None) if code == "57014" => OutcomeKind::Cancelled,
            (Some(_), None) => OutcomeKind::Failed,
            (None, None) => OutcomeKind::Completed,
        };
        underway.done(Outcome {
            rows: rows + rows_before,
            code,
            ..Outcome::of(kind)
        });
    }

    pub(super) async fn ready(&mut self, frame: &Frame, status: Status) -> Result<(), Error> {
        self.status = status;
        if status == Status::Idle && std::mem::take(&mut self.state.volatile) {
            self.state.read_back = true;
        }
        if status == Status::Idle && std::mem::take(&mut self.state.shaped) {
            // it is there for all now, or for nobody
            self.reshaped();
        }
        let Some(mut expected) = self.state.queue.pop_front() else {
            return Err(out_of_turn());
        };
        expected.silent &= matches!(expected.kind, Kind::Own(_));
        match &expected.kind {
            Kind::Own(OwnWork::EarlySync) => Self::early_sync_done(expected),
            Kind::Own(_) => self.own_done(expected)?,
            Kind::Query { .. } | Kind::Sync => {
                self.state.queue.push_front(expected);
                self.protocol(frame)?;
                self.complete_front()?;
                // a query ends the batch that it came in
                self.state.batch.forwarded &= !self.state.queue.is_empty();
                if status == Status::Idle {
                    self.state.batch.begun = false;
                }
            }
            _ => return Err(out_of_turn()),
        }
        self.state.touched.ready(status);
        let last = self.state.queue.is_empty();
        self.state.unsynced.ready(status, last);
        if self.state.held.is_none() {
            self.own_work().await?;
        }
        Ok(())
    }
}
