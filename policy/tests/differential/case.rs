//! What a random case is made of, in words of its own.

use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Narrowed,
    ManyRows,
    IsService,
    InLabel(&'static str),
    HasReason,
    Late,
    /// Fails where the number of rows is known and more than one.
    Overflow,
    Not(Box<Test>),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Approve {
    pub(crate) groups: BTreeSet<String>,
    pub(crate) quorum: usize,
    pub(crate) distinct: bool,
    pub(crate) owner_may: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) permit: bool,
    pub(crate) group: Option<&'static str>,
    /// Names of actions and of effects; none is every action.
    pub(crate) actions: Option<Vec<&'static str>>,
    pub(crate) label: Option<&'static str>,
    /// `when` if true, else `unless`; in order.
    pub(crate) clauses: Vec<(bool, Test)>,
    pub(crate) message: Option<&'static str>,
    pub(crate) approve: Option<Approve>,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) owner: Option<&'static str>,
    pub(crate) on_behalf_of: Option<&'static str>,
    pub(crate) groups: BTreeSet<String>,
    pub(crate) labels: Vec<&'static str>,
    pub(crate) reason: bool,
    pub(crate) late: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) action: &'static str,
    pub(crate) effect: &'static str,
    pub(crate) narrowed: bool,
    pub(crate) rows: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Allow,
    Hold(BTreeSet<String>),
    Deny,
}

#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) owner: Option<&'static str>,
    pub(crate) on_behalf_of: Option<&'static str>,
    pub(crate) groups: BTreeSet<String>,
    /// By whom, and how many hours before the question.
    pub(crate) token: Option<(&'static str, i64)>,
    pub(crate) given: Vec<(String, &'static str, i64)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Ballot {
    pub(crate) person: &'static str,
    pub(crate) approve: bool,
    /// Rules as they were when this person saw them.
    pub(crate) seen: Vec<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Runs,
    Waits,
    Refused,
    Denied,
}

impl Test {
    /// None where it fails.
    pub(crate) fn holds(&self, world: &World, asked: &Asked) -> Option<bool> {
        Some(match self {
            Self::Narrowed => asked.narrowed,
            Self::ManyRows => asked.rows.is_some_and(|rows| rows > 10),
            Self::IsService => world.owner.is_some(),
            Self::InLabel(label) => world.labels.contains(label),
            Self::HasReason => world.reason,
            Self::Late => world.late,
            Self::Overflow => match asked.rows {
                None => false,
                Some(rows) => rows.checked_mul(i64::MAX)? > 0,
            },
            Self::Not(test) => !test.holds(world, asked)?,
            Self::And(one, two) => one.holds(world, asked)? && two.holds(world, asked)?,
            Self::Or(one, two) => one.holds(world, asked)? || two.holds(world, asked)?,
        })
    }
}

impl Rule {
    /// What a voter reads: all but who is asked and how many.
    pub(crate) fn same_text(&self, other: &Self) -> bool {
        let text = |rule: &Self| Self {
            approve: None,
            ..rule.clone()
        };
        text(self) == text(other)
    }
}
