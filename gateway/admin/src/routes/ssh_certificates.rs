//! Short-lived SSH certificates in the caller's own name, and what a client must know of the gateway's SSH.

use axum::Json;
use axum::http::StatusCode;
use gate::directory::Directory;
use gate::{SshCertificate as Credential, Whom};
use policy::identity::Identity;

use super::rules::{ListTokens, ManageTokens, RequestCertificate, SignedIn};
use super::ssh_keys::fingerprint;
use super::tokens::{Whose, seen};
use crate::door::Authorized;
use crate::input::{About, Body, Nothing, Path, Query};
use crate::problem::Problem;
use crate::ssh;
use crate::state::Admin;
use crate::view::{IssuedSshCertificate, NewSshCertificate, Ssh, SshCertificate, Time};

/// A day.
const LONGEST: u32 = 24 * 3600;

impl About for NewSshCertificate {
    fn about(&self) -> String {
        format!("{} {}s", fingerprint(&self.key), self.valid_seconds)
    }
}

pub(super) async fn show(
    _: Authorized<SignedIn>,
    admin: Admin,
    _: Nothing,
) -> Result<Json<Ssh>, Problem> {
    let ssh = configured(&admin)?;
    let (user_authority, host_authority) = ssh.authorities().map_err(unsigned)?;
    Ok(Json(Ssh {
        user_authority,
        host_authority,
        ports: ssh.ports(),
        targets: ssh.targets(),
    }))
}

pub(super) async fn issue(
    caller: Authorized<RequestCertificate>,
    admin: Admin,
    Body(new): Body<NewSshCertificate>,
) -> Result<(StatusCode, Json<IssuedSshCertificate>), Problem> {
    let ssh = configured(&admin)?;
    let key = ssh::public_key(&new.key).map_err(Problem::invalid)?;
    if !(1..=LONGEST).contains(&new.valid_seconds) {
        let why = "a certificate is valid for a second at least and a day at most";
        return Err(Problem::invalid(why));
    }
    let (identity, now) = (caller.identity(), admin.now());
    let asked = now + i64::from(new.valid_seconds);
    let until = asked.min(expiry(&admin, identity).unwrap_or(asked));
    let note = store::NewSshCertificate {
        account: identity.name.clone(),
        fingerprint: ssh::fingerprint(&key),
        issued_with: identity.credential.id.clone(),
        valid_until: until,
    };
    let serial = admin.store.note_ssh_certificate(note, now).await?;
    let valid = now.unsigned_abs()..until.unsigned_abs();
    let certificate = ssh
        .certify(&key, identity, serial, valid)
        .map_err(unsigned)?;
    let issued = IssuedSshCertificate {
        serial: serial.to_string(),
        key_id: identity.label(),
        principal: identity.name.clone(),
        valid_until: Time(until),
        certificate,
    };
    Ok((StatusCode::CREATED, Json(issued)))
}

pub(super) async fn list(
    caller: Authorized<ListTokens>,
    admin: Admin,
    Query(whose): Query<Whose>,
) -> Result<Json<Vec<SshCertificate>>, Problem> {
    let all = admin
        .store
        .ssh_certificates(whose.account.as_deref())
        .await?;
    let sees = seen(&admin, caller.identity());
    let seen = all
        .into_iter()
        .filter(|one| one.account == caller.name() || sees(&one.account));
    Ok(Json(seen.map(SshCertificate::from).collect()))
}

pub(super) async fn revoke(
    caller: Authorized<ManageTokens>,
    admin: Admin,
    Path(serial): Path<u64>,
) -> Result<StatusCode, Problem> {
    end(&admin, serial, None, caller.name()).await
}

pub(super) async fn revoke_own(
    caller: Authorized<RequestCertificate>,
    admin: Admin,
    Path(serial): Path<u64>,
) -> Result<StatusCode, Problem> {
    end(&admin, serial, Some(caller.name()), caller.name()).await
}

async fn end(
    admin: &Admin,
    serial: u64,
    account: Option<&str>,
    by: &str,
) -> Result<StatusCode, Problem> {
    let revoked = admin
        .store
        .revoke_ssh_certificate(serial, account, by, admin.now());
    revoked.await?;
    admin.gate.directory_changed();
    let credential = Credential::credential(serial);
    admin.gate.revoke(&Whom::Token(credential));
    Ok(StatusCode::NO_CONTENT)
}

fn configured(admin: &Admin) -> Result<&ssh::Ssh, Problem> {
    admin.ssh.as_deref().ok_or_else(|| {
        let none = "this gateway has no authority for SSH certificates";
        Problem::conflict(none).next("an administrator adds `ssh` to the configuration")
    })
}

/// When the token that asks expires: nothing it makes outlives it.
fn expiry(admin: &Admin, identity: &Identity) -> Option<i64> {
    let account = admin.store.account(&identity.name)?;
    let mut tokens = account.tokens.iter();
    let token = tokens.find(|token| token.id == identity.credential.id)?;
    token.expires_at
}

fn unsigned(error: ssh_key::Error) -> Problem {
    tracing::error!(%error, "an SSH certificate was not signed");
    Problem::unavailable("the certificate could not be signed")
}
