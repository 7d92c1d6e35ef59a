//! Public keys of users and services: registered, listed, removed.

use axum::Json;
use axum::http::StatusCode;
use gate::Whom;
use serde::Deserialize;

use super::rules::ManageTokens;
use crate::door::Authorized;
use crate::input::{About, Body, Path, Query};
use crate::problem::Problem;
use crate::state::Admin;
use crate::view::{AddedKey, Key, NewKey};

impl About for NewKey {
    fn about(&self) -> String {
        format!(
            "{} {}",
            self.account,
            self.name.as_deref().unwrap_or_default()
        )
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    account: Option<String>,
}

pub(super) async fn list(
    _: Authorized<ManageTokens>,
    admin: Admin,
    Query(whose): Query<Whose>,
) -> Result<Json<Vec<Key>>, Problem> {
    let keys = admin.store.keys(whose.account.as_deref()).await?;
    Ok(Json(keys.into_iter().map(Key::from).collect()))
}

pub(super) async fn add(
    caller: Authorized<ManageTokens>,
    admin: Admin,
    Body(new): Body<NewKey>,
) -> Result<(StatusCode, Json<AddedKey>), Problem> {
    let asked = store::NewKey {
        account: new.account.clone(),
        line: new.key,
        name: new.name,
        by: caller.name().to_owned(),
    };
    let id = admin.store.add_key(asked, admin.now()).await?;
    let added = AddedKey {
        id,
        account: new.account,
    };
    Ok((StatusCode::CREATED, Json(added)))
}

pub(super) async fn remove(
    caller: Authorized<ManageTokens>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    admin
        .store
        .remove_key(&id, caller.name(), admin.now())
        .await?;
    admin.gate.directory_changed();
    admin.gate.revoke(&Whom::Token(id));
    Ok(StatusCode::NO_CONTENT)
}
