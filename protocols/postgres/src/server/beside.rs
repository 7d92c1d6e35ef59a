//! A second connection to the server that a session is at, for what must be asked beside it: read-only, and short.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gate::{Connect, Error, Outcome, OutcomeKind, Permitted, Purpose, Session, Underway, Upstream};

use super::authenticate::Entering;
use super::{Way, enter_at};
use crate::config::Backend;
use crate::wire::Malformed;
use crate::wire::backend::Backend as Message;
use crate::wire::write::server as write;

/// How long the server may take for one question of somebody else's, as it is told, and for one that people wait for.
const BESIDE_MILLISECONDS: u32 = 500;
const ALONE_MILLISECONDS: u32 = 20_000;
const LOCK_MILLISECONDS: u32 = 200;
/// Reaching it.
const WITHIN: Duration = Duration::from_secs(2);
/// A larger answer is none.
const MOST_ROWS: usize = 500_000;

pub(crate) type Rows = Vec<Vec<Option<Vec<u8>>>>;

/// Ends when it is dropped.
pub(crate) struct Beside {
    session: Session,
    entering: Entering,
    /// The session's leave to be there, where this is its only connection.
    connected: Option<Underway>,
}

impl Beside {
    pub(crate) async fn enter(session: &Session, way: &Way, database: &str) -> Result<Self, Error> {
        let startup = startup(session, &way.backend, (database, BESIDE_MILLISECONDS))?;
        let upstream = Upstream::again(&way.reached, WITHIN).await?;
        match enter_at(session, upstream, way, startup).await {
            Ok((entering, _)) => Ok(Self {
                session: session.clone(),
                entering,
                connected: None,
            }),
            Err(failed) => Err(failed.error),
        }
    }

    /// The first and only connection of a session that asks nothing else.
    pub(crate) async fn alone(
        session: &Session,
        permit: Permitted<Connect>,
        backend: &Arc<Backend>,
        database: &str,
    ) -> Result<Self, Error> {
        let startup = startup(session, backend, (database, ALONE_MILLISECONDS))?;
        let entered = super::enter(session, permit, backend, startup).await?;
        let mut entering = Entering::new(entered.upstream, entered.way.at().is_proved());
        entering.replies = entered.replies;
        Ok(Self {
            session: session.clone(),
            entering,
            connected: Some(entered.connected),
        })
    }

    /// A question with text parameters.
    pub(crate) async fn ask_with(
        &mut self,
        text: &str,
        parameters: &[Option<&[u8]>],
    ) -> Result<Result<Rows, String>, Error> {
        let bind = write::Bind {
            portal: "",
            statement: "",
            parameters,
            binary_results: false,
        };
        let wire = || -> Result<Vec<Bytes>, Malformed> {
            Ok(vec![
                write::parse("", text, &[])?,
                write::bind(&bind)?,
                write::execute("", 0)?,
                write::sync(),
            ])
        };
        let wire = wire().map_err(|malformed| Error::Backend(malformed.to_string()))?;
        self.ask(wire).await
    }

    /// Its rows, or the server's code.
    pub(crate) async fn ask(&mut self, wire: Vec<Bytes>) -> Result<Result<Rows, String>, Error> {
        let own = self.session.own(Purpose::Estimate, wire).await?;
        let Ok((_, underway)) = self.entering.upstream.forward(own) else {
            return Err(Error::Backend("ended while it was asked".into()));
        };
        let answered = self.answer().await;
        let kind = match &answered {
            Ok(Ok(_)) => OutcomeKind::Completed,
            Ok(Err(_)) | Err(_) => OutcomeKind::Failed,
        };
        underway.done(Outcome::of(kind));
        answered
    }

    async fn answer(&mut self) -> Result<Result<Rows, String>, Error> {
        let (mut rows, mut failed) = (Rows::new(), None);
        loop {
            let frame = self.entering.next().await?;
            let broke = |malformed: crate::wire::Malformed| Error::Backend(malformed.to_string());
            match Message::read(&frame).map_err(broke)? {
                Message::DataRow(_) if rows.len() >= MOST_ROWS => {
                    return Err(Error::Backend("answered more than is read".into()));
                }
                Message::DataRow(values) => {
                    rows.push(
                        values
                            .iter()
                            .map(|value| value.map(<[u8]>::to_vec))
                            .collect(),
                    );
                }
                Message::ErrorResponse(fields) => {
                    let code = fields.sqlstate().unwrap_or(b"XX000");
                    failed = Some(String::from_utf8_lossy(code).into_owned());
                }
                Message::ReadyForQuery(_) => return Ok(failed.map_or(Ok(rows), Err)),
                _ => {}
            }
        }
    }

    /// Says good-bye, so that the server has nothing to wonder about.
    pub(crate) async fn leave(mut self) -> Result<(), Error> {
        let goodbye = vec![write::terminate()];
        let own = self.session.own(Purpose::Framing, goodbye).await?;
        if let Ok((_, underway)) = self.entering.upstream.forward(own) {
            let flushed = self.entering.upstream.flush().await;
            underway.done(Outcome::of(OutcomeKind::Completed));
            flushed.map_err(Error::Unreachable)?;
        }
        if let Some(connected) = self.connected.take() {
            connected.done(Outcome::of(OutcomeKind::Completed));
        }
        Ok(())
    }
}

fn startup(
    session: &Session,
    backend: &Backend,
    (database, milliseconds): (&str, u32),
) -> Result<Bytes, Error> {
    let identity = session.identity();
    let options = format!(
        "-c countersign.person={} -c countersign.session={} -c default_transaction_read_only=on \
         -c statement_timeout={milliseconds} -c lock_timeout={LOCK_MILLISECONDS}",
        identity.name,
        session.id()
    );
    let application = format!("countersign for {}", identity.name);
    let startup = write::startup(&[
        ("user", &backend.user),
        ("database", database),
        ("standard_conforming_strings", "on"),
        ("client_encoding", "UTF8"),
        ("options", &options),
        ("application_name", &application),
    ]);
    startup.map_err(|malformed| Error::Client(malformed.to_string()))
}
