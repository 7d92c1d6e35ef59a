//! Sees a client go away while nobody reads what it sends.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use crate::stream::Stream;

/// A peer that says nothing for this long is asked by the kernel whether it is still there,
const SILENT: Duration = Duration::from_secs(60);
/// and so often again, so that one that vanished is missed in two minutes.
const AGAIN: Duration = Duration::from_secs(15);
const TIMES: u32 = 4;

/// While somebody waits signs of life are sent, and the kernel asks nothing while they are not acknowledged: after so many
/// milliseconds it gives up. Not at other times, for it would cut off who pauses reading.
const UNACKNOWLEDGED: u32 = 120_000;

/// Has the kernel notice a peer that vanished without a word. What cannot be set is left as it is.
pub fn probe(stream: &TcpStream) {
    let _ = sockopt::set_tcp_keepidle(stream, SILENT);
    let _ = sockopt::set_tcp_keepintvl(stream, AGAIN);
    let _ = sockopt::set_tcp_keepcnt(stream, TIMES);
    let _ = sockopt::set_socket_keepalive(stream, true);
}

impl Stream {
    /// A watch for the peer's going away that sees it behind unread bytes and behind TLS. It costs a descriptor, and a
    /// wake-up for all that comes: for as long as somebody waits.
    /// A peer that acknowledges nothing meanwhile is given up in two minutes.
    pub fn watch(&self) -> io::Result<Gone> {
        // a descriptor of its own: its readiness can be cleared without losing any for the reader
        let duplicate = |stream: BorrowedFd<'_>| stream.try_clone_to_owned();
        let tcp = |stream: BorrowedFd<'_>| {
            let watch = TcpStream::from_std(duplicate(stream)?.into())?;
            let _ = sockopt::set_tcp_user_timeout(&watch, UNACKNOWLEDGED);
            Ok::<_, io::Error>(Gone::Tcp(watch))
        };
        Ok(match self {
            Self::Plain(stream) => tcp(stream.as_fd())?,
            Self::Tls(stream) => tcp(stream.get_ref().0.as_fd())?,
            Self::Unix(stream) => {
                Gone::Unix(UnixStream::from_std(duplicate(stream.as_fd())?.into())?)
            }
            Self::Memory(_) => Gone::Never,
        })
    }
}

/// Resolves when the client has closed or lost its connection.
pub enum Gone {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// In tests.
    Never,
}

impl Drop for Gone {
    fn drop(&mut self) {
        if let Self::Tcp(watch) = self {
            let _ = sockopt::set_tcp_user_timeout(watch, 0);
        }
    }
}

impl Gone {
    /// Cancel-safe.
    pub async fn wait(&mut self) {
        loop {
            let ready = match self {
                Self::Tcp(watch) => watch.ready(Interest::READABLE).await,
                Self::Unix(watch) => watch.ready(Interest::READABLE).await,
                Self::Never => std::future::pending().await,
            };
            match ready {
                Ok(ready) if !ready.is_read_closed() && !ready.is_error() => self.forget(),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Of bytes that nobody reads now: forgets that they are there, so that the next event wakes.
    fn forget(&self) {
        let none = || Err::<(), _>(io::Error::from(io::ErrorKind::WouldBlock));
        let _ = match self {
            Self::Tcp(watch) => watch.try_io(Interest::READABLE, none),
            Self::Unix(watch) => watch.try_io(Interest::READABLE, none),
            Self::Never => Ok(()),
        };
    }
}
