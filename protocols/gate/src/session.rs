//! One identity at one target over one connection: where requests are registered, judged and recorded.

mod conclude;
mod connect;
mod judge;
mod pause;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use policy::identity::{Credential, Identity};
use policy::operation::Operations;
use policy::target::Target;
use tokio::task::AbortHandle;

use crate::approvals::Standing;
use crate::decision::{Decision, Fault, Own, Permitted, Purpose, Reason};
use crate::failpoint::{self, Step};
use crate::gate::{Gate, Opening};
use crate::hold::Asking;
use crate::record::{self, Decided, Log};
use crate::request::{self, Fingerprint, Request};
use crate::rules::Mask;
use crate::tape::Tape;
use crate::underway::{Countersigned, Duty, End, Leave, Live, Outcome, SessionEnd, Switch, lock};
pub(crate) use conclude::Granted;
pub use connect::Connect;
use judge::Verdicts;
use pause::Pause;
pub use pause::{NotPaused, Paused};

/// Cheap to clone; the tape is sealed when the last clone goes.
#[derive(Clone)]
pub struct Session(pub(crate) Arc<SessionState>);

pub(crate) struct SessionState {
    pub(crate) gate: Gate,
    pub(crate) id: u128,
    pub(crate) protocol: &'static str,
    identity: Mutex<Arc<Identity>>,
    pub(crate) target: Target,
    /// Of requests that bring none of their own.
    pub(crate) reason: Option<String>,
    pub(crate) client: String,
    pub(crate) opened_at: i64,
    /// Unix seconds: what its credential says of its own end.
    pub(crate) until: Option<i64>,
    /// What proved its identity besides; it ends with any of them.
    pub(crate) beside: Vec<Credential>,
    pub(crate) switch: Arc<Switch>,
    live: Mutex<HashMap<u128, Arc<Live>>>,
    verdicts: Mutex<Verdicts>,
    mask: Mutex<Option<Arc<Mask>>>,
    tape: Tape,
    requests: AtomicU64,
    /// Its opening is in the audit log: so must be its end.
    pub(crate) announced: AtomicBool,
    /// What ends it when its credential expires.
    expiry: OnceLock<AbortHandle>,
    pub(crate) pause: Pause,
}

impl Session {
    pub(crate) fn new(gate: Gate, id: u128, opening: Opening, tape: Tape) -> Self {
        let opened_at = gate.now();
        Self(Arc::new(SessionState {
            gate,
            id,
            protocol: opening.protocol,
            identity: Mutex::new(Arc::new(opening.identity)),
            target: opening.target,
            reason: opening.reason,
            client: opening.client,
            opened_at,
            until: opening.until,
            beside: opening.beside,
            switch: Arc::new(Switch::default()),
            live: Mutex::new(HashMap::new()),
            verdicts: Mutex::new(Verdicts::default()),
            mask: Mutex::new(None),
            tape,
            requests: AtomicU64::new(0),
            announced: AtomicBool::new(false),
            expiry: OnceLock::new(),
            pause: Pause::default(),
        }))
    }

    /// 32 hexadecimal digits, the same in the audit log, the tape's name and the API.
    pub fn id(&self) -> String {
        record::label(self.0.id)
    }

    /// As of now: groups change while a session lives.
    pub fn identity(&self) -> Arc<Identity> {
        lock(&self.0.identity).clone()
    }

    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// Resolves when the session is killed, locked or drained.
    pub fn end(&self) -> SessionEnd {
        SessionEnd {
            switch: self.0.switch.clone(),
        }
    }

    pub fn ended(&self) -> Option<End> {
        self.0.switch.ended()
    }

    /// Judges a request: the one way to a permit.
    pub async fn authorize<R: Request>(&self, request: R) -> Decision<R> {
        self.decide(request, Countersigned::default()).await
    }

    /// Judges anew what belongs to a request underway; asks only what that one's approval does not cover.
    pub async fn authorize_within<R: Request>(&self, within: &Leave, request: R) -> Decision<R> {
        // what was countersigned for another session says nothing here
        let covered = if within.session == self.0.id {
            within.countersigned.clone()
        } else {
            Countersigned::default()
        };
        self.decide(request, covered).await
    }

