//! COPY to the client: which columns its rows have is asked of the server first, so that each is masked as a result's.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use gate::words::Verdict;
use gate::{Error, Masked, Purpose, Unclear, UnclearKind, Ungoverned};

use super::Exchange;
use super::answer::out_of_turn;
use super::effects::changes_shape;
use super::expected::{Kind, Plan};
use super::own::OwnWork;
use super::state::{Prepared, ResultColumn};
use crate::decode::{Analysis, Format};
use crate::mask::copy::CopyMask;
use crate::mask::{Hide, Unmaskable};
use crate::wire::backend::{CopyFormats, Status};
use crate::wire::frame::{Frame, HEADER};
use crate::wire::frontend::Named;
use crate::wire::refusal::Refusal;
use crate::wire::write::server as write;

/// How the data of a COPY that runs is treated.
#[derive(Default)]
pub(super) enum CopyOut {
    #[default]
    Off,
    /// Nothing in it is to be masked.
    Passing,
    Masked(Box<CopyMask>),
}

/// What the rows of a COPY in a simple query are, asked before it is judged.
pub(super) struct Shaped {
    of: Frame,
    columns: Option<Vec<ResultColumn>>,
    /// What the server said instead, for the client.
    error: Option<Bytes>,
}

impl Shaped {
    fn is_of(&self, frame: &Frame) -> bool {
        self.of.bytes().as_ptr() == frame.bytes().as_ptr()
    }
}

impl Exchange {
    fn masks(&self) -> bool {
        self.state.mask.governs_columns() || self.state.mask.detects()
    }

    /// Refuses a COPY to the client whose rows could not be followed.
    pub(super) fn copied_soundly(&self, analysis: &Analysis) -> Result<(), Unclear> {
        let copies = |one: &&crate::decode::Statement| one.copied_out.is_some();
        let mut found = analysis.statements.iter().filter(copies);
        let Some(copy) = found.next().and_then(|one| one.copied_out.as_ref()) else {
            return Ok(());
        };
        if !self.masks() {
            return Ok(());
        }
        let refused = |message: &str, hint: &str| Unclear {
            kind: UnclearKind::Masked,
            code: "copy_out",
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
            at: None,
        };
        let mut before = analysis.statements.iter().take_while(|one| !copies(one));
        let shapes = before.any(|one| one.parts.iter().any(|part| changes_shape(part.verb.id)));
        if shapes || found.next().is_some() {
            let hint = "send the COPY in a message of its own";
            return Err(refused(
                "what a COPY reads is not known before the statement beside it ran",
                hint,
            ));
        }
        match &copy.layout {
            Ok(_) => Ok(()),
            Err(why) => Err(refused(why, "copy as text, csv or binary, in UTF8")),
        }
    }

    /// Asks which columns the COPY of a simple query has; `true` where the query must wait for the answer.
    pub(super) async fn must_shape(
        &mut self,
        frame: &Frame,
        analysis: &Arc<Analysis>,
    ) -> Result<bool, Error> {
        let asked = self
            .state
            .copy_shape
            .as_ref()
            .is_some_and(|one| one.is_of(frame));
        let mut copies = analysis
            .statements
            .iter()
            .filter_map(|one| one.copied_out.as_ref());
        let Some(copy) = copies.next().filter(|_| self.masks() && !asked) else {
            return Ok(false);
        };
        // a Sync would end what may still fail, or commit what was executed without one
        let batch = self.state.batch;
        let open = batch.forwarded && (batch.executed || !self.state.queue.is_empty());
        if open || self.status == Status::Failed {
            return Ok(false);
        }
        match self.operations_of(analysis) {
            Ok(operations) if self.session.preview(&operations) != Verdict::Deny => {}
            Ok(_) | Err(_) => return Ok(false),
        }
        self.state.copy_shape = Some(Shaped {
            of: frame.clone(),
            columns: None,
            error: None,
        });
        self.state.postponed = Some(frame.clone());
        self.shape_own(&copy.query, None).await?;
        self.state.batch.forwarded = false;
        Ok(true)
    }

