//! Replays a recording as it is read: the file, a few lines ahead, the client. One that is still made can be followed.

mod cast;
mod follow;

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use recorder::tape::Event;
use recorder::tape::replay::{self, Replay};
use recorder::{RequestId, SessionId};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::rules::ViewRecording;
use crate::door::Authorized;
use crate::input::{Path, Query};
use crate::problem::Problem;
use crate::state::{Admin, Recordings};
use crate::view::Line;

/// Lines read ahead of the client.
const AHEAD: usize = 8;
/// A client that takes nothing for so long is left.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    format: Format,
    /// Only what belongs to this request.
    request: Option<String>,
    /// Goes on until the session has ended.
    #[serde(default)]
    follow: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Ndjson,
    /// One terminal, for players.
    Asciicast,
}

pub(super) async fn show(
    _: Authorized<ViewRecording>,
    admin: Admin,
    (Path(id), Query(wanted)): (Path<String>, Query<Wanted>),
) -> Result<Response, Problem> {
    let Ok(session) = id.parse::<SessionId>() else {
        return Err(Problem::not_found("session"));
    };
    let request = wanted.request.as_deref().map(str::parse::<RequestId>);
    let request = request.transpose().map_err(|_| {
        Problem::invalid("`request` is the 32 hexadecimal digits of a request in the recording")
    })?;
    let Some(recordings) = admin.recordings.clone() else {
        return Err(Problem::not_found("recording: this gateway makes none"));
    };
    match (wanted.format, wanted.follow) {
        (Format::Asciicast, true) => Err(Problem::invalid(
            "`follow` goes with `format=ndjson`: a cast is of what was recorded",
        )),
        (Format::Asciicast, false) => cast::show(recordings, session, request).await,
        (Format::Ndjson, true) => follow::show(admin, recordings, session, request).await,
        (Format::Ndjson, false) => whole(recordings, session, request).await,
    }
}

async fn whole(
    recordings: Arc<Recordings>,
    session: SessionId,
    request: Option<RequestId>,
) -> Result<Response, Problem> {
    let mut replay = read(move || open(&recordings, session)).await?;
    Ok(streamed("application/x-ndjson", move |sink| {
        play(&mut replay, request, sink);
    }))
}

/// Reads files away from the reactor.
async fn read<T: Send + 'static>(
    reading: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let read = tokio::task::spawn_blocking(reading).await;
    read.unwrap_or_else(|_| Err(Problem::unavailable("the replay broke off")))
}

fn open(recordings: &Arc<Recordings>, session: SessionId) -> Result<Replay, Problem> {
    match replay::read(&recordings.directory, &recordings.key, session) {
        Ok(replay) => Ok(replay),
        Err(recorder::Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Err(Problem::not_found("recording"))
        }
        Err(error) => Err(unreadable(&error, session)),
    }
}

fn unreadable(error: &recorder::Error, session: SessionId) -> Problem {
    tracing::warn!(%error, %session, "a recording cannot be opened");
    Problem::unavailable("the recording cannot be opened")
}

/// Where lines go; false when nobody takes them any more.
type Sink<'a> = &'a dyn Fn(Result<Bytes, Broken>) -> bool;

/// An answer that a thread writes: it ends with what is written, with the client, or with the client's patience.
fn streamed(kind: &'static str, write: impl FnOnce(Sink<'_>) + Send + 'static) -> Response {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let reader = Handle::current();
    tokio::task::spawn_blocking(move || {
        write(&|line| {
            let sent = reader.block_on(timeout(PATIENCE, sender.send(line)));
            matches!(sent, Ok(Ok(())))
        });
    });
    answer(kind, receiver)
}

fn answer(kind: &'static str, lines: mpsc::Receiver<Result<Bytes, Broken>>) -> Response {
    let kind = [(header::CONTENT_TYPE, kind)];
    (kind, Body::new(Lines(lines))).into_response()
}

/// Sends lines until there are no more, or nobody takes them.
fn play(replay: &mut Replay, request: Option<RequestId>, sink: Sink<'_>) {
    if !sink(Ok(written(&Line::header(&replay.header())))) {
        return;
    }
    for event in replay.by_ref() {
        let line = match event {
            Ok(event) if !concerns(request, &event) => continue,
            Ok(event) => Line::event(event),
            Err(error) => {
                sink(Ok(written(&Line::broken(error.to_string()))));
                return;
            }
        };
        if !sink(Ok(written(&line))) {
            return;
        }
    }
    sink(Ok(written(&Line::end(replay.ending()))));
}

/// What is about the session as a whole concerns every request.
fn concerns(request: Option<RequestId>, event: &Event) -> bool {
    request.is_none() || event.request.is_none() || event.request == request
}

fn written(line: &impl Serialize) -> Bytes {
    // text and numbers only: this cannot fail
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}

/// The answer is cut, so that nobody takes it for whole.
#[derive(Debug, thiserror::Error)]
#[error("the recording cannot be read further")]
struct Broken;

/// The body of the answer.
struct Lines(mpsc::Receiver<Result<Bytes, Broken>>);

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(context)
            .map(|line| line.map(|line| line.map(Frame::data)))
    }
}
