//! Always reads what came on a channel, so that one that is held or slow never stands in the way of its siblings.

use bytes::Bytes;
use russh::{ChannelMsg, ChannelReadHalf, Sig};

use crate::lend::{Display, Wish};

use super::inbox::{Inbox, Killed, Over, Piece, Size, Start, Terminal};

/// The longest name of a signal that passes.
const SIGNAL: usize = 32;
/// What such a name may hold besides letters and digits.
const SIGNS: &[char] = &['@', '.', '+', '-', '_'];

/// Until the channel closes, or its inbox takes nothing more. Runs as a task of its own.
pub(crate) async fn drain(mut from: ChannelReadHalf, into: Inbox) {
    let into = Ends(into);
    let mut past = Past::default();
    while let Some(message) = from.wait().await {
        if matches!(message, ChannelMsg::Close) {
            break;
        }
        if let Some(piece) = piece(message)
            && past.takes(&piece)
            && into.0.put(piece).await.is_err()
        {
            // nobody reads it any more: what still comes is dropped here, and not kept by the library
            while from.wait().await.is_some() {}
            return;
        }
    }
}

/// However the task ends, whoever waits at the inbox hears of it; a reason that it has already stays.
struct Ends(Inbox);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.end(Over::Gone);
    }
}

/// What a channel has behind it: what has no meaning any more is not kept either.
#[derive(Default)]
struct Past {
    begun: bool,
    ended: bool,
}

impl Past {
    fn takes(&mut self, piece: &Piece) -> bool {
        match piece {
            Piece::Data(_) | Piece::Extended(..) => !self.ended,
            Piece::Eof => !std::mem::replace(&mut self.ended, true),
            Piece::Start(_) => !std::mem::replace(&mut self.begun, true),
            Piece::Terminal(_) | Piece::Environment(..) | Piece::Wish(_) => !self.begun,
            Piece::Resized(_)
            | Piece::Signal(_)
            | Piece::Status(_)
            | Piece::Killed(_)
            | Piece::Succeeded
            | Piece::Failed => true,
        }
    }
}

fn piece(message: ChannelMsg) -> Option<Piece> {
    Some(match message {
        ChannelMsg::Data { data } => Piece::Data(data),
        ChannelMsg::ExtendedData { data, ext } => Piece::Extended(ext, data),
        ChannelMsg::Eof => Piece::Eof,
        ChannelMsg::WindowChange {
            col_width,
            row_height,
            pix_width,
            pix_height,
        } => Piece::Resized(Size {
            columns: col_width,
            rows: row_height,
            width: pix_width,
            height: pix_height,
        }),
        ChannelMsg::Exec { command, .. } => Piece::Start(Start::Exec(Bytes::from(command))),
        ChannelMsg::RequestShell { .. } => Piece::Start(Start::Shell),
        ChannelMsg::RequestSubsystem { name, .. } => Piece::Start(Start::Subsystem(name)),
        ChannelMsg::Signal {
            signal: Sig::Custom(name),
        } if name.len() > SIGNAL => return None,
        ChannelMsg::Signal { signal } => Piece::Signal(signal),
        ChannelMsg::ExitStatus { exit_status } => Piece::Status(exit_status),
        ChannelMsg::ExitSignal {
            signal_name,
            core_dumped,
            ..
        } => Piece::Killed(Killed {
            signal: named(signal_name),
            core_dumped,
        }),
        ChannelMsg::Success => Piece::Succeeded,
        ChannelMsg::Failure => Piece::Failed,
        other => return set_up(other),
    })
}

/// As much of a target's own name as a name of a signal may hold.
fn named(signal: Sig) -> Sig {
    let allowed = |letter: &char| letter.is_ascii_alphanumeric() || SIGNS.contains(letter);
    match signal {
        Sig::Custom(name) => Sig::Custom(name.chars().filter(allowed).take(SIGNAL).collect()),
        known => known,
    }
}

/// What comes before a start.
fn set_up(message: ChannelMsg) -> Option<Piece> {
    Some(match message {
        ChannelMsg::RequestPty {
            term,
            col_width,
            row_height,
            pix_width,
            pix_height,
            terminal_modes,
            ..
        } => Piece::Terminal(Terminal {
            term,
            size: Size {
                columns: col_width,
                rows: row_height,
                width: pix_width,
                height: pix_height,
            },
            modes: terminal_modes,
        }),
        ChannelMsg::SetEnv {
            variable_name,
            variable_value,
            ..
        } => Piece::Environment(variable_name, variable_value),
        ChannelMsg::AgentForward { .. } => Piece::Wish(Wish::Agent),
        ChannelMsg::RequestX11 {
            single_connection,
            x11_authentication_protocol,
            x11_authentication_cookie,
            x11_screen_number,
            ..
        } => Piece::Wish(Wish::Display(Display {
            single: single_connection,
            protocol: x11_authentication_protocol,
            cookie: x11_authentication_cookie,
            screen: x11_screen_number,
        })),
        // of no meaning for a relay
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_targets_word_about_an_end_only_a_short_name_is_left() {
        let name = format!("US\u{202e}R9 \"\x1b[2J@{}", "x".repeat(200_000));
        let message = ChannelMsg::ExitSignal {
            signal_name: Sig::Custom(name),
            core_dumped: true,
            error_message: "4111 1111 1111 1111".repeat(10_000),
            lang_tag: "y".repeat(50_000),
        };
        let Some(Piece::Killed(killed)) = piece(message) else {
            panic!("no end");
        };
        assert!(killed.core_dumped);
        let Sig::Custom(name) = &killed.signal else {
            panic!("{:?}", killed.signal);
        };
        assert_eq!(name.len(), SIGNAL);
        assert!(name.starts_with("USR92J@xxx"), "{name}");
        assert!(Piece::Killed(killed).size() > SIGNAL);
    }

    #[test]
    fn known_signals_keep_their_names() {
        assert!(matches!(named(Sig::TERM), Sig::TERM));
    }
}
