//! What stands on the line that is being printed, letter by letter, and where in the bytes that are still here each one is.

use std::collections::BTreeMap;
use std::ops::Range;

/// What stands in for letters, by the place of their bytes, with how many those are.
type Replaced = BTreeMap<usize, (usize, Vec<u8>)>;

/// A letter as it is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    bytes: [u8; 4],
    length: u8,
    /// The print that is seen, counted from 1; 0 for a blank that nothing printed.
    top: usize,
}

/// A letter among the bytes that were not let out.
#[derive(Debug, Clone, Copy)]
struct Print {
    at: usize,
    length: usize,
    /// What it was printed over.
    under: usize,
    /// Moves of the cursor up to it.
    moves: usize,
}

/// Bytes that were not let out, and the letters of the line: those and some before them.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) raw: Vec<u8>,
    cells: Vec<Cell>,
    prints: Vec<Print>,
    /// Prints that were let out.
    gone: usize,
    /// Moves of the cursor.
    pub(super) moves: usize,
    replaced: Replaced,
}

impl Cell {
    const BLANK: Self = Self {
        bytes: [b' ', 0, 0, 0],
        length: 1,
        top: 0,
    };

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    fn takes_more(&self) -> bool {
        self.length < 4 && self.bytes.first().is_some_and(|first| *first >= 0xc0)
    }

    fn is_letter(&self) -> bool {
        let bytes = self.bytes();
        !bytes.is_ascii() || bytes.iter().any(u8::is_ascii_alphanumeric)
    }
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn text(&self, range: Range<usize>) -> Vec<u8> {
        let cells = self.cells.get(range).unwrap_or_default();
        let mut text = Vec::with_capacity(cells.len());
        for cell in cells {
            match cell.length {
                1 => text.push(cell.bytes[0]),
                _ => text.extend_from_slice(cell.bytes()),
            }
        }
        text
    }

    pub(super) fn clear(&mut self) {
        self.raw.clear();
        self.cells.clear();
        self.prints.clear();
        self.replaced.clear();
        self.gone = 0;
        self.moves = 0;
    }

    /// The cell in which a byte of the text lies that begins at a cell; the end's is the one behind the last.
    pub(super) fn at_byte(&self, begin: usize, offset: usize) -> usize {
        let mut passed = 0;
        let cells = self.cells.get(begin..).unwrap_or_default();
        let before = cells.iter().take_while(|cell| {
            passed += cell.bytes().len();
            passed <= offset
        });
        begin + before.count()
    }

    /// The number of the next print.
    pub(super) fn next(&self) -> usize {
        self.gone + self.prints.len() + 1
    }

    fn print_of(&self, number: usize) -> Option<&Print> {
        let index = number.checked_sub(self.gone + 1)?;
        self.prints.get(index)
    }

    pub(super) fn is_here(&self, index: usize) -> bool {
        let cell = self.cells.get(index);
        cell.is_some_and(|cell| cell.top > self.gone)
    }

    pub(super) fn shows(&self, index: usize, byte: u8) -> bool {
        self.cells
            .get(index)
            .is_some_and(|cell| cell.bytes() == [byte])
    }

    /// The byte that is about to be added to `raw`, as a letter.
    pub(super) fn print(&mut self, index: usize, byte: u8) {
        let under = self.cells.get(index).map_or(0, |cell| cell.top);
        let cell = Cell {
            bytes: [byte, 0, 0, 0],
            length: 1,
            top: self.printed(under),
        };
        self.put(index, cell);
    }

    /// The same, as more of the letter before, where that takes more.
    pub(super) fn goes_on(&mut self, index: usize, byte: u8) -> bool {
        let Some(cell) = self.cells.get(index).filter(|cell| cell.takes_more()) else {
            return false;
        };
        let mut cell = *cell;
        if let Some(place) = cell.bytes.get_mut(usize::from(cell.length)) {
            *place = byte;
            cell.length += 1;
        }
        let end = self.raw.len();
        let here = cell.top.checked_sub(self.gone + 1);
        match here.and_then(|here| self.prints.get_mut(here)) {
            Some(print) if print.at + print.length == end => print.length += 1,
            Some(_) | None => cell.top = self.printed(cell.top),
        }
        self.put(index, cell);
        true
    }

    fn printed(&mut self, under: usize) -> usize {
        let number = self.next();
        self.prints.push(Print {
            at: self.raw.len(),
            length: 1,
            under,
            moves: self.moves,
        });
        number
    }

    fn put(&mut self, index: usize, cell: Cell) {
        while self.cells.len() < index {
            self.cells.push(Cell::BLANK);
        }
        match self.cells.get_mut(index) {
            Some(place) => *place = cell,
            None => self.cells.push(cell),
        }
    }

    /// A letter that was let out already.
    pub(super) fn remember(&mut self, text: &[u8]) {
        for byte in text {
            let last = self.cells.last_mut().filter(|cell| cell.takes_more());
            match last {
                Some(cell) if byte & 0xc0 == 0x80 => {
                    if let Some(place) = cell.bytes.get_mut(usize::from(cell.length)) {
                        *place = *byte;
                        cell.length += 1;
                    }
                }
                Some(_) | None => self.cells.push(Cell {
                    bytes: [*byte, 0, 0, 0],
                    length: 1,
                    top: 0,
                }),
            }
        }
    }

    pub(super) fn repeat(&mut self, index: usize, count: usize) {
        if let Some(cell) = index.checked_sub(1).and_then(|last| self.cells.get(last)) {
            let cell = *cell;
            for place in index..index + count {
                self.put(place, cell);
            }
        }
    }

