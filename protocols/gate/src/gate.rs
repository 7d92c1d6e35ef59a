//! The door itself: what a listener is handed.

mod control;
mod house;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use policy::approval::State;
use policy::identity::{Credential, Identity};
use policy::operation::{Effect, Operation};
use policy::target::Target;
use policy::vocabulary::Vocabulary;
use recorder::Audit;
use recorder::tape::{RecordMode, Tapes};
use tokio::sync::{mpsc, watch};

use crate::approvals::Approvals;
use crate::directory::Directory;
use crate::failpoint::{self, Step};
use crate::ledger::{Binding, Filter, Ledger, LedgerError};
use crate::login::{Authenticated, Failures, derive_login_secret};
use crate::metrics::Metrics;
use crate::record::Log;
use crate::request::Fingerprint;
use crate::rules::{InForce, Rules};
use crate::session::{Session, SessionState};
use crate::tape::{Label, Tape};
use crate::underway::lock;
pub use control::{SessionInfo, Whom};
use house::{Chore, House};

/// Pure face handed to every protocol; cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

/// What a gate is made of.
pub struct Parts {
    pub vocabulary: Arc<Vocabulary>,
    pub rules: Rules,
    pub directory: Arc<dyn Directory>,
    pub ledger: Arc<dyn Ledger>,
    pub audit: Audit,
    /// `None` where nothing is taped.
    pub tapes: Option<Tapes>,
    pub record: RecordMode,
    pub clock: Arc<dyn Clock>,
    pub metrics: Metrics,
    pub limits: Limits,
    /// Stays the same over restarts; what is derived from it cannot be guessed.
    pub seed: Vec<u8>,
}

/// Caps of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open questions per identity.
    pub questions_per_identity: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            questions_per_identity: 20,
        }
    }
}

/// The wall clock, exchanged in tests. Deadlines use the monotonic clock instead.
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since 1970-01-01 UTC.
    fn now(&self) -> i64;
}

pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| {
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        })
    }
}

struct Inner {
    boot: u128,
    boot_label: String,
    counter: AtomicU64,
    vocabulary: Arc<Vocabulary>,
    rules: InForce,
    directory: Arc<dyn Directory>,
    approvals: Arc<Approvals>,
    log: Arc<Log>,
    tapes: Option<Tapes>,
    record: RecordMode,
    /// Of targets that say so themselves.
    records: Mutex<HashMap<String, RecordMode>>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    limits: Limits,
    login_secret: [u8; 32],
    failures: Failures,
    sessions: Mutex<HashMap<u128, Weak<SessionState>>>,
    draining: watch::Sender<bool>,
    chores: mpsc::UnboundedSender<Chore>,
    questions: Arc<watch::Sender<u64>>,
    blank: Fingerprint,
}

/// What a protocol knows of a session when it opens one.
pub struct About {
    pub protocol: &'static str,
    pub target: Target,
    /// Why, in the client's own words: untrusted.
    pub reason: Option<String>,
    /// What the client calls itself: untrusted.
    pub client: String,
}

pub(crate) struct Opening {
    pub(crate) protocol: &'static str,
    pub(crate) identity: Identity,
    pub(crate) target: Target,
    pub(crate) reason: Option<String>,
    pub(crate) client: String,
    /// Unix seconds: the credential says that it ends then.
    pub(crate) until: Option<i64>,
    /// What proved the identity besides its credential.
    pub(crate) beside: Vec<Credential>,
}

/// Why no session was opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    #[error("`{0}` is locked")]
    Locked(String),
    #[error(transparent)]
    Fault(#[from] crate::decision::Fault),
}

impl Gate {
    /// Must be called within a tokio runtime: one task of the gate's own does what is left when holds and sessions are
    /// dropped. Withdraws what an earlier boot left open.
    pub async fn start(parts: Parts) -> Result<Self, LedgerError> {
        // ids rest on it: without randomness they would come again after a restart
        let boot = random().ok_or_else(|| LedgerError::Unavailable("no randomness".into()))?;
        let boot = u128::from_be_bytes(boot) & (u128::MAX << 64);
        let (chores, work) = mpsc::unbounded_channel();
        let clock = parts.clock.clone();
        let boot_label = crate::record::label(boot);
        let ledger = parts.ledger.clone();
        let house = House {
            approvals: Arc::new(Approvals::new(parts.ledger)),
            log: Arc::new(Log::new(parts.audit)),
            directory: parts.directory.clone(),
            clock,
            questions: Arc::new(watch::Sender::new(0)),
        };
        let gate = Self(Arc::new(Inner {
            boot,
            boot_label,
            counter: AtomicU64::new(1),
            vocabulary: parts.vocabulary,
            rules: InForce::new(parts.rules),
            directory: parts.directory,
            approvals: house.approvals.clone(),
            log: house.log.clone(),
            tapes: parts.tapes,
            record: parts.record,
            records: Mutex::default(),
            clock: parts.clock,
            metrics: parts.metrics,
            limits: parts.limits,
            login_secret: derive_login_secret(&parts.seed),
            failures: Failures::default(),
            sessions: Mutex::new(HashMap::new()),
            draining: watch::Sender::new(false),
            chores,
            questions: house.questions.clone(),
            blank: Fingerprint::of(&[]),
        }));
        tokio::spawn(house.keep(work));
        let now = gate.now();
        let booted = gate.log().boot(boot, gate.revision(), now).await;
        booted.map_err(LedgerError::Unavailable)?;
        gate.end_orphans(&*ledger).await?;
        Ok(gate)
    }

