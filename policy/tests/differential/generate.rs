//! Random rules, worlds, people and votes; and the same rules as Cedar.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Approve, Asked, Ballot, Person, Rule, Test, World};

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    /// True in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn some<T: Copy>(&mut self, of: &[T], percent: usize) -> Vec<T> {
        of.iter()
            .copied()
            .filter(|_| self.chance(percent))
            .collect()
    }

    fn groups(&mut self, of: &[&str], percent: usize) -> BTreeSet<String> {
        self.some(of, percent)
            .into_iter()
            .map(str::to_owned)
            .collect()
    }
}

pub(crate) const ACTIONS: [(&str, &str); 6] = [
    ("select", "read"),
    ("insert", "write"),
    ("drop", "write"),
    ("grant", "admin"),
    ("opaque", "unknown"),
    ("connect", "read"),
];
const EFFECTS: [&str; 4] = ["read", "write", "admin", "unknown"];
const ASKERS: [&str; 2] = ["eng", "ops"];
const VOTERS: [&str; 2] = ["dba", "sre"];
const LABELS: [&str; 2] = ["prod", "pci"];
/// Who votes; ada also asks and owns the robots.
pub(crate) const PEOPLE: [&str; 6] = ["ada", "eve", "grace", "heidi", "robot", "robot2"];

pub(crate) fn rules(dice: &mut Dice) -> Vec<Rule> {
    let mut rules: Vec<Rule> = (0..2 + dice.below(5))
        .map(|number| rule(dice, format!("r{number}")))
        .collect();
    if dice.chance(75) {
        let actions = dice.chance(60).then(|| vec!["read", "write"]);
        rules.push(Rule {
            id: "base".to_owned(),
            permit: true,
            group: None,
            actions,
            label: None,
            clauses: vec![],
            message: None,
            approve: None,
        });
    }
    rules
}

/// The policies after an edit: some rules changed, one gone, one new.
pub(crate) fn edited(dice: &mut Dice, rules: &[Rule]) -> Vec<Rule> {
    let mut edited = rules.to_vec();
    for old in &mut edited {
        match dice.below(10) {
            0 => *old = rule(dice, old.id.clone()),
            1..=3 => {
                if let Some(approve) = &mut old.approve {
                    *approve = approval(dice);
                }
            }
            4 if old.approve.is_some() => old.message = Some("changed"),
            _ => {}
        }
    }
    if dice.chance(15) {
        edited.remove(dice.below(edited.len()));
    }
    if dice.chance(20) {
        edited.push(rule(dice, "new".to_owned()));
    }
    edited
}

fn rule(dice: &mut Dice, id: String) -> Rule {
    let permit = dice.chance(35);
    let approve = (!permit && dice.chance(75)).then(|| approval(dice));
    let actions = (approve.is_some() || dice.chance(80)).then(|| {
        let names: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
        let mut chosen = if dice.chance(50) {
            dice.some(&EFFECTS, 45)
        } else {
            dice.some(&names, 40)
        };
        if chosen.len() > 1 {
            // Cedar wants the actions of one set to be of one namespace
            chosen.retain(|name| *name != "connect");
        }
        if chosen.is_empty() {
            vec!["drop"]
        } else {
            chosen
        }
    });
    let clauses = (0..dice.one(&[0, 0, 1, 1, 2]))
        .map(|_| (dice.chance(60), test(dice, 2)))
        .collect();
    Rule {
        id,
        permit,
        group: dice.chance(35).then(|| dice.one(&ASKERS)),
        actions,
        label: dice.chance(30).then(|| dice.one(&LABELS)),
        clauses,
        message: (approve.is_some() && dice.chance(20)).then_some("why"),
        approve,
    }
}

fn approval(dice: &mut Dice) -> Approve {
    let groups = dice.groups(&VOTERS, 60);
    Approve {
        groups: if groups.is_empty() {
            BTreeSet::from(["dba".to_owned()])
        } else {
            groups
        },
        quorum: dice.one(&[1, 1, 1, 2]),
        distinct: dice.chance(30),
        owner_may: dice.chance(25),
    }
}

fn test(dice: &mut Dice, depth: u32) -> Test {
    let boxed = |dice: &mut Dice| Box::new(test(dice, depth - 1));
    match dice.below(if depth == 0 { 14 } else { 19 }) {
        0..=2 => Test::Narrowed,
        3 | 4 => Test::ManyRows,
        5 | 6 => Test::IsService,
        7 | 8 => Test::InLabel(dice.one(&LABELS)),
        9 | 10 => Test::HasReason,
        11 | 12 => Test::Late,
        13 => Test::Overflow,
        14 => Test::Not(boxed(dice)),
        15 | 16 => Test::And(boxed(dice), boxed(dice)),
        _ => Test::Or(boxed(dice), boxed(dice)),
    }
}

