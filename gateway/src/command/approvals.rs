//! `countersign approvals`: questions that wait for a second person, and the answers to them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::cli::{Approvals, Decide, State};
use crate::client::Client;
use crate::output::{Printer, print, remark, visible, visible_lines};

/// One long poll.
const WAIT: Duration = Duration::from_secs(30);
const COLUMNS: [(&str, &str); 6] = [
    ("ID", "id"),
    ("STATE", "state"),
    ("AS", "as"),
    ("TARGET", "target"),
    ("ACTIONS", "operations"),
    ("EXPIRES", "expires_at"),
];

pub(super) fn run(command: Approvals, printer: &Printer) -> anyhow::Result<ExitCode> {
    let client = Client::from_environment()?;
    match command {
        Approvals::List { state } => {
            let rows = listed(&client.get(&format!("/v1/approvals{}", query(state)))?);
            show_list(&rows, printer)?;
        }
        Approvals::Show { id } => {
            let question = client.get(&format!("/v1/approvals/{id}"))?;
            printer.say(&question, &rendered(&question))?;
        }
        Approvals::Approve(arguments) => decide(&client, "approve", &arguments, printer)?,
        Approvals::Refuse(arguments) => decide(&client, "refuse", &arguments, printer)?,
        Approvals::Watch { seconds } => watch(&client, seconds.map(Duration::from_secs), printer)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show_list(rows: &[Value], printer: &Printer) -> io::Result<()> {
    if printer.for_programs() {
        return printer.list(rows, &[]);
    }
    let rows: Vec<Value> = rows.iter().cloned().map(with_actions).collect();
    printer.list(&rows, &COLUMNS)
}

/// Prints what is decided, asks where somebody sits at a terminal, and sends the digest of what was printed.
fn decide(
    client: &Client,
    decision: &str,
    arguments: &Decide,
    printer: &Printer,
) -> anyhow::Result<()> {
    let id = arguments.id;
    let question = client.get(&format!("/v1/approvals/{id}"))?;
    let shown = question
        .get("digest")
        .and_then(Value::as_str)
        .context("the question has no digest")?;
    if printer.for_programs() {
        remark(&rendered(&question));
    } else {
        print(&rendered(&question))?;
    }
    if arguments
        .digest
        .as_deref()
        .is_some_and(|expected| !expected.eq_ignore_ascii_case(shown))
    {
        bail!("approval {id} has another digest than `--digest`; nothing was decided");
    }
    if !arguments.yes && io::stdin().is_terminal() && !confirmed(decision, id)? {
        bail!("nothing was decided");
    }
    let body = json!({ "decision": decision, "digest": shown, "reason": arguments.reason });
    let decided = client.post(&format!("/v1/approvals/{id}/decision"), &body)?;
    let state = decided
        .get("state")
        .and_then(Value::as_str)
        .unwrap_or("decided");
    let words = match (decision, state) {
        ("approve", "asked") => format!("approval {id}: your vote counts, others are still needed"),
        _ => format!("approval {id} is {}", visible(state)),
    };
    printer.say(&decided, &words)?;
    Ok(())
}

fn confirmed(decision: &str, id: u64) -> io::Result<bool> {
    let mut out = io::stderr().lock();
    write!(out, "{decision} approval {id}? [y/N] ")?;
    out.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// Prints each question once, when it is first seen.
fn watch(client: &Client, within: Option<Duration>, printer: &Printer) -> anyhow::Result<()> {
    let until = within.map(|within| Instant::now() + within);
    let mut seen = BTreeSet::new();
    let mut known = None;
    loop {
        let left = until.map_or(WAIT, |until| {
            until.saturating_duration_since(Instant::now())
        });
        if left.is_zero() {
            return Ok(());
        }
        let wait = left.min(WAIT);
        let path = format!("/v1/approvals?state=asked&wait={}", wait.as_secs().max(1));
        let Some(open) = client.get_changed(&path, &mut known, wait)? else {
            continue;
        };
        let open = listed(&open);
        let open_now: BTreeSet<u64> = open.iter().filter_map(id_of).collect();
        for question in open
            .iter()
            .filter(|one| id_of(one).is_some_and(|id| !seen.contains(&id)))
        {
            if printer.for_programs() {
                print(&question.to_string())?;
            } else if let Some(id) = id_of(question) {
                print(&rendered(&client.get(&format!("/v1/approvals/{id}"))?))?;
            }
        }
        seen = open_now;
    }
}

fn id_of(question: &Value) -> Option<u64> {
    question.get("id").and_then(Value::as_u64)
}

fn listed(answer: &Value) -> Vec<Value> {
    answer.as_array().cloned().unwrap_or_default()
}

fn query(state: State) -> &'static str {
    match state {
        State::Asked => "?state=asked",
        State::Granted => "?state=granted",
        State::Refused => "?state=refused",
        State::Expired => "?state=expired",
        State::Withdrawn => "?state=withdrawn",
        State::Used => "?state=used",
        State::All => "",
    }
}

/// In a table an operation is its action and what it acts on.
fn with_actions(mut question: Value) -> Value {
    if let Some(operations) = question.get_mut("operations").and_then(Value::as_array_mut) {
        for operation in operations {
            let part = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or("?");
            *operation = Value::from(format!("{} {}", part("action"), part("resource")));
        }
    }
    question
}

/// All that an approver must know, as text; whatever others wrote is made visible.
fn rendered(question: &Value) -> String {
    let text = |name: &str| question.get(name).and_then(Value::as_str).map(visible);
    let flag = |name: &str| {
        question
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    };
    let mut shown = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(shown, "{name:<12} {value}");
        }
    };
    line("approval", id_of(question).map(|id| id.to_string()));
    line("state", text("state"));
    line("asked by", text("as"));
    line("on behalf of", text("on_behalf_of"));
    line(
        "their reason",
        text("reason").map(|reason| format!("{reason} (their words)")),
    );
    line("target", text("target"));
    line("labels", joined(question.get("labels")));
    line("asked at", text("asked_at"));
    line("expires at", text("expires_at"));
    for operation in listed(question.get("operations").unwrap_or(&Value::Null)) {
        let part = |name: &str| operation.get(name).and_then(Value::as_str).map(visible);
        line(
            "operation",
            part("action")
                .zip(part("resource"))
                .map(|(a, r)| format!("{a} {r}")),
        );
    }
    for required in listed(question.get("requirements").unwrap_or(&Value::Null)) {
        line("needs", Some(requirement(&required)));
    }
    for note in listed(question.get("notes").unwrap_or(&Value::Null)) {
        line("note", note.as_str().map(visible));
    }
    for (name, value) in impact(question.get("impact").unwrap_or(&Value::Null)) {
        line(name, Some(value));
    }
    line("digest", text("digest"));
    line("note", hidden(question));
    if flag("cut") {
        line(
            "note",
            Some("the text below had to be cut: it can only be refused".to_owned()),
        );
    }
    if let Some(request) = question.get("rendering").and_then(Value::as_str) {
        let request = visible_lines(request).replace('\n', "\n    ");
        let _ = writeln!(shown, "\n    {request}\n");
    }
    if let Some(laid_out) = question.get("laid_out").and_then(Value::as_str) {
        let laid_out = visible_lines(laid_out).replace('\n', "\n    ");
        let _ = writeln!(shown, "laid out for reading:\n\n    {laid_out}\n");
    }
    shown
}

