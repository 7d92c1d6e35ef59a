//! Values in output, however it is cut, coloured and moved about; and all else as it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod figures;
mod row;

use gate::words::{DataClass, Detector, How, Masking};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use protocol_ssh::mask::{Binary, Keep, Screen};
use row::Row;

fn masking(how: How) -> Masking {
    let class = |name: &str, detector, how| DataClass {
        name: name.to_owned(),
        columns: Vec::new(),
        detectors: vec![detector],
        how,
    };
    Masking::new(vec![
        class("payment-card", Detector::PaymentCard, how),
        class("email", Detector::Email, How::Redact),
    ])
    .unwrap()
}

/// What passes of pieces, and what is kept back at the end.
fn shown(pieces: &[&[u8]], keep: Keep, width: usize) -> Vec<u8> {
    let look = masking(How::Redact);
    let mut screen = Screen::default();
    screen.resize(width);
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(screen.push(&look, piece, keep));
    }
    out.extend(screen.finish(&look));
    out
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Without what is no letter: the sequences that these tests use.
fn letters(bytes: &[u8]) -> String {
    let mut letters = String::new();
    let text = text(bytes);
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\x1b' => {
                rest.next();
                for part in rest.by_ref() {
                    if part.is_ascii_alphabetic() {
                        break;
                    }
                }
            }
            letter if letter.is_control() => {}
            letter => letters.push(letter),
        }
    }
    letters
}

/// One card, as programs print it; a terminal of 20 columns.
const CARDS: &[&str] = &[
    "card 4111111111111111 end\r\n",
    "card 4111 1111 1111 1111 end\r\n",
    "4111-1111-1111-1111\n",
    "\x1b[31m41\x1b[1;32m11\x1b[0m1111\x1b[38;5;12m11111111\x1b[m end\n",
    "\x1b]0;a title 1\x0741111111\x1b]8;;http://x\x1b\\11111111\n",
    // bold by printing twice, and underlined
    "4\x084\x08411\x08111\x08111111111111\n",
    "_\x084_\x081_\x081_\x081_\x081_\x081_\x081_\x081_\x081_\x081_\x081_\x081_\x081_\x081_\x081_\x081\n",
    // typed with corrections
    "4112\x08 \x081111111111115\x08 \x081\n",
    "41111111\x1b[C1111\x1b[C1111 x\n",
    "4111 1111\x1b[C1111\x1b[C1111 x\n",
    "4111 1111 1111\x1b[16G1111\n",
    // overwritten in place
    "xxxx xxxx xxxx xxxx\r4111 1111 1111 1111 end\n",
    "9999999999999999999\r4111111111111111\x1b[K\n",
    "0000000000000000\r\x1b[2K4111111111111111\n",
    "4111111111111\x1b[4D\x1b[3@111\n",
    // it stands there for a moment
    "4111111111111111\r                \r",
    "4111111111111111\r\x1b[K",
    "4111111111111111\x1b[1K",
    "4111111111111111\x1b[2J",
    // a row that is full goes on on the next one
    "a long line    41111\x1b[1m11111111111\n",
    "a long line    41111 \r11111111111\n",
    "a long line    41111 \x0811111111111\n",
    // a place on the screen for each part
    "\x1b[2;75H41111111\x1b[3;1H11111111\x1b[K\n",
    "\x1b[5d4111111\x1b[5;40H11\x1bM11\x1b[A11111 \n",
    "\x1b[2;1H4111111111111111\x1b[3;1H5555555555554444\n",
    "4111111111111\x1b[b\x1b[2b\n",
    "4111111\u{9b}31m111111111\n",
];

#[test]
fn a_card_is_hidden_wherever_the_pieces_are_cut() {
    for card in CARDS {
        let bytes = card.as_bytes();
        for first in 0..=bytes.len() {
            for second in (first..=bytes.len()).step_by(3) {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                // what is harmless may have passed, and more than once where it is printed twice
                for (keep, most) in [(Keep::Words, 1), (Keep::Harmful, 10)] {
                    let out = shown(&pieces, keep, 20);
                    let seen = letters(&out)
                        .chars()
                        .filter(|one| matches!(one, '1' | '4'))
                        .count();
                    assert!(
                        seen <= most,
                        "{card:?} cut at {first} and {second}, {keep:?}: {:?}",
                        text(&out)
                    );
                }
            }
        }
    }
}

