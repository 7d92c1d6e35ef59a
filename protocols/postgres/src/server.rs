//! The server's side of a connection before any statement: reached by permit, over verified TLS or a Unix socket.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gate::{
    Connect, Error, Outcome, OutcomeKind, Permitted, Purpose, Reached, Session, Stream, Turn,
    Underway, Upstream,
};

use crate::config::{At, Backend};
use crate::login::parameters::Login;
use crate::login::scram;
use crate::wire::backend::{Authentication, Backend as Message, mechanisms};
use crate::wire::frame::{BackendFrame, Frame, Limits, next_backend};
use crate::wire::startup::Cancel;
use crate::wire::write::server as write;

/// How long reaching and entering a server may take, each step.
const WITHIN: Duration = Duration::from_secs(10);

/// Settings that a server may report at start-up; they are some fifteen.
const REPORTS: usize = 256;

/// A server that let the gateway in.
pub(crate) struct Entered {
    pub(crate) upstream: Upstream<Stream>,
    pub(crate) replies: BytesMut,
    /// The session's leave to be there.
    pub(crate) connected: Underway,
    pub(crate) reached: Reached,
    /// What the server reported at start-up, as its frames.
    pub(crate) reported: Vec<(String, Vec<u8>)>,
    pub(crate) cancel: Option<Cancel>,
}

/// What the server is asked to set for this session.
pub(crate) struct Wishes<'a> {
    pub(crate) login: &'a Login,
    pub(crate) database: &'a str,
}

pub(crate) async fn enter(
    session: &Session,
    permit: Permitted<Connect>,
    backend: &Backend,
    wishes: &Wishes<'_>,
) -> Result<Entered, Error> {
    let (upstream, connected, reached) =
        Upstream::connect(permit, &backend.at.endpoint(), WITHIN).await?;
    let startup = startup(session, backend, wishes)?;
    let own = session.own(Purpose::Login, vec![startup]).await?;
    let upstream = secure(session, upstream, &backend.at, Purpose::Login).await?;
    let mut entering = Entering {
        upstream,
        replies: BytesMut::new(),
    };
    let Ok((_, mut underway)) = entering.upstream.forward(own) else {
        return Err(Error::Backend("ended while logging in".into()));
    };
    let entered = tokio::time::timeout(WITHIN, entering.login(backend, &mut underway)).await;
    match entered {
        Ok(Ok((reported, cancel))) => {
            underway.done(Outcome::of(OutcomeKind::Completed));
            let Entering { upstream, replies } = entering;
            Ok(Entered {
                upstream,
                replies,
                connected,
                reached,
                reported,
                cancel,
            })
        }
        Ok(Err(error)) => {
            underway.done(Outcome::of(OutcomeKind::Failed));
            connected.done(Outcome::of(OutcomeKind::Failed));
            Err(error)
        }
        Err(_) => Err(Error::Deadline("login at the server")),
    }
}

fn startup(session: &Session, backend: &Backend, wishes: &Wishes<'_>) -> Result<Bytes, Error> {
    let identity = session.identity();
    let login = wishes.login;
    let client = login.setting("application_name").unwrap_or("unknown");
    let application: String = format!("{} via {client}", identity.name)
        .chars()
        .take(63)
        .collect();
    let options = format!(
        "-c countersign.person={} -c countersign.session={}",
        identity.name,
        session.id()
    );
    let mut parameters = vec![
        ("user", backend.user.as_str()),
        ("database", wishes.database),
        ("standard_conforming_strings", "on"),
        ("options", options.as_str()),
        ("application_name", application.as_str()),
    ];
    if let Some(role) = &login.role {
        parameters.push(("role", role));
    }
    if login.setting("client_encoding").is_none() {
        parameters.push(("client_encoding", "UTF8"));
    }
    let asked = login
        .settings
        .iter()
        .filter(|(name, _)| *name != "application_name");
    parameters.extend(asked.map(|(name, value)| (*name, value.as_str())));
    write::startup(&parameters).map_err(|malformed| Error::Client(malformed.to_string()))
}

