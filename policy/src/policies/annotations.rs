//! Reads `@approve` and its companions into a requirement.

use std::collections::BTreeSet;

use cedar_policy::{Effect, Policy};

use crate::approval::{Escalation, Manner, Requirement, TextHash};
use crate::digest::Hasher;

/// What is wrong with an annotation (or with the policy, where none is named), and what would be right.
pub(super) struct Wrong {
    pub(super) annotation: Option<&'static str>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Unknown annotations, by name.
pub(super) fn unknown(policy: &Policy) -> impl Iterator<Item = &str> {
    policy
        .annotations()
        .map(|(name, _)| name)
        .filter(|name| *name != "id" && !COMPANIONS.contains(name))
}

/// The requirement of a policy with `@approve`, none of a policy without.
pub(super) fn requirement(policy: &Policy, id: &str) -> Result<Option<Requirement>, Vec<Wrong>> {
    let mut reading = Reading {
        policy,
        wrong: Vec::new(),
    };
    let requirement = match policy.annotation("approve") {
        Some(_) => reading.requirement(id),
        None => {
            reading.nothing_beside();
            None
        }
    };
    if reading.wrong.is_empty() {
        Ok(requirement)
    } else {
        Err(reading.wrong)
    }
}

/// A policy whose annotations are read, and what was wrong with them so far.
struct Reading<'p> {
    policy: &'p Policy,
    wrong: Vec<Wrong>,
}

impl Reading<'_> {
    fn nothing_beside(&mut self) {
        for name in COMPANIONS
            .into_iter()
            .filter(|name| self.policy.annotation(name).is_some())
        {
            let message = format!("`@{name}` means nothing without `@approve`");
            self.wrong.push(Wrong::new(
                name,
                message,
                "add `@approve(\"group\")`, or remove it",
            ));
        }
    }

    fn requirement(&mut self, id: &str) -> Option<Requirement> {
        if self.policy.effect() == Effect::Permit {
            let hint = "approval is asked by a forbid; a permit says who may at all";
            self.wrong.push(Wrong::new(
                "approve",
                "`@approve` on a permit".to_owned(),
                hint,
            ));
        }
        let groups = self
            .value("approve", |text| groups("approve", text))
            .unwrap_or_default();
        let timeout_seconds = self
            .value("timeout", timeout)
            .unwrap_or(DEFAULT_TIMEOUT_SECONDS);
        let on_timeout_approve = self.choice("on_timeout", "approve");
        if on_timeout_approve && self.policy.annotation("risk") != Some("low") {
            let message = "`@on_timeout(\"approve\")` needs `@risk(\"low\")`".to_owned();
            self.wrong.push(Wrong::new(
                "on_timeout",
                message,
                "without an answer a request is denied",
            ));
        }
        let text = text_hash(self.policy);
        if text.is_none() {
            let message = "this policy cannot be printed".to_owned();
            self.wrong.push(Wrong {
                annotation: None,
                message,
                hint: None,
            });
        }
        Some(Requirement {
            policy: id.to_owned(),
            groups,
            quorum: self.value("quorum", quorum).unwrap_or(1),
            distinct: self.choice("distinct", ""),
            owner_may_approve: self.choice("owner", "may-approve"),
            timeout_seconds,
            manner: self.value("hold", manner),
            escalate: self
                .value("escalate", |text| escalate(text, timeout_seconds))
                .unwrap_or_default(),
            message: self.value("message", message),
            on_timeout_approve,
            risk_low: self.choice("risk", "low"),
            text: text?,
        })
    }

    fn value<T>(&mut self, annotation: &str, read: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        match read(self.policy.annotation(annotation)?) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong.push(wrong);
                None
            }
        }
    }

    /// An annotation with one possible value.
    fn choice(&mut self, annotation: &'static str, value: &str) -> bool {
        let chosen = self.value(annotation, |given| {
            if given == value {
                return Ok(());
            }
            let right = match value {
                "" => format!("`@{annotation}` takes no value"),
                value => format!("`@{annotation}(\"{value}\")`"),
            };
            let message = format!(
                "`@{annotation}(\"{}\")` means nothing",
                given.escape_debug()
            );
            Err(Wrong::new(annotation, message, &right))
        });
        chosen.is_some()
    }
}

impl Wrong {
    fn new(annotation: &'static str, message: String, hint: &str) -> Self {
        Self {
            annotation: Some(annotation),
            message,
            hint: Some(hint.to_owned()),
        }
    }
}

