//! What a session channel starts, as the gate is asked about it.

use std::sync::Arc;

use bytes::Bytes;
use gate::{Fingerprint, Guard, Mask};

use crate::channel::inbox::Start;
use crate::config::Shell;
use crate::decoder::{Decoder, Reader};
use crate::lend::What;
use crate::request::{Asked, Shown};
use crate::upstream::Opening;
use crate::words;

/// Where something starts, and who is not shown what of it.
pub(crate) struct There<'a> {
    pub(crate) login: &'a str,
    pub(crate) shell: Shell,
    pub(crate) target: &'a str,
    pub(crate) mask: Option<&'a Mask>,
}

/// The exact bytes, and all that changes what they mean: the account, the variables, the terminal; and whether it only
/// copies files, which nobody rewrites.
pub(crate) async fn asked(
    decoder: &Decoder,
    there: &There<'_>,
    opening: &Opening,
) -> (Asked, bool) {
    let login = there.login;
    let mut copies = false;
    let (kind, wire, operations, text) = match &opening.start {
        Start::Exec(command) => {
            let text = String::from_utf8_lossy(command).into_owned();
            let reader = Reader {
                shell: there.shell,
                terminal: opening.terminal.is_some(),
            };
            let decoded = decoder.exec(command, (login, reader)).await;
            copies = decoded.as_ref().is_ok_and(|decoded| decoded.copies);
            let operations = decoded.map(|decoded| decoded.operations);
            ("exec", command.clone(), operations, text)
        }
        Start::Shell => {
            let text = format!("shell as {login}");
            ("shell", Bytes::new(), Ok(words::shell(login)), text)
        }
        Start::Subsystem(name) => {
            let text = format!("subsystem {name} as {login}");
            let wire = Bytes::from(name.clone());
            ("subsystem", wire, Ok(words::subsystem(name, login)), text)
        }
    };
    let asked = Asked {
        content: vec![
            Bytes::from_static(kind.as_bytes()),
            Bytes::from(login.to_owned()),
            wire.clone(),
        ],
        wire: vec![wire],
        meaning: meaning(opening),
        operations: operations.map(Arc::new),
        guard: Guard::Alone,
        shown: Shown::new(&text, there.mask, notes(there, opening)),
    };
    (asked, copies)
}

/// What an approver reads beside the text.
fn notes(there: &There<'_>, opening: &Opening) -> Vec<String> {
    let mut notes = vec![format!("as {} at {}", there.login, there.target)];
    notes.extend(
        opening
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    if let Some(asked) = &opening.instead_of {
        let asked = said(asked);
        notes.push(format!("forced by the certificate, instead of: {asked}"));
    }
    for lent in &opening.lends {
        let lent = match lent {
            What::Agent => "with the client's key agent within reach",
            What::Display => "with the client's display within reach",
        };
        notes.push(lent.to_owned());
    }
    if opening.terminal.is_some() {
        notes.push("in a terminal".to_owned());
    }
    notes
}

/// What a client asked for, in its own words.
fn said(start: &Start) -> String {
    match start {
        Start::Exec(command) => String::from_utf8_lossy(command).into_owned(),
        Start::Shell => "a shell".to_owned(),
        Start::Subsystem(name) => format!("subsystem {name}"),
    }
}

fn meaning(opening: &Opening) -> Fingerprint {
    let terminal: &[u8] = if opening.terminal.is_some() {
        b"terminal"
    } else {
        b""
    };
    let mut parts = vec![terminal];
    parts.extend(opening.lends.iter().map(|lent| match lent {
        What::Agent => &b"agent"[..],
        What::Display => &b"display"[..],
    }));
    for (name, value) in &opening.environment {
        parts.extend([name.as_bytes(), value.as_bytes()]);
    }
    Fingerprint::of(&parts)
}