/// SSLRequest and handshake, where the server is reached over TCP: never in plaintext.
async fn secure(
    session: &Session,
    mut upstream: Upstream<Stream>,
    at: &At,
    purpose: Purpose,
) -> Result<Upstream<Stream>, Error> {
    let At::Tcp {
        host,
        ca,
        server_name,
        ..
    } = at
    else {
        return Ok(upstream);
    };
    let own = session.own(purpose, vec![write::ssl_request()]).await?;
    let Ok((_, underway)) = upstream.forward(own) else {
        return Err(Error::Backend("ended while logging in".into()));
    };
    let mut answer = BytesMut::new();
    let asked = tokio::time::timeout(WITHIN, async {
        while answer.is_empty() {
            if upstream
                .turn(&mut answer, true)
                .await
                .map_err(Error::Unreachable)?
                == Turn::Read(0)
            {
                return Err(Error::Backend("closed the connection before TLS".into()));
            }
        }
        Ok(())
    });
    asked
        .await
        .map_err(|_| Error::Deadline("TLS with the server"))??;
    // one byte, and nothing after it: what lay in the buffer would be read as if it had been encrypted
    if answer.as_ref() != b"S" {
        underway.done(Outcome::of(OutcomeKind::Failed));
        return Err(Error::Backend("does not offer TLS".into()));
    }
    underway.done(Outcome::of(OutcomeKind::Completed));
    let roots = std::fs::read(ca)
        .map_err(|error| Error::Configuration(format!("{}: {error}", ca.display())))?;
    let tls = gate::tls::client(&roots)?;
    upstream
        .secure(&tls, server_name.as_deref().unwrap_or(host), WITHIN)
        .await
}

/// Whether a setting that decides how texts are read has a value that the gateway reads them by.
fn is_pinned(name: &str, value: &[u8]) -> bool {
    match name {
        "standard_conforming_strings" => value == b"on",
        "client_encoding" => matches!(value, b"UTF8" | b"SQL_ASCII"),
        _ => true,
    }
}

struct Entering {
    upstream: Upstream<Stream>,
    replies: BytesMut,
}

type Reported = (Vec<(String, Vec<u8>)>, Option<Cancel>);

impl Entering {
    async fn login(
        &mut self,
        backend: &Backend,
        underway: &mut Underway,
    ) -> Result<Reported, Error> {
        self.authenticate(backend, underway).await?;
        let (mut reported, mut cancel) = (Vec::new(), None);
        loop {
            let frame = self.next().await?;
            match Message::read(&frame).map_err(backend_broke)? {
                Message::ParameterStatus { name, value } => {
                    if reported.len() >= REPORTS {
                        return Err(Error::Backend("reports settings without an end".into()));
                    }
                    if !is_pinned(name, value) {
                        return Err(Error::Backend(format!("starts with another `{name}`")));
                    }
                    reported.push((name.to_owned(), value.to_vec()));
                }
                Message::BackendKeyData { pid, key } => {
                    cancel = Some(Cancel {
                        pid,
                        key: Bytes::copy_from_slice(key),
                    });
                }
                Message::ReadyForQuery(_) => return Ok((reported, cancel)),
                Message::NoticeResponse(_) => {}
                Message::ErrorResponse(fields) => return Err(refused(fields.sqlstate())),
                _ => {
                    return Err(Error::Backend(
                        "sent something else than start-up state".into(),
                    ));
                }
            }
        }
    }

