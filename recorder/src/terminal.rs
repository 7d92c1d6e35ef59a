//! Output of terminals: made harmless for whoever looks at it later, and read for the lines that were entered.

pub mod harmless;
pub mod lines;

use std::borrow::Cow;

/// The longest letter has four bytes.
const LETTER: usize = 4;

/// Pieces of output, cut between letters: a parser that gets half of one loses what follows it.
#[derive(Default)]
struct Letters {
    half: Vec<u8>,
}

impl Letters {
    /// The piece, with the half of a letter that came before it and without the half that ends it.
    fn whole<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        let mut whole = match self.half.is_empty() {
            true => Cow::Borrowed(piece),
            false => Cow::Owned([&self.half, piece].concat()),
        };
        let cut = whole.len() - half(&whole);
        self.half = whole.get(cut..).unwrap_or_default().to_vec();
        match &mut whole {
            Cow::Borrowed(bytes) => *bytes = bytes.get(..cut).unwrap_or_default(),
            Cow::Owned(bytes) => bytes.truncate(cut),
        }
        whole
    }
}

/// How many bytes at the end are the beginning of a letter.
fn half(bytes: &[u8]) -> usize {
    let begun = |length: &usize| {
        let tail = bytes.len().checked_sub(*length);
        let tail = tail.and_then(|from| bytes.get(from..)).unwrap_or_default();
        let cut =
            |error: std::str::Utf8Error| error.valid_up_to() == 0 && error.error_len().is_none();
        std::str::from_utf8(tail).is_err_and(cut)
    };
    (1..LETTER).find(begun).unwrap_or_default()
}

/// The next characters are drawn: what a terminal shows in the place of small letters in its graphic set.
fn drawn(letter: char) -> char {
    const DRAWN: [char; 31] = [
        '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─',
        '⎼', '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
    ];
    let place = u32::from(letter).checked_sub(0x60);
    let place = place.and_then(|place| usize::try_from(place).ok());
    let found = place.and_then(|place| DRAWN.get(place).copied());
    found.unwrap_or(letter)
}
