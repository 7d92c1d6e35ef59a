//! Who may answer: nobody their own question, by whatever credential, service or friend they made.

use std::collections::BTreeSet;

use super::Requirement;
use crate::identity::{Identity, Kind};

/// Who asks, as far as it matters for who may answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asker {
    pub name: String,
    /// Of a service.
    pub owner: Option<String>,
    pub on_behalf_of: Option<String>,
    /// Names of others who act for the asker, such as the services they own, as the store knows them.
    #[serde(default)]
    pub agents: BTreeSet<String>,
}

/// Who answers, and what is known of how they came to it.
#[derive(Debug, Clone, Copy)]
pub struct Voter<'a> {
    pub identity: &'a Identity,
    /// Name of who issued the token that votes; none for a credential that nobody issued by hand.
    pub token_issued_by: Option<&'a str>,
    /// Seconds since 1970 in UTC; none counts as just now.
    pub token_issued_at: Option<i64>,
    /// Memberships that somebody gave by hand: the group, by whom, when.
    pub groups_given: &'a [(String, String, i64)],
}

/// Why a vote does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum NoVote {
    #[error("not in a group that is asked")]
    NotAsked,
    #[error("nobody approves their own request")]
    OwnRequest,
    #[error("the request comes from what this person owns, or on their behalf")]
    OwnerOfAsker,
    #[error("this credential belongs to a service or agent of who asks")]
    AgentOfAsker,
    #[error("the credential was issued by who asks, or lately on their behalf")]
    IssuedByAsker,
    #[error("the membership was given by who asks, or lately on their behalf")]
    GroupGivenByAsker,
}

/// Whether a vote of this person counts for a requirement of a question asked at `asked_at` (seconds since 1970).
///
/// # Errors
/// Why not; what concerns the person comes before what concerns the groups.
pub fn may_vote(
    requirement: &Requirement,
    asker: &Asker,
    voter: &Voter<'_>,
    asked_at: i64,
) -> Result<(), NoVote> {
    not_the_asker(requirement, asker, voter.identity)?;
    // who may answer at all may do so with a token of their own making
    if let Some(by) = voter
        .token_issued_by
        .filter(|by| *by != voter.identity.name)
        && asker.gave(by, voter.token_issued_at, asked_at)
    {
        return Err(NoVote::IssuedByAsker);
    }
    let mut asked = voter
        .identity
        .groups
        .intersection(&requirement.groups)
        .peekable();
    if asked.peek().is_none() {
        return Err(NoVote::NotAsked);
    }
    let tainted = |group: &String| {
        let mut given = voter
            .groups_given
            .iter()
            .filter(|(name, _, _)| name == group);
        given.any(|(_, by, at)| asker.gave(by, Some(*at), asked_at))
    };
    if asked.all(tainted) {
        Err(NoVote::GroupGivenByAsker)
    } else {
        Ok(())
    }
}

/// A service and its owner, an agent and who it acts for, count as one.
fn not_the_asker(requirement: &Requirement, asker: &Asker, voter: &Identity) -> Result<(), NoVote> {
    if voter.name == asker.name {
        return Err(NoVote::OwnRequest);
    }
    let behind_asker = [&asker.owner, &asker.on_behalf_of];
    let is_behind_asker = |name: &str| {
        behind_asker
            .iter()
            .any(|person| person.as_deref() == Some(name))
    };
    let owner = match &voter.kind {
        Kind::User => None,
        Kind::Service { owner } => Some(owner.as_str()),
    };
    let behind_voter = [owner, voter.on_behalf_of.as_deref()];
    let acts_for_asker = behind_voter
        .iter()
        .flatten()
        .any(|name| *name == asker.name || is_behind_asker(name))
        || asker.agents.contains(&voter.name);
    if acts_for_asker {
        return Err(NoVote::AgentOfAsker);
    }
    if is_behind_asker(&voter.name) && !requirement.owner_may_approve {
        return Err(NoVote::OwnerOfAsker);
    }
    Ok(())
}

impl Asker {
    /// From who is logged in; their agents are the store's knowledge.
    pub fn of(identity: &Identity) -> Self {
        Self {
            name: identity.name.clone(),
            owner: match &identity.kind {
                Kind::User => None,
                Kind::Service { owner } => Some(owner.clone()),
            },
            on_behalf_of: identity.on_behalf_of.clone(),
            agents: BTreeSet::new(),
        }
    }

    /// Whether what was given then makes the receiver unfit: ever when by the asker, lately when by who acts with them.
    fn gave(&self, by: &str, at: Option<i64>, asked_at: i64) -> bool {
        let with_asker = [&self.owner, &self.on_behalf_of]
            .iter()
            .any(|person| person.as_deref() == Some(by))
            || self.agents.contains(by);
        by == self.name
            || (with_asker && at.is_none_or(|at| at > asked_at.saturating_sub(LATELY_SECONDS)))
    }
}

const LATELY_SECONDS: i64 = 24 * 3_600;
