//! What the server answers: matched to what is expected, masked, recorded, and handed to the client.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gate::{Error, Masked, Outcome, OutcomeKind, Purpose, Ungoverned};

use super::own::OwnWork;
use super::{Exchange, Expected, Kind, ResultColumn};
use crate::decode::Statement;
use crate::mask::fields::{scrub_copy_line, scrub_fields, scrub_notification};
use crate::mask::{Hide, RowMask};
use crate::wire::Malformed;
use crate::wire::backend::{Backend, Fields, RowDescription, Status};
use crate::wire::frame::{BackendFrame, Frame, next_backend, pass_rows};
use crate::wire::refusal::Refusal;
use crate::wire::values::Values;
use crate::wire::write::server;

impl Exchange {
    /// Handles every whole message that has come.
    pub(super) async fn answers(&mut self) -> Result<(), Error> {
        loop {
            if self.passes_rows() {
                let (bytes, rows) = pass_rows(&mut self.replies);
                if rows > 0 {
                    self.rows_through(bytes, rows)?;
                    continue;
                }
            }
            let frame = match next_backend(&mut self.replies, &self.limits).map_err(broke)? {
                Some(BackendFrame::Whole(frame)) => frame,
                Some(BackendFrame::Large(_)) => {
                    return Err(Error::Backend(
                        "sent a row longer than the gateway reads".into(),
                    ));
                }
                None => break,
            };
            self.answer(&frame).await?;
        }
        self.session.recorded().await.map_err(Error::from)
    }

    /// Rows that no mask concerns pass as they are, without being looked into.
    fn passes_rows(&self) -> bool {
        let Some(front) = self.state.queue.front() else {
            return false;
        };
        let plain = match &front.mask {
            Some(mask) => mask.keeps_all(),
            None => {
                let masks = self.state.mask.governs_columns() || self.state.mask.detects();
                !masks && matches!(front.kind, Kind::Query { .. } | Kind::Execute)
            }
        };
        plain && !front.silent
    }

    fn rows_through(&mut self, bytes: Bytes, rows: u64) -> Result<(), Error> {
        let Some(front) = self.state.queue.front_mut() else {
            return Ok(());
        };
        front.rows += rows;
        let why = if self.state.mask.governs_columns() {
            Ungoverned::Lineage
        } else {
            Ungoverned::Revealed
        };
        self.reply(Masked::ungoverned(why, bytes))
    }

    /// Through the front's underway to the client.
    fn reply(&mut self, bytes: Masked) -> Result<(), Error> {
        let underway = self
            .state
            .queue
            .iter_mut()
            .find_map(|one| one.underway.as_mut());
        let bytes = match underway {
            Some(underway) => underway
                .reply(bytes)
                .map_err(|revoked| Error::Ended(revoked.0))?,
            None => bytes.unrecorded(&self.session).map_err(Error::Ended)?,
        };
        self.client.queue(bytes);
        Ok(())
    }

    fn protocol(&mut self, frame: &Frame) -> Result<(), Error> {
        let silent = self.state.queue.front().is_some_and(|front| front.silent);
        if silent {
            return Ok(());
        }
        self.reply(Masked::ungoverned(
            Ungoverned::Protocol,
            frame.bytes().clone(),
        ))
    }