pub(crate) fn world(dice: &mut Dice) -> World {
    let service = dice.chance(35);
    World {
        name: if service { "robot" } else { "ada" },
        owner: service.then_some("ada"),
        on_behalf_of: (service && dice.chance(30)).then_some("eve"),
        groups: dice.groups(&ASKERS, 60),
        labels: dice.some(&LABELS, 50),
        reason: dice.chance(50),
        late: dice.chance(30),
    }
}

pub(crate) fn asked(dice: &mut Dice) -> Vec<Asked> {
    (0..dice.one(&[1, 1, 1, 2, 3]))
        .map(|_| {
            let (action, effect) = dice.one(&ACTIONS);
            let (narrowed, rows) = (
                dice.chance(60),
                dice.chance(60).then(|| dice.one(&[0, 1, 5, 100])),
            );
            // a shared action has no facts
            let own = action != "connect";
            Asked {
                action,
                effect,
                narrowed: own && narrowed,
                rows: rows.filter(|_| own),
            }
        })
        .collect()
}

pub(crate) fn people(dice: &mut Dice) -> BTreeMap<&'static str, Person> {
    PEOPLE
        .into_iter()
        .map(|name| {
            let service = name.starts_with("robot");
            let groups = dice.groups(&VOTERS, 75);
            let person = Person {
                owner: service.then_some("ada"),
                on_behalf_of: (name == "grace" && dice.chance(10))
                    .then(|| dice.one(&["ada", "robot", "heidi"])),
                token: dice
                    .chance(40)
                    .then(|| (dice.one(&PEOPLE), dice.one(&[1, 23, 25, 500]))),
                given: groups
                    .iter()
                    .filter(|_| dice.chance(25))
                    .cloned()
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(|group| (group, dice.one(&PEOPLE), dice.one(&[1, 25])))
                    .collect(),
                groups,
            };
            (name, person)
        })
        .collect()
}

pub(crate) fn ballots(dice: &mut Dice, rules: &[Rule], asks: &BTreeSet<String>) -> Vec<Ballot> {
    (0..dice.below(6))
        .map(|_| Ballot {
            person: dice.one(&PEOPLE),
            approve: dice.chance(93),
            seen: rules
                .iter()
                .filter(|rule| asks.contains(&rule.id) && dice.chance(90))
                .cloned()
                .collect(),
        })
        .collect()
}

pub(crate) fn cedar(rule: &Rule) -> String {
    let mut text = format!("@id(\"{}\")", rule.id);
    if let Some(approve) = &rule.approve {
        let groups: Vec<&str> = approve.groups.iter().map(String::as_str).collect();
        text += &format!(
            " @approve(\"{}\") @quorum(\"{}\")",
            groups.join(", "),
            approve.quorum
        );
        text += if approve.distinct { " @distinct" } else { "" };
        text += if approve.owner_may {
            " @owner(\"may-approve\")"
        } else {
            ""
        };
        text += &rule
            .message
            .map(|message| format!(" @message(\"{message}\")"))
            .unwrap_or_default();
    }
    let group = rule
        .group
        .map(|group| format!(" in Group::\"{group}\""))
        .unwrap_or_default();
    let label = rule
        .label
        .map(|label| format!(" in Label::\"{label}\""))
        .unwrap_or_default();
    let names = rule.actions.iter().flatten().map(|name| {
        match EFFECTS.contains(name) || *name == "connect" {
            true => format!("Action::\"{name}\""),
            false => format!("Postgres::Action::\"{name}\""),
        }
    });
    let actions = rule
        .actions
        .as_ref()
        .map(|_| format!(" in [{}]", names.collect::<Vec<_>>().join(", ")))
        .unwrap_or_default();
    text += &format!(
        "\n{} (principal{group}, action{actions}, resource{label})",
        if rule.permit { "permit" } else { "forbid" }
    );
    for (when, test) in &rule.clauses {
        text += &format!(
            "\n{} {{ {} }}",
            if *when { "when" } else { "unless" },
            condition(test)
        );
    }
    text + ";\n"
}

fn condition(test: &Test) -> String {
    match test {
        Test::Narrowed => "context has postgres && context.postgres.narrowed".to_owned(),
        Test::ManyRows => "context has postgres.rows && context.postgres.rows > 10".to_owned(),
        Test::IsService => "principal is Service".to_owned(),
        Test::InLabel(label) => format!("context.target in Label::\"{label}\""),
        Test::HasReason => "context has reason".to_owned(),
        Test::Late => "context.now.toTime() >= duration(\"18h\")".to_owned(),
        Test::Overflow => {
            "context has postgres.rows && context.postgres.rows * 9223372036854775807 > 0"
                .to_owned()
        }
        Test::Not(test) => format!("!({})", condition(test)),
        Test::And(one, two) => format!("({}) && ({})", condition(one), condition(two)),
        Test::Or(one, two) => format!("({}) || ({})", condition(one), condition(two)),
    }
}
