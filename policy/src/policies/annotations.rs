//! Reads `@approve` and its companions into a requirement.

use std::collections::BTreeSet;

use cedar_policy::{Effect, Policy};

use crate::approval::{Escalation, Requirement, TextHash};
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
    let mut wrong = Vec::new();
    let Some(approve) = policy.annotation("approve") else {
        for name in COMPANIONS
            .into_iter()
            .filter(|name| policy.annotation(name).is_some())
        {
            wrong.push(Wrong::new(
                name,
                format!("`@{name}` means nothing without `@approve`"),
                "add `@approve(\"group\")`, or remove it",
            ));
        }
        return if wrong.is_empty() {
            Ok(None)
        } else {
            Err(wrong)
        };
    };
    if policy.effect() == Effect::Permit {
        wrong.push(Wrong::new(
            "approve",
            "`@approve` on a permit".to_owned(),
            "approval is asked by a forbid; a permit says who may at all",
        ));
    }
    let Some(text) = text_hash(policy) else {
        wrong.push(Wrong {
            annotation: None,
            message: "this policy cannot be printed".to_owned(),
            hint: None,
        });
        return Err(wrong);
    };
    let mut take = |found: Result<(), Wrong>| wrong.extend(found.err());
    let mut requirement = Requirement {
        policy: id.to_owned(),
        groups: BTreeSet::new(),
        quorum: 1,
        distinct: false,
        owner_may_approve: false,
        timeout_seconds: DEFAULT_TIMEOUT_SECONDS,
        escalate: Vec::new(),
        message: None,
        on_timeout_approve: false,
        risk_low: false,
        text,
    };
    take(groups("approve", approve).map(|groups| requirement.groups = groups));
    if let Some(text) = policy.annotation("quorum") {
        take(quorum(text).map(|quorum| requirement.quorum = quorum));
    }
    if let Some(text) = policy.annotation("timeout") {
        take(timeout(text).map(|seconds| requirement.timeout_seconds = seconds));
    }
    if let Some(text) = policy.annotation("escalate") {
        take(escalate(text, requirement.timeout_seconds).map(|steps| requirement.escalate = steps));
    }
    if let Some(text) = policy.annotation("message") {
        take(message(text).map(|message| requirement.message = Some(message)));
    }
    take(choice(policy, "owner", "may-approve").map(|given| requirement.owner_may_approve = given));
    take(choice(policy, "distinct", "").map(|given| requirement.distinct = given));
    take(choice(policy, "risk", "low").map(|given| requirement.risk_low = given));
    take(
        choice(policy, "on_timeout", "approve").map(|given| requirement.on_timeout_approve = given),
    );
    if requirement.on_timeout_approve && policy.annotation("risk") != Some("low") {
        take(Err(Wrong::new(
            "on_timeout",
            "`@on_timeout(\"approve\")` needs `@risk(\"low\")`".to_owned(),
            "without an answer a request is denied",
        )));
    }
    if wrong.is_empty() {
        Ok(Some(requirement))
    } else {
        Err(wrong)
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

/// An annotation with one possible value.
fn choice(policy: &Policy, annotation: &'static str, value: &str) -> Result<bool, Wrong> {
    match policy.annotation(annotation) {
        None => Ok(false),
        Some(given) if given == value => Ok(true),
        Some(given) => {
            let right = if value.is_empty() {
                format!("`@{annotation}` takes no value")
            } else {
                format!("`@{annotation}(\"{value}\")`")
            };
            Err(Wrong::new(
                annotation,
                format!(
                    "`@{annotation}(\"{}\")` means nothing",
                    given.escape_debug()
                ),
                &right,
            ))
        }
    }
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

const COMPANIONS: [&str; 9] = [
    "approve",
    "quorum",
    "timeout",
    "escalate",
    "message",
    "owner",
    "distinct",
    "on_timeout",
    "risk",
];

/// For a hint.
pub(super) const KNOWN_ANNOTATIONS: &str = "known are `@id`, `@approve`, `@quorum`, `@timeout`, `@escalate`, `@message`, `@owner`, `@distinct`, `@on_timeout`, `@risk`";

const TIME_HINT: &str = "a whole number and a unit, at most a week: `90s`, `15m`, `2h`, `1d`";
const DEFAULT_TIMEOUT_SECONDS: u64 = 300;
const LONGEST_SECONDS: u64 = 7 * 86_400;
const LONGEST_MESSAGE: usize = 500;
const MOST_PEOPLE: u32 = 100;
