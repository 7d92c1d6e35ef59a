//! The rules of approving: which states follow which, who may vote, when requirements are satisfied. No waiting, no memory.

mod eligible;
mod quorum;
mod requirement;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::identity::Lineage;
pub use eligible::{Asker, NoVote, Voter, may_vote};
pub use quorum::{refused, satisfied};
pub use requirement::{Escalation, Manner, Requirement, TextHash};

/// Where a question stands. `Asked` and `Granted` are open, the others final.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Asked,
    Granted,
    Refused,
    Expired,
    Withdrawn,
    /// Released, exactly once.
    Used,
}

impl State {
    /// The word that the API and the store use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Used => "used",
        }
    }
}

/// What happens to a question.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// Every requirement is satisfied.
    Granted,
    Refused,
    Expired,
    /// The client went away, or the session was ended.
    Withdrawn,
    /// The one release; what follows is the forward.
    Consumed,
    /// Judged anew, more is required; the votes stay.
    Grew,
}

/// One person's answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    pub person: String,
    pub lineage: Lineage,
    /// From where it was cast, for policies on `approve` that look at the address; none for an automatic one.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// Seconds since 1970 in UTC.
    pub at: i64,
    /// Which policies are answered, and the text of each that the person saw.
    pub answers: BTreeMap<String, TextHash>,
    /// A refusal when false.
    pub approve: bool,
    pub reason: Option<String>,
    /// Given by `@on_timeout("approve")`, by nobody.
    pub automatic: bool,
}

/// The state after an event; none when it is not possible, so that a compare-and-set fails.
///
/// A refusal wins over a grant until that is used; what is final stays.
pub const fn transition(from: State, event: Event) -> Option<State> {
    match (from, event) {
        (State::Asked, Event::Granted) => Some(State::Granted),
        (State::Asked | State::Granted, Event::Refused) => Some(State::Refused),
        (State::Asked | State::Granted, Event::Expired) => Some(State::Expired),
        (State::Asked | State::Granted, Event::Withdrawn) => Some(State::Withdrawn),
        (State::Asked | State::Granted, Event::Grew) => Some(State::Asked),
        (State::Granted, Event::Consumed) => Some(State::Used),
        (State::Asked, Event::Consumed) | (State::Granted, Event::Granted) => None,
        (State::Refused | State::Expired | State::Withdrawn | State::Used, _) => None,
    }
}

impl State {
    /// Whether nothing can happen any more.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Asked | Self::Granted => false,
            Self::Refused | Self::Expired | Self::Withdrawn | Self::Used => true,
        }
    }
}

#[cfg(test)]
mod tests;
