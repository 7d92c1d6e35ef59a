//! The checkpoints of a log, and every entry held against them.

use std::path::Path;

use super::{Stop, bad, matches};
use crate::blocks::{BadBlock, Blocks};
use crate::checkpoint::Block;
use crate::error::Error;
use crate::frame::{HEADER, SEAL, read_header};
use crate::keys::PublicKey;
use crate::seal::{Hash, Tree};
use crate::segments::{self, Part, SEALS};

/// All blocks up to the first bad one.
pub(super) struct Seals {
    pub(super) blocks: Vec<Block>,
    /// The chain heads of all sealed entries come from the block at this index,
    block: usize,
    /// and in it from this place on.
    place: usize,
    pub(super) damage: Option<String>,
}

impl Seals {
    pub(super) fn read(directory: &Path, key: &PublicKey) -> Result<Self, Error> {
        let mut seals = Self {
            blocks: Vec::new(),
            block: 0,
            place: 0,
            damage: None,
        };
        let parts = segments::list(directory, SEALS)?;
        for (index, part) in parts.iter().enumerate() {
            seals.damage = seals.file(part, key, index + 1 == parts.len())?;
            if seals.damage.is_some() {
                break;
            }
        }
        Ok(seals)
    }

    /// Reads one file; what is wrong with it.
    fn file(&mut self, part: &Part, key: &PublicKey, last: bool) -> Result<Option<String>, Error> {
        let bytes = segments::read(&part.path)?;
        if read_header(SEAL, &bytes) != Some(part.first) {
            return Ok((!last || bytes.len() >= HEADER)
                .then(|| "the head of its seal file is not true".to_owned()));
        }
        let mut blocks = Blocks::new(&bytes);
        loop {
            let block = match blocks.read() {
                Ok(Some(block)) => block,
                Ok(None) => return Ok(None),
                // a block that is being written, or a crash
                Err(BadBlock::Short) if last => return Ok(None),
                Err(_) => return Ok(Some("the checkpoint after it is damaged".to_owned())),
            };
            let size = self.size();
            if block.checkpoint.size != size + block.chains.len() as u64 {
                return Ok(Some(
                    "the checkpoint after it does not follow the one before".to_owned(),
                ));
            }
            if let Err(reason) = block.tree(key) {
                return Ok(Some(format!("the checkpoint after it: {reason}")));
            }
            self.blocks.push(block);
        }
    }

    /// How many entries the blocks vouch for.
    pub(super) fn size(&self) -> u64 {
        self.blocks.last().map_or(0, |block| block.checkpoint.size)
    }

    /// Holds the next entry against its stored chain head, and the tree against each checkpoint at its size.
    pub(super) fn compare(&mut self, tree: &Tree, chain: Hash) -> Result<(), Stop> {
        while let Some(block) = self.blocks.get(self.block) {
            if let Some(stored) = block.chains.get(self.place) {
                self.place += 1;
                if *stored != chain {
                    return Err(bad(tree.size, "it is not the entry that was sealed"));
                }
            }
            if self.place < block.chains.len() {
                return Ok(());
            }
            if block.checkpoint.size < tree.size {
                // a checkpoint of an idle log, or of one that was empty
                self.skip();
                continue;
            }
            if !matches(&block.checkpoint, tree) {
                let first = tree.size - (block.chains.len() as u64).min(tree.size) + 1;
                return Err(bad(
                    first,
                    format!(
                        "entries {first} to {} are not those that were signed",
                        tree.size
                    ),
                ));
            }
            self.skip();
            return self.idle(tree);
        }
        Ok(())
    }

    /// Checkpoints that repeat this size.
    fn idle(&mut self, tree: &Tree) -> Result<(), Stop> {
        while let Some(block) = self
            .blocks
            .get(self.block)
            .filter(|block| block.chains.is_empty())
        {
            if !matches(&block.checkpoint, tree) {
                return Err(bad(
                    tree.size,
                    "a later checkpoint of the same size contradicts it",
                ));
            }
            self.skip();
        }
        Ok(())
    }

    fn skip(&mut self) {
        self.block += 1;
        self.place = 0;
    }
}
