//! The path of production against a small reference, over random policies, identities, votes and reloads.
//!
//! `DIFFERENTIAL_SETS` says over how many sets of policies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod case;
mod generate;
mod production;
mod reference;
#[path = "../scene/mod.rs"]
mod scene;

use std::collections::BTreeMap;
use std::sync::Arc;

use case::{Answer, Asked, Outcome, Rule, World};
use generate::Dice;
use policy::policies::Policies;
use policy::verdict::Judgement;
use policy::vocabulary::Vocabulary;

#[derive(Default, Debug)]
struct Tally {
    verdicts: BTreeMap<&'static str, u32>,
    outcomes: BTreeMap<Outcome, u32>,
    sets: u32,
    /// Impossible ones.
    skipped: u32,
    reloads: u32,
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
    println!("{tally:?}");
    let questions: u32 = tally.verdicts.values().sum();
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

/// One set of policies, what it becomes when edited, and a dozen questions.
fn compare(vocabulary: &Arc<Vocabulary>, seed: u64, tally: &mut Tally) {
    let dice = &mut Dice(seed);
    let rules = generate::rules(dice);
    let Some(policies) = production::load(vocabulary, &rules) else {
        tally.skipped += 1;
        return;
    };
    tally.sets += 1;
    let edited = generate::edited(dice, &rules);
    let before = State {
        rules: &rules,
        policies: &policies,
        seed,
    };
    let reloaded = production::load(vocabulary, &edited);
    let after = reloaded.as_ref().map(|policies| State {
        rules: &edited,
        policies,
        seed,
    });
    for _ in 0..12 {
        ask(dice, &before, after.as_ref(), tally);
    }
}

/// Policies in force at one time, in both forms.
struct State<'a> {
    rules: &'a [Rule],
    policies: &'a Policies,
    seed: u64,
}

impl State<'_> {
    /// The verdict, on which both agree.
    fn judge(&self, world: &World, asked: &[Asked]) -> (Judgement, Answer) {
        let each: Vec<Answer> = asked
            .iter()
            .map(|one| reference::judge(self.rules, world, one))
            .collect();
        let expected = reference::strictest(&each);
        let judgement = production::judge(self.policies, world, asked);
        let told = || {
            format!(
                "seed {}\n{world:?}\n{asked:?}\n{:#?}",
                self.seed, self.rules
            )
        };
        assert_eq!(production::answer(&judgement), expected, "{}", told());
        (judgement, expected)
    }
}

/// One question; when it is held, votes; then the policies change, and perhaps the groups of who asks and who voted.
fn ask(dice: &mut Dice, before: &State<'_>, after: Option<&State<'_>>, tally: &mut Tally) {
    let (mut world, asked) = (generate::world(dice), generate::asked(dice));
    let (judgement, answer) = before.judge(&world, &asked);
    let name = match &answer {
        Answer::Allow => "allow",
        Answer::Hold(_) => "hold",
        Answer::Deny => "deny",
    };
    *tally.verdicts.entry(name).or_default() += 1;
    let Answer::Hold(asks) = &answer else { return };
    let (mut people, ballots) = (
        generate::people(dice),
        generate::ballots(dice, before.rules, asks),
    );
    let votes = production::votes(before.policies, &ballots);
    let mut check =
        |now: &State<'_>, world: &World, people: &_, (judgement, answer): (Judgement, Answer)| {
            let ours = production::outcome(now.policies, world, &judgement, &votes, people);
            let expected = reference::outcome(now.rules, world, &answer, &ballots, people);
            let told = || {
                format!(
                    "seed {}\n{world:?}\n{:#?}\n{ballots:#?}\n{people:#?}",
                    now.seed, now.rules
                )
            };
            assert_eq!(ours, expected, "{}", told());
            *tally.outcomes.entry(ours).or_default() += 1;
        };
    check(before, &world, &people, (judgement, answer.clone()));
    let Some(after) = after else { return };
    if dice.chance(20) {
        world.groups.clear();
    }
    if dice.chance(30) {
        people = generate::people(dice);
    }
    let anew = after.judge(&world, &asked);
    check(after, &world, &people, anew);
    tally.reloads += 1;
}
