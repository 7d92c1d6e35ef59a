//! A forwarded request that is not finished: the only handle through which more of its bytes may pass.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use policy::approval::TextHash;
use policy::operation::Operations;
use recorder::tape::{Moment, RecordMode};
use tokio::sync::Notify;

use crate::failpoint::{self, Step};
use crate::masked::Masked;
use crate::session::Session;

/// Why a session or a request was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum End {
    Killed = 1,
    Locked = 2,
    /// A new policy does not allow it any more.
    Policy = 3,
    /// The gateway is shutting down.
    Drained = 4,
}

impl End {
    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Killed),
            2 => Some(Self::Locked),
            3 => Some(Self::Policy),
            4 => Some(Self::Drained),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Locked => "locked",
            Self::Policy => "policy",
            Self::Drained => "drained",
        }
    }
}

/// A one-way switch that a task can wait for: the first reason stays.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    code: AtomicU8,
    notify: Notify,
}

impl Switch {
    pub(crate) fn end(&self, end: End) {
        let first = self
            .code
            .compare_exchange(0, end as u8, Ordering::SeqCst, Ordering::SeqCst);
        if first.is_ok() {
            self.notify.notify_waiters();
        }
    }

    pub(crate) fn ended(&self) -> Option<End> {
        End::from_code(self.code.load(Ordering::SeqCst))
    }

    async fn wait(&self) -> End {
        loop {
            let notified = self.notify.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if let Some(end) = self.ended() {
                return end;
            }
            notified.await;
        }
    }
}

/// A registered request, as the gate sees it when rules change.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) id: u128,
    pub(crate) switch: Switch,
    /// What is judged again; `None` for the gateway's own messages.
    pub(crate) operations: Option<Arc<Operations>>,
    /// What approvals satisfied for it.
    pub(crate) countersigned: Mutex<Countersigned>,
    /// It lives as long as its session: a drain does not wait for it.
    pub(crate) stays: AtomicBool,
}

/// The policies that were countersigned, by id, with the text that people saw.
pub(crate) type Countersigned = Arc<BTreeMap<String, TextHash>>;

/// The duty to record exactly one outcome once an intent was written. It is registered before the judging, so that a
/// reload either is seen by the judging or sees this; dropped unpaid, it pays `unknown` (or `not_sent`).
pub(crate) struct Duty {
    session: Session,
    live: Arc<Live>,
    stage: Stage,
    owes: bool,
    /// Messages that end things must pass a session that was ended.
    exempt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Registered,
    /// The intent is in the audit log: an outcome is owed.
    Intended,
    /// Its bytes were handed to the upstream's buffer.
    Sent,
    Paid,
}

impl Duty {
    pub(crate) fn register(session: &Session, operations: Option<Arc<Operations>>) -> Self {
        let live = session.register(operations);
        Self {
            session: session.clone(),
            live,
            stage: Stage::Registered,
            owes: true,
            exempt: false,
        }
    }

    /// For what stops a request or says goodbye after the session was ended.
    pub(crate) fn exempt(mut self) -> Self {
        self.exempt = true;
        self
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn id(&self) -> u128 {
        self.live.id
    }

    pub(crate) fn label(&self) -> String {
        format!("{:032x}", self.live.id)
    }

    pub(crate) fn ended(&self) -> Option<End> {
        if self.exempt {
            return None;
        }
        self.live.switch.ended().or_else(|| self.session.ended())
    }

    pub(crate) fn countersigned(&self, policies: Countersigned) {
        *lock(&self.live.countersigned) = policies;
    }

    pub(crate) fn intended(&mut self) {
        self.stage = Stage::Intended;
    }

    /// The intent could not be written: whatever of it reaches the log, the recorder closes itself.
    pub(crate) fn unwritten(mut self) {
        self.session.unregister(self.live.id);
        self.stage = Stage::Paid;
    }

    /// A denial owes no outcome, but what is substituted for it may be sent under it.
    pub(crate) fn denied(&mut self) {
        self.owes = false;
    }

    pub(crate) fn sent(&mut self) {
        self.stage = Stage::Sent;
    }

    pub(crate) fn pay(&mut self, outcome: Outcome) {
        let stage = std::mem::replace(&mut self.stage, Stage::Paid);
        match stage {
            Stage::Paid => {}
            Stage::Registered => self.session.unregister(self.live.id),
            Stage::Intended | Stage::Sent => {
                self.session.unregister(self.live.id);
                if self.owes {
                    self.session.record_outcome(self.live.id, &outcome);
                }
            }
        }
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        let kind = match self.stage {
            Stage::Sent => OutcomeKind::Unknown,
            Stage::Registered | Stage::Intended | Stage::Paid => OutcomeKind::NotSent,
        };
        self.pay(Outcome::of(kind));
    }
}

/// Not generic: the underways of requests, of refusals and of the gateway's own messages stand in one queue.
#[must_use]
pub struct Underway {
    duty: Duty,
    reply_bytes: u64,
}

/// The permission ended while the request was underway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request was ended: {}", .0.as_str())]
pub struct Revoked(pub End);

impl Underway {
    pub(crate) fn new(duty: Duty) -> Self {
        Self {
            duty,
            reply_bytes: 0,
        }
    }

