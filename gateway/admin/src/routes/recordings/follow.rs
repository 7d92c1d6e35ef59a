//! Follows a recording while it is made, until its session has ended.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use gate::Gate;
use recorder::tape::replay::{Ending, Replay};
use recorder::{RequestId, SessionId};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout};

use super::{AHEAD, Broken, PATIENCE, answer, concerns, open, read, written};
use crate::problem::Problem;
use crate::state::{Admin, Recordings};
use crate::view::Line;

/// How often the end of the recording is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Whoever watches hears at least this often that nothing was cut.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A session in which nothing happens is not watched for longer.
const IDLE: Duration = Duration::from_secs(3600);
/// A recording is sealed so soon after its session, or never.
const SEALED_WITHIN: Duration = Duration::from_secs(5);
/// Begun this long after its session, at the latest.
const BEGUN_WITHIN: Duration = Duration::from_secs(2);
/// Read at once.
const BATCH: usize = 256 * 1024;

pub(super) async fn show(
    admin: Admin,
    recordings: Arc<Recordings>,
    session: SessionId,
    request: Option<RequestId>,
) -> Result<Response, Problem> {
    let Ok(permit) = admin.watchers.clone().try_acquire_owned() else {
        let many = "as many sessions are watched as may be at once";
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "watched", many));
    };
    let replay = begun(&admin.gate, recordings, session).await?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let watch = Watch {
        gate: admin.gate,
        session: session.to_string(),
        request,
        sender,
        _permit: permit,
    };
    // ends with the session, with the client, or with the client's patience
    tokio::spawn(watch.run(replay));
    Ok(answer("application/x-ndjson", receiver))
}

/// The file of a session that was opened this moment may not be there yet.
async fn begun(
    gate: &Gate,
    recordings: Arc<Recordings>,
    session: SessionId,
) -> Result<Replay, Problem> {
    let deadline = Instant::now() + BEGUN_WITHIN;
    loop {
        let recordings = recordings.clone();
        match read(move || open(&recordings, session)).await {
            Err(_) if gate.is_open(&session.to_string()) && Instant::now() < deadline => {
                tokio::time::sleep(LOOK).await;
            }
            opened => return opened,
        }
    }
}

struct Watch {
    gate: Gate,
    session: String,
    request: Option<RequestId>,
    sender: mpsc::Sender<Result<Bytes, Broken>>,
    /// Taken by those who watch: a few only, for each looks at a file again and again.
    _permit: OwnedSemaphorePermit,
}

/// What one look brought.
struct Looked {
    replay: Replay,
    lines: Vec<Bytes>,
    /// It cannot be read further.
    broken: Option<String>,
}

impl Watch {
    async fn run(self, mut replay: Replay) {
        let mut told = Instant::now();
        let mut moved = Instant::now();
        let mut open_at = Instant::now();
        let mut titled = false;
        loop {
            // asked before the look: what came before the end is in the file by then, or soon after
            if self.gate.is_open(&self.session) {
                open_at = Instant::now();
            }
            let request = self.request;
            let looking = tokio::task::spawn_blocking(move || look(replay, request, titled));
            let Ok(looked) = looking.await else { return };
            replay = looked.replay;
            titled = replay.has_begun();
            if !looked.lines.is_empty() {
                (told, moved) = (Instant::now(), Instant::now());
            }
            for line in looked.lines {
                if !self.send(line).await {
                    return;
                }
            }
            if let Some(why) = looked.broken {
                self.send(written(&Line::broken(why))).await;
                return;
            }
            let ending = replay.ending();
            let over = open_at.elapsed() > SEALED_WITHIN || moved.elapsed() > IDLE;
            if ending == Some(Ending::Sealed) || (over && ending.is_some()) {
                self.send(written(&Line::end(ending))).await;
                return;
            }
            if told.elapsed() > HEARTBEAT {
                told = Instant::now();
                if !self.send(written(&Line::heartbeat())).await {
                    return;
                }
            }
            // more is waiting, or it is looked for again soon, unless the client left
            if ending.is_some() && timeout(LOOK, self.sender.closed()).await.is_ok() {
                return;
            }
        }
    }

    async fn send(&self, line: Bytes) -> bool {
        let sent = timeout(PATIENCE, self.sender.send(Ok(line))).await;
        matches!(sent, Ok(Ok(())))
    }
}

fn look(mut replay: Replay, request: Option<RequestId>, titled: bool) -> Looked {
    let mut lines = Vec::new();
    let mut length = 0;
    let mut broken = replay.look_again().err();
    if !titled && replay.has_begun() {
        lines.push(written(&Line::header(&replay.header())));
    }
    while broken.is_none() && length < BATCH {
        match replay.next() {
            Some(Ok(event)) if concerns(request, &event) => {
                let line = written(&Line::event(event));
                length += line.len();
                lines.push(line);
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => broken = Some(error),
            None => break,
        }
    }
    let broken = broken.map(|error| error.to_string());
    Looked {
        replay,
        lines,
        broken,
    }
}
