//! The door itself: what a listener is handed, and what administration asks of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use policy::approval::{Event, Requirement};
use policy::identity::Identity;
use policy::operation::{Effect, Operation};
use policy::target::Target;
use policy::verdict::Judged;
use policy::vocabulary::Vocabulary;
use recorder::Audit;
use recorder::tape::{RecordMode, Tapes};
use tokio::sync::{mpsc, watch};

use crate::approvals::{Approvals, Electorate, Ending, Moment, Settled, Standing};
use crate::desk::{Voted, votable};
use crate::directory::Directory;
use crate::ledger::{ApprovalId, Ledger, LedgerError};
use crate::login::{Authenticated, Failures, derive_login_secret};
use crate::metrics::Metrics;
use crate::record::{Closed, Log};
use crate::request::Fingerprint;
use crate::rules::{InForce, Rules};
use crate::session::{Session, SessionState};
use crate::tape::{Label, Tape};
use crate::underway::{End, lock};

/// Pure face handed to every protocol; cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<State>);

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
        Self { questions_per_identity: 20 }
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
        since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

struct State {
    boot: u128,
    boot_label: String,
    counter: AtomicU64,
    vocabulary: Arc<Vocabulary>,
    rules: InForce,
    directory: Arc<dyn Directory>,
    approvals: Approvals,
    log: Log,
    tapes: Option<Tapes>,
    record: RecordMode,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    limits: Limits,
    login_secret: [u8; 32],
    failures: Failures,
    sessions: Mutex<HashMap<u128, Weak<SessionState>>>,
    draining: AtomicBool,
    chores: mpsc::UnboundedSender<Chore>,
    questions: watch::Sender<u64>,
    blank: Fingerprint,
}

/// What must be done after somebody let go, by the one task that owns such things.
enum Chore {
    /// The client of a held request is gone.
    Withdraw(Session, ApprovalId),
    /// The last clone of a session is gone.
    Close(Closed, Tape),
    /// Tells when all before it is done.
    Done(tokio::sync::oneshot::Sender<()>),
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
}

/// Why no session was opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    #[error("`{0}` is locked")]
    Locked(String),
    #[error(transparent)]
    Fault(#[from] crate::decision::Fault),
}

/// Whom a lock or a revocation is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "name")]
pub enum Whom {
    User(String),
    Token(String),
    Target(String),
    Session(String),
}

/// An open session as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SessionInfo {
    pub id: String,
    pub identity: String,
    pub target: String,
    pub protocol: String,
    pub address: IpAddr,
    pub client: String,
    /// Unix seconds.
    pub opened_at: i64,
    pub requests: u64,
}

impl Gate {
    /// Must be called within a tokio runtime: one task of the gate's own does what is left when holds and sessions are
    /// dropped. Withdraws what an earlier boot left open.
    pub async fn start(parts: Parts) -> Result<Self, LedgerError> {
        let boot = u128::from_be_bytes(random()) & (u128::MAX << 64);
        let (chores, work) = mpsc::unbounded_channel();
        let clock = parts.clock.clone();
        let boot_label = crate::record::label(boot);
        parts.ledger.withdraw_orphans(&boot_label, clock.now() / 1_000_000_000).await?;
        let gate = Self(Arc::new(State {
            boot,
            boot_label,
            counter: AtomicU64::new(1),
            vocabulary: parts.vocabulary,
            rules: InForce::new(parts.rules),
            directory: parts.directory,
            approvals: Approvals::new(parts.ledger),
            log: Log::new(parts.audit),
            tapes: parts.tapes,
            record: parts.record,
            clock: parts.clock,
            metrics: parts.metrics,
            limits: parts.limits,
            login_secret: derive_login_secret(&parts.seed),
            failures: Failures::default(),
            sessions: Mutex::new(HashMap::new()),
            draining: AtomicBool::new(false),
            chores,
            questions: watch::Sender::new(0),
            blank: Fingerprint::of(&[]),
        }));
        tokio::spawn(keep_house(work, Arc::downgrade(&gate.0)));
        let now = gate.now();
        let booted = gate.log().boot(boot, gate.revision(), now).await;
        booted.map_err(LedgerError::Unavailable)?;
        Ok(gate)
    }

