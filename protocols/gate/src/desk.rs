//! Where people answer: questions are listed, shown and decided, and administration is judged and recorded.

use std::collections::{BTreeMap, BTreeSet};

use policy::approval::{Requirement, State, Vote};
use policy::digest::Digest;
use policy::identity::Identity;
use policy::policies::Asking;
use policy::target::{GATEWAY, Target};
use recorder::entry::ApprovalEvent;

use crate::approvals::{Ballot, Electorate, VoteError, stale};
use crate::electorate::{self, Voted, asked, counts, target_of};
use crate::gate::Gate;
use crate::hold::in_time;
use crate::ledger::{ApprovalId, Filter, LedgerError, Question, Row};

/// The people's side of the gate.
pub struct Desk<'a> {
    gate: &'a Gate,
}

/// A decision on one question.
#[derive(Debug, Clone)]
pub struct Answer {
    pub approve: bool,
    /// What the approver saw.
    pub digest: Digest,
    pub reason: Option<String>,
}

/// Why an administrative act was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    #[error("`{action}` is not permitted")]
    Denied { action: &'static str },
    #[error("the audit log cannot be written")]
    Unwritable,
}

impl Gate {
    pub fn approvals(&self) -> Desk<'_> {
        Desk { gate: self }
    }

    /// Judges one of the shared administrative actions on the gateway itself, and records it.
    pub async fn administer(
        &self,
        identity: &Identity,
        action: &'static str,
        subject: &str,
    ) -> Result<(), NotAllowed> {
        let allowed = self.permits(identity, &gateway(), action, None);
        let actor = identity.label();
        let recorded = self
            .log()
            .administration(actor, (action, subject), allowed, self.now())
            .await;
        if recorded.is_err() {
            return Err(NotAllowed::Unwritable);
        }
        if allowed {
            Ok(())
        } else {
            Err(NotAllowed::Denied { action })
        }
    }

    /// The same without a record: for what is merely looked at often.
    pub fn may(&self, identity: &Identity, action: &'static str) -> bool {
        self.permits(identity, &gateway(), action, None)
    }

    pub(crate) fn permits(
        &self,
        identity: &Identity,
        target: &Target,
        action: &'static str,
        asked: Option<&BTreeSet<String>>,
    ) -> bool {
        let rules = self.rules().now();
        let asking = Asking {
            identity,
            target,
            reason: None,
            now: self.now() / 1_000_000_000,
            approval: asked,
        };
        rules.rules.policies.permits(&asking, action)
    }

    fn reveals(&self, identity: &Identity, target: &Target, classes: &BTreeSet<String>) -> bool {
        let rules = self.rules().now();
        let asking = Asking {
            identity,
            target,
            reason: None,
            now: self.now() / 1_000_000_000,
            approval: None,
        };
        let mut classes = classes.iter();
        classes.all(|class| rules.rules.policies.reveals(&asking, class))
    }
}