/// What it would touch, as the backend tells.
fn impact(impact: &Value) -> Vec<(&'static str, String)> {
    let texts = |name: &'static str, of: &Value, key: &str| {
        let all = listed(of.get(key).unwrap_or(&Value::Null));
        let texts = all.iter().filter_map(Value::as_str).map(visible);
        texts.map(|text| (name, text)).collect::<Vec<_>>()
    };
    let mut shown = texts("table", impact, "tables");
    if let Some(estimate) = impact.get("estimate").filter(|one| !one.is_null()) {
        let rows = estimate.get("rows").and_then(Value::as_u64);
        let rows = rows.map(|rows| format!("about {rows} rows"));
        shown.extend(rows.map(|rows| ("estimate", rows)));
        shown.extend(texts("", estimate, "plan"));
    }
    let none = impact.get("no_estimate").and_then(Value::as_str);
    shown.extend(none.map(|why| ("estimate", format!("no estimate: {}", visible(why)))));
    shown.extend(texts("lock held", impact, "locks"));
    shown
}

fn requirement(required: &Value) -> String {
    let text = |name: &str| required.get(name).and_then(Value::as_str).map(visible);
    let quorum = required.get("quorum").and_then(Value::as_u64).unwrap_or(1);
    let groups = joined(required.get("groups")).unwrap_or_default();
    let mut needs = format!(
        "{quorum} of {groups} (policy {})",
        text("policy").unwrap_or_default()
    );
    if let Some(by) = joined(required.get("approved_by")).filter(|by| !by.is_empty()) {
        let _ = write!(needs, ", approved by {by}");
    }
    if let Some(message) = text("message") {
        let _ = write!(needs, ": {message}");
    }
    needs
}