    async fn answer(&mut self, frame: &Frame) -> Result<(), Error> {
        match Backend::read(frame).map_err(broke)? {
            Backend::ParameterStatus { name, value } => self.parameter(frame, name, value),
            Backend::NoticeResponse(_) => self.notice_from_server(frame),
            Backend::NotificationResponse { .. } => self.notification(frame),
            Backend::ReadyForQuery(status) => self.ready(frame, status).await,
            Backend::ErrorResponse(fields) => self.error(frame, fields),
            Backend::RowDescription(description) => self.row_description(frame, description),
            Backend::DataRow(values) => self.data_row(frame, values),
            Backend::CommandComplete(tag) => self.command_complete(frame, tag.rows()),
            Backend::EmptyQueryResponse => self.command_complete(frame, None),
            Backend::ParseComplete | Backend::BindComplete => self.one_done(frame),
            Backend::CloseComplete => self.close_complete(frame),
            Backend::NoData => self.no_data(frame),
            Backend::ParameterDescription(_) => self.protocol(frame),
            Backend::PortalSuspended => self.execute_done(frame),
            Backend::CopyOutResponse(formats) => self.copy_out(frame, formats.binary),
            Backend::CopyData(_) => self.copy_data(frame),
            Backend::CopyDone => self.protocol(frame),
            Backend::CopyInResponse(_) => self.fail_copy_in().await,
            Backend::CopyBothResponse(_)
            | Backend::FunctionCallResponse(_)
            | Backend::NegotiateProtocolVersion(_)
            | Backend::BackendKeyData { .. }
            | Backend::Authentication(_) => {
                Err(Error::Backend("sent a message out of turn".into()))
            }
        }
    }

    fn parameter(&mut self, frame: &Frame, name: &str, value: &[u8]) -> Result<(), Error> {
        match name {
            "standard_conforming_strings" if value != b"on" => {
                return Err(Error::Backend(
                    "turned standard_conforming_strings off".into(),
                ));
            }
            "client_encoding" if value != self.encoding.as_slice() && value != b"UTF8" => {
                return Err(Error::Backend("changed client_encoding".into()));
            }
            "application_name" => self.application = value.to_vec(),
            _ => {}
        }
        // reports come whoever caused them: the client's mirror must be true
        self.reply(Masked::ungoverned(
            Ungoverned::Protocol,
            frame.bytes().clone(),
        ))
    }

    fn notice_from_server(&mut self, frame: &Frame) -> Result<(), Error> {
        let drop_detail = self
            .state
            .queue
            .front()
            .is_some_and(|front| front.plan.drop_detail);
        let mask = self.state.mask.clone();
        let scrubbed =
            scrub_fields(frame, &|text| mask.detect(text), drop_detail).map_err(broke)?;
        self.reply(Masked::by(&mask, scrubbed))
    }

    fn notification(&mut self, frame: &Frame) -> Result<(), Error> {
        let mask = self.state.mask.clone();
        let scrubbed = scrub_notification(frame, &|text| mask.detect(text)).map_err(broke)?;
        self.reply(Masked::by(&mask, scrubbed))
    }

    fn row_description(
        &mut self,
        frame: &Frame,
        description: RowDescription<'_>,
    ) -> Result<(), Error> {
        let columns: Vec<ResultColumn> = description
            .iter()
            .map(|column| ResultColumn {
                table: column.table,
                attribute: column.attribute,
                type_oid: column.type_oid,
            })
            .collect();
        let unknown_seen = columns.iter().any(|column| {
            column.table != 0
                && self.state.governed.origin(column.table, column.attribute)
                    == crate::governed::Origin::Unknown
        });
        if unknown_seen && self.state.mask.governs_columns() {
            self.shared
                .catalogues
                .forget(&self.session.target().name, &self.facts.database);
            self.state.catalogue_stale = true;
        }
        let Some(front) = self.state.queue.front() else {
            return Err(out_of_turn());
        };
        match &front.kind {
            Kind::Query { .. } => {
                let unknown = front.plan.unknown;
                let rules = description.iter().map(|column| {
                    (
                        self.rule(column.table, column.attribute, unknown),
                        column.type_oid,
                        column.binary,
                    )
                });
                let mask =
                    RowMask::new(rules).map_err(|error| Error::Backend(error.to_string()))?;
                if let Some(front) = self.state.queue.front_mut() {
                    front.mask = Some(Arc::new(mask));
                }
                self.protocol(frame)
            }
            Kind::DescribeStatement { name } => {
                if let Some(prepared) = self.state.statements.get(name) {
                    Self::described(prepared, Some(columns));
                }
                self.one_done(frame)
            }
            Kind::DescribePortal { name } => {
                if let Some(portal) = self.state.portals.get(name) {
                    Self::described(&portal.prepared, Some(columns));
                }
                self.one_done(frame)
            }
            Kind::Own(OwnWork::Describe { prepared }) => {
                Self::described(prepared, Some(columns));
                self.own_front_done()
            }
            Kind::Own(_) => Ok(()),
            Kind::Parse { .. } | Kind::Bind { .. } | Kind::Execute | Kind::Close | Kind::Sync => {
                Err(out_of_turn())
            }
        }
    }

