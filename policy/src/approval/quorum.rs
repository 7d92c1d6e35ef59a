//! Counts votes: whose count for which requirement, and whether all are satisfied.

use std::collections::{BTreeMap, BTreeSet};

use super::{Requirement, Vote};

/// Groups of a person as they are now.
type Groups<'a> = dyn Fn(&str) -> BTreeSet<String> + 'a;
/// Whether a person's vote counts for a requirement at all ([`super::may_vote`]).
type May<'a> = dyn Fn(&Requirement, &str) -> bool + 'a;

/// The ids of the requirements that are satisfied; none when somebody who was asked refused.
///
/// A vote counts for a policy id with the very text that was seen. Within one requirement people are distinct; who counts
/// for a `@distinct` one counts for no other. Those are filled first, in id order, with people whom the others can spare.
pub fn satisfied(
    requirements: &[&Requirement],
    votes: &[Vote],
    groups: &Groups<'_>,
    may: &May<'_>,
) -> BTreeSet<String> {
    if refused(requirements, votes, groups, may).is_some() {
        return BTreeSet::new();
    }
    let mut columns: BTreeMap<&str, Column<'_>> = BTreeMap::new();
    for requirement in requirements {
        let counted = votes.iter().filter(|vote| {
            vote.approve
                && vote.answers.get(&requirement.policy) == Some(&requirement.text)
                && eligible(requirement, &vote.person, groups, may)
        });
        let people = counted.map(|vote| vote.person.as_str()).collect();
        columns.insert(
            &requirement.policy,
            Column {
                requirement,
                people,
            },
        );
    }
    let (distinct, shared): (Vec<_>, Vec<_>) = columns
        .into_values()
        .partition(|column| column.requirement.distinct);
    let mut search = Search {
        distinct,
        shared,
        steps: 0,
        best: BTreeSet::new(),
    };
    search.fill(0, &mut BTreeSet::new(), &mut BTreeSet::new());
    search.best
}

/// The first refusal by somebody who was asked: one is enough to end a question, whatever text it was about.
pub fn refused<'v>(
    requirements: &[&Requirement],
    votes: &'v [Vote],
    groups: &Groups<'_>,
    may: &May<'_>,
) -> Option<&'v Vote> {
    let mut refusals = votes.iter().filter(|vote| !vote.approve);
    refusals.find(|vote| {
        requirements
            .iter()
            .any(|requirement| eligible(requirement, &vote.person, groups, may))
    })
}

fn eligible(requirement: &Requirement, person: &str, groups: &Groups<'_>, may: &May<'_>) -> bool {
    !groups(person).is_disjoint(&requirement.groups) && may(requirement, person)
}

/// A requirement and those who approved it.
struct Column<'a> {
    requirement: &'a Requirement,
    people: BTreeSet<&'a str>,
}

/// Looks for a choice of people that satisfies everything; keeps the best one seen.
struct Search<'a> {
    distinct: Vec<Column<'a>>,
    shared: Vec<Column<'a>>,
    steps: u32,
    best: BTreeSet<String>,
}

impl<'a> Search<'a> {
    /// Fills the distinct requirements from `index` on; true when all requirements are satisfied.
    fn fill(
        &mut self,
        index: usize,
        spent: &mut BTreeSet<&'a str>,
        done: &mut BTreeSet<String>,
    ) -> bool {
        let Some(column) = self.distinct.get(index) else {
            return self.leaf(spent, done);
        };
        let id = column.requirement.policy.clone();
        let wanted = column.requirement.quorum as usize;
        let free: Vec<&'a str> = column
            .people
            .iter()
            .copied()
            .filter(|person| !spent.contains(person))
            .collect();
        if free.len() < wanted {
            return self.fill(index + 1, spent, done);
        }
        done.insert(id.clone());
        let found = self.choose(
            index,
            Choice {
                free: &free,
                wanted,
            },
            spent,
            done,
        );
        done.remove(&id);
        found
    }

    /// Tries each choice of `wanted` people among the free ones, in order of names.
    fn choose(
        &mut self,
        index: usize,
        choice: Choice<'_, 'a>,
        spent: &mut BTreeSet<&'a str>,
        done: &mut BTreeSet<String>,
    ) -> bool {
        if choice.wanted == 0 {
            return self.fill(index + 1, spent, done);
        }
        for (skipped, person) in choice.free.iter().enumerate() {
            // a bound against many voters; giving up early only means to wait for one more vote
            self.steps += 1;
            if choice.free.len() - skipped < choice.wanted || self.steps > MOST_STEPS {
                return false;
            }
            spent.insert(person);
            let rest = choice.free.get(skipped + 1..).unwrap_or_default();
            let found = self.choose(
                index,
                Choice {
                    free: rest,
                    wanted: choice.wanted - 1,
                },
                spent,
                done,
            );
            spent.remove(person);
            if found {
                return true;
            }
        }
        false
    }

    fn leaf(&mut self, spent: &BTreeSet<&'a str>, done: &BTreeSet<String>) -> bool {
        let mut satisfied = done.clone();
        for column in &self.shared {
            if column.people.difference(spent).count() >= column.requirement.quorum as usize {
                satisfied.insert(column.requirement.policy.clone());
            }
        }
        let all = satisfied.len() == self.distinct.len() + self.shared.len();
        if satisfied.len() > self.best.len() {
            self.best = satisfied;
        }
        all
    }
}

#[derive(Clone, Copy)]
struct Choice<'c, 'a> {
    free: &'c [&'a str],
    wanted: usize,
}

const MOST_STEPS: u32 = 20_000;