fn joined(values: Option<&Value>) -> Option<String> {
    let values = values?.as_array()?;
    Some(
        values
            .iter()
            .filter_map(Value::as_str)
            .map(visible)
            .collect::<Vec<_>>()
            .join(", "),
    )
}

/// What of the request the approver does not see.
fn hidden(question: &Value) -> Option<String> {
    let classes = listed(question.get("redacted")?);
    let classes: Vec<String> = classes
        .iter()
        .filter_map(Value::as_str)
        .map(visible)
        .collect();
    let listed = classes.join("`, `");
    let note = format!(
        "values of class `{listed}` are hidden below; approving needs permission to `reveal` them"
    );
    (!classes.is_empty()).then_some(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approver_sees_everything_and_nothing_commands_the_terminal() {
        let question = json!({
            "id": 7, "state": "asked", "as": "user:ada", "target": "shop", "digest": "abcd",
            "reason": "urgent\u{1b}[2J", "labels": ["env:demo"], "redacted": ["email"], "cut": false,
            "operations": [{"action": "postgres.drop", "resource": "shop/shop/public/orders"}],
            "requirements": [{"policy": "drops", "groups": ["dba"], "quorum": 1, "approved_by": [], "message": "ask a DBA"}],
            "notes": ["locks are held"],
            "impact": {"tables": ["public.orders: about 9 rows, 8 kB"], "no_estimate": null,
                "estimate": {"rows": 3, "plan": ["Seq Scan on orders\u{1b}: about 3 rows"]},
                "locks": ["RowExclusiveLock on public.orders"]}, "rendering": "DROP TABLE orders\r-- harmless",
            "laid_out": "DROP TABLE\n  orders\u{1b}",
        });
        let shown = rendered(&question);
        assert!(!shown.contains(['\u{1b}', '\r']));
        for part in [
            "7",
            "user:ada",
            "env:demo",
            "postgres.drop shop/shop/public/orders",
            "1 of dba (policy drops): ask a DBA",
            "locks are held",
            "table        public.orders: about 9 rows, 8 kB",
            "estimate     about 3 rows",
            "Seq Scan on orders\\u{1b}: about 3 rows",
            "lock held    RowExclusiveLock on public.orders",
            "reveal",
            "DROP TABLE orders\\u{d}-- harmless",
            "laid out for reading:\n\n    DROP TABLE\n      orders\\u{1b}",
            "urgent\\u{1b}[2J (their words)",
            "abcd",
        ] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
    }
}
