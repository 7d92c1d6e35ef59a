//! The table of routes: what is asked before each of them.

mod approvals;
mod audit;
mod catalogue;
mod locks;
mod me;
mod recordings;
mod rules;
mod sessions;
mod ssh_certificates;
mod ssh_keys;
mod tokens;
mod users;

use axum::Router;
use axum::routing::MethodFilter;

use crate::door::Routes;
use crate::state::Admin;
use rules::{
    Approve, Kill, ListTokens, Lock, LookAtLocks, LookAtUsers, ManageOwnKeys, ManageTokens,
    ManageUsers, Pause, ReadAudit, RequestCertificate, SignedIn, ViewApproval, ViewRecording,
    ViewSession,
};

const GET: MethodFilter = MethodFilter::GET;
const POST: MethodFilter = MethodFilter::POST;
const PUT: MethodFilter = MethodFilter::PUT;
const DELETE: MethodFilter = MethodFilter::DELETE;

/// The whole API. Whoever serves it adds a `Peer` to the extensions of each request.
pub fn router(admin: Admin) -> Router {
    ssh(routes()).finish(admin)
}

fn ssh(routes: Routes) -> Routes {
    routes
        .on(GET, "/v1/ssh", SignedIn, ssh_certificates::show)
        .on(GET, "/v1/ssh-keys", ListTokens, ssh_keys::list)
        .on(POST, "/v1/ssh-keys", ManageTokens, ssh_keys::add)
        .on(DELETE, "/v1/ssh-keys/{id}", ManageTokens, ssh_keys::revoke)
        .on(POST, "/v1/me/ssh-keys", ManageOwnKeys, ssh_keys::add_own)
        .on(
            DELETE,
            "/v1/me/ssh-keys/{id}",
            ManageOwnKeys,
            ssh_keys::revoke_own,
        )
        .on(
            GET,
            "/v1/ssh-certificates",
            ListTokens,
            ssh_certificates::list,
        )
        .on(
            DELETE,
            "/v1/ssh-certificates/{serial}",
            ManageTokens,
            ssh_certificates::revoke,
        )
        .on(
            POST,
            "/v1/me/ssh-certificates",
            RequestCertificate,
            ssh_certificates::issue,
        )
        .on(
            DELETE,
            "/v1/me/ssh-certificates/{serial}",
            RequestCertificate,
            ssh_certificates::revoke_own,
        )
}

fn routes() -> Routes {
    Routes::new()
        .on(GET, "/v1/me", SignedIn, me::show)
        .on(GET, "/v1/catalogue", SignedIn, catalogue::show)
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
        .on(POST, "/v1/sessions/{id}/pause", Pause, sessions::pause)
        .on(POST, "/v1/sessions/{id}/resume", Pause, sessions::resume)
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
        .on(GET, "/v1/audit/checkpoint", ReadAudit, audit::checkpoint)
}
