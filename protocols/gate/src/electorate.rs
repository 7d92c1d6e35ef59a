//! Whose votes count: people as they are known at this moment, not as they were when they voted.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use policy::approval::{Requirement, Vote, Voter, may_vote};
use policy::identity::{Credential, Identity, Lineage};
use policy::target::Target;

use crate::approvals::{Electorate, Moment, Settled, Standing};
use crate::directory::Account;
use crate::gate::Gate;
use crate::ledger::{ApprovalId, LedgerError, Question, Row};

/// Somebody who votes now, or whose vote is on the row.
pub(crate) struct Voted<'a> {
    person: &'a str,
    lineage: &'a Lineage,
    address: IpAddr,
    on_behalf_of: Option<&'a str>,
}

impl<'a> Voted<'a> {
    pub(crate) fn now(identity: &'a Identity) -> Self {
        Self {
            person: &identity.name,
            lineage: &identity.credential.lineage,
            address: identity.address,
            on_behalf_of: identity.on_behalf_of.as_deref(),
        }
    }

    fn before(vote: &'a Vote) -> Self {
        Self {
            person: &vote.person,
            lineage: &vote.lineage,
            address: vote.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            on_behalf_of: None,
        }
    }
}

impl Gate {
    /// One look at a question, by the rules and groups of this moment.
    pub(crate) async fn settle(
        &self,
        id: ApprovalId,
        standing: &Standing,
        clock: Moment,
    ) -> Result<(Settled, Row), LedgerError> {
        let groups = |person: &str| self.groups_of(person);
        let may = |question: &Question, requirement: &Requirement, person: &str| {
            counts(self, question, requirement, person)
        };
        let electorate = Electorate {
            groups: &groups,
            may: &may,
        };
        self.approvals_inner()
            .settle(id, standing, &electorate, clock)
            .await
    }
}

/// Whether the vote that a person left on the question counts for one of its requirements.
pub(crate) fn counts(
    gate: &Gate,
    question: &Question,
    requirement: &Requirement,
    person: &str,
) -> bool {
    let vote = question.votes.iter().find(|vote| vote.person == person);
    vote.is_some_and(|vote| may_answer(gate, question, requirement, &Voted::before(vote)).is_ok())
}

/// Whether a person may answer one requirement of a question; if not, why.
pub(crate) fn may_answer(
    gate: &Gate,
    question: &Question,
    requirement: &Requirement,
    voted: &Voted<'_>,
) -> Result<(), String> {
    let Some(account) = gate.directory().account(voted.person) else {
        return Err("there is no such account any more".to_owned());
    };
    if account.locked {
        return Err("the account is locked".to_owned());
    }
    let token = account
        .tokens
        .iter()
        .find(|token| token.id == voted.lineage.0);
    if token.is_some_and(|token| token.revoked) {
        return Err("the credential of this vote was revoked".to_owned());
    }
    let identity = identity_of(&account, voted);
    let given: Vec<(String, String, i64)> = account
        .groups
        .iter()
        .map(|(group, how)| (group.clone(), how.given_by.clone(), how.given_at))
        .collect();
    let voter = Voter {
        identity: &identity,
        token_issued_by: token.map(|token| token.issued_by.as_str()),
        token_issued_at: token.map(|token| token.issued_at),
        groups_given: &given,
    };
    may_vote(requirement, &question.asker, &voter, question.asked_at)
        .map_err(|why| why.to_string())?;
    let groups = asked(question)
        .union(&requirement.groups)
        .cloned()
        .collect();
    if gate.permits(&identity, &target_of(question), "approve", Some(&groups)) {
        Ok(())
    } else {
        Err("a policy does not let you approve on this target".to_owned())
    }
}

fn identity_of(account: &Account, voted: &Voted<'_>) -> Identity {
    Identity {
        kind: account.kind.clone(),
        name: account.name.clone(),
        groups: account.groups.keys().cloned().collect(),
        credential: Credential {
            id: voted.lineage.0.clone(),
            kind: "token".to_owned(),
            lineage: voted.lineage.clone(),
        },
        address: voted.address,
        on_behalf_of: voted.on_behalf_of.map(str::to_owned),
    }
}

pub(crate) fn target_of(question: &Question) -> Target {
    Target {
        name: question.target.clone(),
        protocol: question.protocol.clone(),
        labels: question.labels.iter().cloned().collect(),
    }
}

/// Every group that the question was put to.
pub(crate) fn asked(question: &Question) -> BTreeSet<String> {
    question
        .requirements
        .values()
        .flat_map(|one| one.groups.iter().cloned())
        .collect()
}
