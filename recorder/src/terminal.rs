//! Output of terminals: made harmless for whoever looks at it later, and read for the lines that were entered.

pub mod harmless;
pub mod lines;

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
