//! Reads from a terminal's output which lines were probably entered. What was typed is never looked at, so that what the
//! terminal did not show, such as a password, is not found.

use vte::{Params, Parser, Perform};

use super::{Letters, drawn};
use crate::visible::visible;

/// The longest row that is followed, and the longest line that is told.
const ROW: usize = 4096;
const LINE: usize = 1024;
/// Of one terminal not more lines are told.
const MOST: usize = 10_000;
/// Line ends that were sent and not shown yet.
const AHEAD: u32 = 100;

/// One terminal.
#[derive(Default)]
pub struct Lines {
    letters: Letters,
    parser: Parser,
    row: Row,
    told: usize,
}

impl Lines {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Something was typed: of it only its line ends are counted.
    pub fn typed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let row = &mut self.row;
        row.begun.get_or_insert(row.at);
        let ends = bytes.iter().filter(|byte| matches!(byte, b'\r' | b'\n'));
        let ends = u32::try_from(ends.count()).unwrap_or(AHEAD);
        row.entered = row.entered.saturating_add(ends).min(AHEAD);
    }

    /// The next piece of output; the lines that were entered with it.
    pub fn shown(&mut self, bytes: &[u8]) -> Vec<String> {
        let bytes = self.letters.whole(bytes);
        self.parser.advance(&mut self.row, &bytes);
        let mut found = std::mem::take(&mut self.row.found);
        found.truncate(MOST - self.told);
        self.told += found.len();
        found
    }
}

/// The row that the cursor is in, as if it never wrapped.
#[derive(Default)]
struct Row {
    letters: Vec<char>,
    at: usize,
    /// Where the cursor stood when somebody began to type: behind the prompt.
    begun: Option<usize>,
    entered: u32,
    /// An editor or pager has the screen.
    other: bool,
    graphic: bool,
    found: Vec<String>,
}

impl Row {
    fn next(&mut self) {
        if self.entered > 0 {
            self.entered -= 1;
            let begun = self.begun.unwrap_or_default();
            let line = self.letters.iter().skip(begun).take(LINE);
            let line = visible(line.collect::<String>().trim());
            if !line.is_empty() && !self.other {
                self.found.push(line);
            }
        }
        self.letters.clear();
        self.at = 0;
        self.begun = None;
    }

    fn clear(&mut self, how: u16) {
        match how {
            0 => self.letters.truncate(self.at),
            1 => {
                let end = self.letters.len().min(self.at.saturating_add(1));
                let cleared = self.letters.iter_mut().take(end);
                cleared.for_each(|letter| *letter = ' ');
            }
            _ => self.letters.clear(),
        }
    }
}

impl Perform for Row {
    fn print(&mut self, letter: char) {
        if self.at >= ROW || letter.is_control() {
            return;
        }
        let letter = if self.graphic { drawn(letter) } else { letter };
        if self.letters.len() <= self.at {
            self.letters.resize(self.at + 1, ' ');
        }
        if let Some(place) = self.letters.get_mut(self.at) {
            *place = letter;
        }
        self.at += 1;
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.next(),
            b'\r' => self.at = 0,
            0x08 => self.at = self.at.saturating_sub(1),
            b'\t' => self.at = (self.at / 8 + 1).saturating_mul(8).min(ROW),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, marks: &[u8], ignore: bool, action: char) {
        let first = params.iter().next().and_then(|parts| parts.first());
        let first = first.copied().unwrap_or_default();
        let count = usize::from(first.max(1));
        let end = self.letters.len();
        match (marks, action) {
            _ if ignore => {}
            ([b'?'], 'h' | 'l') if matches!(first, 47 | 1047 | 1049) => self.other = action == 'h',
            ([], 'C' | 'a') => self.at = self.at.saturating_add(count).min(ROW),
            ([], 'D') => self.at = self.at.saturating_sub(count),
            ([], 'G' | '`') => self.at = (count - 1).min(ROW),
            ([], 'K') => self.clear(first),
            ([], 'J') if first == 0 => self.clear(0),
            // elsewhere on the screen is another row
            ([], 'J' | 'H' | 'f') => {
                self.letters.clear();
                self.at = 0;
                self.begun = None;
            }
            ([], 'P') => {
                let from = self.at.min(end);
                self.letters
                    .drain(from..from.saturating_add(count).min(end));
            }
            ([], '@') if self.at < end => {
                let room = std::iter::repeat_n(' ', count.min(ROW));
                self.letters.splice(self.at..self.at, room);
                self.letters.truncate(ROW);
            }
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, marks: &[u8], ignore: bool, byte: u8) {
        if !ignore && marks == b"(" {
            self.graphic = byte == b'0';
        }
    }
}
