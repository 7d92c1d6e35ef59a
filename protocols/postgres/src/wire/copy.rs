//! CopyData in runs: to a server whole messages as they came, and long ones in pieces, so that none is held in memory.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Malformed;
use super::frame::{HEADER, message_length};

/// A longer message is passed on before all of it has come.
const LONG: usize = 64 << 10;

/// A run of CopyData messages.
#[derive(Debug, Default)]
pub struct Run {
    /// Bytes of a long message that have not come yet.
    inside: usize,
}

impl Run {
    /// Messages for the server of what lies at the front of the buffer; empty where another message is there, or too little.
    ///
    /// `data` is shown what they carry.
    ///
    /// # Errors
    /// [`Malformed::Length`] for a length that no message has.
    pub fn take(
        &mut self,
        buffer: &mut BytesMut,
        data: &mut dyn FnMut(&[u8]),
    ) -> Result<Bytes, Malformed> {
        if self.inside > 0 {
            return Ok(self.piece(buffer, data));
        }
        let mut end = 0;
        while let Some(b'd') = buffer.get(end) {
            let rest = buffer.get(end..).unwrap_or_default();
            let Some(length) = message_length(rest)? else {
                break;
            };
            match rest.get(HEADER..length) {
                Some(body) => data(body),
                None if length > LONG && end == 0 => {
                    self.inside = length - HEADER;
                    buffer.advance(HEADER);
                    return Ok(self.piece(buffer, data));
                }
                None => break,
            }
            end += length;
        }
        Ok(buffer.split_to(end).freeze())
    }

    /// What has come of a long message, as a message of its own.
    fn piece(&mut self, buffer: &mut BytesMut, data: &mut dyn FnMut(&[u8])) -> Bytes {
        let body = buffer.split_to(self.inside.min(buffer.len()));
        let Some(length) = u32::try_from(body.len() + HEADER - 1)
            .ok()
            .filter(|_| !body.is_empty())
        else {
            return Bytes::new();
        };
        data(&body);
        self.inside -= body.len();
        let mut out = BytesMut::with_capacity(body.len() + HEADER);
        out.put_u8(b'd');
        out.put_u32(length);
        out.put_slice(&body);
        out.freeze()
    }

    /// Drops what is still to come of a message that nobody wants any more; false until all of it came.
    pub fn drop_rest(&mut self, buffer: &mut BytesMut) -> bool {
        let here = self.inside.min(buffer.len());
        buffer.advance(here);
        self.inside -= here;
        self.inside == 0
    }
}

/// As many whole CopyData messages as lie at the front of the buffer, uncut, and how many they are.
pub fn pass(buffer: &mut BytesMut) -> (Bytes, u64) {
    let (mut end, mut messages) = (0, 0);
    while let Some(b'd') = buffer.get(end) {
        let rest = buffer.get(end..).unwrap_or_default();
        match message_length(rest) {
            Ok(Some(length)) if length <= rest.len() => end += length,
            // what is wrong with it is said by whoever reads it
            Ok(_) | Err(_) => break,
        }
        messages += 1;
    }
    (buffer.split_to(end).freeze(), messages)
}
