//! Sessions, open and ended: listed, shown, paused, ended by force.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;

use gate::NotPaused;

use super::rules::{Kill, Pause, ViewSession};
use crate::door::Authorized;
use crate::input::{About, Body, Nothing, Path};
use crate::problem::Problem;
use crate::state::Admin;
use crate::view::{NewPause, Session};

/// Of ended sessions, the newest.
const MOST_ENDED: u32 = 1000;
/// How long a session is paused, in seconds, and how long at most.
const PAUSE: u64 = 900;
const LONGEST_PAUSE: u64 = 86_400;

impl About for NewPause {
    fn about(&self) -> String {
        format!("for {} s", self.seconds.unwrap_or(PAUSE))
    }
}

/// The open ones first, then the ended, newest first.
pub(super) async fn list(
    _: Authorized<ViewSession>,
    admin: Admin,
    _: Nothing,
) -> Result<Json<Vec<Session>>, Problem> {
    let mut sessions: Vec<Session> = admin
        .gate
        .sessions()
        .into_iter()
        .map(Session::from)
        .collect();
    sessions.sort_by_key(|session| Reverse(session.opened_at));
    let open: BTreeSet<String> = sessions.iter().map(|session| session.id.clone()).collect();
    let kept = admin.store.sessions(MOST_ENDED).await?;
    let ended = kept
        .into_iter()
        .filter(|session| !open.contains(&session.id));
    sessions.extend(ended.map(Session::from));
    Ok(Json(sessions))
}

pub(super) async fn show(
    _: Authorized<ViewSession>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<Session>, Problem> {
    let open = admin
        .gate
        .sessions()
        .into_iter()
        .find(|session| session.id == id);
    if let Some(open) = open {
        return Ok(Json(open.into()));
    }
    let kept = admin.store.session(&id).await?;
    kept.map(|kept| Json(kept.into()))
        .ok_or_else(|| Problem::not_found("session"))
}

pub(super) async fn kill(
    _: Authorized<Kill>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if admin.gate.kill(&id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("open session"))
    }
}

pub(super) async fn pause(
    caller: Authorized<Pause>,
    admin: Admin,
    (Path(id), Body(wanted)): (Path<String>, Body<NewPause>),
) -> Result<Json<Session>, Problem> {
    let seconds = wanted.seconds.unwrap_or(PAUSE);
    if !(1..=LONGEST_PAUSE).contains(&seconds) {
        let span = format!("`seconds` is 1 to {LONGEST_PAUSE}");
        return Err(Problem::invalid(span));
    }
    let by = caller.identity().label();
    let paused = admin.gate.pause(&id, &by, Duration::from_secs(seconds));
    paused.map_err(|why| match why {
        NotPaused::NoSession => Problem::not_found("open session"),
        NotPaused::Unable | NotPaused::Already | NotPaused::Ending => {
            Problem::conflict(why.to_string())
        }
    })?;
    open(&admin, &id)
}

pub(super) async fn resume(
    caller: Authorized<Pause>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<Session>, Problem> {
    let by = caller.identity().label();
    if admin.gate.resume(&id, &by) {
        open(&admin, &id)
    } else {
        Err(Problem::not_found("paused session"))
    }
}

fn open(admin: &Admin, id: &str) -> Result<Json<Session>, Problem> {
    let mut sessions = admin.gate.sessions().into_iter();
    let open = sessions.find(|session| session.id == id);
    open.map(|open| Json(open.into()))
        .ok_or_else(|| Problem::not_found("open session"))
}
