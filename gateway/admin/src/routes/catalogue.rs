//! What a target holds, for whoever may connect to it: `policy explain --catalog live` reads it.

use axum::Json;
use serde::Deserialize;
use serde_json::Value;

use super::rules::SignedIn;
use crate::door::Authorized;
use crate::input::Query;
use crate::problem::Problem;
use crate::state::Admin;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    target: String,
    database: Option<String>,
}

/// The gate judges the caller's `connect` as it judges that of any client.
pub(super) async fn show(
    caller: Authorized<SignedIn>,
    admin: Admin,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let Some(look_up) = &admin.look_up else {
        return Err(Problem::not_found("catalogue"));
    };
    let Wanted { target, database } = wanted;
    match look_up(caller.who().clone(), target, database).await {
        Ok(Some(told)) => Ok(Json(told)),
        Ok(None) => Err(Problem::not_found("target")),
        Err(why) => Err(Problem::conflict(why)),
    }
}
