//! Output that is no text: never rewritten. Where a value stands in it, it ends.

use bytes::Bytes;
use gate::words::{Found, LONGEST_OPEN};

use super::Look;

/// A value of a class in bytes that cannot be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{class}` was found in output that is no text and cannot be masked: it ends here; copy files with sftp, scp or rsync"
)]
pub struct Unmaskable {
    pub class: String,
}

/// Passes bytes as they are, up to the first that must not be seen.
#[derive(Debug, Default)]
pub struct Binary {
    /// The end of what came: of it the last `kept` bytes were not let out.
    end: Vec<u8>,
    kept: usize,
    passed: u64,
    /// Where something was found last that chance may have made.
    chance: Option<u64>,
}

impl Binary {
    /// Whether these bytes are no text: text has no controls but those of printers and terminals.
    #[must_use]
    pub fn begins(bytes: &[u8]) -> bool {
        bytes
            .iter()
            .any(|byte| *byte < 0x20 && !matches!(byte, 0x07..=0x0d | 0x1b))
    }

    /// Goes on behind text of which so much was kept back.
    #[must_use]
    pub fn behind(kept: Vec<u8>) -> Self {
        Self {
            kept: kept.len(),
            end: kept,
            ..Self::default()
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept == 0
    }

    /// What may pass.
    ///
    /// # Errors
    /// A value was found: nothing more may pass.
    pub fn push(&mut self, look: &impl Look, bytes: &[u8]) -> Result<Bytes, Unmaskable> {
        let sent = self.end.len() - self.kept;
        let mut text = Vec::with_capacity(self.end.len() + bytes.len());
        text.extend_from_slice(&self.end);
        text.extend_from_slice(bytes);
        for found in look.find(&text) {
            self.weigh(look, &text, sent, &found)?;
        }
        let printed = text.len() - run_before(&text, text.len()).len();
        let open = look.open(text.get(printed..).unwrap_or_default());
        let limit = open.map_or(text.len(), |open| (printed + open.from).max(sent));
        self.kept = text.len() - limit;
        self.passed += (limit - sent) as u64;
        // what stands before a value says whether chance made it
        let end = text.get(limit.saturating_sub(LONGEST_OPEN)..);
        self.end.clear();
        self.end.extend_from_slice(end.unwrap_or_default());
        Ok(Bytes::from(text).slice(sent..limit))
    }

    /// What was kept back.
    pub fn flush(&mut self) -> Vec<u8> {
        let sent = self.end.len() - self.kept;
        self.kept = 0;
        self.end.get(sent..).unwrap_or_default().to_vec()
    }

    /// Any bytes hold something that looks like a short address now and then: it counts where it stands in some text, or
    /// near another one.
    fn weigh(
        &mut self,
        look: &impl Look,
        text: &[u8],
        sent: usize,
        found: &Found,
    ) -> Result<(), Unmaskable> {
        let refused = || Unmaskable {
            class: found.class.clone(),
        };
        let mut at = found.range.start;
        let pieces = text.get(found.range.clone()).unwrap_or_default();
        for piece in pieces.split(|byte| !byte.is_ascii()) {
            let start = at;
            at += piece.len() + 1;
            for value in look.find(piece) {
                let (from, to) = (start + value.range.start, start + value.range.end);
                let number = is_number(text.get(from..to).unwrap_or_default());
                if to <= sent || (number && !stands_alone(text, from, to)) {
                    continue;
                }
                let in_text = run_before(text, to).len() + run_behind(text, to) >= TEXT;
                if number || in_text {
                    return Err(refused());
                }
                if to - from < SHORTEST {
                    continue;
                }
                let place = self.passed + (to - sent) as u64;
                if self
                    .chance
                    .is_some_and(|last| place > last && place - last <= NEAR)
                {
                    return Err(refused());
                }
                self.chance = Some(place);
            }
        }
        Ok(())
    }
}

/// Digits within a longer word are a checksum or an identifier, and no card begins with a nought.
fn stands_alone(text: &[u8], from: usize, to: usize) -> bool {
    let word = |index: Option<usize>| {
        index
            .and_then(|index| text.get(index))
            .is_some_and(u8::is_ascii_alphanumeric)
    };
    let nought = text.get(from) == Some(&b'0');
    !(nought || word(from.checked_sub(1)) || word(Some(to)))
}

fn is_number(value: &[u8]) -> bool {
    let mut bytes = value.iter();
    bytes.all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'))
}

fn run_before(text: &[u8], end: usize) -> &[u8] {
    let text = text.get(..end).unwrap_or_default();
    let length = text
        .iter()
        .rev()
        .take(LONGEST_OPEN)
        .take_while(|byte| is_text(**byte))
        .count();
    text.get(end - length..).unwrap_or_default()
}

fn run_behind(text: &[u8], start: usize) -> usize {
    let text = text.get(start..).unwrap_or_default();
    text.iter()
        .take(TEXT)
        .take_while(|byte| is_text(**byte))
        .count()
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

/// So many letters in a row are no chance.
const TEXT: usize = 24;
/// Two findings that chance may have made are none within so many bytes.
const NEAR: u64 = 64 << 10;
/// Shorter ones do not count at all without text around them.
const SHORTEST: usize = 10;
