//! Values that must not be seen, and a scanner that knows them raw, backwards, encoded, in binary and as their digests.

use std::collections::{BTreeSet, HashMap};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::chance::Chance;

const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const SIGNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
const DIGITS: &[u8] = b"123456789";
const SMALL: &[u8] = b"abcdefghijkmnopqrstuvwxyz";

/// What one row holds.
#[derive(Debug, Clone)]
pub struct Row {
    pub secret: String,
    pub document: String,
    pub tags: [String; 2],
    pub bytes: String,
    pub inner: String,
    pub pin: i64,
}

/// What only detectors find.
#[derive(Debug, Clone)]
pub struct Letter {
    pub email: String,
    pub card: String,
}

impl Row {
    pub fn random(chance: &mut Chance) -> Self {
        let mut token = || format!("{}{}", chance.text(LETTERS, 1), chance.text(SIGNS, 15));
        let (secret, document, bytes, inner) = (token(), token(), token(), token());
        Self {
            secret,
            document,
            tags: [token(), token()],
            bytes,
            inner,
            pin: chance.text(DIGITS, 15).parse().unwrap_or(1),
        }
    }

    fn texts(&self) -> [&str; 6] {
        let [first, second] = &self.tags;
        [
            &self.secret,
            &self.document,
            first,
            second,
            &self.bytes,
            &self.inner,
        ]
    }
}

impl Letter {
    pub fn random(chance: &mut Chance) -> Self {
        let email = format!("{}@example.net", chance.text(SMALL, 12));
        Self {
            email,
            card: card(&format!("4{}", chance.text(DIGITS, 14))),
        }
    }
}

/// Sixteen digits that pass Luhn's check.
fn card(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit.saturating_sub(b'0'));
            match (place % 2 == 0, digit * 2) {
                (true, doubled @ 10..) => doubled - 9,
                (true, doubled) => doubled,
                (false, _) => digit,
            }
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// One way in which one value was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Which value, as it was added.
    pub canary: usize,
    pub form: &'static str,
    pub at: usize,
}

/// Finds pieces of the values in anything.
#[derive(Default)]
pub struct Scanner {
    /// Pieces by their length; in lower case.
    pieces: HashMap<usize, Pieces>,
    canaries: usize,
}

/// Pieces of one length: the canary and the form of each, and by which two bytes one may begin.
struct Pieces {
    known: HashMap<Vec<u8>, (usize, &'static str)>,
    starts: Vec<bool>,
}

impl Default for Pieces {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            starts: vec![false; 1 << 16],
        }
    }
}

impl Scanner {
    /// Every value of these rows, in every form.
    pub fn over(rows: &[Row], letters: &[Letter]) -> Self {
        let mut scanner = Self::default();
        for row in rows {
            for text in row.texts() {
                scanner.text(text);
            }
            scanner.number(row.pin);
        }
        for letter in letters {
            for value in [&letter.email, &letter.card] {
                scanner.whole("raw", value.as_bytes());
                scanner.canaries += 1;
            }
        }
        scanner
    }

    /// How many values it knows.
    pub fn canaries(&self) -> usize {
        self.canaries
    }

    /// A value that must not be seen in any form: pieces of eight characters count.
    fn text(&mut self, text: &str) {
        let raw = text.as_bytes();
        self.windows("raw", raw, 8);
        self.windows("backwards", &reversed(raw), 8);
        self.windows("rotated", &rotated(raw), 8);
        self.encoded(raw);
        let wide: Vec<u8> = raw.iter().flat_map(|byte| [*byte, 0]).collect();
        self.windows("wide", &wide, 16);
        for between in [",", ", ", " "] {
            let codes: Vec<String> = raw.iter().map(u8::to_string).collect();
            self.windows("codes", codes.join(between).as_bytes(), 16);
        }
        for (form, algorithm) in [("sha256", &digest::SHA256), ("sha512", &digest::SHA512)] {
            let sum = digest::digest(algorithm, raw);
            self.windows(form, hexadecimal(sum.as_ref()).as_bytes(), 16);
        }
        self.canaries += 1;
    }

    fn number(&mut self, number: i64) {
        let decimal = number.to_string();
        self.windows("raw", decimal.as_bytes(), 12);
        self.windows("backwards", &reversed(decimal.as_bytes()), 12);
        self.encoded(decimal.as_bytes());
        self.windows("hexadecimal", format!("{number:x}").as_bytes(), 12);
        self.windows("binary", &number.to_be_bytes(), 8);
        self.windows("grouped", grouped(&decimal).as_bytes(), 16);
        self.canaries += 1;
    }