#[test]
fn a_mark_stands_where_the_value_stood() {
    let all = |text: &str| self::text(&shown(&[text.as_bytes()], Keep::Words, 80));
    assert_eq!(all("to 4111111111111111!\n"), "to <payment-card>!\n");
    assert_eq!(
        all("to \x1b[31mada@\x1b[1mexample.com\x1b[m!\n"),
        "to \x1b[31m<email>\x1b[1m\x1b[m!\n"
    );
    assert_eq!(all("41111111\x1b[C11111111\n"), "********\x1b[C********\n");
    assert_eq!(
        all("4111 1111\x1b[C1111\x1b[C1111\n"),
        "**** ****\x1b[C****\x1b[C****\n"
    );
    assert_eq!(all("J\u{f6}rg@m\u{fc}ller.example\n"), "<email>\n");
    let long = format!(
        "{} ada@example.com {}\n",
        "x ".repeat(3000),
        "y ".repeat(3000)
    );
    assert_eq!(all(&long), long.replace("ada@example.com", "<email>"));
}

#[test]
fn columns_of_a_table_are_no_number() {
    for table in [
        "\x1b[1;1H  4111\x1b[1;10H  1111\x1b[1;20H  1111\x1b[1;30H  1111\n",
        "1234567\r\x1b[K1234568\r\x1b[K1234569\r\n",
        "4111\x1b[4C1111\x1b[4C1111\x1b[4C1111\n",
        "4111\t1111\t1111\t1111\n",
        "4111\n1111\n1111\n1111\n",
    ] {
        assert_eq!(text(&shown(&[table.as_bytes()], Keep::Words, 80)), table);
    }
}

/// Typed letter by letter, each later than anything is kept back.
fn dripped(what: &str) -> String {
    let look = masking(How::Last4);
    let mut screen = Screen::default();
    screen.resize(80);
    let mut out = Vec::new();
    for byte in what.bytes() {
        out.extend(screen.push(&look, &[byte], Keep::Harmful));
        out.extend(screen.give_up(&look));
    }
    text(&out)
}

#[test]
fn a_value_that_comes_in_drips_shows_no_more_than_is_harmless() {
    let card = dripped("4111111111111111\r\n");
    assert!(card.starts_with("411111******"), "{card}");
    assert_eq!(dripped("4000 0012 3456 7899 \n"), "4000 00** **** **** \n");
    assert_eq!(dripped("12345678 x 12\n"), "123456** x 12\n");
    assert_eq!(dripped("ls 2026-11-21 10:30\n"), "ls 2026-11-21 10:30\n");
    assert_eq!(dripped("ada@example.com\n"), "ada@*******.***\n");
    assert_eq!(dripped("cat *.txt | sort -rn\n"), "cat *.txt | sort -rn\n");
}

#[test]
fn what_begins_no_value_is_never_kept_back() {
    let look = masking(How::Last4);
    for at_once in [
        "$ ",
        "password: ",
        "ada@web1:~$ ",
        "\x1b[01;32mada@web1\x1b[00m:\x1b[01;34m~\x1b[00m# ",
        "Continue? [Y/n]",
        "mysql> ",
        "4111",
        "411111",
        "l",
        "\x1b[?2004h\x1b[1m$\x1b[0m ",
        "12345678901234567890123",
        "100%",
    ] {
        let mut screen = Screen::default();
        let out = screen.push(&look, at_once.as_bytes(), Keep::Harmful);
        assert_eq!(text(&out), at_once);
    }
    let mut screen = Screen::default();
    assert_eq!(
        text(&screen.push(&look, b"pay 4111111", Keep::Harmful)),
        "pay 411111"
    );
    assert_eq!(text(&screen.push(&look, b"\x1b[m1", Keep::Harmful)), "");
    assert_eq!(text(&screen.push(&look, b"x", Keep::Harmful)), "1\x1b[m1x");
}

#[test]
fn a_resize_in_the_middle_hides_no_less() {
    let look = masking(How::Redact);
    let mut screen = Screen::default();
    screen.resize(80);
    let mut out = screen.push(&look, b"4111 1111 ", Keep::Words);
    screen.resize(40);
    out.extend(screen.push(&look, b"\x1b[m1111 1111\r\n", Keep::Words));
    assert!(!text(&out).contains("1111"), "{}", text(&out));
}