    pub(crate) fn staying(self) -> Self {
        self.duty.live.stays.store(true, Ordering::Relaxed);
        self
    }

    /// A synchronous check before each chunk in either direction.
    pub fn check(&self) -> Result<(), Revoked> {
        match self.duty.ended() {
            None => Ok(()),
            Some(end) => Err(Revoked(end)),
        }
    }

    /// The same of a piece of which more may be at hand: it is on the tape once `Session::recorded` has resolved, which is
    /// to be waited for before anything is written.
    pub fn reply_part(&mut self, bytes: Masked) -> Result<Bytes, Revoked> {
        let bytes = self.uncopied(bytes)?;
        failpoint::pass(Step::Masked);
        self.duty.session.tape().part(self.duty.id(), &bytes);
        failpoint::pass(Step::Taped);
        Ok(bytes)
    }

    /// A piece of the reply on its way to the client: recorded, then let through.
    pub fn reply(&mut self, bytes: Masked) -> Result<Bytes, Revoked> {
        let bytes = self.uncopied(bytes)?;
        failpoint::pass(Step::Masked);
        self.duty
            .session
            .tape()
            .reply(self.duty.id(), &bytes, false);
        failpoint::pass(Step::Taped);
        Ok(bytes)
    }

    /// The same of what goes to standard error.
    pub fn error_reply(&mut self, bytes: Masked) -> Result<Bytes, Revoked> {
        let bytes = self.uncopied(bytes)?;
        self.duty.session.tape().reply(self.duty.id(), &bytes, true);
        Ok(bytes)
    }

    /// The same of what is recorded in figures only: what it was is told as a moment.
    pub fn uncopied(&mut self, bytes: Masked) -> Result<Bytes, Revoked> {
        self.check()?;
        let bytes = bytes.into_bytes();
        self.reply_bytes = self.reply_bytes.saturating_add(bytes.len() as u64);
        Ok(bytes)
    }

    /// Recorded beside the reply. A terminal is told before its first piece: all of it is kept then.
    pub fn tell(&self, moment: Moment) {
        self.duty.session.tape().moment(self.duty.id(), moment);
    }

    /// Of the reply no more is kept than figures and a hash. Said before its first piece.
    pub fn keep_figures(&self) {
        let tape = self.duty.session.tape();
        tape.keep(self.duty.id(), RecordMode::None);
    }

    pub fn revocation(&self) -> Revocation {
        Revocation {
            live: self.duty.live.clone(),
        }
    }

    /// Id of the request in the audit log.
    pub fn id(&self) -> String {
        self.duty.label()
    }

    /// What was countersigned for this request: what belongs to it (the Execute of a Bind, a later fetch) need not ask
    /// again, though it is judged anew.
    pub fn leave(&self) -> Leave {
        let countersigned = lock(&self.duty.live.countersigned).clone();
        Leave {
            session: self.duty.session.0.id,
            countersigned,
        }
    }

    pub fn done(mut self, outcome: Outcome) {
        let outcome = Outcome {
            bytes: outcome.bytes.max(self.reply_bytes),
            ..outcome
        };
        self.duty.pay(outcome);
    }
}

/// The policies that an approval satisfied for a request underway. Only an `Underway` yields one.
#[derive(Debug, Clone)]
pub struct Leave {
    pub(crate) session: u128,
    pub(crate) countersigned: Countersigned,
}

/// A named, owned, cloneable type: a branch of a select beside `&mut Underway`.
#[derive(Clone)]
pub struct Revocation {
    live: Arc<Live>,
}

impl Revocation {
    /// Cancel-safe.
    pub async fn wait(&mut self) -> End {
        self.live.switch.wait().await
    }
}

/// The end of a whole session, as a branch of a select.
#[derive(Clone)]
pub struct SessionEnd {
    pub(crate) switch: Arc<Switch>,
}

impl SessionEnd {
    /// Cancel-safe.
    pub async fn wait(&mut self) -> End {
        self.switch.wait().await
    }
}

/// How a forwarded request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub kind: OutcomeKind,
    pub rows: u64,
    /// Bytes of the reply that reached the client.
    pub bytes: u64,
    /// The protocol's own code of an error: an SQLSTATE, an HTTP status.
    pub code: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    Completed,
    /// The backend refused or failed it.
    Failed,
    /// Permitted, but never handed to the backend.
    NotSent,
    /// A substituted message was refused by the backend, as it should be.
    Refused,
    /// Ended from outside while it ran.
    Revoked,
    /// The client asked to stop it, and the backend did.
    Cancelled,
    /// Nobody knows: the connection or the gateway went away.
    Unknown,
}

impl Outcome {
    pub fn of(kind: OutcomeKind) -> Self {
        Self {
            kind,
            rows: 0,
            bytes: 0,
            code: None,
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