    /// Opens a session; reaching the target is asked with `Connect`.
    pub async fn open(&self, who: Authenticated, about: About) -> Result<Session, NotOpened> {
        if self.draining() {
            return Err(crate::decision::Fault::Draining.into());
        }
        if self.0.directory.target_locked(&about.target.name) {
            return Err(NotOpened::Locked(about.target.name));
        }
        let About { protocol, target, reason, client } = about;
        let identity = who.into_identity();
        let id = self.next_id();
        let label = Label { session: id, identity: &identity, target: &target };
        let clock = self.0.clock.clone();
        let started = Tape::start(self.0.tapes.as_ref(), self.0.record, clock, label).await;
        let tape = started.map_err(crate::decision::Fault::AuditUnwritable)?;
        let opening = Opening { protocol, identity, target, reason, client };
        let session = Session::new(self.clone(), id, opening, tape);
        lock(&self.0.sessions).insert(id, Arc::downgrade(&session.0));
        self.metrics().opened(protocol);
        // whatever was locked while this was on its way is seen here, or sees this
        if self.refreshed(&session.identity()).is_none() {
            return Err(NotOpened::Locked(session.identity().name.clone()));
        }
        if self.0.directory.target_locked(&session.target().name) {
            return Err(NotOpened::Locked(session.target().name.clone()));
        }
        let opened = self.log().opened(&session).await;
        opened.map_err(crate::decision::Fault::AuditUnwritable)?;
        self.0.directory.opened(&info(&session));
        Ok(session)
    }

    /// Puts other rules in force; what is open is judged again at once, without the protocols' help.
    pub async fn reload(&self, rules: Rules) {
        self.0.rules.replace(rules);
        self.review();
        let _ = self.log().reload(self.revision(), true, self.now()).await;
    }

    /// A reload that failed: the rules in force stay.
    pub async fn reload_failed(&self) {
        let _ = self.log().reload(self.revision(), false, self.now()).await;
    }

    /// Groups, tokens, locks or targets changed: verdicts are void, and what is open is judged again.
    pub fn directory_changed(&self) {
        self.0.rules.raise();
        self.review();
    }

