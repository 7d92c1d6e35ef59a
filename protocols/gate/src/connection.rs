//! A client's connection: plain until the protocol secures it, and watched for its end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::error::Error;
use crate::failpoint::{self, Step};

/// What a listener hands to its protocol.
pub struct Connection {
    pub stream: ClientStream,
    /// Canonical: never an IPv4-mapped IPv6 address.
    pub peer: IpAddr,
    /// The listener's certificate; `None` where it speaks plaintext only.
    tls: Option<Arc<crate::tls::Server>>,
    /// Until when the client must have proved who it is.
    pub login_deadline: tokio::time::Instant,
}

/// Plain or secured bytes of a client.
pub enum ClientStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// In tests.
    Memory(tokio::io::DuplexStream),
}

impl Connection {
    pub fn new(
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<Arc<crate::tls::Server>>,
        login_within: Duration,
    ) -> Self {
        // a failure here only costs latency
        let _ = stream.set_nodelay(true);
        Self {
            stream: ClientStream::Plain(stream),
            peer: peer.ip().to_canonical(),
            tls,
            login_deadline: tokio::time::Instant::now() + login_within,
        }
    }

    pub fn memory(stream: tokio::io::DuplexStream, peer: IpAddr) -> Self {
        Self {
            stream: ClientStream::Memory(stream),
            peer: peer.to_canonical(),
            tls: None,
            login_deadline: tokio::time::Instant::now() + Duration::from_secs(60),
        }
    }

    pub fn secured(&self) -> bool {
        matches!(self.stream, ClientStream::Tls(_))
    }

    pub fn offers_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Hash of the listener's certificate for SCRAM's `tls-server-end-point` (RFC 5929), once secured.
    pub fn end_point(&self) -> Option<[u8; 32]> {
        match &self.stream {
            ClientStream::Tls(_) => self.tls.as_ref().and_then(|tls| tls.end_point),
            ClientStream::Plain(_) | ClientStream::Memory(_) => None,
        }
    }

    /// The TLS handshake. The caller must hold no byte that came before it.
    pub async fn secure(self) -> Result<Self, Error> {
        let Self {
            stream,
            peer,
            tls,
            login_deadline,
        } = self;
        let (ClientStream::Plain(stream), Some(config)) = (stream, tls.clone()) else {
            return Err(Error::Tls("not on offer here".into()));
        };
        let handshake = TlsAcceptor::from(config.config.clone()).accept(stream);
        let secured = tokio::time::timeout_at(login_deadline, handshake)
            .await
            .map_err(|_| Error::Deadline("the TLS handshake"))?
            .map_err(|error| Error::Tls(error.to_string()))?;
        failpoint::pass(Step::Negotiated);
        Ok(Self {
            stream: ClientStream::Tls(Box::new(secured)),
            peer,
            tls,
            login_deadline,
        })
    }

    /// A watch for the client's going away that sees it behind unread bytes and behind TLS.
    pub fn watch(&self) -> io::Result<Gone> {
        let stream = match &self.stream {
            ClientStream::Plain(stream) => stream,
            ClientStream::Tls(stream) => stream.get_ref().0,
            ClientStream::Memory(_) => return Ok(Gone { watch: None }),
        };
        // a descriptor of its own: its readiness can be cleared without losing any for the reader
        let duplicate = std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?);
        Ok(Gone {
            watch: Some(TcpStream::from_std(duplicate)?),
        })
    }
}

/// Resolves when the client has closed or lost its connection.
pub struct Gone {
    watch: Option<TcpStream>,
}

impl Gone {
    /// Cancel-safe.
    pub async fn wait(&mut self) {
        let Some(watch) = &self.watch else {
            return std::future::pending().await;
        };
        loop {
            match watch.ready(Interest::READABLE).await {
                Ok(ready) if !ready.is_read_closed() && !ready.is_error() => {
                    // bytes that nobody reads now: forget that they are there, wake at the next event
                    let _ = watch.try_io(Interest::READABLE, || {
                        Err::<(), _>(io::Error::from(io::ErrorKind::WouldBlock))
                    });
                }
                Ok(_) | Err(_) => return,
            }
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Memory(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Memory(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Memory(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
