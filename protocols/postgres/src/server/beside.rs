//! A second connection to the server that a session is at, for what must be asked beside it: read-only, and short.

use std::time::Duration;

use bytes::Bytes;
use gate::{Error, Outcome, OutcomeKind, Purpose, Session, Upstream};

use super::authenticate::Entering;
use super::{Way, enter_at};
use crate::wire::backend::Backend as Message;
use crate::wire::write::server as write;

/// How long the server may take for one question, as it is told.
const STATEMENT_MILLISECONDS: u32 = 500;
const LOCK_MILLISECONDS: u32 = 200;
/// Reaching it.
const WITHIN: Duration = Duration::from_secs(2);
/// Nothing that is asked here has more.
const MOST_ROWS: usize = 1000;

pub(crate) type Rows = Vec<Vec<Option<Vec<u8>>>>;

/// Ends when it is dropped.
pub(crate) struct Beside {
    session: Session,
    entering: Entering,
}

impl Beside {
    pub(crate) async fn enter(session: &Session, way: &Way, database: &str) -> Result<Self, Error> {
        let identity = session.identity();
        let options = format!(
            "-c countersign.person={} -c countersign.session={} -c default_transaction_read_only=on \
             -c statement_timeout={STATEMENT_MILLISECONDS} -c lock_timeout={LOCK_MILLISECONDS}",
            identity.name,
            session.id()
        );
        let application = format!("countersign for {}", identity.name);
        let startup = write::startup(&[
            ("user", &way.backend.user),
            ("database", database),
            ("standard_conforming_strings", "on"),
            ("client_encoding", "UTF8"),
            ("options", &options),
            ("application_name", &application),
        ]);
        let startup = startup.map_err(|malformed| Error::Client(malformed.to_string()))?;
        let upstream = Upstream::again(&way.reached, WITHIN).await?;
        match enter_at(session, upstream, way, startup).await {
            Ok((entering, _)) => Ok(Self {
                session: session.clone(),
                entering,
            }),
            Err(failed) => Err(failed.error),
        }
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
                Message::DataRow(values) if rows.len() < MOST_ROWS => {
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
        Ok(())
    }
}