    fn no_data(&mut self, frame: &Frame) -> Result<(), Error> {
        let Some(front) = self.state.queue.front() else {
            return Err(out_of_turn());
        };
        match &front.kind {
            Kind::Own(OwnWork::Describe { prepared }) => {
                Self::described(prepared, None);
                self.own_front_done()
            }
            Kind::DescribeStatement { name } => {
                if let Some(prepared) = self.state.statements.get(name) {
                    Self::described(prepared, None);
                }
                self.one_done(frame)
            }
            _ => self.one_done(frame),
        }
    }

    fn own_front_done(&mut self) -> Result<(), Error> {
        match self.state.queue.pop_front() {
            Some(expected) => self.own_done(expected),
            None => Err(out_of_turn()),
        }
    }

    fn data_row(&mut self, frame: &Frame, values: Values<'_>) -> Result<(), Error> {
        let Some(front) = self.state.queue.front_mut() else {
            return Err(out_of_turn());
        };
        front.rows += 1;
        match &mut front.kind {
            Kind::Own(OwnWork::ReadBack(rows) | OwnWork::Catalogue(rows)) => {
                rows.push(
                    values
                        .iter()
                        .map(|value| value.map(<[u8]>::to_vec))
                        .collect(),
                );
                return Ok(());
            }
            Kind::Query { .. } | Kind::Execute => {}
            _ => return Err(out_of_turn()),
        }
        if front.silent {
            return Ok(());
        }
        let session_mask = self.state.mask.clone();
        let Some(mask) = front.mask.clone() else {
            // rows without a known description may pass only where nothing would be masked in them
            if session_mask.governs_columns() || session_mask.detects() {
                return Err(Error::Backend("sent rows that nobody described".into()));
            }
            return self.reply(Masked::ungoverned(
                Ungoverned::Revealed,
                frame.bytes().clone(),
            ));
        };
        let mut out = BytesMut::new();
        let hide = Hide {
            detect: &|text| session_mask.detect(text),
            mask: &|class, text| session_mask.mask_value(class, text),
        };
        let masked = mask.rewrite_row(frame.bytes(), hide, &mut out);
        masked.map_err(|error| Error::Backend(error.to_string()))?;
        self.reply(Masked::by(&session_mask, out.freeze()))
    }

