//! The waiting: questions put to people, their votes, and the one transition that wins.
//!
//! Nothing here knows sessions or sockets, so that the same code runs under a model checker.

#[cfg(all(test, feature = "shuttle"))]
mod model;
mod step;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use policy::approval::{self, Event, Requirement, State, Vote};
use policy::digest::Digest;

use crate::ledger::{
    ApprovalId, Binding, Ended, Filter, Impact, Ledger, LedgerError, Question, Row,
};
use crate::sync::{Mutex, Notify, locked};
pub(crate) use step::stale;
use step::{Step, answered_first, counted, reusable, step};

/// All questions of one gateway and those who wait for them.
pub(crate) struct Approvals {
    ledger: Arc<dyn Ledger>,
    /// One bell for each that waits: several clients may wait for one parked question.
    bells: Mutex<HashMap<ApprovalId, Vec<Arc<Notify>>>>,
}

/// What the rules of this moment say of a held request.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// Nothing needs to be countersigned any more.
    Allowed,
    /// These must be; requirement by policy id.
    Asks(BTreeMap<String, Requirement>),
    Denied,
}

/// What became of a question when it was looked at.
#[derive(Debug, Clone)]
pub(crate) enum Settled {
    /// It is this caller's to forward, once.
    Released,
    /// The rules allow it without any approval now.
    Unneeded,
    /// The rules deny it now.
    Denied,
    Refused,
    /// `now`: this look ended it.
    Expired {
        now: bool,
    },
    Withdrawn,
    /// Another retry was released by it.
    Used,
    /// Still asked; `grown` where new requirements were added or votes fell away.
    Waiting {
        grown: bool,
    },
}

/// Who may count: groups as they are now, and who may not answer.
pub(crate) struct Electorate<'a> {
    pub(crate) groups: &'a (dyn Fn(&str) -> BTreeSet<String> + Send + Sync),
    /// Asked with the question as it stands, its votes included.
    pub(crate) may: &'a (dyn Fn(&Question, &Requirement, &str) -> bool + Send + Sync),
}

/// Whose end the question met, for its row.
pub(crate) struct Ending<'a> {
    pub(crate) at: i64,
    pub(crate) by: Option<&'a str>,
    pub(crate) why: Option<&'a str>,
}

impl Approvals {
    pub(crate) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self {
            ledger,
            bells: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) async fn ask(&self, question: Question, cap: usize) -> Result<Row, LedgerError> {
        self.ledger.ask(question, cap).await
    }

    pub(crate) async fn read(&self, id: ApprovalId) -> Result<Row, LedgerError> {
        self.ledger.read(id).await
    }

    pub(crate) async fn list(&self, filter: Filter) -> Result<Vec<Row>, LedgerError> {
        self.ledger.list(filter).await
    }

    /// A parked question of the same content, identity and credential lineage that a retry may use.
    pub(crate) async fn parked(
        &self,
        sought: &Question,
        now: i64,
    ) -> Result<Option<Row>, LedgerError> {
        let filter = Filter {
            digest: Some(sought.digest),
            asker: Some(sought.asker.name.clone()),
            ..Filter::default()
        };
        let rows = self.ledger.list(filter).await?;
        // newest first; where two were put at once, what was answered counts, and of the answers a refusal
        let usable = rows.into_iter().filter(|row| reusable(row, sought, now));
        Ok(usable.min_by_key(|row| answered_first(row.question.state)))
    }

