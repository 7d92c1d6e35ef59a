//! What bytes do on a terminal, as far as it matters to what stands where: letters, moves on the line, and away from it.

/// What one byte brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// A byte of a letter that is shown.
    Print(u8),
    /// The letter before came to be the first half of a control.
    Unprint,
    /// Colours, bells, and sequences that are not over.
    Nothing,
    Line,
    Return,
    Left(usize),
    Right(usize),
    Tab,
    /// To a column of the row, from 0.
    Column(usize),
    EraseRight,
    EraseLeft,
    EraseAll,
    /// So many letters, in place.
    Blank(usize),
    Insert(usize),
    Delete(usize),
    /// The letter before, so many times more.
    Repeat(usize),
    /// To another place of the screen, or nobody knows where.
    Jump,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// Behind the byte that two-byte controls begin with.
    Lead,
    Escape,
    /// An escape with intermediate bytes: it selects something.
    Selects,
    Sequence(Sequence),
    /// Titles, clipboards and the like, up to their terminator.
    Text,
    TextEscape,
}

/// A control sequence whose final byte has not come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sequence {
    parameter: usize,
    /// Behind the first parameter.
    more: bool,
    private: bool,
}

/// Reads byte by byte, however they are cut.
#[derive(Debug, Default)]
pub(super) struct Scanner(State);

impl Scanner {
    pub(super) fn is_between(&self) -> bool {
        self.0 == State::Ground
    }

    pub(super) fn next(&mut self, byte: u8) -> Sign {
        match self.0 {
            State::Ground => self.ground(byte),
            State::Lead => self.behind_lead(byte),
            State::Escape => self.escape(byte),
            State::Selects => match byte {
                0x20..=0x2f => Sign::Nothing,
                _ => self.over(byte, Sign::Nothing),
            },
            State::Sequence(sequence) => self.sequence(sequence, byte),
            State::Text => self.text(byte),
            State::TextEscape if byte == b'\\' => self.over(byte, Sign::Nothing),
            // the escape ended the text and begins something else
            State::TextEscape => self.escape(byte),
        }
    }

    fn ground(&mut self, byte: u8) -> Sign {
        match byte {
            b'\n' => Sign::Line,
            b'\r' => Sign::Return,
            0x08 => Sign::Left(1),
            b'\t' => Sign::Tab,
            0x0b | 0x0c => Sign::Jump,
            ESCAPE => {
                self.0 = State::Escape;
                Sign::Nothing
            }
            0..=0x1f | 0x7f => Sign::Nothing,
            LEAD => {
                self.0 = State::Lead;
                Sign::Print(byte)
            }
            _ => Sign::Print(byte),
        }
    }

    fn behind_lead(&mut self, byte: u8) -> Sign {
        self.0 = State::Ground;
        match byte {
            0x9b => self.into(State::Sequence(Sequence::default())),
            0x90 | 0x98 | 0x9d..=0x9f => self.into(State::Text),
            0x84 | 0x85 | 0x8d => Sign::Jump,
            0x80..=0x9f => Sign::Unprint,
            _ => self.ground(byte),
        }
    }

    fn into(&mut self, state: State) -> Sign {
        self.0 = state;
        Sign::Unprint
    }

    fn escape(&mut self, byte: u8) -> Sign {
        self.0 = match byte {
            b'[' => State::Sequence(Sequence::default()),
            b']' | b'P' | b'X' | b'^' | b'_' => State::Text,
            0x20..=0x2f => State::Selects,
            ESCAPE => State::Escape,
            // index, next line, reverse index, save and restore, reset
            b'D' | b'E' | b'M' | b'7' | b'8' | b'c' => return self.over(byte, Sign::Jump),
            _ => return self.over(byte, Sign::Nothing),
        };
        Sign::Nothing
    }

    fn sequence(&mut self, mut sequence: Sequence, byte: u8) -> Sign {
        match byte {
            b'0'..=b'9' if !sequence.more => {
                let digit = usize::from(byte - b'0');
                sequence.parameter = (sequence.parameter * 10 + digit).min(FAR);
            }
            b';' | b':' => sequence.more = true,
            b'0'..=b'9' => {}
            b'<'..=b'?' | 0x20..=0x2f => sequence.private = true,
            b'@'..=b'~' => return self.over(byte, meaning(sequence, byte)),
            _ => return self.over(byte, Sign::Nothing),
        }
        self.0 = State::Sequence(sequence);
        Sign::Nothing
    }

    fn text(&mut self, byte: u8) -> Sign {
        match byte {
            0x07 | 0x18 | 0x1a | 0x9c => self.0 = State::Ground,
            ESCAPE => self.0 = State::TextEscape,
            _ => {}
        }
        Sign::Nothing
    }

    /// Back to letters. A control within a sequence takes effect as if it stood alone.
    fn over(&mut self, byte: u8, sign: Sign) -> Sign {
        self.0 = State::Ground;
        match byte {
            ESCAPE => {
                self.0 = State::Escape;
                Sign::Nothing
            }
            0..=0x1f => self.ground(byte),
            _ => sign,
        }
    }
}

fn meaning(sequence: Sequence, last: u8) -> Sign {
    let count = sequence.parameter.max(1);
    match last {
        // of the modes only those matter that move the cursor
        b'h' | b'l' if matches!(sequence.parameter, 3 | 6 | 47 | 1047..=1049) => Sign::Jump,
        _ if sequence.private => Sign::Nothing,
        b'C' | b'a' => Sign::Right(count),
        b'D' => Sign::Left(count),
        b'G' | b'`' => Sign::Column(count - 1),
        b'K' => match sequence.parameter {
            0 => Sign::EraseRight,
            1 => Sign::EraseLeft,
            _ => Sign::EraseAll,
        },
        b'J' => match sequence.parameter {
            0 => Sign::EraseRight,
            _ => Sign::EraseAll,
        },
        b'X' => Sign::Blank(count),
        b'@' => Sign::Insert(count),
        b'P' => Sign::Delete(count),
        b'b' => Sign::Repeat(count),
        b'I' => Sign::Tab,
        // up, down, to a place, tabs back, lines inserted, deleted or moved, margins, save and restore
        b'A' | b'B' | b'E' | b'F' | b'H' | b'f' | b'd' | b'e' | b'Z' | b'L' | b'M' | b'S'
        | b'T' | b'r' | b's' | b'u' | b'j' | b'k' => Sign::Jump,
        // colours, reports, questions
        _ => Sign::Nothing,
    }
}

const ESCAPE: u8 = 0x1b;
/// The first byte of the controls from U+0080 on.
const LEAD: u8 = 0xc2;
/// A longer way leads off the line.
const FAR: usize = 9999;