    /// What an earlier boot held ends here: recorded first, so that a crash in between at most says it twice.
    async fn end_orphans(&self, ledger: &dyn Ledger) -> Result<(), LedgerError> {
        let now = self.now();
        for state in [State::Asked, State::Granted] {
            let filter = Filter {
                state: Some(state),
                ..Filter::default()
            };
            for row in ledger.list(filter).await? {
                let question = &row.question;
                let live = matches!(question.binding, Binding::Session(_));
                if live && question.holder != self.boot() {
                    let recorded = self.log().orphaned(&row, self.next_id(), now).await;
                    recorded.map_err(LedgerError::Unavailable)?;
                }
            }
        }
        ledger
            .withdraw_orphans(self.boot(), now / 1_000_000_000)
            .await?;
        Ok(())
    }

    /// Opens a session; reaching the target is asked with `Connect`.
    pub async fn open(&self, who: Authenticated, about: About) -> Result<Session, NotOpened> {
        self.admits(&about.target)?;
        let About {
            protocol,
            target,
            reason,
            client,
        } = about;
        let (identity, until, beside) = who.into_parts();
        let id = self.next_id();
        let label = Label {
            session: id,
            identity: &identity,
            target: &target,
        };
        let clock = self.0.clock.clone();
        let mode = self.record(&target.name);
        let started = Tape::start(self.0.tapes.as_ref(), mode, clock, label).await;
        let tape = started.map_err(crate::decision::Fault::AuditUnwritable)?;
        let opening = Opening {
            protocol,
            identity,
            target,
            reason,
            client,
            until,
            beside,
        };
        let session = Session::new(self.clone(), id, opening, tape);
        lock(&self.0.sessions).insert(id, Arc::downgrade(&session.0));
        self.metrics().opened(protocol);
        // whatever was locked, changed or drained while this was on its way is seen here, or sees this
        session.review();
        self.admits(session.target())?;
        if session.ended().is_some() {
            return Err(NotOpened::Locked(session.identity().name.clone()));
        }
        session.0.announced.store(true, Ordering::Relaxed);
        let opened = self.log().opened(&session).await;
        opened.map_err(crate::decision::Fault::AuditUnwritable)?;
        self.end_with_credential(&session);
        self.0.directory.opened(&control::info(&session));
        failpoint::pass(Step::Opened);
        Ok(session)
    }

    /// How much is kept of answers of these targets, in sessions that are opened from now on.
    pub fn records(&self, records: HashMap<String, RecordMode>) {
        *lock(&self.0.records) = records;
    }

    fn record(&self, target: &str) -> RecordMode {
        let records = lock(&self.0.records);
        records.get(target).copied().unwrap_or(self.0.record)
    }

    /// Whether anything may begin at this target now.
    fn admits(&self, target: &Target) -> Result<(), NotOpened> {
        if self.draining() {
            return Err(crate::decision::Fault::Draining.into());
        }
        if self.0.directory.target_locked(&target.name) {
            return Err(NotOpened::Locked(target.name.clone()));
        }
        Ok(())
    }

    pub fn audit(&self) -> &Audit {
        self.0.log.audit()
    }

    pub fn tapes(&self) -> Option<&Tapes> {
        self.0.tapes.as_ref()
    }

    /// Changes whenever a question is asked or answered.
    pub fn questions(&self) -> watch::Receiver<u64> {
        self.0.questions.subscribe()
    }

    /// A question was asked: whoever shows questions looks again.
    pub(crate) fn questions_changed(&self) {
        self.0.questions.send_modify(|count| *count += 1);
    }

    pub(crate) fn effect(&self, operation: &Operation) -> Effect {
        self.0
            .vocabulary
            .effect(&operation.action)
            .unwrap_or(Effect::Unknown)
    }

    pub(crate) fn next_id(&self) -> u128 {
        self.0.boot | u128::from(self.0.counter.fetch_add(1, Ordering::Relaxed))
    }

    pub fn now(&self) -> i64 {
        self.0.clock.now()
    }

    pub fn draining(&self) -> bool {
        *self.0.draining.borrow()
    }

    /// Resolves when the gateway begins to shut down: for connections that have no session yet. Cancel-safe.
    pub async fn drains(&self) {
        let mut draining = self.0.draining.subscribe();
        // fails only where the gate is gone, which is this value's own
        let _ = draining.wait_for(|draining| *draining).await;
    }

    /// The revision of the policies in force.
    pub fn revision(&self) -> String {
        self.0.rules.now().revision.clone()
    }

    pub(crate) fn rules(&self) -> &InForce {
        &self.0.rules
    }

    pub(crate) fn log(&self) -> &Log {
        &self.0.log
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.limits
    }

    pub(crate) fn approvals_inner(&self) -> &Approvals {
        &self.0.approvals
    }

    pub(crate) fn directory(&self) -> &dyn Directory {
        &*self.0.directory
    }

    pub(crate) fn failures(&self) -> &Failures {
        &self.0.failures
    }

    pub(crate) fn login_secret(&self) -> &[u8] {
        &self.0.login_secret
    }

    pub(crate) fn boot(&self) -> &str {
        &self.0.boot_label
    }

    pub(crate) fn blank(&self) -> Fingerprint {
        self.0.blank.clone()
    }
}

fn random() -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(bytes)
}
