//! What the server says beside its answers: parameters, notices and notifications.

use gate::{Error, Masked};

use super::Exchange;
use super::answer::broke;
use crate::mask::fields::scrub_notification;
use crate::wire::backend::Fields;
use crate::wire::frame::Frame;

impl Exchange {
    pub(super) fn parameter(
        &mut self,
        frame: &Frame,
        name: &str,
        value: &[u8],
    ) -> Result<(), Error> {
        match name {
            "standard_conforming_strings" if value != b"on" => {
                return Err(Error::Backend(
                    "turned standard_conforming_strings off".into(),
                ));
            }
            "client_encoding" if value != self.encoding.as_slice() && value != b"UTF8" => {
                return Err(Error::Backend("changed client_encoding".into()));
            }
            _ => {}
        }
        // reports come whoever caused them: the client's mirror must be true, as far as it may be
        let Some(report) = self.reported(frame, name)? else {
            return Ok(());
        };
        if name == "application_name" {
            self.application = report.clone();
        }
        self.reply(report)
    }

    pub(super) fn notice_from_server(
        &mut self,
        frame: &Frame,
        fields: &Fields<'_>,
    ) -> Result<(), Error> {
        let told = self.told(frame, fields)?;
        self.reply(Masked::by(&self.state.mask.clone(), told))
    }

    pub(super) fn notification(&mut self, frame: &Frame) -> Result<(), Error> {
        let mask = self.state.mask.clone();
        let scrubbed = scrub_notification(frame, &|text| mask.detect(text)).map_err(broke)?;
        self.reply(Masked::by(&mask, scrubbed))
    }
}