    async fn decide<R: Request>(&self, request: R, covered: Countersigned) -> Decision<R> {
        if self.0.gate.draining() {
            return Decision::Fault(request, Fault::Draining);
        }
        failpoint::pass(Step::Read);
        let operations = match request.operations().await {
            Ok(operations) => operations,
            Err(unclear) => return self.deny(request, None, Reason::Unclear(unclear)).await,
        };
        // registered, with what covers it, before it is judged: a reload sees this or is seen by it
        let duty = Duty::register(self, Some(operations.clone()));
        duty.countersigned(covered.clone());
        failpoint::pass(Step::Registered);
        if let Some(end) = duty.ended() {
            return self
                .deny(request, Some(&operations), Reason::Revoked(end))
                .await;
        }
        let (judged, standing) = self.weigh(&operations, &covered);
        failpoint::pass(Step::Judged);
        match standing {
            Standing::Allowed => {
                self.permit(
                    request,
                    duty,
                    Granted {
                        operations,
                        judged,
                        approval: None,
                        used: false,
                    },
                )
                .await
            }
            Standing::Asks(left) => {
                drop(duty);
                let asking = Asking {
                    request,
                    operations,
                    covered,
                };
                // apart: few requests are held, and each session would have the room for it in its task
                Box::pin(self.ask(asking, left)).await
            }
            Standing::Denied => {
                self.deny(request, Some(&operations), Reason::of(&judged))
                    .await
            }
        }
    }

    /// Permits what the gateway sends on its own account; recorded like any other.
    pub async fn own(&self, purpose: Purpose, wire: Vec<Bytes>) -> Result<Permitted<Own>, Fault> {
        let request = Own {
            wire,
            purpose,
            meaning: self.blank(),
        };
        let mut duty = Duty::register(self, None);
        if matches!(purpose, Purpose::Cancel | Purpose::Framing) {
            duty = duty.exempt();
        }
        let decided = Decided {
            request: duty.id(),
            digest: request::digest(&request, "gateway", &self.0.target.name),
            actor: format!("gateway:{}", purpose.as_str()),
            operations: Arc::default(),
            verdict: "allow",
            reason: "own",
            policies: Vec::new(),
            approval: None,
            summary: "",
        };
        duty.intended();
        let appended = self.log().decided(self, decided, record::Wait::Written);
        match appended.await {
            Ok(()) => Ok(Permitted { request, duty }),
            Err(why) => {
                duty.unwritten();
                Err(Fault::AuditUnwritable(why))
            }
        }
    }

    pub(crate) fn register(&self, operations: Option<Arc<Operations>>) -> Arc<Live> {
        let live = Arc::new(Live {
            id: self.0.gate.next_id(),
            switch: Switch::default(),
            operations,
            countersigned: Mutex::default(),
            stays: AtomicBool::new(false),
        });
        lock(&self.0.live).insert(live.id, live.clone());
        if let Some(end) = self.ended() {
            live.switch.end(end);
        }
        live
    }

    pub(crate) fn unregister(&self, id: u128) {
        lock(&self.0.live).remove(&id);
    }

    pub(crate) fn record_outcome(&self, id: u128, outcome: &Outcome) {
        self.log().outcome(self, id, outcome);
        self.0.tape.outcome(id, outcome);
        failpoint::pass(Step::Concluded);
    }

    pub(crate) fn tape(&self) -> &Tape {
        &self.0.tape
    }

    /// Resolves when the tape has room again: back-pressure, so that nothing is dropped.
    pub async fn recorded(&self) -> Result<(), Fault> {
        self.0.tape.room().await.map_err(Fault::AuditUnwritable)
    }

    pub(crate) fn log(&self) -> &Log {
        self.0.gate.log()
    }

    pub(crate) fn blank(&self) -> Fingerprint {
        self.0.gate.blank()
    }

    /// What an open session looks like to administrators.
    pub(crate) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }
}

impl SessionState {
    /// Ends the session and everything underway in it.
    pub(crate) fn end(&self, end: End) {
        self.switch.end(end);
        for live in lock(&self.live).values() {
            live.switch.end(end);
        }
    }

    /// What watches its credential goes with it.
    pub(crate) fn lasts(&self, watch: AbortHandle) {
        let _ = self.expiry.set(watch);
    }

    pub(crate) fn idle(&self) -> bool {
        lock(&self.live)
            .values()
            .all(|live| live.stays.load(Ordering::Relaxed))
    }
}

impl Drop for SessionState {
    fn drop(&mut self) {
        if let Some(watch) = self.expiry.get() {
            watch.abort();
        }
        self.pause.over();
        let requests = self.requests.load(Ordering::Relaxed);
        // taken, not cloned: only its last holder can seal it
        let tape = std::mem::replace(&mut self.tape, Tape::none());
        self.gate.closed(self, requests, tape);
    }
}
