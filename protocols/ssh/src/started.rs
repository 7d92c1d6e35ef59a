//! What a session channel starts, as the gate is asked about it.

use std::sync::Arc;

use bytes::Bytes;
use gate::{Fingerprint, Guard};

use crate::channel::inbox::Start;
use crate::decoder::{Decoder, Reader};
use crate::lend::What;
use crate::request::{Asked, Shown};
use crate::upstream::Opening;
use crate::visit::Reached;
use crate::words;

/// The exact bytes, and all that changes what they mean: the account, the variables, the terminal; and whether it only
/// copies files, which nobody rewrites.
pub(crate) async fn asked(
    decoder: &Decoder,
    reached: &Reached,
    opening: &Opening,
) -> (Asked, bool) {
    let login = reached.login.as_str();
    let mut copies = false;
    let (kind, wire, operations, text) = match &opening.start {
        Start::Exec(command) => {
            let text = String::from_utf8_lossy(command).into_owned();
            let reader = Reader {
                shell: reached.shell,
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
    let mask = reached.session.mask();
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
        shown: Shown::new(&text, Some(&mask), notes(reached, opening)),
    };
    (asked, copies)
}

/// What an approver reads beside the text.
fn notes(reached: &Reached, opening: &Opening) -> Vec<String> {
    let login = reached.login.as_str();
    let mut notes = vec![format!("as {login} at {}", reached.session.target().name)];
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