    fn review(&self) {
        for session in self.live() {
            session.review();
            if self.0.directory.target_locked(&session.target().name) {
                session.0.end(End::Locked);
            }
        }
    }

    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.live().iter().map(info).collect()
    }

    /// Ends the client's connection and what runs for it; `false` where there is no such session.
    pub fn kill(&self, session: &str) -> bool {
        let found = self.live().into_iter().find(|live| live.id() == session);
        found.as_ref().inspect(|session| session.0.end(End::Killed)).is_some()
    }

    /// Ends the sessions of somebody, or of something, that was locked or revoked. Returns how many.
    pub fn revoke(&self, whom: &Whom) -> usize {
        let matching: Vec<Session> = self
            .live()
            .into_iter()
            .filter(|session| {
                let identity = session.identity();
                match whom {
                    Whom::User(name) => identity.name == *name,
                    Whom::Token(id) => identity.credential.id == *id,
                    Whom::Target(name) => session.target().name == *name,
                    Whom::Session(id) => session.id() == *id,
                }
            })
            .collect();
        for session in &matching {
            session.0.end(End::Locked);
        }
        matching.len()
    }

    /// Refuses what is new, ends idle sessions at once, and the rest when `within` has passed.
    pub async fn drain(&self, within: Duration) {
        self.0.draining.store(true, Ordering::SeqCst);
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let live = self.live();
            if live.is_empty() {
                break;
            }
            let late = tokio::time::Instant::now() >= deadline;
            for session in live.iter().filter(|session| late || session.0.idle()) {
                session.0.end(End::Drained);
            }
            drop(live);
            if late {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.settled().await;
    }

    /// Resolves when what was dropped before this call has been withdrawn and sealed.
    pub async fn settled(&self) {
        let (done, wait) = tokio::sync::oneshot::channel();
        if self.0.chores.send(Chore::Done(done)).is_ok() {
            let _ = wait.await;
        }
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

    pub(crate) fn questions_changed(&self) {
        self.0.questions.send_modify(|count| *count += 1);
    }

    fn live(&self) -> Vec<Session> {
        lock(&self.0.sessions).values().filter_map(Weak::upgrade).map(Session).collect()
    }

    pub(crate) fn closed(&self, state: &SessionState, requests: u64, tape: Tape) {
        lock(&self.0.sessions).remove(&state.id);
        self.metrics().closed(state.protocol);
        // fails only when the gate's own task is gone, and with it the audit log
        let _ = self.0.chores.send(Chore::Close(Closed::of(state, requests), tape));
    }

    pub(crate) fn withdraw(&self, session: Session, id: ApprovalId) {
        let _ = self.0.chores.send(Chore::Withdraw(session, id));
    }

    /// One look at a question, by the rules and groups of this moment.
    pub(crate) async fn settle(
        &self,
        id: ApprovalId,
        standing: &Standing,
        clock: Moment,
    ) -> Result<Settled, LedgerError> {
        let row = self.0.approvals.read(id).await?;
        let groups = |person: &str| self.groups_of(person);
        let may = |requirement: &Requirement, person: &str| {
            votable(self, &row, requirement, Voted { person, cast: None }).is_ok()
        };
        let electorate = Electorate { groups: &groups, may: &may };
        self.0.approvals.settle(id, standing, &electorate, clock).await
    }

    /// The requirements of the policies that ask, as they stand in the rules of this moment.
    pub(crate) fn requirements(&self, judged: &Judged) -> BTreeMap<String, Requirement> {
        let rules = self.0.rules.now();
        let asks: &BTreeSet<String> = &judged.overall.asks;
        asks.iter()
            .filter_map(|id| Some((id.clone(), rules.rules.policies.requirement(id)?.clone())))
            .collect()
    }

    pub(crate) fn effect(&self, operation: &Operation) -> Effect {
        self.0.vocabulary.effect(&operation.action).unwrap_or(Effect::Unknown)
    }

    pub(crate) fn next_id(&self) -> u128 {
        self.0.boot | u128::from(self.0.counter.fetch_add(1, Ordering::Relaxed))
    }

    pub fn now(&self) -> i64 {
        self.0.clock.now()
    }

    pub fn draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// The revision of the policies in force.
    pub fn revision(&self) -> String {
        self.0.rules.now().rules.policies.revision().to_string()
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

/// Withdraws and seals, one after the other; ends when the gate is gone.
async fn keep_house(mut work: mpsc::UnboundedReceiver<Chore>, gate: Weak<State>) {
    while let Some(chore) = work.recv().await {
        let Some(state) = gate.upgrade() else { return };
        let gate = Gate(state);
        match chore {
            Chore::Withdraw(session, id) => withdraw(&gate, &session, id).await,
            Chore::Close(closed, tape) => {
                let sealed = tape.seal().await;
                let digest = sealed.as_ref().map(|tape| hex(&tape.digest));
                let session = crate::record::label(closed.session);
                gate.0.directory.closed(&session, gate.now() / 1_000_000_000, digest);
                gate.log().closed(closed, sealed, gate.now());
            }
            Chore::Done(done) => {
                // the one who asked may have given up
                let _ = done.send(());
            }
        }
    }
}

async fn withdraw(gate: &Gate, session: &Session, id: ApprovalId) {
    let ending = Ending { at: gate.now() / 1_000_000_000, by: None, why: Some("client gone") };
    let ended = crate::hold::in_time(gate.0.approvals.end(id, Event::Withdrawn, ending)).await;
    if matches!(ended, Ok(true))
        && let Ok(row) = crate::hold::in_time(gate.0.approvals.read(id)).await
    {
        let event = recorder::entry::ApprovalEvent::Withdrawn;
        let _ = gate.log().approval(session, &row, event, None).await;
    }
    gate.questions_changed();
}

fn info(session: &Session) -> SessionInfo {
    let identity = session.identity();
    SessionInfo {
        id: session.id(),
        identity: identity.label(),
        target: session.target().name.clone(),
        protocol: session.0.protocol.to_owned(),
        address: identity.address,
        client: session.0.client.clone(),
        opened_at: session.0.opened_at / 1_000_000_000,
        requests: session.requests(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // fails only where the kernel has no randomness at all; ids are then merely predictable
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes
}
