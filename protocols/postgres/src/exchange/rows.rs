//! Rows on their way to the client: masked, passed as they are, or withheld.

use bytes::{Bytes, BytesMut};
use gate::{Error, Masked, Ungoverned};

use super::Exchange;
use super::answer::out_of_turn;
use super::expected::Kind;
use super::own::OwnWork;
use crate::mask::Hide;
use crate::wire::frame::Frame;
use crate::wire::values::Values;

impl Exchange {
    /// Rows that no mask concerns pass as they are, without being looked into.
    pub(super) fn passes_rows(&self) -> bool {
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

    pub(super) fn rows_through(&mut self, bytes: Bytes, rows: u64) -> Result<(), Error> {
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

    pub(super) fn data_row(&mut self, frame: &Frame, values: Values<'_>) -> Result<(), Error> {
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
}
