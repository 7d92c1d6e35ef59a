//! The idle part of the Postgres bench: many sessions that do nothing, and a server behind them that costs little.
//!
//! `pg_idle serve PORT CERTIFICATE KEY` is a server without tables. `pg_idle sit COUNT URL AUTHORITY` logs in so many
//! times, asks one statement each, says how many sit, and lets go when its input ends. Files are PEM.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Logins at once.
const AT_ONCE: usize = 16;
/// A thread of the server's does little.
const STACK: usize = 128 << 10;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", port, certificate, key] => {
            serve(port.parse()?, certificate.as_ref(), key.as_ref())
        }
        ["sit", count, url, authority] => sit(count.parse()?, url, authority.as_ref()),
        _ => bail!("usage: pg_idle serve PORT CERTIFICATE KEY | pg_idle sit COUNT URL AUTHORITY"),
    }
}

fn serve(port: u16, certificate: &Path, key: &Path) -> anyhow::Result<()> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let config = Arc::new(config);
    for stream in TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.incoming() {
        let (stream, config) = (stream?, config.clone());
        let thread = std::thread::Builder::new().stack_size(STACK);
        // a client that leaves is the end of it
        thread.spawn(move || drop(e2e::fake_postgres::within_tls(stream, config)))?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn sit(count: usize, url: &str, authority: &Path) -> anyhow::Result<()> {
    let tls = MakeRustlsConnect::new(e2e::driver::trusting_file(authority, &[])?);
    let seats = Arc::new(Semaphore::new(AT_ONCE));
    let mut opening = JoinSet::new();
    for _ in 0..count {
        let (seats, url, tls) = (seats.clone(), url.to_owned(), tls.clone());
        opening.spawn(async move {
            let _seat = seats.acquire().await?;
            open(&url, tls).await
        });
    }
    let mut sessions = Vec::new();
    while let Some(opened) = opening.join_next().await {
        sessions.push(opened?.with_context(|| format!("after {} sessions", sessions.len()))?);
    }
    writeln!(std::io::stdout(), "{}", sessions.len())?;
    // their tasks answer nobody meanwhile, for nobody asks
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

async fn open(url: &str, tls: MakeRustlsConnect) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, tls).await?;
    tokio::spawn(connection);
    client.simple_query("SELECT 1").await?;
    Ok(client)
}
