//! Payment card numbers: 13 to 19 digits, single spaces or dashes between them, and the check digit of Luhn.

use std::ops::Range;

use super::kind::Kind;
use crate::mask::Open;

/// Only every thirteenth byte is looked at where none may stand in a number.
pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    // what stands before `from` is in no number: the next one covers the byte at `FEWEST - 1`, or begins behind it
    while let Some(byte) = text.get(from + FEWEST - 1) {
        let at = from + FEWEST - 1;
        if !PART.has(*byte) {
            from = at + 1;
            continue;
        }
        let (before, after) = text.split_at(at);
        let (start, end) = (at - PART.trailing(before), at + PART.leading(after));
        if end - start >= FEWEST {
            runs(text, start..end, &mut found);
        }
        from = end + 1;
    }
    found
}

/// The groups of digits at the end that are not too many for a number. Its first six digits say who issued it, and a
/// date is none.
pub(super) fn open(text: &[u8]) -> Option<Open> {
    let digit = |index: usize| text.get(index).is_some_and(u8::is_ascii_digit);
    let last = text.len().checked_sub(1)?;
    let (mut at, mut room) = match digit(last) {
        true => (text.len(), MOST),
        // one more has to come behind a separator
        false if is_separator(*text.get(last)?) => (last, MOST - 1),
        false => return None,
    };
    let mut from = None;
    while at > 0 && room > 0 && digit(at - 1) {
        (at, room) = (at - 1, room - 1);
        if at > 0 && digit(at - 1) {
            continue;
        }
        from = Some(at);
        let joined = at > 1 && text.get(at - 1).copied().is_some_and(is_separator);
        if joined {
            at -= 1;
        }
    }
    let from = from?;
    let candidate = text.get(from..).unwrap_or_default();
    Some(Open::new(from, from + harmless(candidate)))
}

/// How much of the beginning of a number tells nothing of it.
fn harmless(candidate: &[u8]) -> usize {
    let digits = candidate
        .iter()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_digit());
    let lead = digits
        .take(HARMLESS)
        .last()
        .map_or(0, |(index, _)| index + 1);
    let fits = |(byte, form): &(&u8, &u8)| match **form {
        b'0' => byte.is_ascii_digit(),
        form => **byte == form,
    };
    let day = candidate.starts_with(b"19") || candidate.starts_with(b"20");
    let date = match day {
        true => candidate.iter().zip(DATE).take_while(fits).count(),
        false => 0,
    };
    // of a separator behind the lead nothing is learnt either
    let lead = match candidate.get(lead) {
        Some(byte) if is_separator(*byte) => lead + 1,
        _ => lead,
    };
    lead.max(date)
}

/// Every number in a stretch of digits and separators: two separators in a row part what they stand between.
fn runs(text: &[u8], stretch: Range<usize>, found: &mut Vec<Range<usize>>) {
    let mut rest = stretch;
    while let Some(offset) = digit_in(text, rest.clone()) {
        let start = rest.start + offset;
        let mut end = start + 1;
        let mut digits = 1;
        loop {
            match (text.get(end), text.get(end + 1)) {
                (Some(one), _) if one.is_ascii_digit() => end += 1,
                (Some(one), Some(two)) if is_separator(*one) && two.is_ascii_digit() => end += 2,
                _ => break,
            }
            digits += 1;
        }
        if digits >= FEWEST {
            numbers(text, start..end, found);
        }
        rest.start = end;
    }
}

fn digit_in(text: &[u8], range: Range<usize>) -> Option<usize> {
    text.get(range)?.iter().position(u8::is_ascii_digit)
}

/// Every number in a run that begins and ends between groups of digits; those that overlap become one.
fn numbers(text: &[u8], run: Range<usize>, found: &mut Vec<Range<usize>>) {
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
        self.next_doubled.is_multiple_of(10)
    }
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-')
}

/// What a number is made of.
static PART: Kind = Kind::DIGITS.and(b' ').and(b'-');

