//! Every order of approve, refuse, expire, withdraw, disconnect and reload, by a model checker that runs this very code:
//! `cargo test --package gate --features shuttle --lib approvals::model`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::approval::{Event, Requirement, State, TextHash, Vote};
use policy::digest::Digest;
use policy::identity::Lineage;
use shuttle::future::{JoinHandle, block_on, spawn};

use super::{Approvals, Ballot, Electorate, Ending, Moment, Settled, Standing, VoteError};
use crate::ledger::{ApprovalId, Binding, Boxed, Filter, Ledger, LedgerError, Question, Row};
use crate::sync::{Mutex, locked};
use crate::testing::MemoryLedger;
use crate::testing::ledger::question;

/// Random schedules of each story.
const SCHEDULES: usize = 3_000;
/// How many preemptions the second scheduler places, where a bug needs few of them.
const DEPTH: usize = 3;

/// Counts how often a question came to an end.
#[derive(Default)]
struct Observed {
    behind: MemoryLedger,
    ends: Mutex<Vec<State>>,
}

impl Ledger for Observed {
    fn ask(&self, question: Question, cap: usize) -> Boxed<'_, Result<Row, LedgerError>> {
        self.behind.ask(question, cap)
    }
    fn read(&self, id: ApprovalId) -> Boxed<'_, Result<Row, LedgerError>> {
        self.behind.read(id)
    }
    fn list(&self, filter: Filter) -> Boxed<'_, Result<Vec<Row>, LedgerError>> {
        self.behind.list(filter)
    }
    fn swap(&self, row: Row) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            let swapped = self.behind.swap(row).await?;
            if swapped.question.state.is_final() {
                locked(&self.ends).push(swapped.question.state);
            }
            Ok(swapped)
        })
    }
    fn withdraw_orphans(&self, holder: &str, at: i64) -> Boxed<'_, Result<usize, LedgerError>> {
        self.behind.withdraw_orphans(holder, at)
    }
}

/// One question, the rules about it, and the time.
struct World {
    approvals: Approvals,
    ledger: Arc<Observed>,
    id: ApprovalId,
    standing: Mutex<Standing>,
    overdue: Mutex<bool>,
}

const DIGEST: u8 = 7;

fn requirement(policy: &str, quorum: u32) -> (String, Requirement) {
    let requirement = Requirement {
        policy: policy.to_owned(),
        groups: BTreeSet::from(["dba".to_owned()]),
        quorum,
        distinct: false,
        owner_may_approve: false,
        timeout_seconds: 300,
        manner: None,
        escalate: Vec::new(),
        message: None,
        on_timeout_approve: false,
        risk_low: false,
        text: TextHash(Digest::from_bytes([1; 32])),
    };
    (policy.to_owned(), requirement)
}

fn asks(quorum: u32) -> BTreeMap<String, Requirement> {
    BTreeMap::from([requirement("p", quorum)])
}

impl World {
    async fn new(binding: Binding, quorum: u32) -> Arc<Self> {
        let ledger = Arc::new(Observed::default());
        let approvals = Approvals::new(ledger.clone());
        let question = Question {
            binding,
            requirements: asks(quorum),
            ..question("ada", DIGEST)
        };
        let row = approvals.ask(question, 20).await.unwrap();
        Arc::new(Self {
            approvals,
            ledger,
            id: row.id,
            standing: Mutex::new(Standing::Asks(asks(quorum))),
            overdue: Mutex::new(false),
        })
    }

    /// What a hold does, with a bell for all that its `wait` listens to.
    async fn wait(self: Arc<Self>) -> Settled {
        let bell = self.approvals.listen(self.id);
        loop {
            let standing = locked(&self.standing).clone();
            let moment = Moment {
                now: 20,
                overdue: *locked(&self.overdue),
            };
            let looked = self
                .approvals
                .settle(self.id, &standing, &electorate(), moment)
                .await;
            match looked.unwrap().0 {
                Settled::Waiting { .. } => bell.notified().await,
                settled => {
                    self.approvals.forget(self.id, &bell);
                    return settled;
                }
            }
        }
    }

