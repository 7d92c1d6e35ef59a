//! One terminal of a recording as asciicast v2.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use recorder::tape::cast::{Begun, Cast, terminals};
use recorder::tape::replay::Replay;
use recorder::{RequestId, SessionId};

use super::{Broken, Sink, open, read, streamed, unreadable, written};
use crate::problem::Problem;
use crate::state::Recordings;

/// So many are named where one must be chosen.
const NAMED: usize = 20;

pub(super) async fn show(
    recordings: Arc<Recordings>,
    session: SessionId,
    request: Option<RequestId>,
) -> Result<Response, Problem> {
    let (begun, mut replay) = read(move || {
        let found = terminals(&mut open(&recordings, session)?);
        let found = found.map_err(|error| unreadable(&error, session))?;
        Ok((chosen(found, request)?, open(&recordings, session)?))
    })
    .await?;
    Ok(streamed("application/x-asciicast", move |sink| {
        play(&begun, &mut replay, sink);
    }))
}

fn chosen(mut found: Vec<Begun>, request: Option<RequestId>) -> Result<Begun, Problem> {
    let of = |begun: &Begun| request.is_none_or(|request| begun.request == request);
    found.retain(of);
    match (found.pop(), found.as_slice()) {
        (Some(only), []) => Ok(only),
        (Some(last), others) => {
            let all = others.iter().chain([&last]).take(NAMED);
            let all = all.map(|begun| format!("{} ({})", begun.request, begun.statement));
            let several = "there are several terminals in this session";
            Err(
                Problem::new(StatusCode::CONFLICT, "several-terminals", several)
                    .detail(all.collect::<Vec<_>>().join(", "))
                    .next("choose one with `request`"),
            )
        }
        (None, _) => {
            let none = "there is no terminal in this recording";
            Err(Problem::new(StatusCode::CONFLICT, "no-terminal", none)
                .next("ask for it without `format`"))
        }
    }
}

fn play(begun: &Begun, replay: &mut Replay, sink: Sink<'_>) {
    if !sink(Ok(written(&Cast::header(&replay.header(), begun)))) {
        return;
    }
    let mut cast = Cast::of(begun);
    for event in replay {
        let Ok(event) = event else {
            sink(Err(Broken));
            return;
        };
        if let Some(line) = cast.line(&event)
            && !sink(Ok(written(&line)))
        {
            return;
        }
    }
    sink(Ok(written(&cast.end())));
}