const FEWEST: usize = 13;
const MOST: usize = 19;
/// The issuer's number, which stands on receipts.
const HARMLESS: usize = 6;
/// A day, and its hour: people type them.
const DATE: &[u8] = b"0000-00-00 00";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<&str> {
        find(text.as_bytes())
            .into_iter()
            .map(|range| &text[range])
            .collect()
    }

    #[test]
    fn finds_numbers_of_all_lengths_and_writings() {
        for number in [
            "4222222222222",
            "30569309025904",
            "378282246310005",
            "4111111111111111",
            "5555555555554444",
            "6304 0000 0000 0000 00",
            "6304000000000000000",
            "4111-1111-1111-1111",
            "4111 1111-1111 1111",
            "3782 822463 10005",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        ] {
            for text in [
                number.to_owned(),
                format!("'{number}'"),
                format!("a{number}b {number}."),
                format!("{}{number}", "x".repeat(40)),
            ] {
                let found = found(&text);
                assert!(
                    !found.is_empty() && found.iter().all(|one| one.contains(number)),
                    "{text}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn leaves_what_is_none() {
        for text in [
            "",
            "4111111111111112",
            "411111111111",
            "41111111111111110",
            "14111111111111111",
            "99999999999999999999999999",
            "4111  1111  1111  1111",
            "4111.1111.1111.1111",
            "4111 1111 1111 111",
            "2026-11-21 10:00:00",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn finds_a_number_among_other_groups_of_digits() {
        for text in [
            "12 4111111111111111",
            "4111 1111 1111 1111 2027",
            "1 4111-1111-1111-1111 9 9",
            "4111111111111111 5555555555554444",
        ] {
            let found = found(text).join("|");
            assert!(
                found.contains("1111") && found.len() >= 16,
                "{text}: {found}"
            );
        }
        assert_eq!(
            found("4111111111111111, 5555555555554444"),
            ["4111111111111111", "5555555555554444"]
        );
    }

    #[test]
    fn the_end_is_open_as_long_as_a_number_may_come_of_it() {
        for (text, begins, shown) in [
            ("4111", 0, "4111"),
            ("pay 4111 1111", 4, "4111 11"),
            ("pay 411111", 4, "411111"),
            ("pay 4111111", 4, "411111"),
            ("x4111-11-", 1, "4111-11-"),
            ("12 4111111111111111", 0, "12 4111"),
            ("1234567890123456789012 41", 23, "41"),
            ("on 2026-11-21 1", 3, "2026-11-21 1"),
            ("on 2026-11-21 105", 3, "2026-11-21 10"),
            ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ", 0, "4 1 1 1 1 1 "),
        ] {
            let open = open(text.as_bytes()).unwrap();
            let (from, harmless) = (open.from, open.harmless);
            assert_eq!((from, &text[from..harmless]), (begins, shown), "{text}");
        }
        for text in [
            "",
            "a",
            "4111 1111.",
            "1  ",
            "12345678901234567890",
            "1:",
            " ",
            "-",
        ] {
            assert_eq!(open(text.as_bytes()), None, "{text}");
        }
    }

    /// Every window that begins and ends between groups of digits, tried one by one.
    fn plain(text: &[u8]) -> Vec<bool> {
        let mut covered = vec![false; text.len()];
        for start in 0..text.len() {
            for end in start + 13..=text.len().min(start + 37) {
                let window = &text[start..end];
                let digits: Vec<u32> = window
                    .iter()
                    .filter(|byte| byte.is_ascii_digit())
                    .map(|byte| u32::from(byte - b'0'))
                    .collect();
                let edges = window[0].is_ascii_digit() && window[window.len() - 1].is_ascii_digit();
                let neighbours = start > 0 && text[start - 1].is_ascii_digit()
                    || text.get(end).is_some_and(u8::is_ascii_digit);
                let single = window
                    .windows(2)
                    .all(|pair| pair.iter().any(u8::is_ascii_digit));
                let allowed = window
                    .iter()
                    .all(|byte| byte.is_ascii_digit() || is_separator(*byte));
                let sum: u32 = digits
                    .iter()
                    .rev()
                    .enumerate()
                    .map(|(place, digit)| {
                        if place % 2 == 0 {
                            *digit
                        } else {
                            digit * 2 / 10 + digit * 2 % 10
                        }
                    })
                    .sum();
                if edges
                    && !neighbours
                    && single
                    && allowed
                    && (13..=19).contains(&digits.len())
                    && sum.is_multiple_of(10)
                {
                    covered[start..end].fill(true);
                }
            }
        }
        covered
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_trying_every_window(text in "([0-9]|[0-9]|[0-9]|[0-9]{4}|[ -]|[ -]|x|, |4111 1111 1111 1111){0,40}") {
            let bytes = text.as_bytes();
            let mut covered = vec![false; bytes.len()];
            for range in find(bytes) {
                covered[range].fill(true);
            }
            // windows that merely touch are one range here
            prop_assert_eq!(covered, plain(bytes), "{}", text);
        }

        #[test]
        fn whatever_follows_a_text_that_is_not_open_finds_no_more_in_it(text in "([0-9]|[0-9]{4}|[ -]|x|4111 1111 1111 1111){0,12}", more in "([0-9]|[ -]|x){0,24}") {
            let end = text.len();
            let from = open(text.as_bytes()).map_or(end, |open| open.from);
            let before: Vec<_> = find(text.as_bytes()).into_iter().flatten().filter(|at| *at < from).collect();
            let whole = format!("{text}{more}");
            let after: Vec<_> = find(whole.as_bytes()).into_iter().flatten().filter(|at| *at < from).collect();
            prop_assert_eq!(before, after, "{} {}", text, more);
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut end = 0;
            for range in find(&bytes) {
                prop_assert!(range.start >= end && range.end <= bytes.len() && range.len() >= FEWEST);
                end = range.end;
            }
        }
    }
}