    /// Describes the rows of a COPY as a statement of the gateway's own: within the batch of a prepared one, else by itself.
    pub(super) async fn shape_own(
        &mut self,
        query: &str,
        of: Option<Arc<Prepared>>,
    ) -> Result<(), Error> {
        let broken = |malformed: crate::wire::Malformed| Error::Backend(malformed.to_string());
        let name = self.substitute.private("copy");
        let wire = vec![
            write::parse(&name, query, &[]).map_err(broken)?,
            write::describe(Named::Statement(&name)).map_err(broken)?,
            write::close(Named::Statement(&name)).map_err(broken)?,
            match of {
                Some(_) => write::flush(),
                None => write::sync(),
            },
        ];
        self.state.batch.forwarded |= of.is_some();
        let work = OwnWork::Shape { of, columns: None };
        self.send_own(Purpose::LookUp, wire, work).await
    }

    /// What was learned of a COPY that is taken now.
    pub(super) fn shape(&mut self, frame: &Frame, plan: &mut Plan) {
        let Some(shaped) = self.state.copy_shape.take_if(|shaped| shaped.is_of(frame)) else {
            return;
        };
        if self.status == Status::Failed {
            plan.instead = shaped.error;
        }
        let binary = plan.analysis.as_deref().is_some_and(is_binary);
        plan.copy = shaped
            .columns
            .map(|columns| Arc::new(self.columns_mask(&columns, plan, &|_| binary)));
    }

    /// The answer to `shape_own` is whole.
    pub(super) fn shaped(&mut self, of: Option<Arc<Prepared>>, columns: Option<Vec<ResultColumn>>) {
        match (of, &mut self.state.copy_shape) {
            (Some(prepared), _) => prepared.described(self.state.generation, columns),
            (None, Some(shaped)) => shaped.columns = columns,
            (None, None) => {}
        }
    }

