//! Makes text safe to show: what would steer a terminal, hide, or turn text around is spelled out.

use std::fmt::Write;

use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

/// Control characters but for the line feed and tab, bidi and invisible characters become `\u{..}`, and so do letters that
/// look like ASCII in a word that mixes scripts or would read as an ASCII one (UTS 39); a backslash is doubled, so that
/// the result is unambiguous.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for word in text.split_inclusive(|character: char| !is_in_word(character)) {
        let posing = !word.is_ascii() && poses(word);
        for character in word.chars() {
            match character {
                '\n' | '\t' => shown.push(character),
                '\\' => shown.push_str("\\\\"),
                hidden if is_hidden(hidden) || (posing && looks_like_ascii(hidden)) => {
                    // writing to a String cannot fail
                    let _ = write!(shown, "\\u{{{:x}}}", u32::from(hidden));
                }
                plain => shown.push(plain),
            }
        }
    }
    shown
}

fn is_in_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether a word may be taken for another one.
fn poses(word: &str) -> bool {
    let word = word.trim_end_matches(|character| !is_in_word(character));
    !word.is_single_script() || skeleton(word).all(|character| character.is_ascii())
}

fn looks_like_ascii(character: char) -> bool {
    let mut bytes = [0; 4];
    !character.is_ascii() && skeleton(character.encode_utf8(&mut bytes)).all(|one| one.is_ascii())
}

/// Whether a reader would not see this character, or see others in another order because of it.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            // soft hyphen, grapheme joiner, Arabic letter mark, Hangul fillers, Khmer inherent vowels
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5
            // spaces that look like one, or like none
            | 0xa0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000
            // Mongolian selectors, zero width, bidi, separators, invisible operators, isolates
            | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
            // braille blank, Hangul fillers, variation selectors, byte order mark, interlinear marks, replacement
            | 0x2800 | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffc
            // shorthand and musical format controls, tags, more variation selectors, private use
            | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff | 0xe000..=0xf8ff | 0xf0000..=0x10ffff)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        assert_eq!(
            visible("\x1b[2Ja\rb\u{7}\u{9b}1m"),
            "\\u{1b}[2Ja\\u{d}b\\u{7}\\u{9b}1m"
        );
        assert_eq!(
            visible("a\u{202e}b\u{2066}c\u{200b}d\u{feff}"),
            "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{feff}"
        );
    }

    #[test]
    fn letters_that_pose_as_others_are_spelled_out() {
        // Cyrillic letters: one among Latin ones, and a word of its own that reads as `scope`
        assert_eq!(
            visible("TRUNCATE \"\u{43e}rders\""),
            "TRUNCATE \"\\u{43e}rders\""
        );
        assert_eq!(
            visible("\u{455}\u{441}\u{43e}\u{440}\u{435}"),
            "\\u{455}\\u{441}\\u{43e}\\u{440}\\u{435}"
        );
        for honest in ["заказы", "Bücher", "東京Tower", "naïve_é", "ordér2"] {
            assert_eq!(visible(honest), honest);
        }
    }

    #[test]
    fn plain_text_stays_and_the_result_is_unambiguous() {
        assert_eq!(
            visible("SELECT 'für €'\n\tFROM t"),
            "SELECT 'für €'\n\tFROM t"
        );
        assert_ne!(visible("\\u{1b}"), visible("\x1b"));
    }
}
