//! What the server answers: matched to what is expected, masked, recorded, and handed to the client.

use gate::{Error, Masked, Outcome, OutcomeKind, Purpose, Ungoverned};

use super::Exchange;
use crate::wire::Malformed;
use crate::wire::backend::Backend;
use crate::wire::copy::pass as pass_copy;
use crate::wire::frame::{BackendFrame, Frame, next_backend, pass_rows};
use crate::wire::write::server;

impl Exchange {
    /// Handles every whole message that has come.
    pub(super) async fn answers(&mut self) -> Result<(), Error> {
        loop {
            if self.withholds() || !self.pass_large()? {
                break;
            }
            if self.passes_copy() {
                let (bytes, messages) = pass_copy(&mut self.replies);
                if messages > 0 {
                    self.copied_through(bytes, messages)?;
                    continue;
                }
            }
            if self.passes_rows() {
                let (bytes, rows) = pass_rows(&mut self.replies);
                if rows > 0 {
                    self.rows_through(bytes, rows)?;
                    continue;
                }
            }
            let frame = match next_backend(&mut self.replies, &self.limits).map_err(broke)? {
                Some(BackendFrame::Whole(frame)) => frame,
                Some(BackendFrame::Large(large)) => {
                    self.large(large)?;
                    continue;
                }
                None => break,
            };
            self.answer(&frame).await?;
        }
        self.session.recorded().await.map_err(Error::from)
    }

    /// Through the front's underway to the client.
    pub(super) fn reply(&mut self, bytes: Masked) -> Result<(), Error> {
        let underway = self
            .state
            .queue
            .iter_mut()
            .find_map(|one| one.underway.as_mut());
        let bytes = match underway {
            Some(underway) => underway
                .reply_part(bytes)
                .map_err(|revoked| Error::Ended(revoked.0))?,
            None => bytes.unrecorded(&self.session).map_err(Error::Ended)?,
        };
        self.client.queue(bytes);
        Ok(())
    }

    pub(super) fn protocol(&mut self, frame: &Frame) -> Result<(), Error> {
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
            Backend::NoticeResponse(fields) => self.notice_from_server(frame, &fields),
            Backend::NotificationResponse { .. } => self.notification(frame),
            Backend::ReadyForQuery(status) => self.ready(frame, status).await,
            Backend::ErrorResponse(fields) => self.error(frame, fields).await,
            Backend::RowDescription(description) => self.row_description(frame, description),
            Backend::DataRow(values) => self.data_row(frame, values),
            Backend::CommandComplete(tag) => self.command_complete(frame, tag.rows()),
            Backend::EmptyQueryResponse => self.command_complete(frame, None),
            Backend::ParseComplete => self.parse_complete(frame),
            Backend::BindComplete => self.bind_complete(frame),
            Backend::CloseComplete => self.close_complete(frame),
            Backend::NoData => self.no_data(frame),
            Backend::ParameterDescription(types) => self.parameters_described(frame, types),
            Backend::PortalSuspended => self.execute_done(frame),
            Backend::CopyOutResponse(formats) => self.copy_out(frame, formats),
            Backend::CopyData(_) => self.copy_data(frame),
            Backend::CopyDone => self.copy_out_done(frame),
            Backend::CopyInResponse(_) => self.copy_in_begun(frame).await,
            Backend::CopyBothResponse(_)
            | Backend::FunctionCallResponse(_)
            | Backend::NegotiateProtocolVersion(_)
            | Backend::BackendKeyData { .. }
            | Backend::Authentication(_) => {
                Err(Error::Backend("sent a message out of turn".into()))
            }
        }
    }

    /// The server waits for COPY data that nothing underway is known to bring: it is told that none comes.
    pub(super) async fn fail_copy_in(&mut self) -> Result<(), Error> {
        let failed = server::copy_fail("the gateway knows of no COPY FROM STDIN").map_err(broke)?;
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

pub(super) fn broke(malformed: Malformed) -> Error {
    Error::Backend(malformed.to_string())
}

pub(super) fn out_of_turn() -> Error {
    Error::Backend("sent an answer that nothing asked for".into())
}