/// A vote counts for this text: Cedar's printed form (no comments, one way of spacing), of the annotations only the message.
fn text_hash(policy: &Policy) -> Option<TextHash> {
    let mut json = policy.to_json().ok()?;
    if let Some(annotations) = json
        .get_mut("annotations")
        .and_then(serde_json::Value::as_object_mut)
    {
        annotations.retain(|name, _| name == "message");
    }
    let bare = Policy::from_json(None, json).ok()?;
    let mut hasher = Hasher::new("policy-text");
    hasher.part(bare.to_string().as_bytes());
    Some(TextHash(hasher.finish()))
}

fn groups(annotation: &'static str, text: &str) -> Result<BTreeSet<String>, Wrong> {
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    if names
        .iter()
        .any(|name| name.is_empty() || name.contains(char::is_control))
    {
        return Err(Wrong::new(
            annotation,
            format!(
                "`@{annotation}(\"{}\")` names no group",
                text.escape_debug()
            ),
            "group names, separated by commas: `dba, sre`",
        ));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn quorum(text: &str) -> Result<u32, Wrong> {
    match text.parse() {
        Ok(people @ 1..=MOST_PEOPLE) if !text.starts_with('+') => Ok(people),
        _ => Err(Wrong::new(
            "quorum",
            format!(
                "`@quorum(\"{}\")` is no number of people",
                text.escape_debug()
            ),
            "a whole number from 1 to 100",
        )),
    }
}

fn manner(text: &str) -> Result<Manner, Wrong> {
    match text {
        "wait" => Ok(Manner::Wait),
        "ticket" => Ok(Manner::Ticket),
        _ => Err(Wrong::new(
            "hold",
            format!("`@hold(\"{}\")` means nothing", text.escape_debug()),
            "`@hold(\"wait\")` on the live connection, or `@hold(\"ticket\")` to come back later",
        )),
    }
}

fn timeout(text: &str) -> Result<u64, Wrong> {
    match seconds(text) {
        Some(seconds) => Ok(seconds),
        None => Err(Wrong::new(
            "timeout",
            format!("`@timeout(\"{}\")` is no time", text.escape_debug()),
            TIME_HINT,
        )),
    }
}

/// `sre after 5m; sre, lead after 10m`: each later than the one before, all before the time-out.
fn escalate(text: &str, timeout_seconds: u64) -> Result<Vec<Escalation>, Wrong> {
    let wrong = |why: &str| {
        Wrong::new(
            "escalate",
            format!("`@escalate(\"{}\")` {why}", text.escape_debug()),
            "such as `sre after 5m; sre, lead after 10m`",
        )
    };
    let mut steps: Vec<Escalation> = Vec::new();
    for step in text.split(';') {
        let (names, after) = step
            .rsplit_once(" after ")
            .ok_or_else(|| wrong("does not say who is asked after what time"))?;
        let after_seconds = seconds(after.trim()).ok_or_else(|| wrong("holds no time"))?;
        let groups = groups("escalate", names.trim())?;
        if steps
            .last()
            .is_some_and(|last| last.after_seconds >= after_seconds)
            || after_seconds >= timeout_seconds
        {
            return Err(wrong(
                "must rise from step to step and end before the time-out",
            ));
        }
        steps.push(Escalation {
            after_seconds,
            groups,
        });
    }
    Ok(steps)
}

fn message(text: &str) -> Result<String, Wrong> {
    if text.trim().is_empty()
        || text.contains(char::is_control)
        || text.chars().count() > LONGEST_MESSAGE
    {
        return Err(Wrong::new(
            "message",
            "`@message` is no sentence".to_owned(),
            "one line of at most 500 characters",
        ));
    }
    Ok(text.to_owned())
}

/// `90s`, `15m`, `2h`, `1d`; at least a second, at most a week.
fn seconds(text: &str) -> Option<u64> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    if !count.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    count
        .parse::<u64>()
        .ok()?
        .checked_mul(unit)
        .filter(|seconds| (1..=LONGEST_SECONDS).contains(seconds))
}

const COMPANIONS: [&str; 10] = [
    "approve",
    "quorum",
    "timeout",
    "hold",
    "escalate",
    "message",
    "owner",
    "distinct",
    "on_timeout",
    "risk",
];

/// For a hint.
pub(super) const KNOWN_ANNOTATIONS: &str = "known are `@id`, `@approve`, `@quorum`, `@timeout`, `@hold`, `@escalate`, `@message`, `@owner`, `@distinct`, `@on_timeout`, `@risk`";

const TIME_HINT: &str = "a whole number and a unit, at most a week: `90s`, `15m`, `2h`, `1d`";
const DEFAULT_TIMEOUT_SECONDS: u64 = 300;
const LONGEST_SECONDS: u64 = 7 * 86_400;
const LONGEST_MESSAGE: usize = 500;
const MOST_PEOPLE: u32 = 100;
