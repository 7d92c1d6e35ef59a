//! Public keys of SSH: everybody's own, and for administrators those of all.

use axum::Json;
use axum::http::StatusCode;
use gate::Whom;

use super::rules::{ListTokens, ManageOwnKeys, ManageTokens};
use super::tokens::{Whose, seen};
use crate::door::Authorized;
use crate::input::{About, Body, Path, Query};
use crate::problem::Problem;
use crate::ssh;
use crate::state::Admin;
use crate::view::{NewOwnSshKey, NewSshKey, SshKey, Time};

impl About for NewSshKey {
    fn about(&self) -> String {
        format!("{} {} {}", self.account, fingerprint(&self.key), self.name)
    }
}

impl About for NewOwnSshKey {
    fn about(&self) -> String {
        format!("{} {}", fingerprint(&self.key), self.name)
    }
}

pub(super) async fn list(
    caller: Authorized<ListTokens>,
    admin: Admin,
    Query(whose): Query<Whose>,
) -> Result<Json<Vec<SshKey>>, Problem> {
    let keys = admin.store.ssh_keys(whose.account.as_deref()).await?;
    let sees = seen(&admin, caller.identity());
    let keys = keys
        .into_iter()
        .filter(|key| key.account == caller.name() || sees(&key.account));
    Ok(Json(keys.map(SshKey::from).collect()))
}

pub(super) async fn add(
    caller: Authorized<ManageTokens>,
    admin: Admin,
    Body(new): Body<NewSshKey>,
) -> Result<(StatusCode, Json<SshKey>), Problem> {
    keep(&admin, caller.name(), new).await
}

pub(super) async fn add_own(
    caller: Authorized<ManageOwnKeys>,
    admin: Admin,
    Body(new): Body<NewOwnSshKey>,
) -> Result<(StatusCode, Json<SshKey>), Problem> {
    let new = NewSshKey {
        account: caller.name().to_owned(),
        name: new.name,
        key: new.key,
        expires_at: new.expires_at,
    };
    keep(&admin, caller.name(), new).await
}

pub(super) async fn revoke(
    caller: Authorized<ManageTokens>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    end(&admin, id, None, caller.name()).await
}

pub(super) async fn revoke_own(
    caller: Authorized<ManageOwnKeys>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    end(&admin, id, Some(caller.name()), caller.name()).await
}

async fn keep(
    admin: &Admin,
    by: &str,
    new: NewSshKey,
) -> Result<(StatusCode, Json<SshKey>), Problem> {
    let key = ssh::public_key(&new.key).map_err(Problem::invalid)?;
    let blob = key
        .to_bytes()
        .map_err(|error| Problem::invalid(error.to_string()))?;
    let new = store::NewSshKey {
        account: new.account,
        name: new.name,
        blob,
        by: by.to_owned(),
        expires_at: new.expires_at.map(|Time(at)| at),
    };
    let kept = admin.store.add_ssh_key(new, admin.now()).await?;
    Ok((StatusCode::CREATED, Json(kept.into())))
}

async fn end(
    admin: &Admin,
    id: String,
    account: Option<&str>,
    by: &str,
) -> Result<StatusCode, Problem> {
    let now = admin.now();
    admin.store.revoke_ssh_key(&id, account, by, now).await?;
    admin.gate.directory_changed();
    admin.gate.revoke(&Whom::Token(id));
    Ok(StatusCode::NO_CONTENT)
}

/// For the record, which is made before the key is taken or refused.
pub(super) fn fingerprint(text: &str) -> String {
    match ssh::public_key(text) {
        Ok(key) => ssh::fingerprint(&key),
        Err(_) => "unreadable".to_owned(),
    }
}
