//! The write side of a backend connection: dialled by the gate, open only to a permit or an underway.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::decision::{Denied, Permitted};
use crate::duplex::{Duplex, Turn};
use crate::error::Error;
use crate::failpoint::{self, Step};
use crate::request::Request;
use crate::session::Connect;
use crate::stream::Stream;
use crate::underway::{Revoked, Underway};

/// Where a backend listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix { path: PathBuf },
}

/// Only the gate dials, only the gate makes one; the inner stream is out of reach.
pub struct Upstream<T> {
    duplex: Duplex<T>,
    /// A permit for another target is not taken.
    target: Arc<str>,
}

/// Proof that this session was let through to the target once: what another dial, to cancel, rests on.
#[derive(Debug, Clone)]
pub struct Reached {
    /// All that the target was said to be at, in order.
    endpoints: Arc<[Endpoint]>,
    place: usize,
    target: Arc<str>,
}

impl Reached {
    /// Which of the endpoints it is, counted from 0.
    pub fn place(&self) -> usize {
        self.place
    }
}

impl Upstream<Stream> {
    /// Reaches the target. The underway that comes back is the session's leave to be there: keep it, and watch it.
    pub async fn connect(
        permit: Permitted<Connect>,
        endpoint: &Endpoint,
        within: Duration,
    ) -> Result<(Self, Underway, Reached), Error> {
        Self::connect_to_any(permit, vec![endpoint.clone()], within).await
    }

    /// The same where the target may be at several endpoints: the first that answers, each tried for so long.
    pub async fn connect_to_any(
        permit: Permitted<Connect>,
        endpoints: Vec<Endpoint>,
        within: Duration,
    ) -> Result<(Self, Underway, Reached), Error> {
        let target = permit.target();
        let endpoints: Arc<[Endpoint]> = endpoints.into();
        match first(&endpoints, 0, within).await {
            Ok((stream, place)) => {
                failpoint::pass(Step::Reached);
                let underway = permit.dialled().map_err(|reason| {
                    Error::Backend(format!("not allowed any more: {}", reason.as_str()))
                })?;
                let reached = Reached {
                    endpoints,
                    place,
                    target: target.clone(),
                };
                Ok((Self::over(stream, target), underway, reached))
            }
            Err(error) => {
                permit.unreachable();
                Err(Error::Unreachable(error))
            }
        }
    }

    /// The endpoints after the one that was reached, and would not do.
    pub async fn onward(reached: &Reached, within: Duration) -> Option<(Self, Reached)> {
        let (stream, place) = first(&reached.endpoints, reached.place + 1, within)
            .await
            .ok()?;
        let reached = Reached {
            place,
            ..reached.clone()
        };
        Some((Self::over(stream, reached.target.clone()), reached))
    }

    /// A second connection to the same place, for what must be said beside the first.
    pub async fn again(reached: &Reached, within: Duration) -> Result<Self, Error> {
        let Some(endpoint) = reached.endpoints.get(reached.place) else {
            return Err(Error::Unreachable(io::ErrorKind::NotFound.into()));
        };
        dial(endpoint, within)
            .await
            .map(|stream| Self::over(stream, reached.target.clone()))
            .map_err(Error::Unreachable)
    }

    /// The TLS handshake towards the backend, its name verified. No byte may be left over from before.
    pub async fn secure(
        self,
        tls: &Arc<rustls::ClientConfig>,
        name: &str,
        within: Duration,
    ) -> Result<Self, Error> {
        let Self { duplex, target } = self;
        let Stream::Plain(stream) = duplex.into_io() else {
            return Err(Error::Tls(
                "only a plain TCP connection can be secured".into(),
            ));
        };
        let name = rustls_pki_types::ServerName::try_from(name.to_owned())
            .map_err(|_| Error::Tls("not a server name".into()))?;
        let handshake = tokio_rustls::TlsConnector::from(tls.clone()).connect(name, stream);
        let stream = tokio::time::timeout(within, handshake)
            .await
            .map_err(|_| Error::Deadline("the TLS handshake with the backend"))?
            .map_err(|error| Error::Tls(error.to_string()))?;
        Ok(Self::over(Stream::Tls(Box::new(stream.into())), target))
    }

