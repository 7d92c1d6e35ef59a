//! A lock ends what is open of somebody or something, and keeps it out until it is taken away.

use axum::Json;
use axum::http::StatusCode;
use gate::Whom;
use store::Lockable;

use super::rules::{self, LookAtLocks};
use crate::door::Authorized;
use crate::input::{About, Body, Nothing, Path};
use crate::problem::Problem;
use crate::state::Admin;
use crate::view::{Lock, LockKind, Locked, NewLock, Time};

impl About for NewLock {
    fn about(&self) -> String {
        format!("{} {}", word(self.kind), self.name)
    }
}

pub(super) async fn list(
    _: Authorized<LookAtLocks>,
    admin: Admin,
    _: Nothing,
) -> Result<Json<Vec<Lock>>, Problem> {
    let locks = admin.store.locks().await?;
    Ok(Json(locks.into_iter().map(listed).collect()))
}

pub(super) async fn add(
    caller: Authorized<rules::Lock>,
    admin: Admin,
    Body(new): Body<NewLock>,
) -> Result<Json<Locked>, Problem> {
    let whom = whom(&new);
    if let Some(kind) = lockable(new.kind) {
        let (by, at) = (caller.name().to_owned(), admin.now());
        admin
            .store
            .lock(store::Lock {
                kind,
                name: new.name,
                by,
                at,
                reason: new.reason,
            })
            .await?;
        admin.gate.directory_changed();
    }
    let sessions_ended = admin.gate.revoke(&whom);
    if new.kind == LockKind::Session && sessions_ended == 0 {
        return Err(Problem::not_found("open session"));
    }
    Ok(Json(Locked { sessions_ended }))
}

pub(super) async fn remove(
    _: Authorized<rules::Lock>,
    admin: Admin,
    Path((kind, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let kind = Lockable::of(&kind).ok_or_else(|| Problem::not_found("kind of lock"))?;
    if !admin.store.unlock(kind, &name).await? {
        return Err(Problem::not_found("lock"));
    }
    admin.gate.directory_changed();
    Ok(StatusCode::NO_CONTENT)
}

fn lockable(kind: LockKind) -> Option<Lockable> {
    match kind {
        LockKind::User => Some(Lockable::User),
        LockKind::Token => Some(Lockable::Token),
        LockKind::Target => Some(Lockable::Target),
        LockKind::Session => None,
    }
}

fn whom(new: &NewLock) -> Whom {
    let name = new.name.clone();
    match new.kind {
        LockKind::User => Whom::User(name),
        LockKind::Token => Whom::Token(name),
        LockKind::Target => Whom::Target(name),
        LockKind::Session => Whom::Session(name),
    }
}

fn word(kind: LockKind) -> &'static str {
    lockable(kind).map_or("session", Lockable::word)
}

fn listed(lock: store::Lock) -> Lock {
    let kind = match lock.kind {
        Lockable::User => LockKind::User,
        Lockable::Token => LockKind::Token,
        Lockable::Target => LockKind::Target,
    };
    Lock {
        kind,
        name: lock.name,
        by: lock.by,
        at: Time(lock.at),
        reason: lock.reason,
    }
}
