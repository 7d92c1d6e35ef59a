//! Replays a recording as it is read: the file, a few lines ahead, the client.

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
use recorder::SessionId;
use recorder::tape::replay::{self, Replay};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::rules::ViewRecording;
use crate::door::Authorized;
use crate::input::Path;
use crate::problem::Problem;
use crate::state::{Admin, Recordings};
use crate::view::Line;

/// Lines read ahead of the client.
const AHEAD: usize = 8;
/// A client that takes nothing for so long is left.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn show(
    _: Authorized<ViewRecording>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let Ok(session) = id.parse::<SessionId>() else {
        return Err(Problem::not_found("session"));
    };
    let Some(recordings) = admin.recordings.clone() else {
        return Err(Problem::not_found("recording: this gateway makes none"));
    };
    let opened = tokio::task::spawn_blocking(move || open(&recordings, session)).await;
    let replay = opened.unwrap_or_else(|_| Err(Problem::unavailable("the replay broke off")))?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let reader = Handle::current();
    // ends with the file, with the client, or with the client's patience
    tokio::task::spawn_blocking(move || {
        play(replay, &|line| {
            matches!(
                reader.block_on(timeout(PATIENCE, sender.send(line))),
                Ok(Ok(()))
            )
        })
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::new(Lines(receiver))).into_response())
}

fn open(recordings: &Arc<Recordings>, session: SessionId) -> Result<Replay, Problem> {
    match replay::read(&recordings.directory, &recordings.key, session) {
        Ok(replay) => Ok(replay),
        Err(recorder::Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Err(Problem::not_found("recording"))
        }
        Err(error) => {
            tracing::warn!(%error, %session, "a recording cannot be opened");
            Err(Problem::unavailable("the recording cannot be opened"))
        }
    }
}

/// Sends lines until there are no more, or nobody takes them.
fn play(mut replay: Replay, send: &dyn Fn(Bytes) -> bool) {
    if !send(written(&Line::header(replay.header()))) {
        return;
    }
    for event in replay.by_ref() {
        let line = match event {
            Ok(event) => Line::event(event),
            Err(error) => {
                send(written(&Line::broken(error.to_string())));
                return;
            }
        };
        if !send(written(&line)) {
            return;
        }
    }
    send(written(&Line::end(replay.ending())));
}

fn written(line: &Line) -> Bytes {
    // text and numbers only: this cannot fail
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}

/// The body of the answer.
struct Lines(mpsc::Receiver<Bytes>);

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(context)
            .map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}