#[test]
fn binary_output_passes_as_it_is_up_to_a_value() {
    let look = masking(How::Last4);
    let mut binary = Binary::default();
    assert!(Binary::begins(b"\x7fELF\x02\x01\x01\0") && Binary::begins(b"\x1f\x8b\x08\0"));
    assert!(!Binary::begins("Grüße\x1b[1m\r\n\t".as_bytes()) && !Binary::begins(b"latin \xfc"));
    for harmless in [
        &b"\0name\0ada\0"[..],
        b"\0a@b.cd\0",
        b"\0sha 4111111111111111abcdef\0",
        b"%PDF\0\n0000000016 00000 n \n0000012345 00000 n \n",
    ] {
        let mut out = binary.push(&look, harmless).unwrap().to_vec();
        out.extend(binary.flush());
        assert_eq!(out, harmless);
    }
    for value in [
        &b"\0some text around ada@example.com, and more\0"[..],
        b"\0\x01\x02a card of theirs: 4111 1111 1111 1111\0",
    ] {
        for cut in 0..value.len() {
            let mut binary = Binary::default();
            let (first, second) = value.split_at(cut);
            let mut out = Vec::new();
            let found = binary.push(&look, first).and_then(|passed| {
                out.extend(passed);
                binary.push(&look, second)
            });
            assert!(found.is_err(), "{cut}");
            assert!(!text(&out).contains("ada@") && !text(&out).contains("1111"));
        }
    }
    let near = [
        b"\0ada@example.com\0".as_slice(),
        &[0; 1000],
        b"\0eve@example.com\0",
    ]
    .concat();
    assert!(Binary::default().push(&look, &near).is_err());
}

fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for cut in cuts {
        let (piece, more) = rest.split_at((*cut).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = more;
    }
    pieces.push(rest.to_vec());
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plain_text_in_pieces_is_masked_as_a_whole(
        words in "([a-z0-9 .,@-]|[0-9]{4}|\n|\r\n| |4111 1111 1111 1111|4111111111111111|ada@example\\.com|é){0,60}",
        cuts in proptest::collection::vec(0usize..90, 0..6),
    ) {
        let look = masking(How::Last4);
        let whole = look.detect(words.as_bytes(), &|_| false);
        let whole = whole.map_or_else(|| words.clone(), |masked| text(&masked));
        let mut screen = Screen::default();
        let mut out = Vec::new();
        for piece in cut(words.as_bytes(), &cuts) {
            out.extend(screen.push(&look, &piece, Keep::Words));
        }
        out.extend(screen.finish(&look));
        prop_assert_eq!(text(&out), whole);
    }

    #[test]
    fn what_holds_no_value_is_not_changed(
        words in "([a-z .,;-]|[0-9]{1,3}x|\n|\r|\x08|\t|\x07|\x1b\\[[0-9]{0,2}[A-HJKPXmhl@]|\x1b\\][0-9]x\x07|\x1b[78M]|é|\u{85}){0,80}",
        cuts in proptest::collection::vec(0usize..60, 0..6),
        width in 0usize..12,
    ) {
        let pieces = cut(words.as_bytes(), &cuts);
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(text(&shown(&pieces, Keep::Words, width)), words);
    }

    #[test]
    fn any_bytes_in_any_pieces_pass(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), b'0'..=b'9', Just(0x1b), Just(b'['), Just(b'@'), Just(8)], 0..400),
        cuts in proptest::collection::vec(0usize..100, 0..8),
        waits in any::<bool>(),
    ) {
        let look = masking(How::Last4);
        let mut screen = Screen::default();
        screen.resize(7);
        for piece in cut(&bytes, &cuts) {
            screen.push(&look, &piece, Keep::Harmful);
            if waits {
                screen.give_up(&look);
                prop_assert!(screen.is_empty());
            }
        }
        screen.finish(&look);
        prop_assert!(screen.is_empty());
    }
}

proptest! {
    // the same cases each time; PROPTEST_CASES makes them more
    #![proptest_config(ProptestConfig {
        failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default()
    })]

    #[test]
    fn no_moment_shows_a_value(
        text in "([14x ]|1111|41111111|4111111111111111|é|\\x08|\\r|\n|\\x1b\\[[0-9]{0,1}[CDGKXP@bm]){0,40}",
    ) {
        let look = masking(How::Last4);
        let mut screen = Screen::default();
        let mut out = screen.push(&look, text.as_bytes(), Keep::Words);
        out.extend(screen.finish(&look));
        let out = self::text(&out);
        for (state, shown) in Row::states(&text).iter().zip(Row::states(&out)) {
            for found in look.find(state.as_bytes(), &|_| false) {
                let before = state[..found.range.start].chars().count();
                let value = state[found.range].chars().count();
                let seen = shown.chars().skip(before).take(value).filter(char::is_ascii_digit);
                prop_assert!(seen.count() <= 4, "{:?} became {:?}, which shows {:?} as {:?}", text, out, state, shown);
            }
        }
    }
}
