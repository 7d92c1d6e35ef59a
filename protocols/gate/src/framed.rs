//! A backend connection whose bytes a library frames itself: entered with a permit, gone on with beside an underway.

use std::future::Future;
use std::sync::Arc;

use crate::decision::{Denied, Own, Permitted};
use crate::error::Error;
use crate::failpoint::{self, Step};
use crate::request::Request;
use crate::stream::Stream;
use crate::underway::{Outcome, OutcomeKind, Underway};
use crate::upstream::Upstream;

/// What a library such as russh made of the gate's stream. Only an `Upstream` becomes one, and only a permit or an
/// underway opens it; what is written through the library then is the caller's word, so that each protocol does it in
/// one small file.
pub struct Framed<T> {
    library: T,
    /// A permit for another target is not taken.
    target: Arc<str>,
}

impl Upstream<Stream> {
    /// Gives the stream away for good. The library's handshake and login are the gateway's own message.
    pub async fn framed<T, F>(
        self,
        login: Permitted<Own>,
        by: impl FnOnce(Stream) -> F,
    ) -> Result<Framed<T>, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (stream, target) = self.into_parts();
        let login = login.meant_for(&target).map_err(ended)?;
        let (_, underway) = login.begin().map_err(ended)?;
        failpoint::pass(Step::Forwarded);
        let made = by(stream).await;
        let kind = if made.is_ok() {
            OutcomeKind::Completed
        } else {
            OutcomeKind::Failed
        };
        underway.done(Outcome::of(kind));
        made.map(|library| Framed { library, target })
    }
}

impl<T> Framed<T> {
    /// The library, for exactly this request.
    pub fn enter<R: Request>(&self, permit: Permitted<R>) -> Result<(&T, R, Underway), Denied<R>> {
        let permit = permit.meant_for(&self.target)?;
        let (request, underway) = permit.begin()?;
        failpoint::pass(Step::Forwarded);
        Ok((&self.library, request, underway))
    }
}

fn ended(denied: Denied<Own>) -> Error {
    Error::Backend(format!(
        "not allowed any more: {}",
        denied.reason().as_str()
    ))
}
