//! E-mail addresses: a local part, `@`, and a domain with a dot.

use std::ops::Range;

use super::kind::Kind;
use crate::mask::{LONGEST_OPEN, Open};

pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for at in memchr::memchr_iter(b'@', text) {
        let (before, after) = text.split_at(at);
        // of most of what any bytes hold the first label already tells that it is no domain
        let domain = domain(after.get(1..).unwrap_or_default());
        if domain == 0 {
            continue;
        }
        let local = LOCAL.trailing(before);
        if local > 0 {
            super::push(&mut found, at - local..at + 1 + domain);
        }
    }
    found
}

/// The word at the end. Any word may be the beginning of an address, so it is harmless up to its `@`.
pub(super) fn open(text: &[u8]) -> Option<Open> {
    let length = text
        .iter()
        .rev()
        .take(LONGEST_OPEN)
        .take_while(|byte| LOCAL.has(**byte) || **byte == b'@')
        .count();
    let from = text.len() - length;
    let word = text.get(from..).filter(|word| !word.is_empty())?;
    let Some(at) = memchr::memrchr(b'@', word) else {
        return Some(Open::new(from, text.len()));
    };
    let (local, domain) = word.split_at(at);
    let domain = domain.get(1..).unwrap_or_default();
    let may_grow = domain.iter().all(|byte| DOMAIN.has(*byte))
        && !domain.starts_with(b".")
        && !domain.windows(2).any(|two| two == b"..");
    let named = local.last().is_some_and(|byte| *byte != b'@');
    if named && may_grow {
        return Some(Open::new(from, from + at));
    }
    // what stands behind the `@` may begin another one
    (!domain.is_empty()).then(|| Open::new(from + at + 1, text.len()))
}

/// Length of the domain a text begins with, 0 for none: labels and dots, the last label at least two letters.
fn domain(text: &[u8]) -> usize {
    let first = LABEL.leading(text);
    if first == 0 || text.get(first) != Some(&b'.') {
        return 0;
    }
    let run = DOMAIN.leading(text);
    let run = text.get(..run).unwrap_or_default();
    let mut end = 0;
    let mut length = 0;
    for (index, label) in run.split(|byte| *byte == b'.').enumerate() {
        let label_start = length;
        length += label.len();
        if label.is_empty() {
            break;
        }
        let trimmed = label
            .iter()
            .rposition(|byte| *byte != b'-')
            .map_or(0, |last| last + 1);
        if index > 0
            && trimmed > 1
            && label
                .first()
                .is_some_and(|first| first.is_ascii_alphabetic() || !first.is_ascii())
        {
            end = label_start + trimmed;
        }
        length += 1;
    }
    end
}

/// A part of a domain's name, in any script.
static LABEL: Kind = Kind::LETTERS_AND_DIGITS.and(b'-').and_all(0x80, 0xff);

static DOMAIN: Kind = Kind::LETTERS_AND_DIGITS
    .and(b'-')
    .and_all(0x80, 0xff)
    .and(b'.');

/// What may stand before the `@`: quotes, brackets, commas and the like end it, for they are the text around an address.
static LOCAL: Kind = Kind::LETTERS_AND_DIGITS
    .and_all(0x80, 0xff)
    .and(b'.')
    .and(b'!')
    .and_all(b'#', b'&')
    .and(b'*')
    .and(b'+')
    .and(b'-')
    .and(b'/')
    .and(b'=')
    .and(b'?')
    .and(b'^')
    .and(b'_')
    .and(b'~');

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
    fn finds_addresses_in_what_surrounds_them() {
        assert_eq!(found("ada@example.com"), ["ada@example.com"]);
        assert_eq!(
            found("to: Ada <ada.l+x@mail.example.co.uk>, you"),
            ["ada.l+x@mail.example.co.uk"]
        );
        assert_eq!(
            found(r#"{"e":"ada@example.com","f":'b@c.de'}"#),
            ["ada@example.com", "b@c.de"]
        );
        assert_eq!(
            found("{a@example.com,b@example.com}"),
            ["a@example.com", "b@example.com"]
        );
        assert_eq!(
            found("Schreib an jörg@müller.example."),
            ["jörg@müller.example"]
        );
        assert_eq!(
            found("x@example.com.5 x@a.bc-"),
            ["x@example.com", "x@a.bc"]
        );
        assert_eq!(found("a@b.cd@e.fg"), ["a@b.cd@e.fg"]);
    }

    #[test]
    fn leaves_what_is_none() {
        for text in [
            "",
            "@",
            "ada@",
            "@example.com",
            "ada@localhost",
            "ada@.com",
            "a@b..c",
            "a@1.2",
            "1 @ 2.de",
            "a@b.c",
            "@>",
            "{a}@{b.cd}",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn the_last_word_is_open_and_harmless_up_to_its_sign() {
        for (text, begins, shown) in [
            ("ada", 0, "ada"),
            ("to ada@", 3, "ada"),
            ("to ada@web1", 3, "ada"),
            ("to ada@example.com", 3, "ada"),
            ("a@b.cd@e", 0, "a@b.cd"),
            ("a@b..c", 2, "b..c"),
            ("@x", 1, "x"),
        ] {
            let open = open(text.as_bytes()).unwrap();
            let (from, harmless) = (open.from, open.harmless);
            assert_eq!((from, &text[from..harmless]), (begins, shown), "{text}");
        }
        for text in ["", " ", "@", "ada@web1:", "$ ", "password: "] {
            assert_eq!(open(text.as_bytes()), None, "{text}");
        }
        let long = "x".repeat(1000);
        assert_eq!(open(long.as_bytes()).unwrap().from, 1000 - LONGEST_OPEN);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn finds_every_planted_address(before in "[ ,;<>\"'()\\[\\]{}|:\n]{0,20}", local in "[a-z0-9._+-]{0,20}[a-z]", host in "[a-z0-9]{1,20}", top in "[a-z]{2,8}", after in "|[ ,;<>\"'()@]\\PC{0,20}") {
            let address = format!("{local}@{host}.{top}");
            let text = format!("{before}{address}{after}");
            let ranges = find(text.as_bytes());
            let planted = before.len()..before.len() + address.len();
            prop_assert!(ranges.iter().any(|range| range.start <= planted.start && range.end >= planted.end), "{:?} in {:?}", ranges, text);
        }

        #[test]
        fn ranges_are_in_order_and_hold_whole_characters(text in "\\PC{0,200}|[a@.é-]{0,60}") {
            let mut end = 0;
            for range in find(text.as_bytes()) {
                prop_assert!(range.start >= end && range.end > range.start && text.get(range.clone()).is_some(), "{:?}", range);
                end = range.end;
            }
        }

        #[test]
        fn whatever_follows_a_text_that_is_not_open_finds_no_more_in_it(text in "[a@.é -]{0,20}", more in "[ab@.é -]{0,20}") {
            let end = text.len();
            let from = open(text.as_bytes()).map_or(end, |open| open.from);
            let before: Vec<_> = find(text.as_bytes()).into_iter().flatten().filter(|at| *at < from).collect();
            let whole = format!("{text}{more}");
            let after: Vec<_> = find(whole.as_bytes()).into_iter().flatten().filter(|at| *at < from).collect();
            prop_assert_eq!(before, after, "{} {}", text, more);
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for range in find(&bytes) {
                prop_assert!(bytes.get(range).is_some_and(|found| found.contains(&b'@')));
            }
        }
    }
}