    fn command_complete(&mut self, frame: &Frame, rows: Option<u64>) -> Result<(), Error> {
        let Some(front) = self.state.queue.front_mut() else {
            return Err(out_of_turn());
        };
        if let Some(rows) = rows {
            front.rows = front.rows.max(rows);
        }
        let analysis = front.plan.analysis.clone();
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
                    self.statement_done(statement);
                }
                Ok(())
            }
            Kind::Execute => {
                if let Some(statement) = analysis.as_ref().and_then(|all| all.statements.first()) {
                    self.statement_done(statement);
                }
                self.execute_done(frame)
            }
            Kind::Own(_) => Ok(()),
            _ => Err(out_of_turn()),
        }
    }

    fn execute_done(&mut self, frame: &Frame) -> Result<(), Error> {
        if !matches!(
            self.state.queue.front().map(|front| &front.kind),
            Some(Kind::Execute)
        ) {
            return Err(out_of_turn());
        }
        self.one_done(frame)
    }

    /// A statement took effect at the server.
    fn statement_done(&mut self, statement: &Statement) {
        if let Some((name, prepared)) = &statement.prepared {
            self.facts.prepared.insert(name.clone(), prepared.clone());
            self.state.operations.forget();
        }
        if statement.effect() == gate::words::Effect::Unknown {
            self.forget_names();
        }
        let shapes = statement
            .parts
            .iter()
            .any(|part| changes_shape(part.verb.id));
        if shapes || statement.effect() == gate::words::Effect::Unknown {
            self.shared
                .catalogues
                .forget(&self.session.target().name, &self.facts.database);
            self.state.catalogue_stale = true;
        }
    }

    /// The message at the front is answered whole.
    fn one_done(&mut self, frame: &Frame) -> Result<(), Error> {
        self.protocol(frame)?;
        self.complete_front()
    }

    fn close_complete(&mut self, frame: &Frame) -> Result<(), Error> {
        match self.state.queue.front().map(|front| &front.kind) {
            Some(Kind::Own(_)) => Ok(()),
            _ => self.one_done(frame),
        }
    }

    fn complete_front(&mut self) -> Result<(), Error> {
        match self.state.queue.front().map(|front| &front.kind) {
            // the gateway's own answers are complete with their ReadyForQuery
            Some(Kind::Own(_)) => return Ok(()),
            Some(_) => {}
            None => return Err(out_of_turn()),
        }
        if let Some(expected) = self.state.queue.pop_front() {
            self.settled(expected);
        }
        Ok(())
    }

    fn settled(&mut self, expected: Expected) {
        let Expected {
            underway,
            rows,
            code,
            refusal,
            ..
        } = expected;
        let Some(underway) = underway else { return };
        let kind = match (&code, &refusal) {
            (_, Some(_)) => OutcomeKind::Refused,
            (Some(code), None) if code == "57014" => OutcomeKind::Cancelled,
            (Some(_), None) => OutcomeKind::Failed,
            (None, None) => OutcomeKind::Completed,
        };
        underway.done(Outcome {
            rows,
            code,
            ..Outcome::of(kind)
        });
    }

    fn error(&mut self, frame: &Frame, fields: Fields<'_>) -> Result<(), Error> {
        let code = String::from_utf8_lossy(fields.sqlstate().unwrap_or(b"XX000")).into_owned();
        let fatal = fields.is_fatal();
        let mask = self.state.mask.clone();
        let Some(front) = self.state.queue.front_mut() else {
            let scrubbed = scrub_fields(frame, &|text| mask.detect(text), true).map_err(broke)?;
            self.reply(Masked::by(&mask, scrubbed))?;
            return if fatal {
                Err(Error::Backend(format!("ended the session with {code}")))
            } else {
                Ok(())
            };
        };
        front.code = Some(code.clone());
        let drop_detail = front.plan.drop_detail;
        let rewritten = front
            .refusal
            .as_ref()
            .and_then(|refusal| refusal.rewrite(&fields));
        let silent = front.silent;
        match rewritten {
            Some(refusal) => self.reply(Masked::ungoverned(Ungoverned::Own, refusal))?,
            None if silent => {}
            None => {
                let scrubbed =
                    scrub_fields(frame, &|text| mask.detect(text), drop_detail).map_err(broke)?;
                self.reply(Masked::by(&mask, scrubbed))?;
            }
        }
        if fatal {
            return Err(Error::Backend(format!("ended the session with {code}")));
        }
        self.skip_to_sync();
        Ok(())
    }

    /// After an error of the extended protocol the server skips until Sync: so does what is expected of it.
    fn skip_to_sync(&mut self) {
        let ends_itself = |kind: &Kind| match kind {
            Kind::Query { .. } | Kind::Sync => true,
            Kind::Own(OwnWork::Describe { .. }) => false,
            Kind::Own(_) => true,
            _ => false,
        };
        let mut skipped = false;
        while let Some(front) = self.state.queue.front() {
            if ends_itself(&front.kind) {
                break;
            }
            let Some(mut expected) = self.state.queue.pop_front() else {
                break;
            };
            self.undo(&expected.kind);
            if skipped {
                expected.code = Some("skipped".to_owned());
            }
            skipped = true;
            self.settled(expected);
        }
        let early = matches!(
            self.state.queue.front().map(|front| &front.kind),
            Some(Kind::Own(OwnWork::EarlySync))
        );
        if skipped && (self.state.queue.is_empty() || early) {
            self.state.batch.skipping = true;
            // a message of the same batch that waits for people will not run any more
            drop(self.state.held.take());
        }
    }

    /// What a message that failed or was skipped would have made is not there: it has to be made again.
    fn undo(&mut self, kind: &Kind) {
        match kind {
            Kind::Parse { name } => {
                self.state.statements.remove(name);
                self.facts.prepared.remove(name);
                self.state.operations.forget();
            }
            Kind::Bind { portal } => drop(self.state.portals.remove(portal)),
            _ => {}
        }
    }

    async fn ready(&mut self, frame: &Frame, status: Status) -> Result<(), Error> {
        self.status = status;
        if status == Status::Idle && std::mem::take(&mut self.state.volatile) {
            self.state.read_back = true;
        }
        let Some(expected) = self.state.queue.pop_front() else {
            return Err(out_of_turn());
        };
        match &expected.kind {
            Kind::Own(OwnWork::EarlySync) => Self::early_sync_done(expected),
            Kind::Own(_) => self.own_done(expected)?,
            Kind::Query { .. } | Kind::Sync => {
                self.state.queue.push_front(expected);
                self.protocol(frame)?;
                self.complete_front()?;
                if status == Status::Idle {
                    self.state.batch.begun = false;
                }
            }
            _ => return Err(out_of_turn()),
        }
        if self.state.held.is_none() {
            self.own_work().await?;
        }
        Ok(())
    }

    fn copy_out(&mut self, frame: &Frame, binary: bool) -> Result<(), Error> {
        if binary && self.state.mask.detects() {
            let Some(front) = self.state.queue.front_mut() else {
                return Err(out_of_turn());
            };
            front.silent = true;
            let refusal = Refusal::Masking {
                reason: "binary COPY data cannot be masked".into(),
                hint: "copy as text or csv".into(),
            };
            self.reply(Masked::ungoverned(Ungoverned::Own, refusal.encode()))?;
            return Ok(());
        }
        self.protocol(frame)
    }

    fn copy_data(&mut self, frame: &Frame) -> Result<(), Error> {
        let Some(front) = self.state.queue.front_mut() else {
            return Err(out_of_turn());
        };
        front.rows += 1;
        if front.silent {
            return Ok(());
        }
        let mask = self.state.mask.clone();
        let scrubbed = scrub_copy_line(frame, &|text| mask.detect(text)).map_err(broke)?;
        self.reply(Masked::by(&mask, scrubbed))
    }

    /// The server waits for COPY data that no client may send here: it is told that none comes.
    async fn fail_copy_in(&mut self) -> Result<(), Error> {
        let failed =
            server::copy_fail("COPY FROM STDIN is not spoken by the gateway").map_err(broke)?;
        let permit = self.session.own(Purpose::Framing, vec![failed]).await?;
        match self.server.forward(permit) {
            Ok((_, underway)) => {
                underway.done(Outcome::of(OutcomeKind::Completed));
                Ok(())
            }
            Err(_) => Err(Error::Ended(gate::End::Killed)),
        }
    }
}

/// Statements that change which columns there are.
fn changes_shape(verb: &str) -> bool {
    verb.starts_with("create")
        || verb.starts_with("alter")
        || verb.starts_with("drop")
        || verb == "discard"
}

fn broke(malformed: Malformed) -> Error {
    Error::Backend(malformed.to_string())
}

fn out_of_turn() -> Error {
    Error::Backend("sent an answer that nothing asked for".into())
}
