//! Text that comes in pieces, with what makes it colourful or moves the cursor: values are hidden where people see them.

use std::ops::Range;

use gate::words::{Found, Masking, Open};

use super::line::{CONTEXT, Line};

/// What finds values.
pub trait Look {
    fn find(&self, text: &[u8]) -> Vec<Found>;
    fn open(&self, text: &[u8]) -> Option<Open>;
}

impl Look for gate::Mask {
    fn find(&self, text: &[u8]) -> Vec<Found> {
        self.find(text)
    }

    fn open(&self, text: &[u8]) -> Option<Open> {
        self.open(text)
    }
}

impl Look for Masking {
    fn find(&self, text: &[u8]) -> Vec<Found> {
        self.find(text, &|_| false)
    }

    fn open(&self, text: &[u8]) -> Option<Open> {
        self.open(text, &|_| false)
    }
}

/// What is kept back of the end of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    /// What is not harmless.
    Harmful,
    /// Words too, for any may be the beginning of an address.
    Words,
}

/// One stream of text. Pure: who uses it has the clock.
#[derive(Debug, Default)]
pub struct Screen {
    line: Line,
}

impl Screen {
    /// How wide the terminal is now; 0 for none.
    pub fn resize(&mut self, columns: usize) {
        self.line.resize(columns);
    }

    /// Whether nothing is kept back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// More of the text; returns what may pass.
    pub fn push(&mut self, look: &impl Look, bytes: &[u8], keep: Keep) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.plain(look, rest, keep, &mut out) {
                0 => self.line.take(look, rest, &mut out),
                taken => taken,
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        if !self.line.is_empty() {
            self.line.let_out(look, keep, &mut out);
        }
        out
    }

    /// What is kept back, for it has waited long enough: what may be the middle of a value is hidden.
    pub fn give_up(&mut self, look: &impl Look) -> Vec<u8> {
        let mut out = Vec::new();
        self.line.give_up(look, &mut out);
        out
    }

    /// What is kept back, as it came.
    pub fn take_back(&mut self) -> Vec<u8> {
        self.line.take_back()
    }

    /// What is kept back, when nothing follows it.
    pub fn finish(&mut self, look: &impl Look) -> Vec<u8> {
        let mut out = Vec::new();
        self.line.let_out(look, Keep::Nothing, &mut out);
        out
    }

    /// Takes as many whole lines as have nothing in them but letters, at once; or all there is, where that is so. Returns
    /// how much that was.
    fn plain(&mut self, look: &impl Look, bytes: &[u8], keep: Keep, out: &mut Vec<u8>) -> usize {
        let plain = plain_length(bytes);
        let whole = plain == bytes.len();
        let length = match bytes.get(..plain) {
            Some(all) if whole => all.len(),
            Some(start) => after_last_line(start),
            None => 0,
        };
        let block = bytes.get(..length).filter(|block| block.len() >= WORTH_IT);
        let (Some(block), Some((mut text, here))) = (block, self.line.as_text()) else {
            return 0;
        };
        let column = self.line.column();
        let sent = text.len() - here;
        text.extend_from_slice(block);
        let found = look.find(&text);
        let open = match keep {
            Keep::Nothing => None,
            Keep::Harmful => look.open(&text).map(|open| open.harmless),
            Keep::Words => look.open(&text).map(|open| open.from),
        };
        let limit = open.map_or(text.len(), |open| around(&found, open).max(sent));
        pass(&text, sent, limit, &found, out);
        let lines = after_last_line(&text);
        let start = lines.max(limit.saturating_sub(CONTEXT)).min(limit);
        let (before, tail) = text.split_at_checked(start).unwrap_or((&text, &[]));
        let row = before.get(lines..).unwrap_or_default();
        let columns = row.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        let column = if lines > 0 { columns } else { column + columns };
        self.line.begin(tail, text.len() - limit, column);
        length
    }
}

/// Where the value begins in which something lies: it is kept back whole.
fn around(found: &[Found], at: usize) -> usize {
    let inside = |range: &Range<usize>| range.start < at && at < range.end;
    let around = found.iter().find(|found| inside(&found.range));
    around.map_or(at, |found| found.range.start)
}

/// Lets text out with what stands in for values; the first `sent` bytes are out already.
fn pass(text: &[u8], sent: usize, limit: usize, found: &[Found], out: &mut Vec<u8>) {
    let mut copied = sent;
    for Found { range, hidden, .. } in found {
        if range.end <= sent || range.start >= limit {
            continue;
        }
        let start = range.start.max(copied);
        out.extend_from_slice(text.get(copied..start).unwrap_or_default());
        copied = range.end.min(limit);
        if start == range.start && copied == range.end {
            out.extend_from_slice(hidden);
            continue;
        }
        let value = text.get(range.clone()).unwrap_or_default();
        part(
            value,
            hidden,
            start - range.start..copied - range.start,
            out,
        );
    }
    out.extend_from_slice(text.get(copied..limit).unwrap_or_default());
}

/// A part of what stands in for a value, in bytes of the value: as its class says where that hides letter by letter, else
/// stars.
fn part(value: &[u8], hidden: &[u8], bytes: Range<usize>, out: &mut Vec<u8>) {
    let (Ok(value), Ok(hidden)) = (std::str::from_utf8(value), std::str::from_utf8(hidden)) else {
        return out.extend(bytes.map(|_| b'*'));
    };
    let alike = value.chars().count() == hidden.chars().count();
    let mut shown = hidden.chars();
    for (at, letter) in value.char_indices() {
        let shown = shown.next().filter(|_| alike);
        let star = if letter.is_alphanumeric() {
            '*'
        } else {
            letter
        };
        if bytes.contains(&at) {
            let shown = shown.unwrap_or(star);
            out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn after_last_line(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte == b'\n');
    last.map_or(0, |last| last + 1)
}

/// Up to the first byte that is no letter and no end of a line.
fn plain_length(bytes: &[u8]) -> usize {
    let mut from = 0;
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        let Some(special) = rest.iter().position(|byte| is_special(*byte)) else {
            return bytes.len();
        };
        let at = from + special;
        let next = bytes.get(at + 1);
        let passes = match bytes.get(at) {
            Some(b'\r') => next == Some(&b'\n'),
            // U+00A0 and on, not the controls before it
            Some(0xc2) => next.is_some_and(|next| *next >= 0xa0),
            _ => false,
        };
        if !passes {
            return at;
        }
        from = at + 1;
    }
}

const fn is_special(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\n' && byte != b'\t') || byte == 0x7f || byte == 0xc2
}

/// Fewer bytes are read letter by letter.
const WORTH_IT: usize = 64;
