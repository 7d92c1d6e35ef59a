//! Lets through only what harms nobody who looks at a terminal's output later: letters, colours, and what moves the
//! cursor or clears the screen. What is not on the list is taken out.

use std::fmt::Write;

use vte::{Params, Parser, Perform};

use super::{Letters, drawn};

/// Nothing is farther away, and nothing is repeated more often.
const FARTHEST: u16 = 9999;
/// Modes of the screen: no wrapping, no cursor, the other screen and its forms.
const MODES: [u16; 6] = [7, 25, 47, 1047, 1048, 1049];
/// Of these the ones that turn to the other screen.
const OTHER_SCREEN: [u16; 3] = [47, 1047, 1049];
const INSERTS: u16 = 4;

/// One terminal's output, in pieces that may be cut anywhere.
#[derive(Default)]
pub struct Harmless {
    letters: Letters,
    parser: Parser,
    screen: Screen,
}

impl Harmless {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What of the next piece may be shown. A letter or sequence that is not whole waits for the rest.
    pub fn pass(&mut self, bytes: &[u8]) -> String {
        let bytes = self.letters.whole(bytes);
        self.parser.advance(&mut self.screen, &bytes);
        std::mem::take(&mut self.screen.shown)
    }

    /// What puts a terminal back in order, wherever the output broke off.
    #[must_use]
    pub fn end(&self) -> String {
        let mut end = String::new();
        if self.screen.other {
            end.push_str("\x1b[?1049l");
        }
        end.push_str("\x1b[0m\x1b[4l\x1b[?7h\x1b[?25h");
        if self.screen.region {
            // which moves the cursor
            end.push_str("\x1b7\x1b[0r\x1b8");
        }
        end
    }
}

#[derive(Default)]
struct Screen {
    shown: String,
    /// Whether each of the two sets of letters is the graphic one, and whether the second is in use.
    graphic: [bool; 2],
    second: bool,
    other: bool,
    region: bool,
}

impl Screen {
    fn numbers(&mut self, mark: &str, params: &Params, action: char) {
        let numbers: Vec<String> = params
            .iter()
            .map(|parts| {
                let parts = parts.iter().map(|number| number.min(&FARTHEST).to_string());
                parts.collect::<Vec<_>>().join(":")
            })
            .collect();
        // writing to a String cannot fail
        let _ = write!(self.shown, "\x1b[{mark}{}{action}", numbers.join(";"));
    }

    fn modes(&mut self, params: &Params, action: char) {
        for mode in params.iter().filter_map(|parts| parts.first().copied()) {
            if MODES.contains(&mode) {
                let _ = write!(self.shown, "\x1b[?{mode}{action}");
            }
            if OTHER_SCREEN.contains(&mode) {
                self.other = action == 'h';
            }
        }
    }

    fn designate(&mut self, which: usize, set: u8) {
        if let Some(graphic) = self.graphic.get_mut(which) {
            *graphic = set == b'0';
        }
    }
}

impl Perform for Screen {
    fn print(&mut self, letter: char) {
        // such as DEL
        if letter.is_control() {
            return;
        }
        let graphic = self.graphic.get(usize::from(self.second));
        self.shown.push(match letter {
            _ if steers(letter) => char::REPLACEMENT_CHARACTER,
            letter if graphic == Some(&true) => drawn(letter),
            letter => letter,
        });
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' | b'\r' | b'\t' | 0x08 => self.shown.push(char::from(byte)),
            0x0e => self.second = true,
            0x0f => self.second = false,
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, marks: &[u8], ignore: bool, action: char) {
        if ignore {
            return;
        }
        let first = params.iter().next().and_then(|parts| parts.first());
        let first = first.copied().unwrap_or_default();
        match (marks, action) {
            // colours; the cursor; repeating; clearing, inserting and deleting; scrolling
            (
                [],
                'm'
                | 'A'..='H'
                | 'I'
                | 'Z'
                | '`'
                | 'a'
                | 'd'
                | 'e'
                | 'f'
                | 'b'
                | 'K'
                | 'X'
                | 'L'
                | 'M'
                | 'P'
                | '@'
                | 'S',
            ) => self.numbers("", params, action),
            // but not what scrolled away before the replay
            ([], 'J') if first <= 2 => self.numbers("", params, action),
            // with more numbers it is about the mouse
            ([], 'T') if params.len() == 1 => self.numbers("", params, action),
            ([], 'r') => {
                self.region = true;
                self.numbers("", params, action);
            }
            ([], 's' | 'u') if params.len() == 1 && first == 0 => {
                let _ = write!(self.shown, "\x1b[{action}");
            }
            ([], 'h' | 'l') if params.len() == 1 && first == INSERTS => {
                self.numbers("", params, action);
            }
            ([b'?'], 'h' | 'l') => self.modes(params, action),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, marks: &[u8], ignore: bool, byte: u8) {
        match (marks, byte) {
            _ if ignore => {}
            ([], b'7' | b'8' | b'D' | b'E' | b'M') => {
                self.shown.push('\x1b');
                self.shown.push(char::from(byte));
            }
            // a whole reset, without what reaches beyond the screen
            ([], b'c') => {
                self.graphic = [false; 2];
                self.second = false;
                self.shown.push_str("\x1b[0m\x1b[0r\x1b[0;0H\x1b[2J");
            }
            ([b'('], set) => self.designate(0, set),
            ([b')'], set) => self.designate(1, set),
            _ => {}
        }
    }
}

/// What turns the reading direction, or is read by nobody but programs.
fn steers(letter: char) -> bool {
    matches!(u32::from(letter),
        0x61c | 0x200e | 0x200f | 0x2028..=0x202e | 0x2066..=0x2069 | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
}
