//! Who the caller is, as the gate sees them.

use axum::Json;

use super::rules::SignedIn;
use crate::door::Authorized;
use crate::input::Nothing;
use crate::problem::Problem;
use crate::state::Admin;
use crate::view::{Kind, Me};

pub(super) async fn show(
    caller: Authorized<SignedIn>,
    _: Admin,
    _: Nothing,
) -> Result<Json<Me>, Problem> {
    let identity = caller.identity();
    let (kind, owner) = Kind::of(&identity.kind);
    Ok(Json(Me {
        name: identity.name.clone(),
        kind,
        owner,
        groups: identity.groups.iter().cloned().collect(),
        token: identity.credential.id.clone(),
    }))
}
