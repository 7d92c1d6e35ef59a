//! Logging in at a server: whatever it asks for that may be shown to it.

use bytes::{Bytes, BytesMut};
use gate::secret::Secret;
use gate::{Error, Stream, Turn, Underway, Upstream};

use crate::config::Backend;
use crate::login::{md5, scram};
use crate::wire::backend::{Authentication, Backend as Message, mechanisms};
use crate::wire::frame::{BackendFrame, Frame, Limits, next_backend};
use crate::wire::startup::Cancel;
use crate::wire::write::server as write;

/// Settings that a server may report at start-up; they are some fifteen.
const REPORTS: usize = 256;

/// A connection on its way in.
pub(super) struct Entering {
    pub(super) upstream: Upstream<Stream>,
    pub(super) replies: BytesMut,
    /// Who answers there is known for certain: it may read the password itself.
    proved: bool,
}

/// Start-up parameters, and the key that cancels.
pub(super) type Reported = (Vec<(String, Vec<u8>)>, Option<Cancel>);

/// Why a server was not entered.
pub(super) struct Failed {
    pub(super) error: Error,
    /// Another place of the target may do better.
    pub(super) elsewhere: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let elsewhere = matches!(error, Error::Unreachable(_) | Error::Deadline(_));
        Self { error, elsewhere }
    }
}

impl Entering {
    pub(super) fn new(upstream: Upstream<Stream>, proved: bool) -> Self {
        Self {
            upstream,
            replies: BytesMut::new(),
            proved,
        }
    }

