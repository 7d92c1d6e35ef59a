//! E-mail addresses: a local part, `@`, and a domain with a dot.

use std::ops::Range;

pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for at in memchr::memchr_iter(b'@', text) {
        let (before, after) = text.split_at(at);
        let local = before
            .iter()
            .rev()
            .take_while(|byte| is_local(**byte))
            .count();
        let domain = domain(after.get(1..).unwrap_or_default());
        if local > 0 && domain > 0 {
            super::push(&mut found, at - local..at + 1 + domain);
        }
    }
    found
}

/// Length of the domain a text begins with, 0 for none: labels and dots, the last label at least two letters.
fn domain(text: &[u8]) -> usize {
    let run = text
        .iter()
        .take_while(|byte| is_label(**byte) || **byte == b'.')
        .count();
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

/// What may stand before the `@`: quotes, brackets, commas and the like end it, for they are the text around an address.
const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || !byte.is_ascii()
        || matches!(
            byte,
            b'.' | b'!'
                | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'*'
                | b'+'
                | b'-'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'~'
        )
}

const fn is_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || byte == b'-'
}

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
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for range in find(&bytes) {
                prop_assert!(bytes.get(range).is_some_and(|found| found.contains(&b'@')));
            }
        }
    }
}
