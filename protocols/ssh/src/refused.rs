//! What is asked of a connection and not spoken here: refused at once by the library's callback, and recorded.

use std::sync::Arc;

use bytes::Bytes;
use gate::{Fingerprint, Unclear, UnclearKind};

use crate::request::{Asked, Shown};
use crate::visit::Visit;

/// A way in or out that is not offered.
#[derive(Debug, Clone)]
pub(crate) enum NotSpoken {
    /// `-R`: an address or a socket that the target would listen at.
    Listening(String),
    Agent,
    Display,
}

/// Where there is a session to record it in.
pub(crate) async fn record(visit: Arc<Visit>, what: NotSpoken) {
    let Some(reached) = visit.at_target() else {
        return;
    };
    let text = match what {
        NotSpoken::Listening(at) => format!("listen at {at}"),
        NotSpoken::Agent => "lend the key agent".to_owned(),
        NotSpoken::Display => "lend the display".to_owned(),
    };
    let wire = Bytes::from(text.clone());
    let asked = Asked {
        wire: vec![wire.clone()],
        content: vec![wire],
        meaning: Fingerprint::of(&[]),
        operations: Err(Unclear {
            kind: UnclearKind::Unsupported,
            code: "not_spoken",
            message: "the gateway does not pass this on".to_owned(),
            hint: None,
            at: None,
        }),
        shown: Shown::new(&text, None, Vec::new()),
    };
    // the denial's record is all that is wanted of it
    drop(reached.session.authorize(asked).await);
}
