//! Questions are listed, shown and decided; the gate says who sees what and whose vote counts.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gate::desk::Answer;
use gate::ledger::{ApprovalId, Filter};
use policy::approval::State;
use policy::digest::{Digest, Hasher};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::rules::{Approve, ViewApproval};
use crate::door::Authorized;
use crate::input::{About, Body, IfNoneMatch, Path, Query};
use crate::problem::Problem;
use crate::state::Admin;
use crate::view::{Approval, ApprovalDetail, Decision, Verdict};

const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Of ended approvals; the open ones are all listed.
const MOST_ENDED: usize = 1000;
const LONGEST_REASON: usize = 1000;

impl About for Decision {
    fn about(&self) -> String {
        match self.decision {
            Verdict::Approve => "approve".to_owned(),
            Verdict::Refuse => "refuse".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    state: Option<State>,
    /// Seconds to wait for an answer that is not empty, or is another than `If-None-Match` names; 60 at most.
    #[serde(default)]
    wait: u64,
}

pub(super) async fn list(
    caller: Authorized<ViewApproval>,
    admin: Admin,
    (IfNoneMatch(known), Query(wanted)): (IfNoneMatch, Query<Wanted>),
) -> Result<Response, Problem> {
    let until = Instant::now() + Duration::from_secs(wanted.wait).min(LONGEST_WAIT);
    // subscribed before the first look, so that no change falls between look and wait
    let mut changes = admin.gate.questions();
    loop {
        let open = matches!(wanted.state, Some(State::Asked | State::Granted));
        let limit = if open { 0 } else { MOST_ENDED };
        let filter = Filter {
            state: wanted.state,
            limit,
            ..Filter::default()
        };
        let rows = admin
            .gate
            .approvals()
            .list(caller.identity(), filter)
            .await?;
        let list: Vec<Approval> = rows.iter().map(Approval::of).collect();
        let tag = tag(&list)?;
        let news = known
            .as_ref()
            .map_or(!list.is_empty(), |known| *known != tag);
        if news || Instant::now() >= until {
            return Ok(answer(&list, &tag, known.is_some() && !news));
        }
        // whether by a change or by the deadline: one more look
        let woken = timeout_at(until, changes.changed()).await;
        if matches!(woken, Ok(Err(_))) {
            return Err(Problem::unavailable("the gateway is going down"));
        }
    }
}

pub(super) async fn show(
    caller: Authorized<ViewApproval>,
    admin: Admin,
    Path(id): Path<u64>,
) -> Result<Json<ApprovalDetail>, Problem> {
    let row = admin
        .gate
        .approvals()
        .show(caller.identity(), ApprovalId(id))
        .await?;
    Ok(Json(ApprovalDetail::of(&row)))
}

pub(super) async fn decide(
    caller: Authorized<Approve>,
    admin: Admin,
    (Path(id), Body(decision)): (Path<u64>, Body<Decision>),
) -> Result<Json<ApprovalDetail>, Problem> {
    let digest: Digest = decision
        .digest
        .parse()
        .map_err(|_| Problem::invalid("`digest` is not 64 hexadecimal digits"))?;
    if decision
        .reason
        .as_ref()
        .is_some_and(|reason| reason.chars().count() > LONGEST_REASON)
    {
        let long = format!("`reason` is longer than {LONGEST_REASON} characters");
        return Err(Problem::invalid(long));
    }
    let approve = match decision.decision {
        Verdict::Approve => true,
        Verdict::Refuse => false,
    };
    let answer = Answer {
        approve,
        digest,
        reason: decision.reason,
    };
    let id = ApprovalId(id);
    let voted = admin
        .gate
        .approvals()
        .decide(id, caller.identity(), &answer)
        .await?;
    Ok(Json(ApprovalDetail::of(&voted)))
}

/// Names a list by what is in it, so that it means the same after a restart.
fn tag(list: &[Approval]) -> Result<String, Problem> {
    let bytes =
        serde_json::to_vec(list).map_err(|_| Problem::unavailable("the list cannot be written"))?;
    let mut hasher = Hasher::new("approval list");
    hasher.part(&bytes);
    Ok(format!("\"{}\"", hasher.finish()))
}

fn answer(list: &[Approval], tag: &str, unchanged: bool) -> Response {
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    if unchanged {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, Json(list)).into_response()
    }
}
