//! The entries of all segments, one after the other.

use crate::entry::Sequence;
use crate::error::Error;
use crate::frame::{Frames, HEADER, SEGMENT, read_header};
use crate::segments::{self, Part};

pub(super) enum Step {
    Entry,
    End,
    Torn(&'static str),
}

/// The entries of all segments, one after the other.
pub(super) struct Log<'p> {
    parts: &'p [Part],
    index: usize,
    file: Vec<u8>,
    offset: usize,
    /// Where the payload of the current entry lies.
    found: (usize, usize),
    pub(super) torn: u64,
}

impl<'p> Log<'p> {
    pub(super) fn new(parts: &'p [Part]) -> Self {
        Self {
            parts,
            index: 0,
            file: Vec::new(),
            offset: 0,
            found: (0, 0),
            torn: 0,
        }
    }

    pub(super) fn payload(&self) -> Option<&[u8]> {
        self.file.get(self.found.0..self.found.1)
    }

    pub(super) fn is_last(&self) -> bool {
        self.index >= self.parts.len()
    }

    /// Goes to entry `due`, into the next segment when this one has ended.
    pub(super) fn advance(&mut self, due: Sequence) -> Result<Step, Error> {
        while self.offset >= self.file.len() {
            let Some(part) = self.parts.get(self.index) else {
                return Ok(Step::End);
            };
            if part.first != due {
                return Ok(Step::Torn("the segment with it is missing"));
            }
            self.file = segments::read(&part.path)?;
            self.index += 1;
            if read_header(SEGMENT, &self.file) != Some(part.first) {
                self.torn = self.file.len() as u64;
                return Ok(Step::Torn("the head of its segment is not true"));
            }
            self.offset = HEADER;
        }
        let mut frames = Frames::at(&self.file, self.offset, due);
        match frames.read() {
            Ok(Some(payload)) => {
                let count = payload.len();
                self.offset = frames.offset();
                self.found = (self.offset - count, self.offset);
                Ok(Step::Entry)
            }
            Ok(None) => Ok(Step::End),
            Err(torn) => {
                self.torn = (self.file.len() - self.offset) as u64;
                Ok(Step::Torn(torn.reason()))
            }
        }
    }
}
