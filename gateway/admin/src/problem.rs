//! Errors in the words of RFC 9457, with what to do next; never with a secret or the text of a request in them.

use axum::Json;
use axum::body::to_bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gate::VoteError;
use gate::ledger::{LedgerError, Question};

use crate::view::Approval;

/// The longest explanation taken over from a rejection of the framework.
const LONGEST: usize = 4096;

/// `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// `urn:countersign:problem:CODE`; the codes are stable.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The approval as it is, where a decision came too late or for another digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Box<Approval>>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, title: &str) -> Self {
        Self {
            kind: format!("urn:countersign:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: None,
            next: None,
            approval: None,
        }
    }

    /// The last part of `type`.
    pub fn code(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    pub(crate) fn approval(mut self, approval: Approval) -> Self {
        self.approval = Some(Box::new(approval));
        self
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "no valid token was sent",
        )
        .next("send `Authorization: Bearer cs_...` with a token that has not expired")
    }

    pub(crate) fn forbidden(action: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "policy does not permit this",
        )
        .detail(format!("`{action}` is not permitted"))
        .next(format!(
            "ask somebody who may `{action}`, or an administrator for a policy"
        ))
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "there is nothing of that name",
        )
        .detail(format!("there is no such {what}, or you may not see it"))
    }

    pub(crate) fn unavailable(why: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "this cannot be done now",
        )
        .detail(why)
        .next("try again; if it stays so, look into the gateway's diagnostics")
    }

    pub(crate) fn invalid(why: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "the request cannot be taken",
        )
        .detail(why)
    }

    pub(crate) fn conflict(why: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "conflict",
            "this does not fit what is there",
        )
        .detail(why)
    }

    /// What the framework could not read, in its words.
    pub(crate) async fn rejected(rejection: Response) -> Self {
        let status = rejection.status();
        let text = to_bytes(rejection.into_body(), LONGEST)
            .await
            .unwrap_or_default();
        Self::new(status, "malformed", "the request cannot be read")
            .detail(String::from_utf8_lossy(&text))
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        use store::Error;
        let text = error.to_string();
        match error {
            Error::NoAccount(_) | Error::NoToken(_) | Error::NoKey(_) | Error::NoCertificate(_) => {
                Self::not_found("user, service or credential").detail(text)
            }
            Error::Exists(_)
            | Error::AdminExists
            | Error::KeyTaken(_)
            | Error::TooManyCertificates { .. } => Self::conflict(text),
            Error::TooManyTokens { .. } => {
                Self::conflict(text).next("`countersign token list` shows them")
            }
            Error::TooManyKeys { .. } => {
                Self::conflict(text).next("`countersign user key list` shows them")
            }
            Error::BadName(_)
            | Error::BadKey
            | Error::Reserved(_)
            | Error::NotAnOwner(_)
            | Error::ExpiredAtBirth
            | Error::TooLong(..) => Self::invalid(text),
            Error::Newer { .. }
            | Error::Altered(_)
            | Error::Open { .. }
            | Error::Unavailable(_)
            | Error::Corrupt(_) => {
                tracing::warn!(error = text, "the store failed a request of the admin API");
                Self::unavailable("the store does not answer")
            }
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Unknown(_) => Self::not_found("approval"),
            LedgerError::TooMany { .. } | LedgerError::Stale(_) => {
                Self::conflict(error.to_string()).next("read it again, then decide again")
            }
            LedgerError::Unavailable(why) => {
                tracing::warn!(why, "the ledger failed a request of the admin API");
                Self::unavailable("the ledger of approvals does not answer")
            }
        }
    }
}

impl From<VoteError> for Problem {
    fn from(error: VoteError) -> Self {
        match error {
            VoteError::OtherDigest(row) => {
                let other = "the digest is not that of this approval";
                Self::new(StatusCode::CONFLICT, "other-digest", other)
                    .next("show the approval again, and decide on what it shows now")
                    .approval(Approval::of(&row))
            }
            VoteError::AlreadyDecided(row) => {
                let decided = "the approval was decided already";
                Self::new(StatusCode::CONFLICT, "already-decided", decided)
                    .detail(decision(&row.question))
                    .approval(Approval::of(&row))
            }
            VoteError::NotEligible(why) => {
                let title = "you may not decide on this";
                Self::new(StatusCode::FORBIDDEN, "not-eligible", title)
                    .detail(why)
                    .next("let somebody else decide who is in a group that is asked")
            }
            VoteError::Ledger(error) => error.into(),
        }
    }
}

/// `it was refused by grace`
fn decision(question: &Question) -> String {
    let state = question.state.as_str();
    let ended = question.ended.as_ref();
    match ended.and_then(|ended| ended.by.as_deref()) {
        Some(by) => format!("it was {state} by {by}"),
        None => format!("it was {state}"),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
