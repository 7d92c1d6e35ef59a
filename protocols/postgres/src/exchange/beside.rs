//! What the server says beside its answers: parameters, notices and notifications.

use gate::{Error, Masked, Ungoverned};

use super::Exchange;
use super::answer::broke;
use crate::mask::fields::{scrub_fields, scrub_notification};
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
            "application_name" => self.application = value.to_vec(),
            _ => {}
        }
        // reports come whoever caused them: the client's mirror must be true
        self.reply(Masked::ungoverned(
            Ungoverned::Protocol,
            frame.bytes().clone(),
        ))
    }

    pub(super) fn notice_from_server(&mut self, frame: &Frame) -> Result<(), Error> {
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

    pub(super) fn notification(&mut self, frame: &Frame) -> Result<(), Error> {
        let mask = self.state.mask.clone();
        let scrubbed = scrub_notification(frame, &|text| mask.detect(text)).map_err(broke)?;
        self.reply(Masked::by(&mask, scrubbed))
    }
}
