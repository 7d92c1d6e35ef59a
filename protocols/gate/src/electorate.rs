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
use crate::login::{KEY, TOKEN};

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
    let issued = Issued::of(&account, voted.lineage);
    if issued.as_ref().is_some_and(|issued| issued.revoked) {
        return Err("the credential of this vote was revoked".to_owned());
    }
    let kind = issued.as_ref().map_or(TOKEN, |issued| issued.kind);
    let identity = identity_of(&account, voted, kind);
    let given: Vec<(String, String, i64)> = account
        .groups
        .iter()
        .map(|(group, how)| (group.clone(), how.given_by.clone(), how.given_at))
        .collect();
    let voter = Voter {
        identity: &identity,
        token_issued_by: issued.as_ref().map(|issued| issued.by),
        token_issued_at: issued.as_ref().map(|issued| issued.at),
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

/// Who gave somebody the credential that they vote with, and when.
struct Issued<'a> {
    kind: &'static str,
    by: &'a str,
    at: i64,
    revoked: bool,
}

impl<'a> Issued<'a> {
    /// `None` for what nobody gave by hand: a certificate is made for who asks for it.
    fn of(account: &'a Account, lineage: &Lineage) -> Option<Self> {
        let mut tokens = account.tokens.iter();
        let token = tokens.find(|token| token.id == lineage.0);
        let token = token.map(|token| Self {
            kind: TOKEN,
            by: &token.issued_by,
            at: token.issued_at,
            revoked: token.revoked,
        });
        let mut keys = account.ssh_keys.iter();
        token.or_else(|| {
            keys.find(|key| key.id == lineage.0).map(|key| Self {
                kind: KEY,
                by: &key.added_by,
                at: key.added_at,
                revoked: key.revoked,
            })
        })
    }
}

fn identity_of(account: &Account, voted: &Voted<'_>, kind: &str) -> Identity {
    Identity {
        kind: account.kind.clone(),
        name: account.name.clone(),
        groups: account.groups.keys().cloned().collect(),
        credential: Credential {
            id: voted.lineage.0.clone(),
            kind: kind.to_owned(),
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
