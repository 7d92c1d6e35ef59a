//! A client's connection: plain until the protocol secures it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::TlsAcceptor;

use crate::error::Error;
use crate::failpoint::{self, Step};
use crate::stream::Stream;

/// The record type that opens a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// What a listener hands to its protocol.
pub struct Connection {
    pub stream: Stream,
    /// Canonical: never an IPv4-mapped IPv6 address. Of a Unix socket 127.0.0.1.
    pub peer: IpAddr,
    /// The listener's certificate; `None` where it speaks plaintext only.
    tls: Option<Arc<crate::tls::Server>>,
    /// Until when the client must have proved who it is.
    pub login_deadline: tokio::time::Instant,
    /// Lets in what this one carries.
    pub doorkeeper: Arc<dyn Doorkeeper>,
}

/// Who counts connections and says how long each may take to log in: also of those that another one carries.
pub trait Doorkeeper: Send + Sync + 'static {
    /// For one more from there, held until it ends; `None` where no seat is left.
    fn seat(&self, source: IpAddr) -> Option<Box<dyn Send>>;
    fn login_within(&self) -> Duration;
}

/// Counts nothing: for what did not come through a listener.
pub struct Uncounted(pub Duration);

impl Doorkeeper for Uncounted {
    fn seat(&self, _: IpAddr) -> Option<Box<dyn Send>> {
        Some(Box::new(()))
    }

    fn login_within(&self) -> Duration {
        self.0
    }
}

impl Connection {
    pub fn new(
        stream: Stream,
        peer: IpAddr,
        tls: Option<Arc<crate::tls::Server>>,
        doorkeeper: Arc<dyn Doorkeeper>,
    ) -> Self {
        Self {
            stream,
            peer: peer.to_canonical(),
            tls,
            login_deadline: tokio::time::Instant::now() + doorkeeper.login_within(),
            doorkeeper,
        }
    }

    pub fn memory(stream: tokio::io::DuplexStream, peer: IpAddr) -> Self {
        let doorkeeper = Arc::new(Uncounted(Duration::from_secs(60)));
        Self::new(Stream::Memory(stream), peer, None, doorkeeper)
    }

    pub fn secured(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Whether nobody can listen on the way: it is secured, or does not leave the machine's kernel.
    pub fn sealed(&self) -> bool {
        matches!(self.stream, Stream::Tls(_) | Stream::Unix(_))
    }

    pub fn offers_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Hash of the listener's certificate for SCRAM's `tls-server-end-point` (RFC 5929), once secured.
    pub fn end_point(&self) -> Option<[u8; 32]> {
        match &self.stream {
            Stream::Tls(_) => self.tls.as_ref().and_then(|tls| tls.end_point),
            Stream::Plain(_) | Stream::Unix(_) | Stream::Memory(_) => None,
        }
    }

    /// Whether the client begins with a TLS handshake, before a word of the protocol: looked at, not taken.
    pub async fn begins_with_tls(&self) -> io::Result<bool> {
        let Stream::Plain(stream) = &self.stream else {
            return Ok(false);
        };
        let mut first = [0];
        let seen = stream.peek(&mut first).await?;
        Ok(seen == 1 && first == [TLS_HANDSHAKE])
    }

    /// Whether the handshake settled on this protocol (ALPN).
    pub fn agreed_on(&self, protocol: &[u8]) -> bool {
        match &self.stream {
            Stream::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(protocol),
            Stream::Plain(_) | Stream::Unix(_) | Stream::Memory(_) => false,
        }
    }

    /// The TLS handshake, in which a client may name the protocol but no other. The caller must hold no byte that came
    /// before it.
    pub async fn secure(self, protocol: &[u8]) -> Result<Self, Error> {
        let Self {
            stream,
            peer,
            tls,
            login_deadline,
            doorkeeper,
        } = self;
        let (Stream::Plain(stream), Some(config)) = (stream, tls.clone()) else {
            return Err(Error::Tls("not on offer here".into()));
        };
        let mut settings = rustls::ServerConfig::clone(&config.config);
        settings.alpn_protocols = vec![protocol.to_vec()];
        let handshake = TlsAcceptor::from(Arc::new(settings)).accept(stream);
        let secured = tokio::time::timeout_at(login_deadline, handshake)
            .await
            .map_err(|_| Error::Deadline("the TLS handshake"))?
            .map_err(|error| Error::Tls(error.to_string()))?;
        failpoint::pass(Step::Negotiated);
        Ok(Self {
            stream: Stream::Tls(Box::new(secured.into())),
            peer,
            tls,
            login_deadline,
            doorkeeper,
        })
    }
}
