//! Always reads what came on a channel, so that one that is held or slow never stands in the way of its siblings.

use bytes::Bytes;
use russh::{ChannelMsg, ChannelReadHalf};

use crate::lend::{Display, Wish};

use super::inbox::{Inbox, Killed, Over, Piece, Size, Start, Terminal};

/// Until the channel closes, or its inbox takes nothing more. Runs as a task of its own.
pub(crate) async fn drain(mut from: ChannelReadHalf, into: Inbox) {
    let mut ended = false;
    while let Some(message) = from.wait().await {
        match message {
            ChannelMsg::Close => break,
            // behind an end that was said nothing has a meaning
            ChannelMsg::Data { .. } | ChannelMsg::ExtendedData { .. } if ended => continue,
            ChannelMsg::Eof => ended = true,
            _ => {}
        }
        if let Some(piece) = piece(message)
            && into.put(piece).await.is_err()
        {
            // nobody reads it any more: what still comes is dropped here, and not kept by the library
            while from.wait().await.is_some() {}
            return;
        }
    }
    into.end(Over::Gone);
}

fn piece(message: ChannelMsg) -> Option<Piece> {
    Some(match message {
        ChannelMsg::Data { data } => Piece::Data(data),
        ChannelMsg::ExtendedData { data, ext } => Piece::Extended(ext, data),
        ChannelMsg::Eof => Piece::Eof,
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
        ChannelMsg::Exec { command, .. } => Piece::Start(Start::Exec(Bytes::from(command))),
        ChannelMsg::RequestShell { .. } => Piece::Start(Start::Shell),
        ChannelMsg::RequestSubsystem { name, .. } => Piece::Start(Start::Subsystem(name)),
        ChannelMsg::Signal { signal } => Piece::Signal(signal),
        ChannelMsg::ExitStatus { exit_status } => Piece::Status(exit_status),
        ChannelMsg::ExitSignal {
            signal_name,
            core_dumped,
            error_message,
            lang_tag,
        } => Piece::Killed(Killed {
            signal: signal_name,
            core_dumped,
            message: error_message,
            language: lang_tag,
        }),
        ChannelMsg::Success => Piece::Succeeded,
        ChannelMsg::Failure => Piece::Failed,
        // refused in the library's callback, or of no meaning for a relay
        _ => return None,
    })
}
