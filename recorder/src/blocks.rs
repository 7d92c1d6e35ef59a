//! How the blocks of checkpoints lie in a seal file.

use crate::checkpoint::Block;
use crate::error::Error;
use crate::field::{Field, Input, length};
use crate::frame::HEADER;

/// Before each block: its length, a CRC of the length, a CRC of the block.
const PREFIX: usize = 12;

impl Block {
    /// The block as it lies in the file.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.chains.len() * 32 + 256);
        self.put(&mut payload);
        let mut bytes = Vec::with_capacity(payload.len() + PREFIX);
        length(payload.len()).put(&mut bytes);
        crc32fast::hash(&bytes).put(&mut bytes);
        crc32fast::hash(&payload).put(&mut bytes);
        bytes.extend_from_slice(&payload);
        bytes
    }
}

/// Reads the blocks of one seal file.
pub(crate) struct Blocks<'a> {
    file: &'a [u8],
    offset: usize,
}

/// Why the next block cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadBlock {
    /// The file ends within it.
    Short,
    Damaged,
}

impl<'a> Blocks<'a> {
    /// `file` is the whole file, header included.
    pub(crate) fn new(file: &'a [u8]) -> Self {
        Self::at(file, HEADER)
    }

    pub(crate) fn at(file: &'a [u8], offset: usize) -> Self {
        Self { file, offset }
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The next block; `None` at the end of the file. After an error there is nothing more to read.
    pub(crate) fn read(&mut self) -> Result<Option<Block>, BadBlock> {
        let rest = self.file.get(self.offset..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let short = |_: Error| BadBlock::Short;
        let damaged = |_: Error| BadBlock::Damaged;
        let mut input = Input(rest);
        let count: [u8; 4] = input.array().map_err(short)?;
        // a length that was changed must not pass for a block that is being written
        if u32::take(&mut input).map_err(short)? != crc32fast::hash(&count) {
            return Err(BadBlock::Damaged);
        }
        let count = u32::from_be_bytes(count) as usize;
        let crc = u32::take(&mut input).map_err(short)?;
        let payload = input.bytes(count).map_err(short)?;
        if crc32fast::hash(payload) != crc {
            return Err(BadBlock::Damaged);
        }
        let mut input = Input(payload);
        let block = Block::take(&mut input).map_err(damaged)?;
        input.end().map_err(damaged)?;
        self.offset += PREFIX + count;
        Ok(Some(block))
    }
}
