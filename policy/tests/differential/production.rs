//! The same case on the path of production: text to policies, judged, votes counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::approval::{Asker, Requirement, Vote, Voter, may_vote, refused, satisfied};
use policy::identity::{Identity, Lineage};
use policy::operation::{Action, Operation, Operations, Value};
use policy::policies::{Asking, Policies};
use policy::verdict::{Judgement, Verdict};
use policy::vocabulary::Vocabulary;

use super::case::{Answer, Asked, Ballot, Outcome, Person, Rule, World};
use super::{generate, scene};

pub(crate) fn load(vocabulary: &Arc<Vocabulary>, rules: &[Rule]) -> Option<Policies> {
    let text: String = rules.iter().map(generate::cedar).collect();
    match Policies::load(vocabulary, &[scene::source("random.cedar", &text)]) {
        Ok(policies) => Some(policies),
        // a random condition may be impossible, and the load rules refuse that
        Err(errors) => {
            let known =
                |message: &str| message.contains("impossible") || message.contains("unable to");
            assert!(
                errors.iter().all(|error| known(&error.message)),
                "{errors:#?}\n{text}"
            );
            None
        }
    }
}

pub(crate) fn judge(policies: &Policies, world: &World, asked: &[Asked]) -> Judgement {
    let identity = identity(world);
    let target = scene::target("shop", "postgres", &world.labels);
    let asking = Asking {
        reason: world.reason.then_some("because"),
        now: now(world),
        ..scene::asking(&identity, &target)
    };
    policies
        .judge_all(
            &asking,
            &Operations::new(asked.iter().map(operation).collect()),
        )
        .overall
}

pub(crate) fn answer(judgement: &Judgement) -> Answer {
    match judgement.verdict {
        Verdict::Allow => Answer::Allow,
        Verdict::Hold => Answer::Hold(judgement.asks.clone()),
        Verdict::Deny => Answer::Deny,
    }
}

/// Votes as people gave them: for the texts of the policies in force then.
pub(crate) fn votes(then: &Policies, ballots: &[Ballot]) -> Vec<Vote> {
    let vote = |ballot: &Ballot| Vote {
        person: ballot.person.to_owned(),
        lineage: Lineage(ballot.person.to_owned()),
        address: None,
        at: scene::NOW,
        answers: ballot
            .seen
            .iter()
            .map(|rule| (rule.id.clone(), then.requirement(&rule.id).unwrap().text))
            .collect(),
        approve: ballot.approve,
        reason: None,
        automatic: false,
    };
    ballots.iter().map(vote).collect()
}

/// What happens with these votes under the policies and people of this moment.
pub(crate) fn outcome(
    policies: &Policies,
    world: &World,
    judgement: &Judgement,
    votes: &[Vote],
    people: &BTreeMap<&'static str, Person>,
) -> Outcome {
    match judgement.verdict {
        Verdict::Allow => return Outcome::Runs,
        Verdict::Deny => return Outcome::Denied,
        Verdict::Hold => {}
    }
    let groups = |name: &str| -> BTreeSet<String> { people[name].groups.clone() };
    let may =
        |requirement: &Requirement, name: &str| counts(requirement, world, name, &people[name]);
    let requirements: Vec<_> = judgement
        .asks
        .iter()
        .map(|id| policies.requirement(id).unwrap())
        .collect();
    let satisfied = satisfied(&requirements, votes, &groups, &may);
    if refused(&requirements, votes, &groups, &may).is_some() {
        assert!(satisfied.is_empty());
        return Outcome::Refused;
    }
    if satisfied == judgement.asks {
        Outcome::Runs
    } else {
        Outcome::Waits
    }
}

fn counts(requirement: &Requirement, world: &World, name: &str, person: &Person) -> bool {
    let asked_at = now(world);
    let ago = |hours: i64| asked_at - hours * HOUR;
    let identity = who(name, person.owner, &person.groups, person.on_behalf_of);
    let given: Vec<_> = person
        .given
        .iter()
        .map(|(group, by, hours)| (group.clone(), (*by).to_owned(), ago(*hours)))
        .collect();
    let voter = Voter {
        identity: &identity,
        token_issued_by: person.token.map(|(by, _)| by),
        token_issued_at: person.token.map(|(_, hours)| ago(hours)),
        groups_given: &given,
    };
    may_vote(
        requirement,
        &Asker::of(&self::identity(world)),
        &voter,
        asked_at,
    )
    .is_ok()
}

fn identity(world: &World) -> Identity {
    who(world.name, world.owner, &world.groups, world.on_behalf_of)
}

fn who(
    name: &str,
    owner: Option<&str>,
    groups: &BTreeSet<String>,
    on_behalf_of: Option<&str>,
) -> Identity {
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let identity = match owner {
        Some(owner) => scene::service(name, owner, &groups),
        None => scene::user(name, &groups),
    };
    Identity {
        on_behalf_of: on_behalf_of.map(str::to_owned),
        ..identity
    }
}

fn operation(asked: &Asked) -> Operation {
    if asked.action == "connect" {
        return scene::operation(Action::shared("connect"), "");
    }
    let mut operation = scene::operation(scene::postgres(asked.action), "orders");
    operation
        .facts
        .insert("narrowed", Value::Bool(asked.narrowed));
    operation
        .facts
        .extend(asked.rows.map(|rows| ("rows", Value::Long(rows))));
    operation
}

fn now(world: &World) -> i64 {
    scene::NOW + if world.late { 9 * HOUR } else { 0 }
}

const HOUR: i64 = 3_600;
