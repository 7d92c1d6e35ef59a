//! Sessions, open and ended: listed, shown, ended by force, replayed.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use axum::Json;
use axum::http::StatusCode;

use super::rules::{Kill, ViewSession};
use crate::door::Authorized;
use crate::input::{Nothing, Path};
use crate::problem::Problem;
use crate::state::Admin;
use crate::view::Session;

/// Of ended sessions, the newest.
const MOST_ENDED: u32 = 1000;

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
