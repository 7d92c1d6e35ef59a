//! Users and services, and who is in which group.

use axum::Json;
use axum::http::StatusCode;
use store::{Name, NewAccount};

use super::rules::{LookAtUsers, ManageUsers};
use crate::door::Authorized;
use crate::input::{About, Body, Nothing, Path};
use crate::problem::Problem;
use crate::state::Admin;
use crate::view::{Kind, NewUser, User};

impl About for NewUser {
    fn about(&self) -> String {
        format!("{} {}", self.name, self.groups.join(","))
    }
}

pub(super) async fn list(
    _: Authorized<LookAtUsers>,
    admin: Admin,
    _: Nothing,
) -> Result<Json<Vec<User>>, Problem> {
    let now = admin.now();
    let accounts = admin.store.accounts();
    Ok(Json(
        accounts
            .iter()
            .map(|account| User::of(account, now))
            .collect(),
    ))
}

pub(super) async fn add(
    caller: Authorized<ManageUsers>,
    admin: Admin,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let owner = match (new.kind, &new.owner) {
        (Kind::User, None) => None,
        (Kind::Service, Some(owner)) => Some(Name::new(owner)?),
        (Kind::User, Some(_)) => return Err(Problem::invalid("a user has no `owner`")),
        (Kind::Service, None) => {
            return Err(Problem::invalid(
                "a service needs an `owner`, a user's name",
            ));
        }
    };
    let account = NewAccount {
        name: Name::new(&new.name)?,
        owner,
        groups: new
            .groups
            .iter()
            .map(|group| Name::new(group))
            .collect::<Result<_, _>>()?,
        by: caller.name().to_owned(),
    };
    let account = admin.store.add_account(account, admin.now()).await?;
    admin.gate.directory_changed();
    Ok((StatusCode::CREATED, Json(User::of(&account, admin.now()))))
}

pub(super) async fn join(
    caller: Authorized<ManageUsers>,
    admin: Admin,
    Path((name, group)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let by = caller.name().to_owned();
    admin
        .store
        .join(&name, Name::new(&group)?, by, admin.now())
        .await?;
    admin.gate.directory_changed();
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn leave(
    _: Authorized<ManageUsers>,
    admin: Admin,
    Path((name, group)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    admin.store.leave(&name, &group).await?;
    admin.gate.directory_changed();
    Ok(StatusCode::NO_CONTENT)
}
