//! The newest checkpoint of the audit log, for whoever keeps it elsewhere.

use axum::Json;

use super::rules::ReadAudit;
use crate::door::Authorized;
use crate::input::Nothing;
use crate::problem::Problem;
use crate::state::Admin;
use crate::view::Checkpoint;

pub(super) async fn checkpoint(
    _: Authorized<ReadAudit>,
    admin: Admin,
    _: Nothing,
) -> Result<Json<Checkpoint>, Problem> {
    let newest = admin.gate.audit().checkpoint();
    let newest = newest.ok_or_else(|| Problem::not_found("checkpoint yet"))?;
    Ok(Json(Checkpoint::of(&newest)))
}
