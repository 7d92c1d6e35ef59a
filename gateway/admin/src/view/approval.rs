//! Questions and their answers.

use std::collections::BTreeSet;

use gate::ledger::{self, Described, Row};
use policy::approval::{Requirement, State, Vote};
use serde::{Deserialize, Serialize};

use super::Time;

/// An approval as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub id: u64,
    pub state: State,
    /// What a decision must name, hex.
    pub digest: String,
    /// Who asks: `user:ada`, `service:robot`.
    #[serde(rename = "as")]
    pub asker: String,
    pub target: String,
    pub operations: Vec<Operation>,
    /// Ids of the policies that ask.
    pub policies: Vec<String>,
    pub asked_at: Time,
    pub expires_at: Time,
    /// How it ended; null while it is open.
    pub ended: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Such as `postgres.drop`.
    pub action: String,
    pub resource: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub at: Time,
    pub by: Option<String>,
    pub why: Option<String>,
}

/// All that an approver is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalDetail {
    #[serde(flatten)]
    pub approval: Approval,
    pub protocol: String,
    pub labels: Vec<String>,
    pub session: String,
    pub policy_revision: String,
    /// The request, with control characters made visible.
    pub rendering: String,
    /// The same laid out for reading; null where it would read the same.
    pub laid_out: Option<String>,
    /// The data classes of values that are masked in `rendering`: approving needs `reveal` of each.
    pub redacted: BTreeSet<String>,
    /// `rendering` is not the whole of it.
    pub cut: bool,
    /// The asker's own words: untrusted.
    pub reason: Option<String>,
    pub on_behalf_of: Option<String>,
    /// What else is worth knowing, such as locks held.
    pub notes: Vec<String>,
    /// What it would touch; null until that is found out, and for who asks.
    pub impact: Option<Impact>,
    pub requirements: Vec<Required>,
    pub votes: Vec<Cast>,
}

/// Names only: no value of a row or of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    pub tables: Vec<String>,
    /// The backend's own guess; null where `no_estimate` says why there is none.
    pub estimate: Option<Estimate>,
    pub no_estimate: Option<String>,
    /// What the session holds while it waits.
    pub locks: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Changed or returned.
    pub rows: u64,
    pub plan: Vec<String>,
}

/// What one policy asks, and who approved it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Required {
    pub policy: String,
    pub message: Option<String>,
    pub groups: Vec<String>,
    pub quorum: u32,
    pub approved_by: Vec<String>,
}

/// One person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cast {
    pub person: String,
    pub approve: bool,
    pub at: Time,
    pub reason: Option<String>,
    pub policies: Vec<String>,
    /// Given by time-out, not by a person.
    pub automatic: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Approve,
    Refuse,
}

/// The body of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub decision: Verdict,
    /// The digest of what was shown.
    pub digest: String,
    #[serde(default)]
    pub reason: Option<String>,
}

impl Approval {
    pub fn of(row: &Row) -> Self {
        let question = &row.question;
        let operation = |one: &Described| Operation {
            action: one.action.clone(),
            resource: one.resource.clone(),
        };
        Self {
            id: row.id.0,
            state: question.state,
            digest: question.digest.to_string(),
            asker: question.label.clone(),
            target: question.target.clone(),
            operations: question.operations.iter().map(operation).collect(),
            policies: question.requirements.keys().cloned().collect(),
            asked_at: Time(question.asked_at),
            expires_at: Time(question.expires_at),
            ended: question.ended.as_ref().map(|ended| Ended {
                at: Time(ended.at),
                by: ended.by.clone(),
                why: ended.why.clone(),
            }),
        }
    }
}

impl ApprovalDetail {
    pub fn of(row: &Row) -> Self {
        let question = &row.question;
        let required = |one: &Requirement| Required::of(one, &question.votes);
        Self {
            approval: Approval::of(row),
            protocol: question.protocol.clone(),
            labels: question.labels.clone(),
            session: question.session.clone(),
            policy_revision: question.policy_revision.clone(),
            rendering: question.rendering.clone(),
            laid_out: question.laid_out.clone(),
            redacted: question.redacted.clone(),
            cut: question.cut,
            reason: question.reason.clone(),
            on_behalf_of: question.asker.on_behalf_of.clone(),
            notes: question.notes.clone(),
            impact: question.impact.as_ref().map(Impact::of),
            requirements: question.requirements.values().map(required).collect(),
            votes: question.votes.iter().map(Cast::of).collect(),
        }
    }
}

impl Impact {
    fn of(impact: &ledger::Impact) -> Self {
        let estimate = impact.estimate.as_ref();
        Self {
            tables: impact.tables.clone(),
            estimate: estimate.map(|estimate| Estimate {
                rows: estimate.rows,
                plan: estimate.plan.clone(),
            }),
            no_estimate: impact.no_estimate.clone(),
            locks: impact.locks.clone(),
        }
    }
}

impl Required {
    /// A vote for an earlier text of the policy is none for this one.
    fn of(requirement: &Requirement, votes: &[Vote]) -> Self {
        let answered = |vote: &&Vote| {
            vote.approve && vote.answers.get(&requirement.policy) == Some(&requirement.text)
        };
        Self {
            policy: requirement.policy.clone(),
            message: requirement.message.clone(),
            groups: requirement.groups.iter().cloned().collect(),
            quorum: requirement.quorum,
            approved_by: votes
                .iter()
                .filter(answered)
                .map(|vote| vote.person.clone())
                .collect(),
        }
    }
}

impl Cast {
    fn of(vote: &Vote) -> Self {
        Self {
            person: vote.person.clone(),
            approve: vote.approve,
            at: Time(vote.at),
            reason: vote.reason.clone(),
            policies: vote.answers.keys().cloned().collect(),
            automatic: vote.automatic,
        }
    }
}
