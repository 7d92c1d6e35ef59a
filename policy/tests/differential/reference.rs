//! Deciding as the design says it, as plainly as possible: no Cedar, no slices, no search. At most 150 lines.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Answer, Approve, Asked, Ballot, Outcome, Person, Rule, World};

/// Whether a rule applies; none when one of its conditions fails.
fn applies(rule: &Rule, world: &World, asked: &Asked) -> Option<bool> {
    let named = |names: &Vec<&str>| names.contains(&asked.action) || names.contains(&asked.effect);
    let in_scope = rule.group.is_none_or(|group| world.groups.contains(group))
        && rule.actions.as_ref().is_none_or(named)
        && rule.label.is_none_or(|label| world.labels.contains(&label));
    if !in_scope {
        return Some(false);
    }
    for (when, test) in &rule.clauses {
        if test.holds(world, asked)? != *when {
            return Some(false);
        }
    }
    Some(true)
}

pub(crate) fn judge(rules: &[Rule], world: &World, asked: &Asked) -> Answer {
    let (mut permitted, mut held, mut forbidden) = (false, BTreeSet::new(), false);
    for rule in rules {
        match applies(rule, world, asked) {
            None => return Answer::Deny,
            Some(false) => {}
            Some(true) if rule.permit => permitted = true,
            Some(true) if rule.approve.is_none() => forbidden = true,
            Some(true) => drop(held.insert(rule.id.clone())),
        }
    }
    match (permitted, forbidden, held.is_empty()) {
        (true, false, true) => Answer::Allow,
        (true, false, false) => Answer::Hold(held),
        _ => Answer::Deny,
    }
}

pub(crate) fn strictest(answers: &[Answer]) -> Answer {
    let mut held = BTreeSet::new();
    for answer in answers {
        match answer {
            Answer::Deny => return Answer::Deny,
            Answer::Hold(ids) => held.extend(ids.iter().cloned()),
            Answer::Allow => {}
        }
    }
    if held.is_empty() {
        Answer::Allow
    } else {
        Answer::Hold(held)
    }
}

/// Whether a person's vote counts where these groups are asked.
fn counts(approve: &Approve, name: &str, person: &Person, world: &World) -> bool {
    let behind = |who: &str| world.owner == Some(who) || world.on_behalf_of == Some(who);
    let themselves = name == world.name
        || [person.owner, person.on_behalf_of]
            .into_iter()
            .flatten()
            .any(|who| who == world.name || behind(who));
    let tainted = |by: &str, hours: i64| by == world.name || (behind(by) && hours < 24);
    let bad_token = person
        .token
        .is_some_and(|(by, hours)| by != name && tainted(by, hours));
    let good = |group: &&String| {
        approve.groups.contains(*group)
            && !person
                .given
                .iter()
                .any(|(given, by, hours)| given == *group && tainted(by, *hours))
    };
    !themselves
        && (approve.owner_may || !behind(name))
        && !bad_token
        && person.groups.iter().any(|group| good(&group))
}

/// What happens to a request with these votes, judged with the rules and people of this moment.
pub(crate) fn outcome(
    rules: &[Rule],
    world: &World,
    answer: &Answer,
    ballots: &[Ballot],
    people: &BTreeMap<&'static str, Person>,
) -> Outcome {
    let ids = match answer {
        Answer::Allow => return Outcome::Runs,
        Answer::Deny => return Outcome::Denied,
        Answer::Hold(ids) => ids,
    };
    let wanted: Vec<(&Rule, &Approve)> = rules
        .iter()
        .filter(|rule| ids.contains(&rule.id))
        .filter_map(|rule| Some((rule, rule.approve.as_ref()?)))
        .collect();
    let eligible = |approve: &Approve, name: &str| counts(approve, name, &people[name], world);
    if ballots.iter().any(|ballot| {
        !ballot.approve
            && wanted
                .iter()
                .any(|(_, approve)| eligible(approve, ballot.person))
    }) {
        return Outcome::Refused;
    }
    let approves = |rule: &Rule, approve: &Approve, name: &str| {
        eligible(approve, name)
            && ballots.iter().any(|ballot| {
                ballot.person == name
                    && ballot.approve
                    && ballot.seen.iter().any(|seen| rule.same_text(seen))
            })
    };
    // every way to send each voter to one of the distinct requirements (0, 1, ..) or to all others (the last number)
    let names: BTreeSet<&str> = ballots.iter().map(|ballot| ballot.person).collect();
    let mut distinct = wanted
        .iter()
        .map(|(rule, approve)| (approve.distinct, rule))
        .collect::<Vec<_>>();
    distinct.retain(|(distinct, _)| *distinct);
    let ways = distinct.len() + 1;
    let works = |way: usize| {
        wanted.iter().all(|(rule, approve)| {
            let room = distinct
                .iter()
                .position(|(_, other)| other.id == rule.id)
                .unwrap_or(distinct.len());
            let sent = names
                .iter()
                .enumerate()
                .filter(|(index, _)| way / ways.pow(*index as u32) % ways == room);
            sent.filter(|(_, name)| approves(rule, approve, name))
                .count()
                >= approve.quorum
        })
    };
    if (0..ways.pow(names.len() as u32)).any(works) {
        Outcome::Runs
    } else {
        Outcome::Waits
    }
}