    fn encoded(&mut self, raw: &[u8]) {
        self.windows("hexadecimal", hexadecimal(raw).as_bytes(), 16);
        self.windows(
            "hexadecimal backwards",
            hexadecimal(&reversed(raw)).as_bytes(),
            16,
        );
        // whatever stands before it moves it by none, one or two bytes
        for (before, skipped) in [(0, 0), (1, 2), (2, 3)] {
            let text = STANDARD.encode([&vec![0; before], raw].concat());
            let whole = (before + raw.len()) * 4 / 3;
            let sure = text.get(skipped..whole).unwrap_or_default();
            self.windows("base64", sure.as_bytes(), 16);
        }
    }

    fn windows(&mut self, form: &'static str, bytes: &[u8], length: usize) {
        for piece in bytes.windows(length) {
            self.piece(form, piece);
        }
    }

    fn whole(&mut self, form: &'static str, bytes: &[u8]) {
        self.piece(form, bytes);
    }

    fn piece(&mut self, form: &'static str, piece: &[u8]) {
        let piece = piece.to_ascii_lowercase();
        let pieces = self.pieces.entry(piece.len()).or_default();
        if let Some(known) = start(&piece).and_then(|start| pieces.starts.get_mut(start)) {
            *known = true;
        }
        pieces.known.entry(piece).or_insert((self.canaries, form));
    }

    /// Every piece that stands in these bytes.
    pub fn find(&self, bytes: &[u8]) -> Vec<Found> {
        let bytes = bytes.to_ascii_lowercase();
        let mut found = Vec::new();
        for (length, pieces) in &self.pieces {
            for (at, window) in bytes.windows(*length).enumerate() {
                let may = start(window).and_then(|start| pieces.starts.get(start)) == Some(&true);
                if let Some((canary, form)) = may.then(|| pieces.known.get(window)).flatten() {
                    found.push(Found {
                        canary: *canary,
                        form,
                        at,
                    });
                }
            }
        }
        found.sort();
        found
    }

    /// Which values stand in these bytes.
    pub fn seen(&self, bytes: &[u8]) -> BTreeSet<usize> {
        self.find(bytes).iter().map(|found| found.canary).collect()
    }
}

fn start(bytes: &[u8]) -> Option<usize> {
    let first = bytes.first_chunk::<2>()?;
    Some(usize::from(u16::from_be_bytes(*first)))
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

fn rotated(bytes: &[u8]) -> Vec<u8> {
    let turn = |byte: &u8| match byte {
        b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
        b'A'..=b'Z' => (byte - b'A' + 13) % 26 + b'A',
        other => *other,
    };
    bytes.iter().map(turn).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn grouped(decimal: &str) -> String {
    let groups: Vec<String> = decimal
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn every_form_is_found() {
        let mut chance = Chance::seeded(1);
        let rows = [Row::random(&mut chance), Row::random(&mut chance)];
        let letters = [Letter::random(&mut chance)];
        let scanner = Scanner::over(&rows, &letters);
        assert_eq!(scanner.canaries(), 16);
        let secret = rows[1].secret.as_str();
        let backwards: String = secret.chars().rev().collect();
        let codes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        for shown in [
            format!("x{secret}y"),
            secret.to_uppercase(),
            secret[3..12].to_owned(),
            backwards,
            hexadecimal(secret.as_bytes()),
            STANDARD.encode(secret),
            STANDARD.encode(format!("a{secret}")),
            STANDARD.encode(format!("ab{secret} and more")),
            codes.join(","),
        ] {
            assert_eq!(scanner.seen(shown.as_bytes()), [7].into(), "{shown}");
        }
        let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(scanner.seen(&wide), [7].into());
        assert_eq!(scanner.seen(&rows[0].pin.to_be_bytes()), [6].into());
        assert_eq!(
            scanner.seen(grouped(&rows[0].pin.to_string()).as_bytes()),
            [6].into()
        );
        let letter = format!("to {} of {}.", letters[0].email, letters[0].card);
        assert_eq!(scanner.seen(letter.as_bytes()), [14, 15].into());
        for harmless in [
            "",
            "a",
            &secret[..7],
            "what nobody planted, however long it is",
        ] {
            assert!(scanner.seen(harmless.as_bytes()).is_empty(), "{harmless}");
        }
    }

    #[test]
    fn cards_are_sound() {
        assert_eq!(card("411111111111111"), "4111111111111111");
        assert_eq!(card("510510510510510"), "5105105105105100");
    }
}
