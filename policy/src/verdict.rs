//! What judging yields: a verdict, why, and which policies made it.

use std::collections::BTreeSet;

use crate::operation::Effect;

/// In order of strictness; the strictest of a request's operations wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Allow,
    Hold,
    Deny,
}

/// Why the verdict is what it is; the last ones of several denials are the ones to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    Permitted,
    /// Held: some policies ask for approval.
    Approval,
    NoPermit,
    Forbidden,
    /// Nothing was decided: a policy failed, or the question itself does not fit the vocabulary.
    EvaluationError,
}

/// What a policy contributed to a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A permit that allowed, or a forbid that nobody can approve.
    Decided,
    /// A forbid with `@approve`.
    WouldNeedApproval,
    Errored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyEffect {
    Permit,
    Forbid,
}

/// A policy named as a cause; `line` counts from 1, the file of the ready-made policies is `built-in`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Cited {
    pub id: String,
    pub effect: PolicyEffect,
    pub file: String,
    pub line: usize,
    pub role: Role,
}

/// The forbid to name as the cause: one that nobody can approve, before those that people would be asked about.
pub fn forbidding(policies: &[Cited]) -> Option<&Cited> {
    let forbids = policies
        .iter()
        .filter(|cited| cited.effect == PolicyEffect::Forbid);
    forbids.min_by_key(|cited| cited.role != Role::Decided)
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Judgement {
    pub verdict: Verdict,
    pub why: Why,
    /// Sorted by id.
    pub policies: Vec<Cited>,
    /// Ids of the policies that must be countersigned; empty unless the verdict is `Hold`.
    pub asks: BTreeSet<String>,
}

/// The answer to a whole request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Judged {
    /// The strictest verdict; when it is `Hold`, with the asks of all held operations.
    pub overall: Judgement,
    /// One for each operation, in order.
    pub each: Vec<Judgement>,
    /// The strongest effect of all operations.
    pub effect: Effect,
}

impl Why {
    /// The word of it that contracts and the audit log use, as it is serialised.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Approval => "approval",
            Self::NoPermit => "no_permit",
            Self::Forbidden => "forbidden",
            Self::EvaluationError => "evaluation_error",
        }
    }
}

impl Judgement {
    /// A denial that no policy made: the question does not fit the vocabulary.
    pub(crate) const fn unfit() -> Self {
        Self {
            verdict: Verdict::Deny,
            why: Why::EvaluationError,
            policies: Vec::new(),
            asks: BTreeSet::new(),
        }
    }
}

impl Judged {
    /// The strictest wins. A request without any operation says nothing that could be permitted: it is denied.
    pub(crate) fn of(each: Vec<Judgement>, effect: Effect) -> Self {
        let verdict = each
            .iter()
            .map(|one| one.verdict)
            .max()
            .unwrap_or(Verdict::Deny);
        let deciding = || each.iter().filter(|one| one.verdict == verdict);
        let policies: BTreeSet<Cited> = deciding()
            .flat_map(|one| one.policies.iter().cloned())
            .collect();
        let overall = Judgement {
            verdict,
            why: deciding().map(|one| one.why).max().unwrap_or(Why::NoPermit),
            policies: policies.into_iter().collect(),
            asks: match verdict {
                Verdict::Hold => deciding()
                    .flat_map(|one| one.asks.iter().cloned())
                    .collect(),
                Verdict::Allow | Verdict::Deny => BTreeSet::new(),
            },
        };
        Self {
            overall,
            each,
            effect,
        }
    }
}
