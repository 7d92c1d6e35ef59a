//! What a client is told: reasons of the gate, and questions, in plain lines for its standard error or terminal.

use gate::words::{Why, forbidding};
use gate::{Ask, End, Fault, Reason};
use russh::ChannelId;
use russh::server::Session;

/// What a refused command exits with: found, but not to be executed.
pub(crate) const EXIT: u32 = 126;

/// Whether a channel's request is granted, in the protocol's own words.
pub(crate) fn answer(
    session: &mut Session,
    channel: ChannelId,
    yes: bool,
) -> Result<(), russh::Error> {
    if yes {
        session.channel_success(channel)
    } else {
        session.channel_failure(channel)
    }
}

/// The one place where a reason of the gate becomes a text.
pub(crate) fn refusal(reason: &Reason, request: Option<&str>) -> String {
    let mut text = match reason {
        Reason::Policy { why, policies } => policy(*why, policies),
        Reason::Unclear(unclear) => match &unclear.hint {
            Some(hint) => format!("denied: {}; {hint}", unclear.message),
            None => format!("denied: {}", unclear.message),
        },
        Reason::Refused {
            approval,
            by,
            words,
        } => {
            let words = words.as_ref().map(|words| format!(": {words}"));
            format!(
                "approval {approval} was refused by {by}{}",
                words.unwrap_or_default()
            )
        }
        Reason::Expired { approval } => format!("approval {approval} expired: nobody answered"),
        Reason::Withdrawn { approval } => format!("approval {approval} was withdrawn"),
        Reason::Parked { approval, asks, .. } => {
            format!(
                "{}; ask again once it is approved",
                waiting(*approval, asks)
            )
        }
        Reason::Spent { approval } => format!("approval {approval} was used already"),
        Reason::TooManyQuestions { open } => {
            format!("denied: {open} of your requests wait for approval already")
        }
        Reason::Revoked(end) => ended(*end),
    };
    if let Some(request) = request {
        text.push_str(&format!(" (request {request})"));
    }
    gate::words::visible(&text)
}

fn policy(why: Why, policies: &[gate::words::Cited]) -> String {
    let forbid = forbidding(policies);
    match (why, forbid) {
        (_, Some(forbid)) => format!("denied by policy \"{}\"", forbid.id),
        (Why::EvaluationError, None) => {
            "denied: a policy could not be evaluated; ask an administrator".to_owned()
        }
        (Why::NoPermit | Why::Permitted | Why::Approval | Why::Forbidden, None) => {
            "denied: no policy permits it; ask an administrator for one".to_owned()
        }
    }
}

/// The same for `policy explain`.
pub(crate) fn described(reason: &Reason) -> serde_json::Value {
    serde_json::json!({ "exit": EXIT, "stderr": line(&refusal(reason, None)) })
}

pub(crate) fn paused(paused: &gate::Paused) -> String {
    let by = gate::words::visible(&paused.by);
    format!("paused by {by}: nothing passes until somebody resumes it")
}

pub(crate) fn ended(end: End) -> String {
    match end {
        End::Killed => "ended by an administrator",
        End::Locked => "ended: the account, token or target was locked",
        End::Policy => "ended: the policy does not allow it any more",
        End::Drained => "the gateway is shutting down; connect again",
    }
    .to_owned()
}

/// Of a connection whose target is gone.
pub(crate) fn lost() -> String {
    "the connection to the target is lost; connect again".to_owned()
}

/// Of a session in which something of the gateway broke.
pub(crate) fn failed() -> String {
    "the gateway failed in this session, which is ended; connect again".to_owned()
}

pub(crate) fn fault(fault: &Fault) -> String {
    match fault {
        Fault::AuditUnwritable(_) => "the gateway cannot record requests now; try again later",
        Fault::LedgerUnavailable(_) => "the gateway cannot ask for approval now; try again later",
        Fault::Draining => "the gateway is shutting down; connect again",
        Fault::Decoder(_) => "the gateway cannot judge this now; try again later",
    }
    .to_owned()
}

pub(crate) fn not_connected(target: &str) -> String {
    format!("you may not connect to `{target}`, or there is no such target")
}

/// Told at once, and again while people are asked.
pub(crate) fn waiting(approval: gate::ledger::ApprovalId, asks: &[Ask]) -> String {
    let asked: Vec<String> = asks.iter().map(asked).collect();
    let words: Vec<&str> = asks
        .iter()
        .filter_map(|ask| ask.message.as_deref())
        .collect();
    let words = if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join("; "))
    };
    format!(
        "waiting for approval {approval}: {}{words}; show it with: countersign approvals show {approval}",
        asked.join("; ")
    )
}

fn asked(ask: &Ask) -> String {
    let groups = ask.groups.join(" or ");
    match ask.quorum {
        1 => format!("somebody of {groups} must countersign ({})", ask.policy),
        several => format!("{several} of {groups} must countersign ({})", ask.policy),
    }
}

/// A line of the gateway's own among those of a program.
pub(crate) fn line(text: &str) -> String {
    format!("countersign: {text}\n")
}

/// The same in a terminal that nobody cooks.
pub(crate) fn terminal_line(text: &str) -> String {
    format!("\r\ncountersign: {text}\r\n")
}
