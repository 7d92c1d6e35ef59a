//! What ends a connection, by who is at fault.

/// A session ends with one of these; requests that are merely refused do not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client broke the protocol.
    #[error("the client broke the protocol: {0}")]
    Client(String),
    /// It did not prove who it is.
    #[error("login refused")]
    Login(#[from] crate::login::LoginRefused),
    /// The client's connection failed.
    #[error("the client's connection failed")]
    ClientGone(#[source] std::io::Error),
    /// A handshake or a login took too long.
    #[error("deadline of {0} passed")]
    Deadline(&'static str),
    /// The backend broke the protocol or went away.
    #[error("the backend failed: {0}")]
    Backend(String),
    #[error("the backend cannot be reached")]
    Unreachable(#[source] std::io::Error),
    /// Ended from outside: killed, locked, drained, or by a new policy.
    #[error("ended: {}", .0.as_str())]
    Ended(crate::underway::End),
    /// The gateway itself could not go on.
    #[error(transparent)]
    Fault(#[from] crate::decision::Fault),
    /// A task of the session panicked.
    #[error("a task of the session panicked")]
    Panicked,
    #[error("tls: {0}")]
    Tls(String),
    #[error("configuration: {0}")]
    Configuration(String),
    #[error("settings of another protocol")]
    OtherProtocol,
}
