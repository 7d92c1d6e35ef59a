//! The server's side of a connection before any statement: reached by permit, over verified TLS or on this machine, and
//! entered as the gateway's own role.

mod authenticate;
mod beside;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gate::{
    Connect, Error, Outcome, OutcomeKind, Permitted, Purpose, Reached, Session, Stream, Turn,
    Underway, Upstream,
};

use crate::config::{At, Backend, SessionAttributes};
use crate::login::parameters::Login;
use crate::wire::startup::Cancel;
use crate::wire::write::server as write;
use authenticate::{Entering, Failed, Reported};
pub(crate) use beside::{Beside, Rows};

/// How long reaching and entering a server may take, each step.
const WITHIN: Duration = Duration::from_secs(10);
/// The same where there are others to try.
const WITHIN_SEVERAL: Duration = Duration::from_secs(4);

/// A server that let the gateway in.
pub(crate) struct Entered {
    pub(crate) upstream: Upstream<Stream>,
    pub(crate) replies: BytesMut,
    /// The session's leave to be there.
    pub(crate) connected: Underway,
    pub(crate) way: Way,
    /// What the server reported at start-up, as its frames.
    pub(crate) reported: Vec<(String, Vec<u8>)>,
    pub(crate) cancel: Option<Cancel>,
}

/// How the server that a session is at is reached once more.
#[derive(Clone)]
pub(crate) struct Way {
    backend: Arc<Backend>,
    reached: Reached,
}

impl Way {
    /// The role that the gateway logs in as.
    pub(crate) fn user(&self) -> &str {
        &self.backend.user
    }

    fn at(&self) -> &At {
        let mut places = self.backend.places();
        places.nth(self.reached.place()).unwrap_or(&self.backend.at)
    }
}

/// What the server is asked to set for this session.
pub(crate) struct Wishes<'a> {
    pub(crate) login: &'a Login,
    pub(crate) database: &'a str,
}

/// Enters the first of the target's places that will do.
pub(crate) async fn enter(
    session: &Session,
    permit: Permitted<Connect>,
    backend: &Arc<Backend>,
    startup: Bytes,
) -> Result<Entered, Error> {
    let endpoints: Vec<_> = backend.places().map(At::endpoint).collect();
    let within = if endpoints.len() > 1 {
        WITHIN_SEVERAL
    } else {
        WITHIN
    };
    let reached = Upstream::connect_to_any(permit, endpoints, within).await?;
    let (mut upstream, connected, mut reached) = reached;
    loop {
        let way = Way {
            backend: backend.clone(),
            reached,
        };
        let failed = match enter_at(session, upstream, &way, startup.clone()).await {
            Ok((entering, (reported, cancel))) => {
                let Entering {
                    upstream, replies, ..
                } = entering;
                return Ok(Entered {
                    upstream,
                    replies,
                    connected,
                    way,
                    reported,
                    cancel,
                });
            }
            Err(failed) => failed,
        };
        let next = match failed.elsewhere {
            true => Upstream::onward(&way.reached, within).await,
            false => None,
        };
        match next {
            Some((there, place)) => (upstream, reached) = (there, place),
            None => {
                connected.done(Outcome::of(OutcomeKind::Failed));
                return Err(failed.error);
            }
        }
    }
}

/// One place: secured, logged in to, and found to be what is asked for.
async fn enter_at(
    session: &Session,
    upstream: Upstream<Stream>,
    way: &Way,
    startup: Bytes,
) -> Result<(Entering, Reported), Failed> {
    let own = session.own(Purpose::Login, vec![startup]).await;
    let own = own.map_err(Error::from)?;
    let upstream = secure(session, upstream, way, Purpose::Login).await?;
    let mut entering = Entering::new(upstream, way.at().is_proved());
    let Ok((_, mut underway)) = entering.upstream.forward(own) else {
        return Err(Error::Backend("ended while logging in".into()).into());
    };
    let login = entering.login(&way.backend, &mut underway);
    let entered = tokio::time::timeout(WITHIN, login).await;
    let kind = match &entered {
        Ok(Ok(_)) => OutcomeKind::Completed,
        Ok(Err(_)) | Err(_) => OutcomeKind::Failed,
    };
    underway.done(Outcome::of(kind));
    match entered {
        Ok(Ok(reported)) => {
            suits(way.backend.target_session_attrs, &reported)?;
            Ok((entering, reported))
        }
        Ok(Err(failed)) => Err(failed),
        Err(_) => Err(Error::Deadline("login at the server").into()),
    }
}

/// Servers say at start-up whether they take writes, from PostgreSQL 14 on.
fn suits(asked: SessionAttributes, (reported, _): &Reported) -> Result<(), Failed> {
    let says = |name: &str| {
        let found = reported.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_slice())
    };
    let standing = ["in_hot_standby", "default_transaction_read_only"].map(says);
    match (asked, standing) {
        (SessionAttributes::Any, _) | (_, [Some(b"off"), Some(b"off")]) => Ok(()),
        (SessionAttributes::ReadWrite, [Some(_), Some(_)]) => Err(Failed {
            error: Error::Backend(
                "takes no writes, and `target_session_attrs` asks for that".into(),
            ),
            elsewhere: true,
        }),
        (SessionAttributes::ReadWrite, _) => Err(Failed {
            error: Error::Backend(
                "does not say whether it takes writes (PostgreSQL 14 and later do)".into(),
            ),
            elsewhere: true,
        }),
    }
}

/// The StartupMessage of a session.
pub(crate) fn startup(
    session: &Session,
    backend: &Backend,
    wishes: &Wishes<'_>,
) -> Result<Bytes, Error> {
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

/// SSLRequest and handshake, where the server is reached over TCP: in plaintext on this machine only.
async fn secure(
    session: &Session,
    mut upstream: Upstream<Stream>,
    way: &Way,
    purpose: Purpose,
) -> Result<Upstream<Stream>, Error> {
    let Some(secured) = way.backend.tls(way.at())? else {
        return Ok(upstream);
    };
    let own = session.own(purpose, vec![write::ssl_request()]).await?;
    let Ok((_, underway)) = upstream.forward(own) else {
        return Err(Error::Backend("ended while logging in".into()));
    };
    let mut answer = BytesMut::new();
    let asked = tokio::time::timeout(WITHIN, async {
        while answer.is_empty() {
            let turn = upstream.turn(&mut answer, true).await;
            if turn.map_err(Error::Unreachable)? == Turn::Read(0) {
                return Err(authenticate::closed());
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
    upstream
        .secure(&secured.client, &secured.name, WITHIN)
        .await
}

/// Stops what a session's server runs, over a connection of its own; resolves when the server has closed it, so that
/// nothing sent afterwards can be hit.
pub(crate) async fn cancel(session: Session, way: Way, whom: Cancel) -> Result<(), Error> {
    let within = Duration::from_secs(2);
    let own = session
        .own(Purpose::Cancel, vec![write::cancel_request(&whom)])
        .await?;
    let stopping = async {
        let upstream = Upstream::again(&way.reached, within).await?;
        let mut upstream = secure(&session, upstream, &way, Purpose::Cancel).await?;
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
