//! What follows from a question, the rules of this moment and the time: pure, so that a compare-and-set can try again.

use std::collections::{BTreeMap, BTreeSet};

use policy::approval::{self, Event, Requirement, State, Vote};

use super::{Electorate, Moment, Settled, Standing};
use crate::ledger::{Binding, Ended, Question, Row};

pub(super) enum Step {
    Done(Settled),
    Change(Box<Question>, Settled),
}

pub(super) fn reusable(row: &Row, sought: &Question, now: i64) -> bool {
    let question = &row.question;
    let live = matches!(question.binding, Binding::Identity { until } if now < until);
    live && question.lineage == sought.lineage
        && question.label == sought.label
        && question.target == sought.target
        && matches!(
            question.state,
            State::Asked | State::Granted | State::Refused
        )
}

/// The order in which one of several questions about the same is taken; the first of equals is.
pub(super) fn answered_first(state: State) -> u8 {
    match state {
        State::Refused => 0,
        State::Granted => 1,
        State::Asked | State::Expired | State::Withdrawn | State::Used => 2,
    }
}

/// Pure: what follows from a row, the rules and the time.
pub(super) fn step(
    row: &Row,
    standing: &Standing,
    electorate: &Electorate<'_>,
    clock: Moment,
) -> Step {
    let question = &row.question;
    match question.state {
        State::Refused => Step::Done(Settled::Refused),
        State::Expired => Step::Done(Settled::Expired { now: false }),
        State::Withdrawn => Step::Done(Settled::Withdrawn),
        State::Used => Step::Done(Settled::Used),
        State::Asked | State::Granted => match standing {
            Standing::Denied => turn(question, Event::Withdrawn, Settled::Denied, clock),
            Standing::Allowed => turn(question, Event::Withdrawn, Settled::Unneeded, clock),
            Standing::Asks(asks) => weigh(question, asks, electorate, clock),
        },
    }
}

/// Whether the votes cover what is asked now, and if not, whether time is up or the question grew.
fn weigh(
    question: &Question,
    asks: &BTreeMap<String, Requirement>,
    electorate: &Electorate<'_>,
    clock: Moment,
) -> Step {
    let requirements: Vec<&Requirement> = asks.values().collect();
    let done = satisfied(question, &requirements, electorate);
    if asks.keys().all(|id| done.contains(id)) && !asks.is_empty() {
        let mut next = question.clone();
        next.requirements = asks.clone();
        return match granted(question.state).and_then(|s| approval::transition(s, Event::Consumed))
        {
            Some(state) => {
                next.state = state;
                Step::Change(Box::new(next), Settled::Released)
            }
            None => Step::Done(Settled::Withdrawn),
        };
    }
    if overdue(question, clock) {
        return turn(
            question,
            Event::Expired,
            Settled::Expired { now: true },
            clock,
        );
    }
    let grown = question.requirements != *asks || question.state == State::Granted;
    if !grown {
        return Step::Done(Settled::Waiting { grown: false });
    }
    let mut next = question.clone();
    next.requirements = asks.clone();
    if question.state == State::Granted {
        match approval::transition(State::Granted, Event::Grew) {
            Some(state) => next.state = state,
            None => return Step::Done(Settled::Withdrawn),
        }
    }
    Step::Change(Box::new(next), Settled::Waiting { grown: true })
}

/// Which requirements the votes on the question satisfy.
fn satisfied(
    question: &Question,
    requirements: &[&Requirement],
    electorate: &Electorate<'_>,
) -> BTreeSet<String> {
    let may =
        |requirement: &Requirement, person: &str| (electorate.may)(question, requirement, person);
    approval::satisfied(requirements, &question.votes, electorate.groups, &may)
}

/// A question that waits with its client ends with that wait; a parked one lives as long as it was parked for.
fn overdue(question: &Question, clock: Moment) -> bool {
    match question.binding {
        Binding::Session(_) => clock.overdue,
        Binding::Identity { until } => clock.now >= until,
    }
}

/// Parked, and nobody came back for it in time.
pub(crate) fn stale(question: &Question, now: i64) -> bool {
    !question.state.is_final()
        && matches!(question.binding, Binding::Identity { until } if until <= now)
}

fn granted(state: State) -> Option<State> {
    match state {
        State::Granted => Some(State::Granted),
        State::Asked => approval::transition(State::Asked, Event::Granted),
        State::Refused | State::Expired | State::Withdrawn | State::Used => None,
    }
}

fn turn(question: &Question, event: Event, settled: Settled, clock: Moment) -> Step {
    match approval::transition(question.state, event) {
        Some(state) => {
            let mut next = question.clone();
            next.state = state;
            next.ended = Some(Ended {
                at: clock.now,
                by: None,
                why: None,
            });
            Step::Change(Box::new(next), settled)
        }
        None => Step::Done(Settled::Withdrawn),
    }
}

/// The question with one more vote; a later vote of the same person takes the place of the earlier.
pub(super) fn counted(question: &Question, vote: Vote, electorate: &Electorate<'_>) -> Question {
    let mut next = question.clone();
    next.votes.retain(|earlier| earlier.person != vote.person);
    let refused = !vote.approve;
    let ending = Ended {
        at: vote.at,
        by: Some(vote.person.clone()),
        why: vote.reason.clone(),
    };
    next.votes.push(vote);
    let event = if refused {
        Some(Event::Refused)
    } else {
        let requirements: Vec<&Requirement> = next.requirements.values().collect();
        let done = satisfied(&next, &requirements, electorate);
        next.requirements
            .keys()
            .all(|id| done.contains(id))
            .then_some(Event::Granted)
    };
    if let Some(state) = event.and_then(|event| approval::transition(next.state, event)) {
        next.state = state;
        next.ended = Some(ending);
    }
    next
}
