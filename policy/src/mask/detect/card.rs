//! Payment card numbers: 13 to 19 digits, single spaces or dashes between them, and the check digit of Luhn.

use std::ops::Range;

/// Of any two neighbouring bytes inside a number at least one is a digit, so whole steps are skipped where two are none.
pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    // a number that begins at `from` or later covers the two bytes at `from + STEP`, or begins after the first of them
    while let (Some(one), Some(two)) = (text.get(from + STEP - 1), text.get(from + STEP)) {
        if !one.is_ascii_digit() && !two.is_ascii_digit() {
            from += STEP;
            continue;
        }
        let hit = if one.is_ascii_digit() {
            from + STEP - 1
        } else {
            from + STEP
        };
        let run = run_around(text, hit);
        from = run.end;
        numbers(text, run, &mut found);
    }
    found
}

/// The longest stretch of digits with single separators around a digit.
fn run_around(text: &[u8], digit: usize) -> Range<usize> {
    let (mut start, mut end) = (digit, digit + 1);
    loop {
        let byte = |back: usize| {
            start
                .checked_sub(back)
                .and_then(|index| text.get(index))
                .copied()
        };
        match (byte(1), byte(2)) {
            (Some(one), _) if one.is_ascii_digit() => start -= 1,
            (Some(one), Some(two)) if is_separator(one) && two.is_ascii_digit() => start -= 2,
            _ => break,
        }
    }
    loop {
        match (text.get(end), text.get(end + 1)) {
            (Some(one), _) if one.is_ascii_digit() => end += 1,
            (Some(one), Some(two)) if is_separator(*one) && two.is_ascii_digit() => end += 2,
            _ => break,
        }
    }
    start..end
}

/// Every number in a run that begins and ends between groups of digits; those that overlap become one.
fn numbers(text: &[u8], run: Range<usize>, found: &mut Vec<Range<usize>>) {
    if run.len() < FEWEST {
        return;
    }
    for start in run.clone() {
        let is_digit = |index: usize| text.get(index).is_some_and(u8::is_ascii_digit);
        let begins = is_digit(start) && (start == run.start || !is_digit(start - 1));
        if !begins {
            continue;
        }
        if let Some(end) = longest_number(text, start..run.end) {
            super::push(found, start..end);
        }
    }
}

/// The end of the longest number at the start of a run.
fn longest_number(text: &[u8], run: Range<usize>) -> Option<usize> {
    let mut luhn = Luhn::default();
    let mut longest = None;
    for index in run.clone() {
        let byte = *text.get(index)?;
        if byte.is_ascii_digit() {
            luhn.add(byte - b'0');
            if luhn.digits > MOST {
                break;
            }
            let ends = index + 1 == run.end || !text.get(index + 1).is_some_and(u8::is_ascii_digit);
            if ends && luhn.digits >= FEWEST && luhn.holds() {
                longest = Some(index + 1);
            }
        }
    }
    longest
}

/// Both sums at once, for it is not known yet which digit is the last.
#[derive(Default)]
struct Luhn {
    digits: usize,
    /// With every second digit doubled, such that the next one is doubled, and such that it is not.
    next_doubled: u32,
    next_plain: u32,
}

impl Luhn {
    fn add(&mut self, digit: u8) {
        let digit = u32::from(digit);
        let doubled = if digit > 4 { 2 * digit - 9 } else { 2 * digit };
        (self.next_doubled, self.next_plain) =
            (self.next_plain + digit, self.next_doubled + doubled);
        self.digits += 1;
    }

    /// The last digit itself is not doubled, so the one after it would be.
    const fn holds(&self) -> bool {
        self.next_doubled % 10 == 0
    }
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-')
}

const FEWEST: usize = 13;
const MOST: usize = 19;
/// A number has at least 13 bytes: one of the two bytes from here on is a digit of it, wherever before them it begins.
const STEP: usize = FEWEST - 1;