    /// SCRAM-SHA-256, or nothing at all where the server trusts the socket.
    async fn authenticate(
        &mut self,
        backend: &Backend,
        underway: &mut Underway,
    ) -> Result<(), Error> {
        let certificate = self.upstream.certificate();
        let end_point = certificate.as_deref().and_then(gate::tls::hash);
        let client = loop {
            let frame = self.next().await?;
            match Message::read(&frame).map_err(backend_broke)? {
                Message::Authentication(Authentication::Ok) => return Ok(()),
                Message::Authentication(Authentication::Sasl {
                    mechanisms: offered,
                }) => {
                    let end_point = end_point.as_ref().map(<[u8; 32]>::as_slice);
                    break scram::Client::begin(mechanisms(offered), end_point).map_err(foul)?;
                }
                Message::ErrorResponse(fields) => return Err(refused(fields.sqlstate())),
                Message::NoticeResponse(_) => {}
                _ => {
                    return Err(Error::Backend(
                        "asks for another login than SCRAM-SHA-256".into(),
                    ));
                }
            }
        };
        let first =
            write::sasl_initial_response(client.mechanism(), client.client_first().as_bytes());
        self.more(underway, first.map_err(backend_broke)?)?;
        let challenge = match Message::read(&self.next().await?).map_err(backend_broke)? {
            Message::Authentication(Authentication::SaslContinue(data)) => {
                client.challenge(data).map_err(foul)?
            }
            Message::ErrorResponse(fields) => return Err(refused(fields.sqlstate())),
            _ => return Err(Error::Backend("broke off the SCRAM exchange".into())),
        };
        let password = backend
            .password
            .resolve()
            .map_err(|error| Error::Configuration(error.to_string()))?;
        let proved = tokio::task::spawn_blocking(move || challenge.prove(password.expose()));
        let (last, expected) = proved
            .await
            .map_err(|_| Error::Backend("login gave up".into()))?;
        self.more(underway, write::sasl_response(last.as_bytes()))?;
        match Message::read(&self.next().await?).map_err(backend_broke)? {
            Message::Authentication(Authentication::SaslFinal(data)) => {
                expected.check(data).map_err(foul)?
            }
            Message::ErrorResponse(fields) => return Err(refused(fields.sqlstate())),
            _ => return Err(Error::Backend("broke off the SCRAM exchange".into())),
        }
        match Message::read(&self.next().await?).map_err(backend_broke)? {
            Message::Authentication(Authentication::Ok) => Ok(()),
            _ => Err(Error::Backend("did not conclude the login".into())),
        }
    }

    fn more(&mut self, underway: &mut Underway, bytes: Bytes) -> Result<(), Error> {
        self.upstream
            .more(underway, bytes)
            .map_err(|revoked| Error::Ended(revoked.0))
    }

    async fn next(&mut self) -> Result<Frame, Error> {
        let limits = Limits::default();
        loop {
            match next_backend(&mut self.replies, &limits).map_err(backend_broke)? {
                Some(BackendFrame::Whole(frame)) => return Ok(frame),
                Some(BackendFrame::Large(_)) => {
                    return Err(Error::Backend("sent data before login".into()));
                }
                None => {}
            }
            let turn = self
                .upstream
                .turn(&mut self.replies, true)
                .await
                .map_err(Error::Unreachable)?;
            if turn == Turn::Read(0) {
                return Err(Error::Backend(
                    "closed the connection while logging in".into(),
                ));
            }
        }
    }
}

/// Stops what a session's server runs, over a connection of its own; resolves when the server has closed it, so that
/// nothing sent afterwards can be hit.
pub(crate) async fn cancel(
    session: Session,
    reached: Reached,
    at: At,
    whom: Cancel,
) -> Result<(), Error> {
    let within = Duration::from_secs(2);
    let own = session
        .own(Purpose::Cancel, vec![write::cancel_request(&whom)])
        .await?;
    let stopping = async {
        let upstream = Upstream::again(&reached, within).await?;
        let mut upstream = secure(&session, upstream, &at, Purpose::Cancel).await?;
        let Ok((_, underway)) = upstream.forward(own) else {
            return Err(Error::Backend("ended while cancelling".into()));
        };
        upstream.flush().await.map_err(Error::Unreachable)?;
        let mut end = BytesMut::new();
        while upstream
            .turn(&mut end, true)
            .await
            .is_ok_and(|turn| turn != Turn::Read(0))
        {}
        underway.done(Outcome::of(OutcomeKind::Completed));
        Ok(())
    };
    tokio::time::timeout(within, stopping)
        .await
        .map_err(|_| Error::Deadline("cancelling"))?
}

fn backend_broke(malformed: crate::wire::Malformed) -> Error {
    Error::Backend(malformed.to_string())
}

fn foul(failed: scram::Failed) -> Error {
    Error::Backend(failed.to_string())
}

fn refused(sqlstate: Option<&[u8]>) -> Error {
    let code = String::from_utf8_lossy(sqlstate.unwrap_or(b"?????")).into_owned();
    Error::Backend(format!("refused the gateway's login with {code}"))
}
