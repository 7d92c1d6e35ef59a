//! Output on its way to a client: what detectors find is hidden, also where it comes in pieces.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gate::{Mask, Masked, Ungoverned};

/// How long a tail that may become a match is kept back: on a terminal a person waits for each letter.
const TERMINAL_PATIENCE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_millis(500);
/// A tail longer than this is no single value.
const TAIL: usize = 4 * 1024;
/// A block such as a private key that was begun and not ended.
const BLOCK: usize = 64 * 1024;
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// One stream of output.
pub(crate) struct Stream {
    mask: Arc<Mask>,
    tail: BytesMut,
    terminal: bool,
    /// Files as they are.
    opaque: bool,
}

impl Stream {
    pub(crate) fn new(mask: Arc<Mask>, terminal: bool, opaque: bool) -> Self {
        Self {
            mask,
            tail: BytesMut::new(),
            terminal,
            opaque,
        }
    }

    /// Rules changed: what is kept back is judged by the new ones.
    pub(crate) fn refresh(&mut self, mask: &Arc<Mask>) {
        if !Arc::ptr_eq(&self.mask, mask) {
            self.mask = mask.clone();
        }
    }

    /// What may pass now.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Option<Masked> {
        if self.opaque {
            return Some(Masked::ungoverned(Ungoverned::Opaque, bytes));
        }
        if !self.mask.detects() && self.tail.is_empty() {
            return Some(Masked::ungoverned(Ungoverned::Revealed, bytes));
        }
        self.tail.extend_from_slice(&bytes);
        let whole = self.tail.len() - kept(&self.tail);
        self.take(whole)
    }

    /// What is kept back, masked as it stands: its time is up, or nothing follows.
    pub(crate) fn flush(&mut self) -> Option<Masked> {
        self.take(self.tail.len())
    }

    /// After so long without more, `flush`.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let patience = if self.terminal {
            TERMINAL_PATIENCE
        } else {
            PATIENCE
        };
        (!self.tail.is_empty()).then_some(patience)
    }

    fn take(&mut self, length: usize) -> Option<Masked> {
        if length == 0 {
            return None;
        }
        let bytes = self.tail.split_to(length).freeze();
        let masked = match self.mask.detect(&bytes) {
            Some(masked) => Bytes::from(masked.into_owned()),
            None => bytes,
        };
        Some(Masked::by(&self.mask, masked))
    }
}

/// How much of the end may still become a match with what follows.
fn kept(bytes: &[u8]) -> usize {
    if let Some(begun) = open_block(bytes)
        && bytes.len() - begun <= BLOCK
    {
        return bytes.len() - begun;
    }
    let run = bytes
        .iter()
        .rev()
        .take_while(|byte| !matches!(byte, b'\n' | b'\r'))
        .count();
    // of one line longer than any value, what came first is through
    run.min(TAIL)
}

fn open_block(bytes: &[u8]) -> Option<usize> {
    let begun = last(bytes, BEGIN)?;
    let ended = last(bytes, END);
    let closed = ended.is_some_and(|ended| {
        let rest = bytes.get(ended..).unwrap_or_default();
        ended > begun && rest.contains(&b'\n')
    });
    (!closed).then_some(begun)
}

fn last(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|window| window == what)
}