    /// DER of the backend's certificate, for channel binding.
    pub fn certificate(&mut self) -> Option<Vec<u8>> {
        match self.duplex.io() {
            Stream::Tls(stream) => {
                let certificates = stream.get_ref().1.peer_certificates()?;
                certificates.first().map(|first| first.as_ref().to_vec())
            }
            Stream::Plain(_) | Stream::Unix(_) | Stream::Memory(_) => None,
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl Upstream<Stream> {
    /// A backend in memory: for tests only.
    pub fn in_memory(
        permit: Permitted<Connect>,
        stream: tokio::io::DuplexStream,
    ) -> Result<(Self, Underway), crate::decision::Reason> {
        let target = permit.target();
        let underway = permit.dialled()?;
        Ok((Self::over(Stream::Memory(stream), target), underway))
    }
}

impl<T> Upstream<T> {
    fn over(stream: T, target: Arc<str>) -> Self {
        Self {
            duplex: Duplex::new(stream),
            target,
        }
    }

    pub(crate) fn into_parts(self) -> (T, Arc<str>) {
        (self.duplex.into_io(), self.target)
    }

    /// Queues exactly the request's wire, by reference count. No await: nothing can come between intent and queue.
    pub fn forward<R: Request>(
        &mut self,
        permit: Permitted<R>,
    ) -> Result<(R, Underway), Denied<R>> {
        let permit = permit.meant_for(&self.target)?;
        let (request, underway) = permit.begin()?;
        for bytes in request.wire() {
            self.duplex.queue(bytes.clone());
        }
        failpoint::pass(Step::Forwarded);
        Ok((request, underway))
    }

    /// More bytes of a request underway.
    pub fn more(&mut self, underway: &mut Underway, bytes: Bytes) -> Result<(), Revoked> {
        underway.check()?;
        self.duplex.queue(bytes);
        Ok(())
    }

    /// Bytes queued and not yet written.
    pub fn backlog(&self) -> usize {
        self.duplex.backlog()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Upstream<T> {
    /// Writes what is queued and reads what came; cancel-safe.
    pub async fn turn(&mut self, into: &mut BytesMut, reading: bool) -> io::Result<Turn> {
        let turn = self.duplex.turn(into, reading).await?;
        failpoint::pass(match turn {
            Turn::Written => Step::Sent,
            Turn::Read(_) => Step::Replied,
        });
        Ok(turn)
    }

    /// The same, but what was written is told of only where it was long: see `Duplex::turn_quietly`.
    pub async fn turn_quietly(&mut self, into: &mut BytesMut, reading: bool) -> io::Result<Turn> {
        let turn = self.duplex.turn_quietly(into, reading, Step::Sent).await?;
        if let Turn::Read(_) = turn {
            failpoint::pass(Step::Replied);
        }
        Ok(turn)
    }

    /// Cancel-safe.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.duplex.flush().await
    }
}

/// The first that answers, from a place on; the last failure where none does.
async fn first(
    endpoints: &[Endpoint],
    from: usize,
    within: Duration,
) -> io::Result<(Stream, usize)> {
    let mut failed = io::ErrorKind::NotFound.into();
    for (place, endpoint) in endpoints.iter().enumerate().skip(from) {
        match dial(endpoint, within).await {
            Ok(stream) => return Ok((stream, place)),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

#[expect(clippy::disallowed_methods, reason = "the gate is what dials")]
async fn dial(endpoint: &Endpoint, within: Duration) -> io::Result<Stream> {
    let dialling = async {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                crate::gone::probe(&stream);
                Ok(Stream::Plain(stream))
            }
            Endpoint::Unix { path } => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        }
    };
    match tokio::time::timeout(within, dialling).await {
        Ok(stream) => stream,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
