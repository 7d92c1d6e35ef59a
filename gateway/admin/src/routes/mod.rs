//! The table of routes: what is asked before each of them.

mod approvals;
mod audit;
mod keys;
mod locks;
mod me;
mod recordings;
mod rules;
mod sessions;
mod tokens;
mod users;

use axum::Router;
use axum::routing::MethodFilter;

use crate::door::Routes;
use crate::state::Admin;
use rules::{
    Approve, Kill, ListTokens, Lock, LookAtLocks, LookAtUsers, ManageTokens, ManageUsers,
    ReadAudit, SignedIn, ViewApproval, ViewRecording, ViewSession,
};

const GET: MethodFilter = MethodFilter::GET;
const POST: MethodFilter = MethodFilter::POST;
const PUT: MethodFilter = MethodFilter::PUT;
const DELETE: MethodFilter = MethodFilter::DELETE;

/// The whole API. Whoever serves it adds a `Peer` to the extensions of each request.
pub fn router(admin: Admin) -> Router {
    Routes::new()
        .on(GET, "/v1/me", SignedIn, me::show)
        .on(GET, "/v1/approvals", ViewApproval, approvals::list)
        .on(GET, "/v1/approvals/{id}", ViewApproval, approvals::show)
        .on(
            POST,
            "/v1/approvals/{id}/decision",
            Approve,
            approvals::decide,
        )
        .on(GET, "/v1/sessions", ViewSession, sessions::list)
        .on(GET, "/v1/sessions/{id}", ViewSession, sessions::show)
        .on(POST, "/v1/sessions/{id}/kill", Kill, sessions::kill)
        .on(
            GET,
            "/v1/sessions/{id}/recording",
            ViewRecording,
            recordings::show,
        )
        .on(GET, "/v1/locks", LookAtLocks, locks::list)
        .on(POST, "/v1/locks", Lock, locks::add)
        .on(DELETE, "/v1/locks/{kind}/{name}", Lock, locks::remove)
        .on(GET, "/v1/users", LookAtUsers, users::list)
        .on(POST, "/v1/users", ManageUsers, users::add)
        .on(
            PUT,
            "/v1/users/{name}/groups/{group}",
            ManageUsers,
            users::join,
        )
        .on(
            DELETE,
            "/v1/users/{name}/groups/{group}",
            ManageUsers,
            users::leave,
        )
        .on(GET, "/v1/tokens", ListTokens, tokens::list)
        .on(POST, "/v1/tokens", ManageTokens, tokens::issue)
        .on(DELETE, "/v1/tokens/{id}", ManageTokens, tokens::revoke)
        .on(GET, "/v1/keys", ManageTokens, keys::list)
        .on(POST, "/v1/keys", ManageTokens, keys::add)
        .on(DELETE, "/v1/keys/{id}", ManageTokens, keys::remove)
        .on(GET, "/v1/audit/checkpoint", ReadAudit, audit::checkpoint)
        .finish(admin)
}
