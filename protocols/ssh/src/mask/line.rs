//! The line on which a program prints: moves and overwriting are followed, so that a value is found as people see it.

use std::ops::Range;

use gate::words::LONGEST_OPEN;

use super::cells::Cells;
use super::scan::{Scanner, Sign};
use super::screen::{Keep, Look};

/// One line at a time; what is not let out of it, and some of what was.
#[derive(Debug, Default)]
pub(super) struct Line {
    cells: Cells,
    scanner: Scanner,
    /// Cells at the front that stand elsewhere on the screen: a value may have been begun there.
    before: usize,
    cursor: usize,
    /// Columns of the line that lie before what is known of it.
    column: usize,
    /// The line begins nobody knows where.
    adrift: bool,
    /// The letter before is at the last column: the next one stands on the next row.
    wraps: bool,
    /// Columns of the terminal, where there is one.
    width: Option<usize>,
    /// Letters from this print on were not looked at; 0 where the line changed without any.
    new: usize,
    /// A letter came last, and may be repeated.
    printed: bool,
    /// The cursor was moved since the last letter that was printed over another.
    moved: bool,
    /// The first cell that changed since.
    changed: usize,
    /// Nothing but letters was added to what is kept.
    plain: bool,
}

impl Line {
    pub(super) fn resize(&mut self, width: usize) {
        let width = (width > 0).then_some(width);
        // where the rows of a line that was begun end now, nobody knows
        self.adrift |= self.width != width && self.cells.len() > 0;
        self.width = width;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cells.raw.is_empty()
    }

    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// The line as plain text with the number of bytes of it that are still here; none where it is more than that.
    pub(super) fn as_text(&self) -> Option<(Vec<u8>, usize)> {
        let simple = self.scanner.is_between()
            && (self.plain || self.is_empty())
            && self.before == 0
            && !self.adrift
            && self.cursor == self.cells.len();
        simple.then(|| (self.cells.text(0..self.cursor), self.cells.raw.len()))
    }

    /// Begins with plain text at a column, of which the end is still here.
    pub(super) fn begin(&mut self, text: &[u8], here: usize, column: usize) {
        let kept = text.len().saturating_sub(here);
        let (out, here) = text.split_at_checked(kept).unwrap_or((text, &[]));
        self.cells.clear();
        self.scanner = Scanner::default();
        self.before = 0;
        self.column = column;
        self.adrift = false;
        self.wraps = false;
        self.printed = false;
        self.moved = false;
        self.new = 0;
        self.plain = true;
        self.cells.remember(out);
        self.cursor = self.cells.len();
        self.changed = self.cursor;
        for byte in here {
            self.print(*byte);
            self.cells.raw.push(*byte);
        }
    }

    /// What is kept back, as it came.
    pub(super) fn take_back(&mut self) -> Vec<u8> {
        let raw = std::mem::take(&mut self.cells.raw);
        self.begin(b"", 0, 0);
        raw
    }