    /// A look at what a client wants to run failed: so would that itself, or whatever follows a failure.
    pub(super) fn not_shaped(&mut self, error: Bytes) -> Result<(), Error> {
        match self.state.queue.front().map(|front| &front.kind) {
            // within the client's batch, which is skipped for it
            Some(Kind::Own(OwnWork::Shape { of: Some(_), .. } | OwnWork::Describe { .. })) => {
                let mask = self.state.mask.clone();
                self.reply(Masked::by(&mask, error))
            }
            Some(Kind::Own(OwnWork::Shape { of: None, .. })) => {
                if let Some(shaped) = &mut self.state.copy_shape {
                    shaped.error = Some(error);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The server begins to copy.
    pub(super) fn copy_out(
        &mut self,
        frame: &Frame,
        formats: CopyFormats<'_>,
    ) -> Result<(), Error> {
        let masks = self.masks();
        let Some(front) = self.state.queue.front_mut() else {
            return Err(out_of_turn());
        };
        let (statement, rows) = match &front.kind {
            Kind::Query { done } => (*done, front.plan.copy.clone()),
            Kind::Execute => (0, front.mask.clone()),
            _ => return Err(out_of_turn()),
        };
        if front.silent {
            return Ok(());
        }
        let statements = front.plan.analysis.as_deref().map(|all| &all.statements);
        let copy = statements
            .and_then(|all| all.get(statement))
            .and_then(|one| one.copied_out.as_ref());
        let layout = copy
            .and_then(|copy| copy.layout.as_ref().ok())
            .filter(|layout| (layout.format == Format::Binary) == formats.binary);
        let rows = rows.filter(|rows| rows.len() == formats.columns.len());
        front.copy_out = match (rows, layout) {
            _ if !masks => CopyOut::Passing,
            (Some(rows), Some(_)) if rows.keeps_all() => CopyOut::Passing,
            (Some(rows), Some(layout)) => {
                let rows = Arc::unwrap_or_clone(rows);
                CopyOut::Masked(Box::new(CopyMask::new(rows, layout.clone())))
            }
            (None, _) | (_, None) => {
                self.withhold(Refusal::Masking {
                    reason: "what the COPY reads is not what it was said to read".into(),
                    hint: "send the COPY in a message of its own, and name its columns: COPY table (a, b) TO STDOUT".into(),
                });
                return Ok(());
            }
        };
        self.protocol(frame)
    }

    /// Whether data that comes now passes as it is.
    pub(super) fn passes_copy(&self) -> bool {
        let front = self.state.queue.front();
        front.is_some_and(|front| matches!(front.copy_out, CopyOut::Passing) && !front.silent)
    }

    pub(super) fn copied_through(&mut self, bytes: Bytes, messages: u64) -> Result<(), Error> {
        if let Some(front) = self.state.queue.front_mut() {
            front.rows += messages;
        }
        self.copied(bytes)
    }

    pub(super) fn copy_data(&mut self, frame: &Frame) -> Result<(), Error> {
        let session_mask = self.state.mask.clone();
        let Some(front) = self.state.queue.front_mut() else {
            return Err(out_of_turn());
        };
        front.rows += 1;
        if front.silent {
            return Ok(());
        }
        match &mut front.copy_out {
            CopyOut::Off => Err(out_of_turn()),
            CopyOut::Passing => self.copied(frame.bytes().clone()),
            CopyOut::Masked(mask) => {
                let hide = Hide {
                    detect: &|text| session_mask.detect(text),
                    mask: &|class, text| session_mask.mask_value(class, text),
                };
                let data = message(|out| mask.push(frame.body(), hide, out));
                self.copied_masked(data)
            }
        }
    }

    pub(super) fn copy_out_done(&mut self, frame: &Frame) -> Result<(), Error> {
        let session_mask = self.state.mask.clone();
        let Some(front) = self.state.queue.front_mut() else {
            return Err(out_of_turn());
        };
        // of rows the server itself tells, at the end
        front.rows = 0;
        let copy = std::mem::take(&mut front.copy_out);
        if let (CopyOut::Masked(mut mask), false) = (copy, front.silent) {
            let hide = Hide {
                detect: &|text| session_mask.detect(text),
                mask: &|class, text| session_mask.mask_value(class, text),
            };
            let data = message(|out| mask.finish(hide, out));
            self.copied_masked(data)?;
        }
        self.protocol(frame)
    }

    /// Copied data that nothing conceals.
    pub(super) fn copied(&mut self, bytes: Bytes) -> Result<(), Error> {
        let why = if self.state.mask.governs_columns() {
            Ungoverned::Lineage
        } else {
            Ungoverned::Revealed
        };
        self.reply(Masked::ungoverned(why, bytes))
    }

    fn copied_masked(&mut self, data: Result<Bytes, Unmaskable>) -> Result<(), Error> {
        match data {
            Ok(data) if data.len() <= HEADER => Ok(()),
            Ok(data) => {
                let mask = self.state.mask.clone();
                self.reply(Masked::by(&mask, data))
            }
            Err(Unmaskable::TooLong) => {
                self.withhold(super::large::too_long());
                Ok(())
            }
            Err(error @ (Unmaskable::Shape | Unmaskable::Malformed(_))) => {
                Err(Error::Backend(error.to_string()))
            }
        }
    }
}

/// Whether the COPY to the client of a text is in the binary format.
pub(super) fn is_binary(analysis: &Analysis) -> bool {
    let mut copies = analysis
        .statements
        .iter()
        .filter_map(|one| one.copied_out.as_ref());
    copies.any(|copy| matches!(&copy.layout, Ok(layout) if layout.format == Format::Binary))
}

/// A CopyData of what is put into it.
fn message(put: impl FnOnce(&mut BytesMut) -> Result<(), Unmaskable>) -> Result<Bytes, Unmaskable> {
    let mut out = BytesMut::from(&b"d\0\0\0\0"[..]);
    put(&mut out)?;
    let length = u32::try_from(out.len() - 1).map_err(|_| Unmaskable::TooLong)?;
    let mut header = out.get_mut(1..HEADER).ok_or(Unmaskable::Shape)?;
    header.put_u32(length);
    Ok(out.freeze())
}