    async fn vote(self: Arc<Self>, person: &'static str, approve: bool) -> Result<Row, VoteError> {
        let vote = |row: &Row| {
            let requirements = row.question.requirements.values();
            Ok(Vote {
                person: person.to_owned(),
                lineage: Lineage(person.to_owned()),
                address: None,
                at: 15,
                answers: requirements
                    .map(|one| (one.policy.clone(), one.text))
                    .collect(),
                approve,
                reason: None,
                automatic: false,
            })
        };
        let electorate = electorate();
        let digest = Digest::from_bytes([DIGEST; 32]);
        self.approvals
            .vote(
                self.id,
                &Ballot {
                    digest,
                    vote: &vote,
                    electorate: &electorate,
                },
            )
            .await
    }

    async fn expire(self: Arc<Self>) {
        *locked(&self.overdue) = true;
        self.approvals.ring(self.id);
    }

    async fn withdraw(self: Arc<Self>) {
        let ending = Ending {
            at: 16,
            by: None,
            why: Some("client gone"),
        };
        self.approvals
            .end(self.id, Event::Withdrawn, ending)
            .await
            .unwrap();
    }

    async fn reload(self: Arc<Self>, standing: Standing) {
        *locked(&self.standing) = standing;
        self.approvals.ring(self.id);
    }

    /// One end, and it is the one that was told.
    async fn ended(&self, told: &[Settled]) {
        let ends = locked(&self.ledger.ends).clone();
        assert_eq!(ends.len(), 1, "{ends:?}");
        let state = self.approvals.read(self.id).await.unwrap().question.state;
        assert_eq!(state, ends[0]);
        let count = |which: fn(&Settled) -> bool| told.iter().filter(|one| which(one)).count();
        let released = count(|one| matches!(one, Settled::Released));
        assert_eq!(released, usize::from(state == State::Used), "{told:?}");
        let refused = count(|one| matches!(one, Settled::Refused));
        assert!(refused == 0 || state == State::Refused, "{told:?}");
    }
}

fn electorate() -> Electorate<'static> {
    Electorate {
        groups: &|_| BTreeSet::from(["dba".to_owned()]),
        may: &|_, _, _| true,
    }
}

fn session() -> Binding {
    Binding::Session("s".to_owned())
}

async fn joined<T: 'static>(task: JoinHandle<T>) -> T {
    task.await.unwrap()
}

fn check(story: fn()) {
    shuttle::check_random(story, SCHEDULES);
    shuttle::check_pct(story, SCHEDULES, DEPTH);
}

#[test]
fn approve_against_refuse() {
    check(|| {
        block_on(async {
            let world = World::new(session(), 1).await;
            let waiting = spawn(world.clone().wait());
            let yes = spawn(world.clone().vote("grace", true));
            let no = spawn(world.clone().vote("heidi", false));
            let (told, yes, no) = (joined(waiting).await, joined(yes).await, joined(no).await);
            // a refusal that was taken wins, whatever was granted before
            assert_eq!(
                no.is_ok(),
                matches!(told, Settled::Refused),
                "{told:?} {yes:?}"
            );
            world.ended(&[told]).await;
        });
    });
}

#[test]
fn approve_against_expire_and_withdraw() {
    check(|| {
        block_on(async {
            let world = World::new(session(), 1).await;
            let waiting = spawn(world.clone().wait());
            let late = spawn(world.clone().expire());
            let gone = spawn(world.clone().withdraw());
            let yes = spawn(world.clone().vote("grace", true));
            joined(late).await;
            joined(gone).await;
            drop(joined(yes).await);
            world.ended(&[joined(waiting).await]).await;
        });
    });
}