    /// Takes bytes up to the end of the line, and says how many that were.
    pub(super) fn take(&mut self, look: &impl Look, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            let sign = self.scanner.next(*byte);
            if sign == Sign::Line {
                self.cells.raw.push(*byte);
                self.judge(look);
                self.cells.let_out(self.cells.raw.len(), out);
                let scanner = std::mem::take(&mut self.scanner);
                self.begin(b"", 0, 0);
                self.scanner = scanner;
                return index + 1;
            }
            self.follow(look, sign);
            self.cells.raw.push(*byte);
            if self.cells.len() > 4 * CONTEXT {
                self.let_out(look, Keep::Words, out);
            }
        }
        bytes.len()
    }

    /// Lets out all that cannot become more of a value.
    pub(super) fn let_out(&mut self, look: &impl Look, keep: Keep, out: &mut Vec<u8>) {
        // what is hidden of something that may grow is judged again with more of it
        let firm = self.cells.firm();
        let found = self.judge(look);
        let mut cut = self.cells.raw.len();
        if keep != Keep::Nothing {
            for reading in self.readings() {
                if let Some(from) = self.open(look, reading.clone(), keep == Keep::Words) {
                    let around = found.iter().find(|one| one.start < from && from < one.end);
                    let from = around.map_or(from, |one| one.start);
                    let kept = self.cells.first_of(from..reading.end);
                    cut = cut.min(kept.unwrap_or(cut));
                    self.changed = self.changed.min(from);
                }
            }
        }
        self.cells.let_out(cut, out);
        self.cells.only(firm, cut);
        if !self.is_empty() {
            self.new = 0;
        }
        self.plain |= self.is_empty();
        self.forget();
    }

    /// Lets out everything. What may be the middle of a value, nobody can tell, is hidden.
    pub(super) fn give_up(&mut self, look: &impl Look, out: &mut Vec<u8>) {
        let hidden = self.judge(look);
        for reading in self.readings() {
            if let Some(from) = self.open(look, reading.clone(), false) {
                let whole = |cell| hidden.iter().any(|one| one.contains(&cell));
                for cell in (from..reading.end).filter(|cell| !whole(*cell)) {
                    self.cells.hide(cell);
                }
            }
        }
        self.cells.let_out(self.cells.raw.len(), out);
        self.plain = true;
        self.forget();
    }

    /// What may go on: the letters up to the cursor, alone and with those that stand elsewhere, and the whole line.
    fn readings(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (before, cursor, end) = (self.before, self.cursor, self.cells.len());
        let low = cursor.saturating_sub(LONGEST_OPEN);
        let high = end.saturating_sub(LONGEST_OPEN);
        let joined = (low < before).then_some(low..cursor);
        let whole = (cursor < end).then_some(high.max(before)..end);
        let alone = low.max(before)..cursor;
        [Some(alone), joined, whole].into_iter().flatten()
    }

    /// The first cell of the open end.
    fn open(&self, look: &impl Look, cells: Range<usize>, words: bool) -> Option<usize> {
        let begin = cells.start;
        let text = self.cells.text(cells);
        // to underline a letter, printers print a line before it
        let before = text.strip_suffix(b"_").and_then(|text| look.open(text));
        let opens = [look.open(&text), before].into_iter().flatten();
        let from = opens.map(|open| if words { open.from } else { open.harmless });
        let from = from.min().filter(|from| *from < text.len())?;
        Some(self.cells.at_byte(begin, from))
    }

    fn follow(&mut self, look: &impl Look, sign: Sign) {
        if let Sign::Print(byte) = sign {
            if !self.cells.shows(self.cursor, byte) {
                self.changes(look);
            }
            return self.print(byte);
        }
        self.plain = false;
        if sign == Sign::Nothing {
            return;
        }
        let wraps = std::mem::take(&mut self.wraps);
        let printed = std::mem::take(&mut self.printed);
        self.cells.moves += 1;
        self.moved |= !matches!(sign, Sign::Repeat(_));
        if erases(sign) && self.before < self.cells.len() {
            self.judge(look);
            self.changed = self.before;
            self.new = 0;
        }
        match sign {
            Sign::Unprint => self.left(look, 1),
            Sign::Return => self.go_to_column(look, 0, wraps),
            Sign::Column(column) => self.go_to_column(look, column, wraps),
            Sign::Left(count) => self.left(look, count),
            Sign::Right(count) => self.right(look, count, b' '),
            Sign::Tab => {
                let column = self.column + self.cursor - self.before;
                self.right(look, TAB - column % TAB, b'\t');
            }
            Sign::EraseRight => self.cells.truncate(self.cursor),
            Sign::EraseLeft => self.cells.blank(self.before..self.cursor),
            Sign::EraseAll => self.cells.blank(self.before..self.cells.len()),
            Sign::Blank(count) => self.cells.blank(self.cursor..self.cursor + count),
            Sign::Insert(count) => self.cells.insert(self.cursor, count.min(CONTEXT)),
            Sign::Delete(count) => self.cells.delete(self.cursor..self.cursor + count),
            Sign::Repeat(count) if printed => {
                self.printed = true;
                let count = count.min(CONTEXT);
                self.changes(look);
                self.changed = self.changed.min(self.cursor);
                self.cells.repeat(self.cursor, count);
                self.new = 0;
                self.cursor += count;
            }
            Sign::Jump => self.jump(look),
            Sign::Print(_) | Sign::Nothing | Sign::Line | Sign::Repeat(_) => {}
        }
    }

    /// The line as it stood when the cursor was moved is seen for a moment.
    fn changes(&mut self, look: &impl Look) {
        if std::mem::take(&mut self.moved) && self.new < self.cells.next() {
            self.judge(look);
        }
    }

    fn print(&mut self, byte: u8) {
        self.changed = self.changed.min(self.cursor);
        let last = self.cursor.checked_sub(1).filter(|_| byte & 0xc0 == 0x80);
        if last.is_some_and(|last| self.cells.goes_on(last, byte)) {
            return;
        }
        self.cells.print(self.cursor, byte);
        self.printed = true;
        self.cursor += 1;
        let column = self.column + self.cursor - self.before;
        self.wraps = self.width.is_some_and(|width| column.is_multiple_of(width));
    }

    fn left(&mut self, look: &impl Look, count: usize) {
        let here = self.cursor - self.before;
        if count <= here {
            self.cursor -= count;
        } else if self.adrift || self.column > 0 {
            self.jump(look);
        } else {
            self.cursor = self.before;
        }
    }

    fn right(&mut self, look: &impl Look, count: usize, fill: u8) {
        let to = self.cursor + count;
        let known = to <= self.cells.len() || !self.adrift;
        if !known || count > CONTEXT {
            return self.jump(look);
        }
        self.cells.fill(to, fill);
        self.cursor = to;
    }

    /// To a column of the row in which the cursor is.
    fn go_to_column(&mut self, look: &impl Look, column: usize, wraps: bool) {
        let here = self.column + self.cursor - self.before;
        let row = match self.width {
            Some(width) => (here - usize::from(wraps && here > 0)) / width * width,
            None => 0,
        };
        let to = (row + column).checked_sub(self.column);
        match to {
            Some(to) if !self.adrift && to <= self.cells.len() - self.before + CONTEXT => {
                let to = self.before + to;
                self.cells.fill(to, b' ');
                self.cursor = to;
            }
            _ => self.jump(look),
        }
    }

    /// Elsewhere: of the line only that is kept which may go on there.
    fn jump(&mut self, look: &impl Look) {
        self.judge(look);
        let low = self.cursor.saturating_sub(LONGEST_OPEN);
        let from = self.open(look, low..self.cursor, true);
        let from = from.unwrap_or(self.cursor);
        self.cells.truncate(self.cursor);
        self.cells.delete(0..from);
        self.before = self.cells.len();
        self.cursor = self.before;
        self.changed = self.before;
        self.adrift = true;
    }

    /// Hides what is found in the line as it is shown now; returns what of that is here from its beginning on.
    fn judge(&mut self, look: &impl Look) -> Vec<Range<usize>> {
        let low = self.changed.saturating_sub(LONGEST_OPEN);
        let own = low.max(self.before);
        let end = self.cells.len();
        let mut hidden = self.hide_found(look, own..end, &[]);
        if self.cursor < end {
            hidden.extend(self.hide_found(look, own..self.cursor, &[]));
        }
        if low < self.before {
            let joined = self.hide_found(look, low..self.cursor, &hidden);
            hidden.extend(joined);
        }
        self.new = self.cells.next();
        self.changed = end;
        hidden.retain(|range| self.cells.is_here(range.start));
        hidden
    }

    /// What is hidden now; a value is left alone that overlaps one of `known`.
    fn hide_found(
        &mut self,
        look: &impl Look,
        cells: Range<usize>,
        known: &[Range<usize>],
    ) -> Vec<Range<usize>> {
        let begin = cells.start;
        let text = self.cells.text(cells);
        let mut hidden = Vec::new();
        for found in look.find(&text) {
            let from = self.cells.at_byte(begin, found.range.start);
            let to = self.cells.at_byte(begin, found.range.end);
            if known.iter().any(|one| one.start < to && from < one.end) {
                continue;
            }
            let marked = !self.adrift && self.cells.in_one_go(from..to);
            let marked = marked && self.cells.is_here(from);
            self.cells.stand_in(from..to, &found.hidden, marked);
            hidden.push(from..to);
        }
        hidden
    }

    /// Cells far before the cursor are let go, once all of the line is out.
    fn forget(&mut self) {
        let end = self.cells.len();
        if self.cursor == end && end > 2 * CONTEXT {
            let gone = end - CONTEXT;
            let own = gone.saturating_sub(self.before);
            self.before = self.before.saturating_sub(gone);
            self.column += own;
            self.cells.delete(0..gone);
            self.cursor -= gone;
            self.changed = self.changed.saturating_sub(gone);
        }
    }
}

fn erases(sign: Sign) -> bool {
    matches!(
        sign,
        Sign::EraseRight
            | Sign::EraseLeft
            | Sign::EraseAll
            | Sign::Blank(_)
            | Sign::Insert(_)
            | Sign::Delete(_)
    )
}

/// Letters that are remembered of a line.
pub(super) const CONTEXT: usize = 1024;
const TAB: usize = 8;