impl Desk<'_> {
    /// The questions that this identity may see: those put to it, its own, and all for administrators.
    pub async fn list(&self, identity: &Identity, filter: Filter) -> Result<Vec<Row>, LedgerError> {
        self.gate.expire_stale(filter.clone()).await?;
        let rows = in_time(self.gate.approvals_inner().list(filter)).await?;
        Ok(rows
            .into_iter()
            .filter(|row| self.visible(identity, row))
            .map(|row| seen_by(identity, row))
            .collect())
    }

    pub async fn show(&self, identity: &Identity, id: ApprovalId) -> Result<Row, LedgerError> {
        let read = || in_time(self.gate.approvals_inner().read(id));
        let mut row = read().await?;
        if stale(&row.question, self.gate.now() / 1_000_000_000) {
            self.gate.expire(id).await?;
            row = read().await?;
        }
        if self.visible(identity, &row) {
            Ok(seen_by(identity, row))
        } else {
            Err(LedgerError::Unknown(id))
        }
    }

    fn visible(&self, identity: &Identity, row: &Row) -> bool {
        row.question.asker.name == identity.name
            || self.gate.permits(
                identity,
                &target_of(&row.question),
                "view_approval",
                Some(&asked(&row.question)),
            )
    }

    /// Votes. The digest is the one that the approver saw; a refusal ends the question.
    pub async fn decide(
        &self,
        id: ApprovalId,
        identity: &Identity,
        answer: &Answer,
    ) -> Result<Row, VoteError> {
        let gate = self.gate;
        // one that nobody may see, or whose time is over, takes no vote
        self.show(identity, id).await?;
        let now = gate.now() / 1_000_000_000;
        let vote = |row: &Row| ballot(gate, row, identity, (answer, now));
        let groups = |person: &str| gate.groups_of(person);
        let may = |question: &Question, requirement: &Requirement, person: &str| {
            counts(gate, question, requirement, person)
        };
        let electorate = Electorate {
            groups: &groups,
            may: &may,
        };
        let ballot = Ballot {
            digest: answer.digest,
            vote: &vote,
            electorate: &electorate,
        };
        let voted = in_vote_time(gate.approvals_inner().vote(id, &ballot)).await?;
        let event = match (answer.approve, voted.question.state) {
            (false, _) => ApprovalEvent::Refused,
            (true, State::Granted) => ApprovalEvent::Granted,
            (true, _) => ApprovalEvent::Approved,
        };
        let recorded = gate
            .log()
            .approval(&voted, event, identity.label(), gate.now())
            .await;
        gate.questions_changed();
        if let Err(why) = recorded {
            // a vote that is not in the account releases nothing
            gate.withdraw(id);
            return Err(LedgerError::Unavailable(why).into());
        }
        Ok(voted)
    }
}

/// An estimate tells of rows that the asker may not see: it is for those who answer.
fn seen_by(identity: &Identity, mut row: Row) -> Row {
    if row.question.asker.name == identity.name {
        row.question.impact = None;
    }
    row
}

/// The vote of one person on what the row asks, where they may answer any of it.
fn ballot(
    gate: &Gate,
    row: &Row,
    identity: &Identity,
    (answer, at): (&Answer, i64),
) -> Result<Vote, VoteError> {
    let question = &row.question;
    if answer.approve && question.cut {
        let why = "the request is too long to be shown whole: it can only be refused".to_owned();
        return Err(VoteError::NotEligible(why));
    }
    let hidden = &question.redacted;
    if answer.approve && !gate.reveals(identity, &target_of(question), hidden) {
        let classes: Vec<&str> = hidden.iter().map(String::as_str).collect();
        let why = format!(
            "values of class `{}` in the request are masked, and you may not see them",
            classes.join("`, `")
        );
        return Err(VoteError::NotEligible(why));
    }
    let mut answers = BTreeMap::new();
    let mut refused = None;
    for requirement in question.requirements.values() {
        match electorate::may_answer(gate, question, requirement, &Voted::now(identity)) {
            Ok(()) => {
                answers.insert(requirement.policy.clone(), requirement.text);
            }
            Err(why) => refused = Some(why),
        }
    }
    if answers.is_empty() {
        let why = refused.unwrap_or_else(|| "nothing is asked of you".to_owned());
        return Err(VoteError::NotEligible(why));
    }
    Ok(Vote {
        person: identity.name.clone(),
        lineage: identity.credential.lineage.clone(),
        address: Some(identity.address),
        at,
        answers,
        approve: answer.approve,
        reason: answer.reason.clone(),
        automatic: false,
    })
}

fn gateway() -> Target {
    Target {
        name: GATEWAY.to_owned(),
        protocol: "countersign".to_owned(),
        labels: BTreeSet::new(),
    }
}

async fn in_vote_time<T>(call: impl Future<Output = Result<T, VoteError>>) -> Result<T, VoteError> {
    match tokio::time::timeout(std::time::Duration::from_secs(1), call).await {
        Ok(result) => result,
        Err(_) => {
            let silent = "no answer within a second".to_owned();
            Err(LedgerError::Unavailable(silent).into())
        }
    }
}
