//! The client's side of a connection before any statement: encryption, start-up parameters, SCRAM.

use bytes::{Bytes, BytesMut};
use gate::{Authenticated, Connection, Duplex, Error, Exchange, Gate, ScramFirst, Turn};
use tokio::io::AsyncWriteExt;

use crate::cancel::Cancels;
use crate::config::Listener;
use crate::login::parameters::Login;
use crate::wire::Malformed;
use crate::wire::frame::{Frame, Limits, Phase, next_frontend};
use crate::wire::frontend::{SaslInitial, sasl_response};
use crate::wire::refusal::Refusal;
use crate::wire::startup::{First, Startup, next_first};
use crate::wire::write::client as write;

/// A client that has said what it wants and proved who it is.
pub(crate) struct Arrived {
    pub(crate) connection: Duplex<gate::Stream>,
    pub(crate) inbox: BytesMut,
    pub(crate) who: Authenticated,
    pub(crate) login: Login,
    /// Minor version of protocol 3 that both speak.
    pub(crate) minor: u16,
}

/// Everything up to AuthenticationOk (which is not sent yet). `None` where the connection was for something else: a
/// CancelRequest, or a peer that left without a word.
pub(crate) async fn arrive(
    connection: Connection,
    gate: &Gate,
    cancels: &Cancels,
    listener: &Listener,
) -> Result<Option<Arrived>, Error> {
    let deadline = connection.login_deadline;
    let limits = Limits {
        frame: listener.message_bytes,
        ..Limits::default()
    };
    match tokio::time::timeout_at(deadline, negotiate(connection, cancels, listener, &limits)).await
    {
        Ok(Ok(Some(opened))) => {
            let login = authenticate(opened, gate, &limits);
            match tokio::time::timeout_at(deadline, login).await {
                Ok(arrived) => arrived.map(Some),
                Err(_) => Err(Error::Deadline("login")),
            }
        }
        Ok(Ok(None)) => Ok(None),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Error::Deadline("start-up")),
    }
}

/// A connection whose StartupMessage has been read.
struct Opened {
    connection: Connection,
    startup: Startup,
}

/// The protocol's name in TLS.
const ALPN: &[u8] = b"postgresql";

async fn negotiate(
    mut connection: Connection,
    cancels: &Cancels,
    listener: &Listener,
    limits: &Limits,
) -> Result<Option<Opened>, Error> {
    let mut inbox = BytesMut::new();
    connection = directly_secured(connection).await?;
    // SSLRequest and GSSENCRequest, each at most once, then the real thing
    for _ in 0..4 {
        let Some(first) = first(&mut connection, &mut inbox, limits).await? else {
            return Ok(None);
        };
        match first {
            First::SslRequest if connection.offers_tls() && !connection.secured() => {
                say(&mut connection, write::ACCEPT_TLS).await?;
                nothing_left(&mut connection, &inbox).await?;
                connection = connection.secure(ALPN).await?;
            }
            First::SslRequest | First::GssencRequest => {
                say(&mut connection, write::REFUSE_ENCRYPTION).await?;
            }
            First::DirectTls => {
                // it is a connection's first word, or its answer to `S`
                return Err(Error::Tls("a handshake out of turn".into()));
            }
            First::CancelRequest(cancel) => {
                cancels.ring(&cancel).await;
                // newer libpq waits for a TLS that ends in order, as the server's own does
                let _ = connection.stream.shutdown().await;
                return Ok(None);
            }
            First::Unsupported { major, minor } => {
                return refuse(
                    &mut connection,
                    Refusal::UnsupportedVersion { major, minor },
                )
                .await;
            }
            First::Startup(startup) => {
                if !connection.sealed() && !listener.allow_plaintext {
                    return refuse(&mut connection, Refusal::Plaintext).await;
                }
                nothing_left(&mut connection, &inbox).await?;
                return Ok(Some(Opened {
                    connection,
                    startup,
                }));
            }
        }
    }
    refuse(&mut connection, Refusal::Malformed(Malformed::Format)).await
}

/// With TLS where a handshake comes first, as libpq does with `sslnegotiation=direct`.
async fn directly_secured(connection: Connection) -> Result<Connection, Error> {
    let begins = connection.begins_with_tls().await;
    if !connection.offers_tls() || !begins.map_err(Error::ClientGone)? {
        return Ok(connection);
    }
    let connection = connection.secure(ALPN).await?;
    // else it may be meant for another protocol, and the client was led here
    if !connection.agreed_on(ALPN) {
        return Err(Error::Tls("a direct handshake without ALPN".into()));
    }
    Ok(connection)
}

