//! What a port is accepted from: a TCP address or a Unix socket.

use std::fs::{File, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gate::Stream;
use rustix::fs::{Mode, OFlags};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::config::Address;

/// Whoever may enter the folder may knock, as with a server's own sockets; what they are is proved by logging in.
const OPEN_TO_ALL: u32 = 0o666;

/// Who still listens on a socket answers within this.
const ANSWER: Duration = Duration::from_secs(1);

/// A bound address.
pub(super) enum Doorway {
    Tcp(TcpListener),
    Unix(Socket),
}

/// A bound Unix socket; its file goes with it.
pub(super) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and number of the file that was bound.
    file: (u64, u64),
}

impl Doorway {
    pub(super) async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Address::Unix(path) => Socket::bind(path).await.map(Self::Unix),
        }
    }

    /// Who uses a Unix socket is on this machine, so 127.0.0.1 is where they come from. Cancel-safe.
    pub(super) async fn accept(&self) -> io::Result<(Stream, IpAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // a failure here only costs latency
                let _ = stream.set_nodelay(true);
                gate::probe(&stream);
                Ok((Stream::Plain(stream), peer.ip()))
            }
            Self::Unix(socket) => {
                let (stream, _) = socket.listener.accept().await?;
                Ok((Stream::Unix(stream), Ipv4Addr::LOCALHOST.into()))
            }
        }
    }
}

impl Socket {
    /// Takes the place of a socket that nobody listens on any more, and of no other file.
    async fn bind(path: &Path) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && forsaken(path).await => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        Ok(Self {
            listener,
            file: open_to_all(path)?,
            path: path.to_owned(),
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // another gateway may have taken the place meanwhile
        if number(&self.path).is_ok_and(|file| file == self.file) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Only if it is a socket: who else writes the folder could have put a link to another file in its place.
fn open_to_all(path: &Path) -> io::Result<(u64, u64)> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let found = file.metadata()?;
    if !found.file_type().is_socket() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
    std::fs::set_permissions(opened, Permissions::from_mode(OPEN_TO_ALL))?;
    Ok((found.dev(), found.ino()))
}

fn number(path: &Path) -> io::Result<(u64, u64)> {
    let file = std::fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Whether nobody listens on it any more, as when a gateway was killed.
#[expect(
    clippy::disallowed_methods,
    reason = "the gateway's own socket, to find out whether anybody listens"
)]
async fn forsaken(path: &Path) -> bool {
    if !std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        return false;
    }
    let answer = tokio::time::timeout(ANSWER, UnixStream::connect(path)).await;
    matches!(answer, Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn bind(path: &Path) -> io::Result<Doorway> {
        Doorway::bind(&Address::Unix(path.to_owned())).await
    }

    #[tokio::test]
    async fn a_socket_takes_the_place_of_one_that_nobody_listens_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        // the library leaves the file behind, as one that is killed does
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let bound = bind(&path).await.unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, OPEN_TO_ALL);
        // somebody listens: it stays theirs
        let refused = bind(&path).await.err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        drop(bound);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "kept").unwrap();
        assert!(bind(&path).await.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept");
        // a file that took the socket's place is not taken away with it
        std::fs::remove_file(&path).unwrap();
        let bound = bind(&path).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "another's").unwrap();
        drop(bound);
        assert!(path.exists());
    }
}