    /// A bell of its own for who waits, rung whenever the question changes; kept until `forget`. Who begins to listen
    /// must look once.
    pub(crate) fn listen(&self, id: ApprovalId) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        locked(&self.bells)
            .entry(id)
            .or_default()
            .push(bell.clone());
        bell
    }

    pub(crate) fn forget(&self, id: ApprovalId, bell: &Arc<Notify>) {
        let mut bells = locked(&self.bells);
        if let Some(all) = bells.get_mut(&id) {
            all.retain(|one| !Arc::ptr_eq(one, bell));
            if all.is_empty() {
                bells.remove(&id);
            }
        }
    }

    fn ring(&self, id: ApprovalId) {
        for bell in locked(&self.bells).get(&id).into_iter().flatten() {
            bell.notify_one();
        }
    }

    /// Judges a question anew and takes the one step that follows. Judge first, then consume: `standing` is what the
    /// rules say at this moment. A released question is `Used` when this returns, and nobody else gets it.
    pub(crate) async fn settle(
        &self,
        id: ApprovalId,
        standing: &Standing,
        electorate: &Electorate<'_>,
        clock: Moment,
    ) -> Result<(Settled, Row), LedgerError> {
        loop {
            let row = self.ledger.read(id).await?;
            let (next, settled) = match step(&row, standing, electorate, clock) {
                Step::Done(settled) => return Ok((settled, row)),
                Step::Change(next, settled) => (next, settled),
            };
            match self
                .ledger
                .swap(Row {
                    question: *next,
                    ..row
                })
                .await
            {
                Ok(row) => {
                    self.ring(id);
                    return Ok((settled, row));
                }
                Err(LedgerError::Stale(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds a vote. Deny wins: a refusal ends the question at once, even one that was granted and not used yet.
    pub(crate) async fn vote(&self, id: ApprovalId, ballot: &Ballot<'_>) -> Result<Row, VoteError> {
        loop {
            let row = self.ledger.read(id).await?;
            if row.question.digest != ballot.digest {
                return Err(VoteError::OtherDigest(Box::new(row)));
            }
            if row.question.state.is_final() {
                return Err(VoteError::AlreadyDecided(Box::new(row)));
            }
            let vote = (ballot.vote)(&row)?;
            if row.question.state == State::Granted && vote.approve {
                return Err(VoteError::AlreadyDecided(Box::new(row)));
            }
            let question = counted(&row.question, vote, ballot.electorate);
            match self.ledger.swap(Row { question, ..row }).await {
                Ok(row) => {
                    self.ring(id);
                    return Ok(row);
                }
                Err(LedgerError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends a question that was not used yet; `None` where it had ended before.
    pub(crate) async fn end(
        &self,
        id: ApprovalId,
        event: Event,
        ending: Ending<'_>,
    ) -> Result<Option<Row>, LedgerError> {
        loop {
            let row = self.ledger.read(id).await?;
            let Some(state) = approval::transition(row.question.state, event) else {
                return Ok(None);
            };
            let mut question = row.question.clone();
            question.state = state;
            question.ended = Some(Ended {
                at: ending.at,
                by: ending.by.map(str::to_owned),
                why: ending.why.map(str::to_owned),
            });
            match self.ledger.swap(Row { question, ..row }).await {
                Ok(row) => {
                    self.ring(id);
                    return Ok(Some(row));
                }
                Err(LedgerError::Stale(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds what was found out about a question, while it is open.
    pub(crate) async fn add_impact(
        &self,
        id: ApprovalId,
        impact: &Impact,
    ) -> Result<(), LedgerError> {
        loop {
            let row = self.ledger.read(id).await?;
            if row.question.state.is_final() {
                return Ok(());
            }
            let mut question = row.question.clone();
            question.impact = Some(impact.clone());
            match self.ledger.swap(Row { question, ..row }).await {
                Ok(_) => return Ok(()),
                Err(LedgerError::Stale(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Binds a question to the identity, so that a retry may use it until `until`.
    pub(crate) async fn park(&self, id: ApprovalId, until: i64) -> Result<(), LedgerError> {
        loop {
            let row = self.ledger.read(id).await?;
            let mut question = row.question.clone();
            if !matches!(question.binding, Binding::Identity { .. }) {
                question.notes.push(NOBODY_WAITS.to_owned());
            }
            question.binding = Binding::Identity { until };
            question.expires_at = until;
            match self.ledger.swap(Row { question, ..row }).await {
                Ok(_) => return Ok(()),
                Err(LedgerError::Stale(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// What an approver should know of a parked question.
const NOBODY_WAITS: &str = "nobody waits for it: the same sent again before it expires runs, once";

/// The wall clock and whether the monotonic deadline of the hold has passed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: i64,
    pub(crate) overdue: bool,
}

/// A vote to be made once the row is read.
pub(crate) struct Ballot<'a> {
    pub(crate) digest: Digest,
    pub(crate) vote: &'a (dyn Fn(&Row) -> Result<Vote, VoteError> + Send + Sync),
    pub(crate) electorate: &'a Electorate<'a>,
}

#[derive(Debug, thiserror::Error)]
pub enum VoteError {
    #[error("the approval shows another digest than the one decided on")]
    OtherDigest(Box<Row>),
    #[error("the approval was decided already")]
    AlreadyDecided(Box<Row>),
    #[error("not eligible to answer: {0}")]
    NotEligible(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
