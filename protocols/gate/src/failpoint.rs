//! Places in the life of an operation where a test build dies, or one task of it panics, when it is told to: to prove
//! what outlives that. A product build has none of this.

/// One place, in the order in which an operation passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A connection was accepted.
    Accepted,
    /// The TLS handshake is done.
    Negotiated,
    /// The client proved who it is.
    LoggedIn,
    /// The session is open, its tape runs.
    Opened,
    /// The backend was dialled.
    Reached,
    /// A whole request was read.
    Read,
    /// It is registered, so that a reload sees it.
    Registered,
    /// It was judged.
    Judged,
    /// Its question is in the ledger and in the audit log.
    Asked,
    /// Its approval was used.
    Consumed,
    /// Its intent is in the audit log, as durable as it has to be.
    Intended,
    /// Its denial is.
    Denied,
    /// Its bytes are in the backend's queue.
    Forwarded,
    /// They left the gateway.
    Sent,
    /// Something came back.
    Replied,
    /// The reply was masked.
    Masked,
    /// The reply is on the tape.
    Taped,
    /// The outcome was handed to the audit log.
    Concluded,
    /// The reply left for the client.
    Answered,
    /// The session's tape is sealed.
    Sealed,
}

impl Step {
    pub const ALL: [Self; 20] = [
        Self::Accepted,
        Self::Negotiated,
        Self::LoggedIn,
        Self::Opened,
        Self::Reached,
        Self::Read,
        Self::Registered,
        Self::Judged,
        Self::Asked,
        Self::Consumed,
        Self::Intended,
        Self::Denied,
        Self::Forwarded,
        Self::Sent,
        Self::Replied,
        Self::Masked,
        Self::Taped,
        Self::Concluded,
        Self::Answered,
        Self::Sealed,
    ];

    /// The word that tells a test build to die here.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// Before the name of a step: the first task that comes there panics.
pub const PANIC: &str = "panic ";

/// Names the file that tells a test build where to die: it holds the name of one step, maybe behind [`PANIC`].
pub const VARIABLE: &str = "COUNTERSIGN_DIE_AT";

/// Passes, or dies as `kill -9` would have it.
///
/// # Panics
/// Where a test build was told to.
#[inline]
pub fn pass(step: Step) {
    #[cfg(feature = "failpoints")]
    armed::pass(step);
    #[cfg(not(feature = "failpoints"))]
    let _ = step;
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::path::PathBuf;
    use std::sync::LazyLock;

    use rustix::process::{Signal, getpid, kill_process};

    use super::{PANIC, Step, VARIABLE};

    static FILE: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::var_os(VARIABLE).map(PathBuf::from));

    #[expect(clippy::panic, reason = "it is what was asked for")]
    pub(super) fn pass(step: Step) {
        let Some(file) = FILE.as_deref() else {
            return;
        };
        let Ok(told) = std::fs::read_to_string(file) else {
            return;
        };
        if told == step.name() {
            // what follows the signal is of no account
            let _ = kill_process(getpid(), Signal::KILL);
        }
        // who removes it is the first
        if told.strip_prefix(PANIC) == Some(&step.name()) && std::fs::remove_file(file).is_ok() {
            panic!("told to panic at `{}`", step.name());
        }
    }
}
