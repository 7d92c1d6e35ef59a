//! TLS on both legs: aws-lc-rs, 1.2 and later, certificates always verified.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs as provider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::Error;

/// A listener's settings from PEM: the chain, leaf first, and its key.
pub fn server(chain: &[u8], key: &[u8], alpn: &[&[u8]]) -> Result<Arc<Server>, Error> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| Error::Tls("the private key is not PEM".into()))?;
    let end_point = chain.first().and_then(|leaf| hash(leaf));
    let mut config =
        rustls::ServerConfig::builder_with_provider(provider::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(tls)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(tls)?;
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(Server {
        config: Arc::new(config),
        end_point,
    }))
}

/// A listener's TLS configuration with the hash that SCRAM binds to.
pub struct Server {
    pub config: Arc<rustls::ServerConfig>,
    /// RFC 5929 `tls-server-end-point`; `None` where the certificate's signature uses another hash than SHA-256, and no
    /// binding is offered.
    pub end_point: Option<[u8; 32]>,
}

/// How backends are verified, and what the gateway proves itself with.
pub type Client = Arc<rustls::ClientConfig>;

/// Verifies backends against the CA certificates of `roots` (PEM), and nothing else.
pub fn client(roots: &[u8]) -> Result<Client, Error> {
    let config = verifying(roots)?.with_no_client_auth();
    Ok(for_one(config))
}

/// The same with a certificate (PEM, leaf first) that the gateway proves itself with, and its key.
pub fn client_with_certificate(roots: &[u8], chain: &[u8], key: &[u8]) -> Result<Client, Error> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| Error::Tls("the private key is not PEM".into()))?;
    let config = verifying(roots)?.with_client_auth_cert(chain, key);
    Ok(for_one(config.map_err(tls)?))
}

/// Certificates are read anew for each connection: there is none before it to resume, and the memory for that is not held.
fn for_one(mut config: rustls::ClientConfig) -> Client {
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

type Verifying = rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert>;

fn verifying(roots: &[u8]) -> Result<Verifying, Error> {
    let mut store = rustls::RootCertStore::empty();
    for certificate in certificates(roots)? {
        store.add(certificate).map_err(tls)?;
    }
    let builder = rustls::ClientConfig::builder_with_provider(provider::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(tls)?;
    Ok(builder.with_root_certificates(store))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) | Err(_) => Err(Error::Tls("no certificate in the PEM file".into())),
    }
}

/// `tls-server-end-point` of a certificate; `None` where its signature uses another hash than SHA-256.
pub fn hash(certificate: &[u8]) -> Option<[u8; 32]> {
    crate::scram::end_point::hash(certificate)?.try_into().ok()
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn tls(error: rustls::Error) -> Error {
    Error::Tls(error.to_string())
}