    pub(super) fn fill(&mut self, to: usize, byte: u8) {
        while self.cells.len() < to {
            let mut cell = Cell::BLANK;
            cell.bytes = [byte, 0, 0, 0];
            self.cells.push(cell);
        }
    }

    pub(super) fn blank(&mut self, range: Range<usize>) {
        let end = range.end.min(self.cells.len());
        for cell in self.cells.get_mut(range.start..end).unwrap_or_default() {
            *cell = Cell::BLANK;
        }
    }

    pub(super) fn insert(&mut self, index: usize, count: usize) {
        if index < self.cells.len() {
            let blanks = std::iter::repeat_n(Cell::BLANK, count);
            self.cells.splice(index..index, blanks);
        }
    }

    pub(super) fn delete(&mut self, range: Range<usize>) {
        let end = range.end.min(self.cells.len());
        if range.start < end {
            self.cells.drain(range.start..end);
        }
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.cells.truncate(length);
    }

    /// Whether cells were printed one behind the other, with nothing but colours between.
    pub(super) fn in_one_go(&self, range: Range<usize>) -> bool {
        let cells = self.cells.get(range).unwrap_or_default();
        let mut last = None;
        // what was let out says nothing any more
        let mut prints = cells.iter().filter_map(|cell| self.print_of(cell.top));
        prints.all(|print| {
            let same = last.is_none_or(|last| last == print.moves);
            last = Some(print.moves);
            same && self.print_of(print.under).is_none()
        })
    }

    /// Replaces the letter of a cell, whatever it was printed over, for as far as it is still here.
    pub(super) fn replace(&mut self, index: usize, with: &[u8]) {
        let top = self.cells.get(index).map_or(0, |cell| cell.top);
        let mut number = top;
        while let Some(Print {
            at, length, under, ..
        }) = self.print_of(number).copied()
        {
            // what was hidden when it was seen stays so
            let known = self.replaced.get(&at).map(|(_, with)| with.as_slice());
            if known.is_none() || (number == top && known != Some(b"*")) {
                self.replaced.insert(at, (length, with.to_vec()));
            }
            number = under;
        }
    }

    /// One print that is seen more than once.
    fn is_repeated(&self, index: usize) -> bool {
        let top = |index: Option<usize>| {
            index
                .and_then(|index| self.cells.get(index))
                .map(|cell| cell.top)
        };
        let here = top(Some(index)).filter(|_| self.is_here(index));
        here.is_some() && (here == top(index.checked_sub(1)) || here == top(Some(index + 1)))
    }

    /// A star for a letter that is here; what separates letters stays.
    pub(super) fn hide(&mut self, index: usize) {
        let letter = self.cells.get(index).is_some_and(Cell::is_letter);
        if letter && self.is_here(index) {
            self.replace(index, b"*");
        }
    }

    /// What stands in for a value: letter by letter where it has as many, else as a mark in place of its first letter
    /// that is here, or as stars where a mark would shift what stands around it.
    pub(super) fn stand_in(&mut self, range: Range<usize>, hidden: &[u8], marked: bool) {
        let letters = std::str::from_utf8(hidden).ok().map(|text| text.chars());
        let alike = letters.filter(|letters| letters.clone().count() == range.len());
        if let Some(letters) = alike {
            for (index, letter) in range.zip(letters) {
                match self.is_repeated(index) {
                    true => self.hide(index),
                    false => self.replace(index, letter.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            return;
        }
        let mut mark = Some(hidden).filter(|_| marked);
        for index in range {
            match marked {
                true => self.replace(index, mark.take().unwrap_or_default()),
                false => self.hide(index),
            }
        }
    }

    /// Where in `raw` the first letter of some cells lies, counting those that they were printed over.
    pub(super) fn first_of(&self, range: Range<usize>) -> Option<usize> {
        let cells = self.cells.get(range).unwrap_or_default();
        let firsts = cells.iter().filter_map(|cell| {
            let (mut number, mut first) = (cell.top, None);
            while let Some(print) = self.print_of(number) {
                (number, first) = (print.under, Some(print.at));
            }
            first
        });
        firsts.min()
    }

    /// What stands in for letters whatever comes.
    pub(super) fn firm(&self) -> Replaced {
        self.replaced.clone()
    }

    /// Only that is replaced still, behind what was let out meanwhile.
    pub(super) fn only(&mut self, mut firm: Replaced, let_out: usize) {
        let kept = firm.split_off(&let_out).into_iter();
        self.replaced = kept.map(|(at, what)| (at - let_out, what)).collect();
    }

    /// Lets out the bytes up to there, with what stands in for some of them.
    pub(super) fn let_out(&mut self, cut: usize, into: &mut Vec<u8>) {
        let mut copied = 0;
        for (at, (length, with)) in self.replaced.range(..cut) {
            into.extend_from_slice(self.raw.get(copied..*at).unwrap_or_default());
            into.extend_from_slice(with);
            copied = at + length;
        }
        into.extend_from_slice(self.raw.get(copied..cut).unwrap_or_default());
        self.replaced = self.replaced.split_off(&cut);
        self.raw.drain(..cut.min(self.raw.len()));
        let out = self.prints.partition_point(|print| print.at < cut);
        self.prints.drain(..out);
        self.gone += out;
        for print in &mut self.prints {
            print.at -= cut;
        }
    }
}