    pub(super) async fn login(
        &mut self,
        backend: &Backend,
        underway: &mut Underway,
    ) -> Result<Reported, Failed> {
        self.authenticate(backend, underway).await?;
        let (mut reported, mut cancel) = (Vec::new(), None);
        loop {
            let frame = self.next().await?;
            match Message::read(&frame).map_err(broke)? {
                Message::ParameterStatus { name, value } => {
                    if reported.len() >= REPORTS {
                        return Err(foul("reports settings without an end").into());
                    }
                    if !is_pinned(name, value) {
                        return Err(foul(&format!("starts with another `{name}`")).into());
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
                    return Err(foul("sent something else than start-up state").into());
                }
            }
        }
    }

    /// A password in the way that the server asks for, once; nothing at all where it trusts the socket or the certificate.
    async fn authenticate(
        &mut self,
        backend: &Backend,
        underway: &mut Underway,
    ) -> Result<(), Failed> {
        let mut shown = false;
        loop {
            let frame = self.next().await?;
            let asked = match Message::read(&frame).map_err(broke)? {
                Message::Authentication(asked) => asked,
                Message::ErrorResponse(fields) => return Err(refused(fields.sqlstate())),
                Message::NoticeResponse(_) => continue,
                _ => return Err(foul("sent something else than a request to log in").into()),
            };
            if asked != Authentication::Ok && std::mem::replace(&mut shown, true) {
                return Err(foul("asks for a second proof").into());
            }
            match asked {
                Authentication::Ok => return Ok(()),
                Authentication::CleartextPassword if !self.proved => {
                    return Err(foul(
                        "asks for the password in clear text where nothing proves who it is; the gateway shows it over TLS or a socket only",
                    )
                    .into());
                }
                Authentication::CleartextPassword => {
                    let password = password(backend)?;
                    let answer = write::password(password.expose()).map_err(broke)?;
                    self.more(underway, answer)?;
                }
                Authentication::Md5Password { salt } => {
                    let password = password(backend)?;
                    let proof = md5::proof(password.expose(), &backend.user, salt);
                    let answer = write::password(&proof).map_err(broke)?;
                    self.more(underway, answer)?;
                }
                Authentication::Sasl {
                    mechanisms: offered,
                } => self.scram(offered, backend, underway).await?,
                Authentication::SaslContinue(_) | Authentication::SaslFinal(_) => {
                    return Err(foul("broke off the SCRAM exchange").into());
                }
                Authentication::Other(kind) => {
                    return Err(foul(&format!(
                        "asks for a login that the gateway does not speak ({})",
                        other(kind)
                    ))
                    .into());
                }
            }
        }
    }

    async fn scram(
        &mut self,
        offered: &[u8],
        backend: &Backend,
        underway: &mut Underway,
    ) -> Result<(), Failed> {
        let certificate = self.upstream.certificate();
        let end_point = certificate.as_deref().and_then(gate::tls::hash);
        let end_point = end_point.as_ref().map(<[u8; 32]>::as_slice);
        let client = scram::Client::begin(mechanisms(offered), end_point).map_err(failed)?;
        let first =
            write::sasl_initial_response(client.mechanism(), client.client_first().as_bytes());
        self.more(underway, first.map_err(broke)?)?;
        let challenge = match Message::read(&self.next().await?).map_err(broke)? {
            Message::Authentication(Authentication::SaslContinue(data)) => {
                client.challenge(data).map_err(failed)?
            }
            Message::ErrorResponse(fields) => return Err(refused(fields.sqlstate())),
            _ => return Err(foul("broke off the SCRAM exchange").into()),
        };
        let password = password(backend)?;
        let proved = tokio::task::spawn_blocking(move || challenge.prove(password.expose()));
        let (last, expected) = proved.await.map_err(|_| foul("login gave up"))?;
        self.more(underway, write::sasl_response(last.as_bytes()))?;
        match Message::read(&self.next().await?).map_err(broke)? {
            Message::Authentication(Authentication::SaslFinal(data)) => {
                expected.check(data).map_err(failed)?;
                Ok(())
            }
            Message::ErrorResponse(fields) => Err(refused(fields.sqlstate())),
            _ => Err(foul("broke off the SCRAM exchange").into()),
        }
    }

    fn more(&mut self, underway: &mut Underway, bytes: Bytes) -> Result<(), Error> {
        self.upstream
            .more(underway, bytes)
            .map_err(|revoked| Error::Ended(revoked.0))
    }

    pub(super) async fn next(&mut self) -> Result<Frame, Error> {
        let limits = Limits::default();
        loop {
            match next_backend(&mut self.replies, &limits).map_err(broke)? {
                Some(BackendFrame::Whole(frame)) => return Ok(frame),
                Some(BackendFrame::Large(_)) => return Err(foul("sent data before login")),
                None => {}
            }
            let turn = self.upstream.turn(&mut self.replies, true).await;
            if turn.map_err(Error::Unreachable)? == Turn::Read(0) {
                return Err(closed());
            }
        }
    }
}

/// Whether a setting that decides how texts are read has a value that the gateway reads them by.
fn is_pinned(name: &str, value: &[u8]) -> bool {
    match name {
        "standard_conforming_strings" => value == b"on",
        "client_encoding" => matches!(value, b"UTF8" | b"SQL_ASCII"),
        // of one with a byte a character, names are folded and cut otherwise than here
        "server_encoding" => value == b"UTF8",
        _ => true,
    }
}

fn password(backend: &Backend) -> Result<Secret, Error> {
    let Some(reference) = &backend.password else {
        return Err(foul(
            "asks for a password, and the target's settings name none",
        ));
    };
    let resolved = reference.resolve();
    resolved.map_err(|error| Error::Configuration(error.to_string()))
}

/// A server that hangs up before it let the gateway in: another may not.
pub(super) fn closed() -> Error {
    Error::Unreachable(std::io::ErrorKind::UnexpectedEof.into())
}

fn foul(what: &str) -> Error {
    Error::Backend(what.to_owned())
}

fn broke(malformed: crate::wire::Malformed) -> Error {
    Error::Backend(malformed.to_string())
}

fn failed(failed: scram::Failed) -> Error {
    Error::Backend(failed.to_string())
}

/// Nothing but the code: the server's words are for its own operators.
fn refused(sqlstate: Option<&[u8]>) -> Failed {
    let code = String::from_utf8_lossy(sqlstate.unwrap_or(b"?????")).into_owned();
    Failed {
        // it is starting, stopping or full
        elsewhere: ["57P03", "57P01", "57P02", "53300"].contains(&code.as_str()),
        error: Error::Backend(format!("refused the gateway's login with {code}")),
    }
}

fn other(kind: u32) -> String {
    match kind {
        2 => "Kerberos".to_owned(),
        7 | 8 => "GSSAPI".to_owned(),
        9 => "SSPI".to_owned(),
        kind => format!("kind {kind}"),
    }
}
