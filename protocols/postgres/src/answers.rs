//! What a client is told: reasons of the gate in PostgreSQL's words, and notices while people are asked.

use bytes::Bytes;
use gate::words::{Why, forbidding};
use gate::{Ask, Error, Reason, Unclear, UnclearKind};

use crate::wire::refusal::Refusal;
use crate::wire::write::client::{Report, notice_response};

/// The one place where a reason of the gate becomes a refusal of the protocol.
pub(crate) fn refusal(reason: &Reason, request: Option<String>) -> Refusal {
    let request = request.unwrap_or_default();
    match reason {
        Reason::Policy { why, policies } => {
            let forbid = forbidding(policies);
            let hint = match why {
                Why::NoPermit => Some("ask an administrator for a policy that permits it"),
                Why::EvaluationError => {
                    Some("a policy could not be evaluated: ask an administrator")
                }
                Why::Permitted | Why::Approval | Why::Forbidden => None,
            };
            Refusal::Denied {
                policy: forbid.map(|cited| cited.id.clone()),
                request,
                hint: hint.map(str::to_owned),
            }
        }
        Reason::Unclear(unclear) => not_understood(unclear, request),
        Reason::Refused {
            approval,
            by,
            words,
        } => Refusal::Refused {
            approval: approval.to_string(),
            by: by.clone(),
            // a person's words: nothing in them may steer the asker's terminal
            reason: words.as_deref().map(gate::words::visible),
        },
        Reason::Expired { approval } => Refusal::Expired {
            approval: approval.to_string(),
        },
        Reason::Withdrawn { approval } => Refusal::Withdrawn {
            approval: approval.to_string(),
        },
        Reason::Parked {
            approval,
            asks,
            until,
        } => Refusal::Ticket {
            approval: approval.to_string(),
            asked: all_asked(asks),
            until: until.to_string(),
        },
        Reason::Spent { approval } => Refusal::Spent {
            approval: approval.to_string(),
        },
        Reason::TooManyQuestions { open } => Refusal::OverLimit {
            what: format!("{open} of your requests wait for approval already"),
            hint: Some("withdraw one of them, or wait until one is answered".to_owned()),
        },
        Reason::Revoked(gate::End::Drained) => Refusal::Drain,
        Reason::Revoked(_) => Refusal::Killed,
    }
}

/// Why the server was not reached or entered; never the files that the settings name.
pub(crate) fn not_entered(error: &Error) -> Refusal {
    let why = match error {
        Error::Backend(why) => format!("at the server: {why}"),
        Error::Unreachable(_) => "it does not answer".to_owned(),
        Error::Deadline(what) => format!("{what} took too long"),
        Error::Tls(_) => "its certificate or its TLS is not believed".to_owned(),
        Error::Configuration(_) => "the target's settings are incomplete".to_owned(),
        Error::Ended(_) => return Refusal::Killed,
        Error::Client(_)
        | Error::ClientGone(_)
        | Error::Login(_)
        | Error::Fault(_)
        | Error::Panicked
        | Error::OtherProtocol => return Refusal::UpstreamLost,
    };
    Refusal::NotEntered { why }
}

fn not_understood(unclear: &Unclear, request: String) -> Refusal {
    let (what, hint) = (unclear.message.clone(), unclear.hint.clone());
    match unclear.kind {
        UnclearKind::Masked => Refusal::Masking {
            reason: what,
            hint: hint.unwrap_or_default(),
        },
        UnclearKind::Unclear if unclear.code == "syntax" => Refusal::Syntax { request },
        UnclearKind::Unclear => Refusal::Unclear {
            reason: what,
            request,
        },
        UnclearKind::Unsupported => Refusal::NotSupported { what, hint },
        UnclearKind::Oversize => Refusal::OverLimit { what, hint },
        UnclearKind::TakenBack => Refusal::Cancelled,
    }
}

/// The same for `policy explain`.
pub(crate) fn described(reason: &Reason) -> serde_json::Value {
    let words = refusal(reason, None).described();
    serde_json::json!({
        "sqlstate": words.sqlstate,
        "message": words.message,
        "detail": words.detail,
        "hint": words.hint,
    })
}

/// The notice of a held statement.
pub(crate) fn waiting(approval: gate::ledger::ApprovalId, asks: &[Ask], locked: bool) -> Bytes {
    let message = format!("waiting for approval {approval}: {}", all_asked(asks));
    let mut hint = format!(
        "show it with: countersign approvals show {approval}. Ctrl-C withdraws the statement."
    );
    if locked {
        hint.push_str(" A transaction is open and holds locks: the wait is short.");
    }
    let detail: Vec<&str> = asks
        .iter()
        .filter_map(|ask| ask.message.as_deref())
        .collect();
    notice_response(&Report {
        severity: "NOTICE",
        sqlstate: "00000",
        message: &message,
        detail: &detail.join("; "),
        hint: &hint,
        position: None,
    })
}

fn all_asked(asks: &[Ask]) -> String {
    let asked: Vec<String> = asks.iter().map(asked).collect();
    asked.join("; ")
}

fn asked(ask: &Ask) -> String {
    let groups = ask.groups.join(" or ");
    match ask.quorum {
        1 => format!("somebody of {groups} must countersign ({})", ask.policy),
        several => format!("{several} of {groups} must countersign ({})", ask.policy),
    }
}
