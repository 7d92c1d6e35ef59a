//! A signed statement of how long the log is and what is in it.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::field::{Field, fields};
use crate::id::{from_hex, hex};
use crate::keys::{Key, PublicKey};
use crate::seal::{PEAKS, Tree};

/// The first line of a checkpoint's text form.
const TITLE: &str = "countersign audit checkpoint 1";

/// Vouches for the entries 1 to `size`. Its text form is what `audit checkpoint` prints and `--since` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub size: u64,
    /// Nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Root of the Merkle tree over all entries.
    pub root: [u8; 32],
    /// Head of the hash chain.
    pub chain: [u8; 32],
    /// The first 8 bytes of the SHA-256 of the public key.
    pub key: [u8; 8],
    pub signature: [u8; 64],
}

fields!(Checkpoint {
    size,
    at,
    root,
    chain,
    key,
    signature
});

impl Checkpoint {
    pub(crate) fn sign(tree: &Tree, at: u64, key: &Key) -> Self {
        let mut checkpoint = Self {
            size: tree.size,
            at,
            root: tree.root(),
            chain: tree.chain,
            key: key.public().id(),
            signature: [0; 64],
        };
        checkpoint.signature = key.sign(&checkpoint.statement());
        checkpoint
    }

    /// Whether `key` signed exactly this.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.key == key.id() && key.verifies(&self.statement(), &self.signature)
    }

    /// The bytes that are signed: the title, a line feed, key, size, time, root, chain.
    fn statement(&self) -> Vec<u8> {
        let mut bytes = format!("{TITLE}\n").into_bytes();
        self.key.put(&mut bytes);
        self.size.put(&mut bytes);
        self.at.put(&mut bytes);
        self.root.put(&mut bytes);
        self.chain.put(&mut bytes);
        bytes
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}")?;
        writeln!(f, "size {}", self.size)?;
        writeln!(f, "at {}", self.at)?;
        writeln!(f, "root {}", hex(&self.root))?;
        writeln!(f, "chain {}", hex(&self.chain))?;
        writeln!(f, "key {}", hex(&self.key))?;
        writeln!(f, "signature {}", hex(&self.signature))
    }
}

impl FromStr for Checkpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        fn number(text: &str) -> Result<u64, Error> {
            text.parse()
                .map_err(|_| Error::Checkpoint("a number cannot be read"))
        }
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(Error::Checkpoint("the first line is another"));
        }
        let mut value = |name: &str| {
            let line = lines
                .next()
                .and_then(|line| line.strip_prefix(name))
                .and_then(|rest| rest.strip_prefix(' '));
            line.ok_or(Error::Checkpoint("a line is missing or out of order"))
        };
        let checkpoint = Self {
            size: number(value("size")?)?,
            at: number(value("at")?)?,
            root: from_hex(value("root")?)?,
            chain: from_hex(value("chain")?)?,
            key: from_hex(value("key")?)?,
            signature: from_hex(value("signature")?)?,
        };
        if lines.next().is_some() {
            return Err(Error::Checkpoint("there are lines after the signature"));
        }
        Ok(checkpoint)
    }
}

/// What the seal file holds for one checkpoint: the chain head after each entry since the one before, and the tree's peaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) chains: Vec<[u8; 32]>,
    pub(crate) peaks: Vec<[u8; 32]>,
    pub(crate) checkpoint: Checkpoint,
}

fields!(Block {
    chains,
    peaks,
    checkpoint
});

impl Block {
    /// The sealing state after this block, when peaks, root and signature agree.
    pub(crate) fn tree(&self, key: &PublicKey) -> Result<Tree, &'static str> {
        let Checkpoint {
            size, root, chain, ..
        } = self.checkpoint;
        if self.peaks.len() > PEAKS || self.peaks.len() != size.count_ones() as usize {
            return Err("its peaks do not fit its size");
        }
        let tree = Tree {
            size,
            chain,
            peaks: self.peaks.clone(),
        };
        if tree.root() != root {
            return Err("its peaks do not make its root");
        }
        if !self.checkpoint.is_signed_by(key) {
            return Err("its signature is not by this key");
        }
        Ok(tree)
    }
}
