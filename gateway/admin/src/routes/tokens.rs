//! Access tokens: issued and shown once, listed, revoked.

use axum::Json;
use axum::http::StatusCode;
use gate::Whom;
use gate::directory::Directory;
use policy::identity::{Identity, Kind};
use serde::Deserialize;

use super::rules::{ListTokens, ManageTokens};
use crate::door::Authorized;
use crate::input::{About, Body, Path, Query};
use crate::problem::Problem;
use crate::state::Admin;
use crate::view::{IssuedToken, NewToken, Time, Token};

impl About for NewToken {
    fn about(&self) -> String {
        format!("{} {}", self.account, self.name)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    pub(super) account: Option<String>,
}

pub(super) async fn list(
    caller: Authorized<ListTokens>,
    admin: Admin,
    Query(whose): Query<Whose>,
) -> Result<Json<Vec<Token>>, Problem> {
    let tokens = admin.store.tokens(whose.account.as_deref()).await?;
    let sees = seen(&admin, caller.identity());
    let tokens = tokens.into_iter().filter(|token| sees(&token.account));
    Ok(Json(tokens.map(Token::from).collect()))
}

/// Whose credentials somebody sees: everybody's who may `manage_tokens`, else those of the services that they own.
pub(super) fn seen(admin: &Admin, who: &Identity) -> impl Fn(&str) -> bool {
    let all = admin.gate.may(who, "manage_tokens");
    move |account| {
        let account = admin.store.account(account);
        let owned = account.is_some_and(|account| match &account.kind {
            Kind::User => false,
            Kind::Service { owner } => *owner == who.name,
        });
        all || owned
    }
}

pub(super) async fn issue(
    caller: Authorized<ManageTokens>,
    admin: Admin,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<IssuedToken>), Problem> {
    let asked = store::NewToken {
        account: new.account.clone(),
        name: new.name.clone(),
        by: caller.name().to_owned(),
        expires_at: new.expires_at.map(|Time(at)| at),
    };
    let text = admin.store.issue_token(asked, admin.now()).await?;
    let issued = IssuedToken {
        id: text.id().to_owned(),
        account: new.account,
        name: new.name,
        expires_at: new.expires_at,
        token: text.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(issued)))
}

pub(super) async fn revoke(
    caller: Authorized<ManageTokens>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    admin
        .store
        .revoke_token(&id, caller.name(), admin.now())
        .await?;
    admin.gate.directory_changed();
    admin.gate.revoke(&Whom::Token(id));
    Ok(StatusCode::NO_CONTENT)
}
