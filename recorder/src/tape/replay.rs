//! Plays a tape: its header and events in order, also of one that a crash left unsealed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::chunk::{Cipher, HEAD, PREFIX, UNPACKED};
use super::{Event, Header, TapeKey};
use crate::error::Error;
use crate::field::{Field, Input};
use crate::id::SessionId;

/// How a tape ends; known when all events were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Whole, as its last chunk proves.
    Sealed,
    /// It was not sealed; so many bytes at its end are half a chunk.
    Unsealed { torn_bytes: u64 },
}

/// The events of one tape.
pub struct Replay {
    file: BufReader<File>,
    cipher: Cipher,
    /// Until the first chunk was read there is none.
    header: Option<Header>,
    events: VecDeque<Vec<u8>>,
    ending: Option<Ending>,
    /// Where the next chunk begins.
    next: u64,
}

/// Opens the tape of a session in the folder of `Tapes`.
pub fn read(directory: &Path, key: &TapeKey, session: SessionId) -> Result<Replay, Error> {
    let path = directory.join(format!("{session}.tape"));
    let mut file = BufReader::new(File::open(&path).map_err(Error::io(&path))?);
    let mut head = [0; HEAD];
    file.read_exact(&mut head).map_err(Error::io(&path))?;
    let cipher = Cipher::open(key, session, &head)?;
    let mut replay = Replay {
        file,
        cipher,
        header: None,
        events: VecDeque::new(),
        ending: None,
        next: HEAD as u64,
    };
    replay.chunk()?;
    Ok(replay)
}

fn whole<T: Field>(record: &[u8]) -> Result<T, Error> {
    let mut input = Input(record);
    let value = T::take(&mut input)?;
    input.end()?;
    Ok(value)
}

impl Replay {
    /// Whose session it was; empty when a crash came before its first chunk was written.
    pub fn header(&self) -> Header {
        self.header.clone().unwrap_or_default()
    }

    /// Whether the first chunk was written: only then the header says something.
    pub fn has_begun(&self) -> bool {
        self.header.is_some()
    }

    /// Looks again at the end of a tape that is being recorded. Whether there is more to read.
    pub fn look_again(&mut self) -> Result<bool, Error> {
        if let Some(Ending::Unsealed { .. }) = self.ending() {
            let failed = |_| Error::Tape("its file cannot be read");
            self.file.seek(SeekFrom::Start(self.next)).map_err(failed)?;
            self.ending = None;
            self.chunk()?;
        }
        Ok(!self.events.is_empty())
    }

    /// `None` while there are events to read.
    pub fn ending(&self) -> Option<Ending> {
        self.ending.filter(|_| self.events.is_empty())
    }

    /// Reads the next chunk, or notes the end.
    fn chunk(&mut self) -> Result<(), Error> {
        let mut prefix = [0; PREFIX];
        let found = self.fill(&mut prefix)?;
        let [a, b, c, d, flag] = prefix;
        if found < PREFIX {
            self.ending = Some(Ending::Unsealed {
                torn_bytes: found as u64,
            });
            return Ok(());
        }
        let count = u32::from_be_bytes([a, b, c, d]) as usize;
        if count > UNPACKED || flag > 1 {
            return Err(Error::Tape("a chunk was changed"));
        }
        let mut packed = vec![0; count];
        let found = self.fill(&mut packed)?;
        if found < count {
            self.ending = Some(Ending::Unsealed {
                torn_bytes: (PREFIX + found) as u64,
            });
            return Ok(());
        }
        let plain = self.cipher.open_chunk(packed, flag == 1)?;
        self.next += (PREFIX + count) as u64;
        let mut input = Input(&plain);
        while !input.0.is_empty() {
            let count = u32::take(&mut input)? as usize;
            let record = input.bytes(count)?;
            if self.header.is_none() {
                self.header = Some(whole(record)?);
            } else {
                self.events.push_back(record.to_vec());
            }
        }
        if flag == 1 {
            if self.fill(&mut [0])? > 0 {
                return Err(Error::Tape("something follows its end"));
            }
            self.ending = Some(Ending::Sealed);
        }
        Ok(())
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Error::Tape("its file cannot be read")),
            }
        }
        Ok(filled)
    }
}

impl Iterator for Replay {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.events.is_empty() && self.ending.is_none() {
            if let Err(error) = self.chunk() {
                self.ending = Some(Ending::Unsealed { torn_bytes: 0 });
                return Some(Err(error));
            }
        }
        self.events.pop_front().map(|record| whole(&record))
    }
}
