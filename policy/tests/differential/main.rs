//! The path of production against a small reference, over random policies, identities, votes and reloads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod case;
mod generate;
mod reference;
#[path = "../scene/mod.rs"]
mod scene;

use std::collections::BTreeMap;
use std::sync::Arc;

use case::{Answer, Asked, Ballot, Outcome, Person, Rule, World};
use generate::Dice;
use policy::approval::{Asker, Vote, Voter, may_vote, refused, satisfied};
use policy::identity::{Identity, Lineage};
use policy::operation::{Action, Operation, Operations, Value};
use policy::policies::{Asking, Policies};
use policy::target::Target;
use policy::verdict::{Judgement, Verdict};
use policy::vocabulary::Vocabulary;

const HOUR: i64 = 3_600;

fn load(vocabulary: &Arc<Vocabulary>, rules: &[Rule]) -> Option<Policies> {
    let text: String = rules.iter().map(generate::cedar).collect();
    // a random condition may be impossible, and the load rules refuse that
    match Policies::load(vocabulary, &[scene::source("random.cedar", &text)]) {
        Ok(policies) => Some(policies),
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

fn identity(world: &World) -> Identity {
    let groups: Vec<&str> = world.groups.iter().map(String::as_str).collect();
    let identity = match world.owner {
        Some(owner) => scene::service(world.name, owner, &groups),
        None => scene::user(world.name, &groups),
    };
    Identity {
        on_behalf_of: world.on_behalf_of.map(str::to_owned),
        ..identity
    }
}

fn operation(asked: &Asked) -> Operation {
    let action = if asked.action == "connect" {
        Action::shared("connect")
    } else {
        scene::postgres(asked.action)
    };
    let mut operation = scene::operation(action, "orders");
    if asked.action != "connect" {
        operation
            .facts
            .insert("narrowed", Value::Bool(asked.narrowed));
        if let Some(rows) = asked.rows {
            operation.facts.insert("rows", Value::Long(rows));
        }
    }
    operation
}

fn now(world: &World) -> i64 {
    scene::NOW + if world.late { 9 * HOUR } else { 0 }
}

fn target(world: &World) -> Target {
    scene::target("shop", "postgres", &world.labels)
}

fn judge(policies: &Policies, world: &World, asked: &[Asked]) -> Judgement {
    let (identity, target) = (identity(world), target(world));
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

fn answer(judgement: &Judgement) -> Answer {
    match judgement.verdict {
        Verdict::Allow => Answer::Allow,
        Verdict::Hold => Answer::Hold(judgement.asks.clone()),
        Verdict::Deny => Answer::Deny,
    }
}

/// `asked_with` are the policies whose texts the voters saw.
fn outcome(
    policies: &Policies,
    asked_with: &Policies,
    world: &World,
    judgement: &Judgement,
    ballots: &[Ballot],
    people: &BTreeMap<&'static str, Person>,
) -> Outcome {
    match judgement.verdict {
        Verdict::Allow => return Outcome::Runs,
        Verdict::Deny => return Outcome::Denied,
        Verdict::Hold => {}
    }
    let votes: Vec<Vote> = ballots
        .iter()
        .map(|ballot| Vote {
            person: ballot.person.to_owned(),
            lineage: Lineage(ballot.person.to_owned()),
            at: scene::NOW,
            answers: ballot
                .seen
                .iter()
                .map(|rule| {
                    (
                        rule.id.clone(),
                        asked_with.requirement(&rule.id).unwrap().text,
                    )
                })
                .collect(),
            approve: ballot.approve,
            reason: None,
            automatic: false,
        })
        .collect();
    let asker = Asker::of(&identity(world));
    let asked_at = now(world);
    let groups = |name: &str| people[name].groups.clone();
    let may = |requirement: &_, name: &str| {
        let person = &people[name];
        let names: Vec<&str> = person.groups.iter().map(String::as_str).collect();
        let known = generate::PEOPLE
            .iter()
            .find(|known| **known == name)
            .unwrap();
        let identity = match person.owner {
            Some(owner) => scene::service(known, owner, &names),
            None => scene::user(known, &names),
        };
        let identity = Identity {
            on_behalf_of: person.on_behalf_of.map(str::to_owned),
            ..identity
        };
        let given: Vec<_> = person
            .given
            .iter()
            .map(|(group, by, hours)| (group.clone(), (*by).to_owned(), asked_at - hours * HOUR))
            .collect();
        let voter = Voter {
            identity: &identity,
            token_issued_by: person.token.map(|(by, _)| by),
            token_issued_at: person.token.map(|(_, hours)| asked_at - hours * HOUR),
            groups_given: &given,
        };
        may_vote(requirement, &asker, &voter, asked_at).is_ok()
    };
    let requirements: Vec<_> = judgement
        .asks
        .iter()
        .map(|id| policies.requirement(id).unwrap())
        .collect();
    if refused(&requirements, &votes, &groups, &may).is_some() {
        assert!(satisfied(&requirements, &votes, &groups, &may).is_empty());
        return Outcome::Refused;
    }
    if satisfied(&requirements, &votes, &groups, &may) == judgement.asks {
        Outcome::Runs
    } else {
        Outcome::Waits
    }
}

fn expect(rules: &[Rule], world: &World, asked: &[Asked]) -> Answer {
    let each: Vec<Answer> = asked
        .iter()
        .map(|one| reference::judge(rules, world, one))
        .collect();
    reference::strictest(&each)
}

#[derive(Default, Debug)]
struct Tally {
    verdicts: BTreeMap<&'static str, u32>,
    outcomes: BTreeMap<Outcome, u32>,
    reloads: u32,
    skipped: u32,
    sets: u32,
}

#[test]
fn production_and_reference_agree() {
    let sets = std::env::var("DIFFERENTIAL_SETS")
        .ok()
        .and_then(|sets| sets.parse().ok())
        .unwrap_or(400_u64);
    let vocabulary = scene::vocabulary();
    let mut tally = Tally::default();
    for seed in 0..sets {
        compare(&vocabulary, seed, &mut tally);
    }
    let questions: u32 = tally.verdicts.values().sum();
    println!("{tally:?}");
    for verdict in ["allow", "hold", "deny"] {
        let share = 100 * tally.verdicts[verdict] / questions;
        println!("{verdict}: {share} %");
        assert!(
            share >= 10,
            "{verdict} is only {share} % of {questions} questions"
        );
    }
    for outcome in [
        Outcome::Runs,
        Outcome::Waits,
        Outcome::Refused,
        Outcome::Denied,
    ] {
        assert!(
            tally
                .outcomes
                .get(&outcome)
                .is_some_and(|count| *count * 50 > tally.reloads),
            "{outcome:?} hardly occurs"
        );
    }
    assert!(
        tally.skipped < tally.sets,
        "most random sets are impossible"
    );
}

fn compare(vocabulary: &Arc<Vocabulary>, seed: u64, tally: &mut Tally) {
    let dice = &mut Dice(seed);
    let rules = generate::rules(dice);
    let Some(policies) = load(vocabulary, &rules) else {
        tally.skipped += 1;
        return;
    };
    tally.sets += 1;
    let changed = generate::edited(dice, &rules);
    let reloaded = load(vocabulary, &changed);
    for question in 0..12 {
        let (world, asked) = (generate::world(dice), generate::asked(dice));
        let judgement = judge(&policies, &world, &asked);
        let expected = expect(&rules, &world, &asked);
        let told = || format!("seed {seed}, question {question}\n{world:?}\n{asked:?}\n{rules:#?}");
        assert_eq!(answer(&judgement), expected, "{}", told());
        let name = match &expected {
            Answer::Allow => "allow",
            Answer::Hold(_) => "hold",
            Answer::Deny => "deny",
        };
        *tally.verdicts.entry(name).or_default() += 1;
        if judgement.asks.is_empty() {
            continue;
        }
        let (people, ballots) = (
            generate::people(dice),
            generate::ballots(dice, &rules, &judgement.asks),
        );
        let votes = || format!("{}\n{ballots:#?}\n{people:#?}", told());
        let ours = outcome(&policies, &policies, &world, &judgement, &ballots, &people);
        assert_eq!(
            ours,
            reference::outcome(&rules, &world, &expected, &ballots, &people),
            "{}",
            votes()
        );
        *tally.outcomes.entry(ours).or_default() += 1;

        // the policies change while the request is held; so may groups, of who asks and of who voted
        let Some(reloaded) = &reloaded else { continue };
        tally.reloads += 1;
        let mut world = world.clone();
        if dice.chance(20) {
            world.groups.clear();
        }
        let people = if dice.chance(70) {
            people
        } else {
            generate::people(dice)
        };
        let judgement = judge(reloaded, &world, &asked);
        let expected = expect(&changed, &world, &asked);
        assert_eq!(
            answer(&judgement),
            expected,
            "after the reload: {changed:#?}\n{}",
            told()
        );
        let ours = outcome(reloaded, &policies, &world, &judgement, &ballots, &people);
        assert_eq!(
            ours,
            reference::outcome(&changed, &world, &expected, &ballots, &people),
            "after the reload: {changed:#?}\n{ballots:#?}\n{people:#?}\n{}",
            told()
        );
        *tally.outcomes.entry(ours).or_default() += 1;
    }
}
