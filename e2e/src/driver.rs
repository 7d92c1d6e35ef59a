//! A driver's connection to the gateway: verified TLS or, to a listener that says so, plaintext.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::task::JoinHandle;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::gateway::Place;
use crate::postgres::DATABASE;

/// A connection, its notices, and the task that carries it.
pub struct Driver {
    pub client: Client,
    notices: Arc<Mutex<Vec<String>>>,
    carrier: JoinHandle<()>,
}

impl Driver {
    /// Over TLS, verified against the stand's own authority.
    pub async fn connect(place: &Place, person: &str, token: &str) -> anyhow::Result<Self> {
        let mut config = config(place.ports.postgres, person, token);
        config.ssl_mode(SslMode::Require);
        let (client, connection) = config.connect(tls(place)?).await?;
        Ok(Self::carried(client, connection))
    }

    /// The same with a TLS handshake at once, as libpq does with `sslnegotiation=direct`.
    pub async fn connect_directly(
        place: &Place,
        person: &str,
        token: &str,
    ) -> anyhow::Result<Self> {
        let mut config = config(place.ports.postgres, person, token);
        config.ssl_mode(SslMode::Require);
        config.ssl_negotiation(SslNegotiation::Direct);
        let tls = MakeRustlsConnect::new(trusting(place, &[b"postgresql"])?);
        let (client, connection) = config.connect(tls).await?;
        Ok(Self::carried(client, connection))
    }

    /// Without TLS, to any port of this machine.
    pub async fn connect_plainly(port: u16, person: &str, token: &str) -> anyhow::Result<Self> {
        let mut config = config(port, person, token);
        config.ssl_mode(SslMode::Disable);
        let (client, connection) = config.connect(NoTls).await?;
        Ok(Self::carried(client, connection))
    }

    fn carried<S, T>(client: Client, mut connection: tokio_postgres::Connection<S, T>) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let notices = Arc::<Mutex<Vec<String>>>::default();
        let seen = notices.clone();
        let carrier = tokio::spawn(async move {
            while let Some(Ok(message)) =
                std::future::poll_fn(|context| connection.poll_message(context)).await
            {
                if let AsyncMessage::Notice(notice) = message {
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.push(format!("{notice:?}"));
                }
            }
        });
        Self {
            client,
            notices,
            carrier,
        }
    }

    /// The notices so far, every field of them.
    pub fn notices(&self) -> Vec<String> {
        self.notices
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Says good-bye and waits until the connection is gone.
    pub async fn close(self) -> anyhow::Result<()> {
        drop(self.client);
        self.carrier.await.context("the connection's task")
    }
}

/// TLS that trusts the stand's own authority.
pub fn tls(place: &Place) -> anyhow::Result<MakeRustlsConnect> {
    Ok(MakeRustlsConnect::new(trusting(place, &[])?))
}

fn config(port: u16, person: &str, token: &str) -> Config {
    let mut config = Config::new();
    config
        .host("localhost")
        .hostaddr(IpAddr::V4(Ipv4Addr::LOCALHOST))
        .port(port)
        .user(person)
        .password(token)
        .dbname(DATABASE);
    config
}

/// A client that names these protocols in its handshake.
pub fn trusting(place: &Place, protocols: &[&[u8]]) -> anyhow::Result<rustls::ClientConfig> {
    trusting_file(&place.authority(), protocols)
}

/// The same with the authority's file.
pub fn trusting_file(
    authority: &Path,
    protocols: &[&[u8]],
) -> anyhow::Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}
