//! Real sockets: a client's end is seen behind unread bytes and behind TLS, and a backend's name is verified.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests dial"
)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use gate::testing::House;
use gate::{Connection, Endpoint, Error, Gone, Stream, Uncounted, Upstream, tls};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

const SOON: Duration = Duration::from_secs(20);

fn uncounted() -> Arc<Uncounted> {
    Arc::new(Uncounted(SOON))
}

struct Certificate {
    chain: String,
    key: String,
}

/// Signed by itself, for these names.
fn certificate(name: &str) -> Certificate {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    Certificate {
        chain: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    }
}

fn server(certificate: &Certificate) -> Arc<tls::Server> {
    tls::server(
        certificate.chain.as_bytes(),
        certificate.key.as_bytes(),
        &[],
    )
    .unwrap()
}

async fn pair(tls: Option<Arc<tls::Server>>) -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    (
        Connection::new(Stream::Plain(stream), peer.ip(), tls, uncounted()),
        client,
    )
}

/// The client sends something that nobody reads, which is no end, and goes, which is.
async fn ends_behind_bytes(gone: &mut Gone, mut client: impl AsyncWrite + Unpin) {
    client.write_all(b"pipelined").await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), gone.wait()).await;
    assert!(early.is_err(), "bytes are no end");
    drop(client);
    tokio::time::timeout(SOON, gone.wait()).await.unwrap();
}

#[tokio::test]
async fn a_client_that_goes_is_seen_behind_unread_bytes() {
    let (mut connection, client) = pair(None).await;
    let mut gone = connection.stream.watch().unwrap();
    ends_behind_bytes(&mut gone, client).await;
    // and the bytes are still there for the reader
    let mut read = String::new();
    connection.stream.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "pipelined");
}

#[tokio::test]
async fn a_client_that_goes_is_seen_behind_a_socket() {
    let (here, client) = UnixStream::pair().unwrap();
    let connection = Connection::new(
        Stream::Unix(here),
        Ipv4Addr::LOCALHOST.into(),
        None,
        uncounted(),
    );
    assert!(connection.sealed() && !connection.secured());
    let mut gone = connection.stream.watch().unwrap();
    ends_behind_bytes(&mut gone, client).await;
}

#[tokio::test]
async fn the_watch_takes_nothing_from_the_reader() {
    let (mut connection, mut client) = pair(None).await;
    let mut gone = connection.stream.watch().unwrap();
    for _ in 0..100 {
        client.write_all(b"x").await.unwrap();
        let mut byte = [0];
        tokio::select! {
            biased;
            () = gone.wait() => panic!("not gone"),
            read = connection.stream.read_exact(&mut byte) => drop(read.unwrap()),
        }
    }
}

#[tokio::test]
async fn a_client_that_goes_is_seen_behind_tls() {
    let made = certificate("localhost");
    let (connection, client) = pair(Some(server(&made))).await;
    assert!(connection.offers_tls() && !connection.secured());
    assert_eq!(connection.end_point(), None);
    let roots = tls::client(made.chain.as_bytes()).unwrap();
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let shaking = tokio_rustls::TlsConnector::from(roots).connect(name, client);
    let (connection, client) = tokio::join!(connection.secure(b"postgresql"), shaking);
    let (connection, mut client) = (connection.unwrap(), client.unwrap());
    assert!(connection.secured());
    let (_, session) = client.get_ref();
    let leaf = session.peer_certificates().unwrap()[0].as_ref();
    assert_eq!(connection.end_point(), tls::hash(leaf));
    assert!(connection.end_point().is_some());
    let mut gone = connection.stream.watch().unwrap();
    client.write_all(b"pipelined").await.unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(50), gone.wait())
            .await
            .is_err()
    );
    drop(client);
    tokio::time::timeout(SOON, gone.wait()).await.unwrap();
}

#[tokio::test]
async fn a_handshake_has_a_deadline_and_needs_an_offer() {
    let (connection, _client) = pair(Some(server(&certificate("localhost")))).await;
    tokio::time::pause();
    assert!(matches!(
        connection.secure(b"postgresql").await,
        Err(Error::Deadline(_))
    ));
    tokio::time::resume();
    let (connection, _client) = pair(None).await;
    assert!(matches!(
        connection.secure(b"postgresql").await,
        Err(Error::Tls(_))
    ));
}

/// A backend that speaks TLS with this certificate; whether the gate reached it as `name` trusting `roots`.
async fn reached(shown: Certificate, roots: &Certificate, name: &str) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let backend = tokio::spawn(async move {
        let (stream, peer) = listener.accept().await.unwrap();
        let connection = Connection::new(
            Stream::Plain(stream),
            peer.ip(),
            Some(server(&shown)),
            uncounted(),
        );
        connection.secure(b"postgresql").await.is_ok()
    });
    let house = House::new().await;
    let session = house.open("ada").await;
    let permit = house.connect(&session).await;
    let endpoint = Endpoint::Tcp {
        host: "127.0.0.1".into(),
        port,
    };
    let (upstream, _underway, _) = Upstream::connect(permit, &endpoint, SOON).await?;
    let roots = tls::client(roots.chain.as_bytes())?;
    let mut secured = upstream.secure(&roots, name, SOON).await?;
    assert!(secured.certificate().is_some());
    assert!(backend.await.unwrap());
    Ok(())
}

#[tokio::test]
async fn a_backend_is_believed_by_its_name_and_root_only() {
    let localhost = || certificate("localhost");
    let made = localhost();
    let again = Certificate {
        chain: made.chain.clone(),
        key: made.key.clone(),
    };
    reached(again, &made, "localhost").await.unwrap();
    let again = Certificate {
        chain: made.chain.clone(),
        key: made.key.clone(),
    };
    assert!(matches!(
        reached(again, &made, "other").await,
        Err(Error::Tls(_))
    ));
    assert!(matches!(
        reached(localhost(), &made, "localhost").await,
        Err(Error::Tls(_))
    ));
    assert!(matches!(
        reached(localhost(), &made, "not a name").await,
        Err(Error::Tls(_))
    ));
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_recorded_as_failed() {
    let house = House::new().await;
    let session = house.open("ada").await;
    let permit = house.connect(&session).await;
    let endpoint = Endpoint::Unix {
        path: "/nonexistent/socket".into(),
    };
    let unreachable = Upstream::connect(permit, &endpoint, SOON).await;
    assert!(matches!(unreachable, Err(Error::Unreachable(_))));
    assert_eq!(
        house.account().await[0].2,
        [recorder::entry::OutcomeKind::Failed]
    );
}

#[test]
fn files_that_hold_no_certificate_or_key_are_refused() {
    let made = certificate("localhost");
    assert!(tls::server(b"", made.key.as_bytes(), &[]).is_err());
    assert!(tls::server(made.chain.as_bytes(), b"none", &[]).is_err());
    let other = certificate("localhost");
    assert!(tls::server(made.chain.as_bytes(), other.key.as_bytes(), &[]).is_err());
    assert!(tls::client(b"none").is_err());
}