#[test]
fn every_one_against_every_other() {
    check(|| {
        block_on(async {
            let world = World::new(session(), 2).await;
            let waiting = spawn(world.clone().wait());
            let votes = [
                spawn(world.clone().vote("grace", true)),
                spawn(world.clone().vote("bob", true)),
                spawn(world.clone().vote("heidi", false)),
            ];
            let reload = spawn(world.clone().reload(Standing::Asks(asks(1))));
            let late = spawn(world.clone().expire());
            let gone = spawn(world.clone().withdraw());
            let [_, _, no] = votes;
            let no = joined(no).await;
            joined(reload).await;
            joined(late).await;
            joined(gone).await;
            let told = joined(waiting).await;
            assert!(no.is_err() || !matches!(told, Settled::Released));
            world.ended(&[told]).await;
        });
    });
}

#[test]
fn reloads_against_an_approval() {
    check(|| {
        block_on(async {
            let world = World::new(session(), 1).await;
            let waiting = spawn(world.clone().wait());
            let yes = spawn(world.clone().vote("grace", true));
            let more = spawn(world.clone().reload(Standing::Asks(asks(2))));
            let deny = spawn(world.clone().reload(Standing::Denied));
            drop(joined(yes).await);
            joined(more).await;
            joined(deny).await;
            // whichever came last is in force; a second vote and the time end what is left
            drop(joined(spawn(world.clone().vote("bob", true))).await);
            joined(spawn(world.clone().expire())).await;
            world.ended(&[joined(waiting).await]).await;
        });
    });
}

#[test]
fn a_grown_quorum_is_not_released_by_the_smaller_one() {
    check(|| {
        block_on(async {
            let world = World::new(session(), 1).await;
            // the rules changed before anybody voted
            world.clone().reload(Standing::Asks(asks(2))).await;
            let waiting = spawn(world.clone().wait());
            let one = joined(spawn(world.clone().vote("grace", true))).await;
            assert!(one.is_ok());
            let early = locked(&world.ledger.ends).clone();
            assert!(early.is_empty(), "{early:?}");
            // it may have been granted for the smaller quorum before it grew: then the second vote comes in again
            while joined(spawn(world.clone().vote("bob", true)))
                .await
                .is_err()
                && locked(&world.ledger.ends).is_empty()
            {
                shuttle::future::yield_now().await;
            }
            let told = joined(waiting).await;
            assert!(matches!(told, Settled::Released), "{told:?}");
            world.ended(&[told]).await;
        });
    });
}

#[test]
fn rules_that_allow_against_an_approval() {
    check(|| {
        block_on(async {
            let world = World::new(session(), 1).await;
            let waiting = spawn(world.clone().wait());
            let yes = spawn(world.clone().vote("grace", true));
            let allow = spawn(world.clone().reload(Standing::Allowed));
            drop(joined(yes).await);
            joined(allow).await;
            let told = joined(waiting).await;
            assert!(
                matches!(told, Settled::Released | Settled::Unneeded),
                "{told:?}"
            );
            world.ended(&[told]).await;
        });
    });
}

#[test]
fn two_that_wait_for_one_parked_question() {
    check(|| {
        block_on(async {
            let world = World::new(Binding::Identity { until: 1000 }, 1).await;
            let first = spawn(world.clone().wait());
            let second = spawn(world.clone().wait());
            let yes = spawn(world.clone().vote("grace", true));
            let no = spawn(world.clone().vote("heidi", false));
            drop(joined(yes).await);
            drop(joined(no).await);
            world
                .ended(&[joined(first).await, joined(second).await])
                .await;
        });
    });
}

#[test]
fn a_client_that_goes_while_it_is_released() {
    check(|| {
        block_on(async {
            let world = World::new(session(), 1).await;
            let waiting = spawn(world.clone().wait());
            let yes = spawn(world.clone().vote("grace", true));
            // dropped wherever it is, and withdrawn as the house does it
            waiting.abort();
            joined(spawn(world.clone().withdraw())).await;
            drop(joined(yes).await);
            drop(waiting.await);
            let ends = locked(&world.ledger.ends).clone();
            assert_eq!(ends.len(), 1, "{ends:?}");
            assert!(
                matches!(ends[0], State::Withdrawn | State::Used),
                "{ends:?}"
            );
        });
    });
}
