//! Makes text safe to show: what would steer a terminal, hide, or turn text around is spelled out.

use std::fmt::Write;

/// Control characters but for the line feed and tab, bidi and invisible characters become `\u{..}`; a backslash is
/// doubled, so that the result is unambiguous.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\\' => shown.push_str("\\\\"),
            hidden if is_hidden(hidden) => {
                // writing to a String cannot fail
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(hidden));
            }
            plain => shown.push(plain),
        }
    }
    shown
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
    fn plain_text_stays_and_the_result_is_unambiguous() {
        assert_eq!(
            visible("SELECT 'für €'\n\tFROM t"),
            "SELECT 'für €'\n\tFROM t"
        );
        assert_ne!(visible("\\u{1b}"), visible("\x1b"));
    }
}
