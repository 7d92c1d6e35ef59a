//! What comes on a channel, piece by piece, and what each takes of the room.

use bytes::Bytes;
use russh::Sig;

use crate::lend::Wish;

/// A piece that carries no data counts as so many bytes.
const WORD: usize = 64;

/// One thing that came.
#[derive(Debug)]
pub(crate) enum Piece {
    Data(Bytes),
    Extended(u32, Bytes),
    Terminal(Terminal),
    Environment(String, String),
    Wish(Wish),
    Start(Start),
    Resized(Size),
    Signal(Sig),
    Status(u32),
    Killed(Killed),
    Succeeded,
    Failed,
    Eof,
}

/// What a session channel is for.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    Exec(Bytes),
    Shell,
    Subsystem(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    pub(crate) term: String,
    pub(crate) size: Size,
    pub(crate) modes: Vec<(russh::Pty, u32)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) columns: u32,
    pub(crate) rows: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// How a program was ended. What a target says of it besides is for nobody: it could hold whatever is masked elsewhere.
#[derive(Debug)]
pub(crate) struct Killed {
    pub(crate) signal: Sig,
    pub(crate) core_dumped: bool,
}

impl Piece {
    pub(super) fn of(code: Option<u32>, bytes: Bytes) -> Self {
        match code {
            None => Self::Data(bytes),
            Some(code) => Self::Extended(code, bytes),
        }
    }

    /// Bytes that it takes in memory.
    pub(in crate::channel) fn size(&self) -> usize {
        let length = match self {
            Self::Data(bytes) | Self::Extended(_, bytes) => bytes.len(),
            Self::Start(Start::Exec(command)) => command.len(),
            Self::Environment(name, value) => name.len() + value.len(),
            Self::Terminal(terminal) => terminal.term.len() + terminal.modes.len() * 8,
            Self::Wish(wish) => wish.size(),
            Self::Start(Start::Subsystem(name)) => name.len(),
            Self::Signal(Sig::Custom(name))
            | Self::Killed(Killed {
                signal: Sig::Custom(name),
                ..
            }) => name.len(),
            Self::Start(Start::Shell) | Self::Resized(_) | Self::Signal(_) => 0,
            Self::Status(_) | Self::Killed(_) | Self::Succeeded | Self::Failed | Self::Eof => 0,
        };
        length + WORD
    }
}
