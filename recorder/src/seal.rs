//! What binds the entries together: leaf hashes, the chain, and the Merkle tree of RFC 6962.

use aws_lc_rs::digest::{Context, SHA256, digest};

pub(crate) type Hash = [u8; 32];

/// The most peaks a tree can have: its size is 64 bits wide.
pub(crate) const PEAKS: usize = 64;

fn finish(context: Context) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// The leaf of an entry: RFC 6962's leaf hash over its sequence and payload.
pub(crate) fn leaf(sequence: u64, payload: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(&sequence.to_be_bytes());
    context.update(payload);
    finish(context)
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    let (l, r) = bytes.split_at_mut(33);
    if let Some(l) = l.get_mut(1..) {
        l.copy_from_slice(left);
    }
    r.copy_from_slice(right);
    sha256(&bytes)
}

/// The state of the sealing: chain head and the peaks of the tree, from which the root follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) size: u64,
    pub(crate) chain: Hash,
    /// Roots of the perfect subtrees, largest first: one for each bit set in `size`.
    pub(crate) peaks: Vec<Hash>,
}

impl Tree {
    pub(crate) fn empty() -> Self {
        Self {
            size: 0,
            chain: sha256(b"countersign audit chain 1"),
            peaks: Vec::new(),
        }
    }

    /// Adds the next entry's leaf and returns the new chain head.
    pub(crate) fn push(&mut self, leaf: Hash) -> Hash {
        let mut link = [2; 65];
        let (head, tail) = link.split_at_mut(33);
        if let Some(head) = head.get_mut(1..) {
            head.copy_from_slice(&self.chain);
        }
        tail.copy_from_slice(&leaf);
        self.chain = sha256(&link);
        let mut subtree = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                subtree = node(&left, &subtree);
            }
        }
        self.peaks.push(subtree);
        self.size += 1;
        self.chain
    }

    /// RFC 6962's Merkle tree hash.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else {
            return sha256(b"");
        };
        peaks.fold(*last, |right, left| node(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962's definition, word for word.
    fn reference(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(b""),
            [one] => *one,
            many => {
                let split = many.len().next_power_of_two() / 2;
                node(&reference(&many[..split]), &reference(&many[split..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_definition_for_every_size() {
        let mut tree = Tree::empty();
        let mut leaves = Vec::new();
        for sequence in 1..=300_u64 {
            assert_eq!(tree.root(), reference(&leaves));
            leaves.push(leaf(sequence, b"entry"));
            tree.push(leaf(sequence, b"entry"));
            assert_eq!(tree.peaks.len(), tree.size.count_ones() as usize);
        }
    }
}
