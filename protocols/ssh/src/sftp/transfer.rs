//! What passes through one open file: how much, and the hash of what came in one piece from the beginning.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use gate::told::{Content, File};

/// Pieces that came early wait for those before them: so many of one file, and so many bytes of all files of a channel.
const EARLY: usize = 128;
const ROOM: usize = 8 << 20;

/// How much waits on one channel.
#[derive(Default)]
pub(super) struct Waiting(usize);

/// One open file.
pub(super) struct Transfer {
    path: String,
    read: Direction,
    written: Direction,
    failed: Arc<AtomicBool>,
}

/// What a write is remembered by until it is answered.
pub(super) struct Failure(Arc<AtomicBool>);

impl Failure {
    /// The server did not take what was written.
    pub(super) fn happened(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Transfer {
    /// `appends`: what is written goes to the end, wherever it says that it goes.
    pub(super) fn new(path: String, appends: bool) -> Self {
        let mut written = Direction::default();
        if appends {
            written.give_up("it was appended to what was there", &mut Waiting::default());
        }
        Self {
            path,
            read: Direction::default(),
            written,
            failed: Arc::default(),
        }
    }

    pub(super) fn read(&mut self, offset: u64, bytes: &Bytes, waiting: &mut Waiting) {
        self.read.piece(offset, bytes, waiting);
    }

    pub(super) fn written(&mut self, offset: u64, bytes: &Bytes, waiting: &mut Waiting) {
        self.written.piece(offset, bytes, waiting);
    }

    pub(super) fn failure(&self) -> Failure {
        Failure(self.failed.clone())
    }

    pub(super) fn end(mut self, closed: bool, waiting: &mut Waiting) -> File {
        if self.failed.load(Ordering::Relaxed) {
            self.written.give_up("a write failed", waiting);
        }
        File {
            path: self.path,
            read: self.read.end(waiting),
            written: self.written.end(waiting),
            closed,
        }
    }
}

/// One direction of a file.
struct Direction {
    bytes: u64,
    /// What was hashed ends there.
    next: u64,
    hash: Context,
    early: BTreeMap<u64, Bytes>,
    /// Why it is not hashed any more.
    lost: Option<&'static str>,
}

impl Default for Direction {
    fn default() -> Self {
        Self {
            bytes: 0,
            next: 0,
            hash: Context::new(&SHA256),
            early: BTreeMap::new(),
            lost: None,
        }
    }
}

impl Direction {
    fn piece(&mut self, offset: u64, bytes: &Bytes, waiting: &mut Waiting) {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.lost.is_some() || bytes.is_empty() {
            return;
        }
        if offset < self.next || self.early.contains_key(&offset) {
            return self.give_up("a part of it passed twice", waiting);
        }
        if offset > self.next {
            if self.early.len() >= EARLY || waiting.0.saturating_add(bytes.len()) > ROOM {
                return self.give_up("it did not pass in order", waiting);
            }
            waiting.0 += bytes.len();
            // a copy: the packet that it lies in may be much longer
            self.early.insert(offset, Bytes::copy_from_slice(bytes));
            return;
        }
        self.take(bytes);
        while let Some(early) = self.early.first_entry() {
            if *early.key() > self.next {
                return;
            }
            let twice = *early.key() < self.next;
            let bytes = early.remove();
            waiting.0 = waiting.0.saturating_sub(bytes.len());
            if twice {
                return self.give_up("a part of it passed twice", waiting);
            }
            self.take(&bytes);
        }
    }

    fn take(&mut self, bytes: &Bytes) {
        self.hash.update(bytes);
        self.next = self.next.saturating_add(bytes.len() as u64);
    }

    fn give_up(&mut self, why: &'static str, waiting: &mut Waiting) {
        self.lost.get_or_insert(why);
        for (_, bytes) in std::mem::take(&mut self.early) {
            waiting.0 = waiting.0.saturating_sub(bytes.len());
        }
    }

    fn end(mut self, waiting: &mut Waiting) -> Content {
        let lost = match self.early.is_empty() {
            true => self.lost,
            // what came early stayed alone
            false if self.next == 0 => Some("it does not begin at the beginning"),
            false => Some("parts of it are missing"),
        };
        self.give_up("", waiting);
        let nothing = self.bytes == 0;
        let digest = (lost.is_none() && !nothing).then(|| {
            let mut digest = [0; 32];
            digest.copy_from_slice(self.hash.finish().as_ref());
            digest
        });
        Content {
            bytes: self.bytes,
            digest,
            unhashed: lost.filter(|_| !nothing).unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it lies, and what it is.
    type Part = (u64, &'static [u8]);

    fn of(pieces: &[Part]) -> Content {
        let mut waiting = Waiting::default();
        let mut transfer = Transfer::new("/a".to_owned(), false);
        for (offset, bytes) in pieces {
            transfer.read(*offset, &Bytes::from_static(bytes), &mut waiting);
        }
        let file = transfer.end(true, &mut waiting);
        assert_eq!(waiting.0, 0, "all that waited is given back");
        file.read
    }

    #[test]
    fn pieces_are_hashed_in_the_order_of_the_file() {
        let straight = of(&[(0, b"ab"), (2, b"cd"), (4, b"ef")]);
        assert_eq!((straight.bytes, straight.digest.is_some()), (6, true));
        assert_eq!(of(&[(4, b"ef"), (2, b"cd"), (0, b"ab")]), straight);
        assert_eq!(of(&[(0, b"abcdef")]), straight);
        assert_eq!(of(&[]), Content::default());
    }

    #[test]
    fn what_is_no_whole_has_a_reason_instead() {
        let cases: [(&[Part], &str); 5] = [
            (&[(0, b"ab"), (1, b"b")], "a part of it passed twice"),
            (&[(4, b"ab"), (4, b"ab")], "a part of it passed twice"),
            (
                &[(0, b"ab"), (3, b"d"), (2, b"cd")],
                "a part of it passed twice",
            ),
            (&[(9, b"ab")], "it does not begin at the beginning"),
            (&[(0, b"ab"), (9, b"ab")], "parts of it are missing"),
        ];
        for (pieces, why) in cases {
            let content = of(pieces);
            assert_eq!((content.digest, content.unhashed.as_str()), (None, why));
        }
        let many: Vec<Part> = (1..200).map(|at| (at * 2, b"x" as &[u8])).collect();
        assert_eq!(of(&many).unhashed, "it did not pass in order");
    }
}