/// The first packet, or `None` at the end of the stream.
async fn first(
    connection: &mut Connection,
    inbox: &mut BytesMut,
    limits: &Limits,
) -> Result<Option<First>, Error> {
    loop {
        match next_first(inbox, limits) {
            Ok(Some(first)) => return Ok(Some(first)),
            Ok(None) => {}
            Err(malformed) => return refuse(connection, Refusal::Malformed(malformed)).await,
        }
        let read = tokio::io::AsyncReadExt::read_buf(&mut connection.stream, inbox).await;
        if read.map_err(Error::ClientGone)? == 0 {
            return Ok(None);
        }
    }
}

/// What was sent before a handshake or an answer was due is never read as if it had come after.
async fn nothing_left(connection: &mut Connection, inbox: &BytesMut) -> Result<(), Error> {
    if inbox.is_empty() {
        return Ok(());
    }
    refuse(connection, Refusal::Malformed(Malformed::BeforeHandshake)).await
}

async fn authenticate(opened: Opened, gate: &Gate, limits: &Limits) -> Result<Arrived, Error> {
    let Opened {
        mut connection,
        startup,
    } = opened;
    let login = match Login::read(&startup) {
        Ok(login) => login,
        Err(refusal) => return refuse(&mut connection, refusal).await,
    };
    let minor = startup.agreed_minor();
    let (peer, end_point) = (connection.peer, connection.end_point());
    let mut client = Duplex::new(connection.stream);
    let mut inbox = BytesMut::new();
    let mut out = BytesMut::new();
    if startup.needs_negotiation() {
        write::negotiate_protocol_version(&mut out, minor, &startup.options);
    }
    let mechanisms: &[&str] = match end_point {
        Some(_) => &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"],
        None => &["SCRAM-SHA-256"],
    };
    write::authentication_sasl(&mut out, mechanisms);
    client.queue(out.split().freeze());
    gate.penalty(&login.user, peer).await;
    let initial = next(&mut client, &mut inbox, limits).await?;
    let begun = SaslInitial::read(&initial)
        .ok()
        .and_then(|initial| Some((initial.mechanism == "SCRAM-SHA-256-PLUS", initial.response?)))
        .and_then(|(plus, message)| {
            let user = &login.user;
            gate.scram(&ScramFirst {
                user,
                source: peer,
                message,
                plus,
                end_point,
            })
            .ok()
        });
    let Some((exchange, challenge)) = begun else {
        return fail(&mut client, &login).await;
    };
    write::authentication_sasl_continue(&mut out, challenge.as_bytes());
    client.queue(out.split().freeze());
    let answer = next(&mut client, &mut inbox, limits).await?;
    let Some((who, last)) = prove(gate, exchange, &answer) else {
        return fail(&mut client, &login).await;
    };
    write::authentication_sasl_final(&mut out, last.as_bytes());
    client.queue(out.split().freeze());
    Ok(Arrived {
        connection: client,
        inbox,
        who,
        login,
        minor,
    })
}

fn prove(gate: &Gate, exchange: Exchange, answer: &Frame) -> Option<(Authenticated, String)> {
    let message = sasl_response(answer).ok()?;
    gate.scram_finish(exchange, message).ok()
}

/// The next message of a client that is authenticating.
async fn next(
    client: &mut Duplex<gate::Stream>,
    inbox: &mut BytesMut,
    limits: &Limits,
) -> Result<Frame, Error> {
    loop {
        match next_frontend(inbox, Phase::Authenticating, limits) {
            Ok(Some(frame)) => return Ok(frame),
            Ok(None) => {}
            Err(malformed) => {
                let refusal = Refusal::Malformed(malformed);
                return farewell(client, &refusal).await;
            }
        }
        match client.turn(inbox, true).await.map_err(Error::ClientGone)? {
            Turn::Read(0) => return Err(Error::Client("left while authenticating".into())),
            Turn::Read(_) | Turn::Written => {}
        }
    }
}

async fn fail<T>(client: &mut Duplex<gate::Stream>, login: &Login) -> Result<T, Error> {
    farewell(
        client,
        &Refusal::LoginFailed {
            user: login.user.clone(),
        },
    )
    .await
}

/// Says why, then ends.
pub(crate) async fn farewell<T>(
    client: &mut Duplex<gate::Stream>,
    refusal: &Refusal,
) -> Result<T, Error> {
    client.queue(refusal.encode());
    client.flush().await.map_err(Error::ClientGone)?;
    let _ = client.io().shutdown().await;
    Err(Error::Client(refusal.sqlstate().to_owned()))
}

async fn refuse<T>(connection: &mut Connection, refusal: Refusal) -> Result<T, Error> {
    let bytes: Bytes = refusal.encode();
    say(connection, &bytes).await?;
    let _ = connection.stream.shutdown().await;
    Err(Error::Client(refusal.sqlstate().to_owned()))
}

async fn say(connection: &mut Connection, bytes: &[u8]) -> Result<(), Error> {
    connection
        .stream
        .write_all(bytes)
        .await
        .map_err(Error::ClientGone)?;
    connection.stream.flush().await.map_err(Error::ClientGone)
}
