//! One identity at one target over one connection: where requests are registered, judged and recorded.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use policy::identity::Identity;
use policy::operation::{Action, Operation, Operations, Resource};
use policy::policies::Asking;
use policy::target::Target;
use policy::verdict::{Judged, Verdict};

use crate::decision::{Decision, Denied, Fault, Own, Permitted, Purpose, Reason};
use crate::gate::{Gate, Opening};
use crate::record::{self, Decided, Log};
use crate::request::{self, Fingerprint, Rendering, Request, Unclear};
use crate::rules::{Mask, Snapshot};
use crate::tape::Tape;
use crate::underway::{Duty, End, Leave, Live, Outcome, OutcomeKind, SessionEnd, Switch, Underway, lock};

/// Verdicts kept per session; when full, all are forgotten.
const VERDICTS: usize = 512;

/// Cheap to clone; the tape is sealed when the last clone goes.
#[derive(Clone)]
pub struct Session(pub(crate) Arc<SessionState>);

pub(crate) struct SessionState {
    pub(crate) gate: Gate,
    pub(crate) id: u128,
    pub(crate) protocol: &'static str,
    identity: Mutex<Arc<Identity>>,
    pub(crate) target: Target,
    pub(crate) reason: Option<String>,
    pub(crate) client: String,
    pub(crate) opened_at: i64,
    pub(crate) switch: Arc<Switch>,
    live: Mutex<HashMap<u128, Arc<Live>>>,
    verdicts: Mutex<Verdicts>,
    mask: Mutex<Option<Arc<Mask>>>,
    tape: Tape,
    requests: AtomicU64,
}

#[derive(Default)]
struct Verdicts {
    /// Epoch, and the second where some policy reads the clock.
    valid: (u64, i64),
    by_operations: HashMap<Arc<Operations>, Arc<Judged>>,
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
            switch: Arc::new(Switch::default()),
            live: Mutex::new(HashMap::new()),
            verdicts: Mutex::new(Verdicts::default()),
            mask: Mutex::new(None),
            tape,
            requests: AtomicU64::new(0),
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
        SessionEnd { switch: self.0.switch.clone() }
    }

    pub fn ended(&self) -> Option<End> {
        self.0.switch.ended()
    }

    /// What this session may not see; judged anew when the rules change.
    pub fn mask(&self) -> Arc<Mask> {
        let gate = &self.0.gate;
        let epoch = gate.rules().epoch();
        let mut kept = lock(&self.0.mask);
        if let Some(mask) = kept.as_ref().filter(|mask| mask.epoch == epoch) {
            return mask.clone();
        }
        let snapshot = gate.rules().now();
        let identity = self.identity();
        let asking = self.asking(&identity);
        let masking = snapshot.rules.masking.clone();
        let revealed = masking
            .classes()
            .iter()
            .filter(|class| snapshot.rules.policies.reveals(&asking, &class.name))
            .map(|class| class.name.clone())
            .collect();
        let mask = Arc::new(Mask::new(masking, revealed, epoch));
        *kept = Some(mask.clone());
        mask
    }

    /// Judges a request: the one way to a permit.
    pub async fn authorize<R: Request>(&self, request: R) -> Decision<R> {
        self.decide(request, None).await
    }

    /// Judges anew what belongs to a request underway; asks only what that one's approval does not cover.
    pub async fn authorize_within<R: Request>(&self, within: &Leave, request: R) -> Decision<R> {
        self.decide(request, Some(within.countersigned.clone())).await
    }

    /// What the verdict would be now, without asking or recording: for a message that only prepares another.
    pub fn preview(&self, operations: &Arc<Operations>) -> Verdict {
        self.judge(operations).overall.verdict
    }

    async fn decide<R: Request>(&self, request: R, within: Option<Arc<[String]>>) -> Decision<R> {
        if self.0.gate.draining() {
            return Decision::Fault(request, Fault::Draining);
        }
        let operations = match request.operations().await {
            Ok(operations) => operations,
            Err(unclear) => {
                let duty = Duty::register(self, None);
                return self.deny(request, duty, None, Reason::Unclear(unclear)).await;
            }
        };
        let duty = Duty::register(self, Some(operations.clone()));
        if let Some(end) = duty.ended() {
            return self.deny(request, duty, Some(&operations), Reason::Revoked(end)).await;
        }
        let judged = self.judge(&operations);
        match judged.overall.verdict {
            Verdict::Allow => {
                self.permit(request, duty, Granted { operations, judged, approval: None }).await
            }
            Verdict::Hold => {
                let covered = within.is_some_and(|policies| {
                    judged.overall.asks.iter().all(|id| policies.contains(id))
                });
                if covered {
                    duty.countersigned(judged.overall.asks.iter().cloned().collect());
                    let granted = Granted { operations, judged, approval: None };
                    self.permit(request, duty, granted).await
                } else {
                    drop(duty);
                    self.ask(request, operations, judged).await
                }
            }
            Verdict::Deny => {
                let reason = Reason::Policy {
                    why: judged.overall.why,
                    policies: judged.overall.policies.clone(),
                };
                self.deny(request, duty, Some(&operations), reason).await
            }
        }
    }

    /// Permits what the gateway sends on its own account; recorded like any other.
    pub async fn own(&self, purpose: Purpose, wire: Vec<Bytes>) -> Result<Permitted<Own>, Fault> {
        let request = Own { wire, purpose, meaning: self.blank() };
        let mut duty = Duty::register(self, None);
        if matches!(purpose, Purpose::Cancel | Purpose::Framing) {
            duty = duty.exempt();
        }
        let decided = Decided {
            request: duty.id(),
            digest: request::digest(&request, "gateway", &self.0.target.name),
            actor: format!("gateway:{}", purpose.as_str()),
            operations: &[],
            verdict: "allow",
            reason: "own",
            policies: Vec::new(),
            approval: None,
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

    /// Writes the intent, then permits. From the call on an outcome is owed, whatever becomes of this future.
    pub(crate) async fn permit<R: Request>(
        &self,
        request: R,
        mut duty: Duty,
        granted: Granted,
    ) -> Decision<R> {
        let identity = self.identity();
        let Granted { operations, judged, approval } = granted;
        let wait = record::wait(judged.effect, approval.is_some(), request.circumstances().guard);
        let decided = Decided {
            request: duty.id(),
            digest: request::digest(&request, &identity.label(), &self.0.target.name),
            actor: identity.label(),
            operations: &operations,
            verdict: "allow",
            reason: if approval.is_some() { "approval" } else { "permitted" },
            policies: judged.overall.policies.iter().map(|cited| cited.id.clone()).collect(),
            approval,
        };
        duty.intended();
        self.0.tape.request(duty.id(), &request.render().text);
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.0.gate.metrics().decision(self.0.protocol, "allow");
        match self.log().decided(self, decided, wait).await {
            Ok(()) => Decision::Permit(Permitted { request, duty }),
            Err(why) => {
                duty.unwritten();
                Decision::Fault(request, Fault::AuditUnwritable(why))
            }
        }
    }

    /// Records the denial, then refuses.
    pub(crate) async fn deny<R: Request>(
        &self,
        request: R,
        mut duty: Duty,
        operations: Option<&Operations>,
        reason: Reason,
    ) -> Decision<R> {
        let identity = self.identity();
        let decided = Decided {
            request: duty.id(),
            digest: request::digest(&request, &identity.label(), &self.0.target.name),
            actor: identity.label(),
            operations: operations.map_or(&[], |operations| operations),
            verdict: reason.verdict(),
            reason: reason.as_str(),
            policies: reason.policies().iter().map(|cited| cited.id.clone()).collect(),
            approval: reason.approval(),
        };
        duty.denied();
        self.0.tape.refused(duty.id(), &request.render().text, reason.as_str());
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.0.gate.metrics().decision(self.0.protocol, "deny");
        match self.log().decided(self, decided, record::Wait::Written).await {
            Ok(()) => Decision::Deny(Denied {
                request,
                session: self.clone(),
                reason,
                owes: Some(duty),
            }),
            Err(why) => Decision::Fault(request, Fault::AuditUnwritable(why)),
        }
    }

    /// The verdict on these operations by the rules of this moment.
    pub(crate) fn judge(&self, operations: &Arc<Operations>) -> Arc<Judged> {
        let gate = &self.0.gate;
        // the epoch is read before the rules: a verdict can only be filed under an epoch that is over
        let epoch = gate.rules().epoch();
        let snapshot = gate.rules().now();
        let now = gate.now() / 1_000_000_000;
        let second = if snapshot.rules.policies.reads().now { now } else { 0 };
        let mut verdicts = lock(&self.0.verdicts);
        if verdicts.valid != (epoch, second) || verdicts.by_operations.len() >= VERDICTS {
            verdicts.by_operations.clear();
            verdicts.valid = (epoch, second);
        }
        if let Some(judged) = verdicts.by_operations.get(operations) {
            return judged.clone();
        }
        let judged = Arc::new(self.judge_uncached(&snapshot, operations));
        verdicts.by_operations.insert(operations.clone(), judged.clone());
        judged
    }

    fn judge_uncached(&self, snapshot: &Snapshot, operations: &Operations) -> Judged {
        let identity = self.identity();
        snapshot.rules.policies.judge_all(&self.asking(&identity), operations)
    }

    pub(crate) fn asking<'a>(&'a self, identity: &'a Identity) -> Asking<'a> {
        Asking {
            identity,
            target: &self.0.target,
            reason: self.0.reason.as_deref(),
            now: self.0.gate.now() / 1_000_000_000,
            approval: None,
        }
    }

    /// Judges again whatever is underway, and the identity as it is known now. Called after the rules changed.
    pub(crate) fn review(&self) {
        match self.0.gate.refreshed(&self.identity()) {
            Some(identity) => *lock(&self.0.identity) = Arc::new(identity),
            None => return self.0.end(End::Locked),
        }
        let live: Vec<Arc<Live>> = lock(&self.0.live).values().cloned().collect();
        for request in live {
            let Some(operations) = &request.operations else { continue };
            let judged = self.judge(operations);
            let countersigned = lock(&request.countersigned).clone();
            let stands = match judged.overall.verdict {
                Verdict::Allow => true,
                Verdict::Hold => {
                    judged.overall.asks.iter().all(|policy| countersigned.contains(policy))
                }
                Verdict::Deny => false,
            };
            if !stands {
                request.switch.end(End::Policy);
            }
        }
    }

    pub(crate) fn register(&self, operations: Option<Arc<Operations>>) -> Arc<Live> {
        let live = Arc::new(Live {
            id: self.0.gate.next_id(),
            switch: Switch::default(),
            operations,
            countersigned: Mutex::new(Arc::from([])),
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
    }

    pub(crate) fn tape_reply(&self, id: u128, bytes: &Bytes) {
        self.0.tape.reply(id, bytes);
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

    pub(crate) fn idle(&self) -> bool {
        // the underway of `connect` lives as long as the session
        lock(&self.live).len() <= 1
    }

    pub(crate) fn identity(&self) -> Arc<Identity> {
        lock(&self.identity).clone()
    }
}

impl Drop for SessionState {
    fn drop(&mut self) {
        let requests = self.requests.load(Ordering::Relaxed);
        self.gate.closed(self, requests, self.tape.clone());
    }
}

/// What a permit rests on.
pub(crate) struct Granted {
    pub(crate) operations: Arc<Operations>,
    pub(crate) judged: Arc<Judged>,
    pub(crate) approval: Option<crate::ledger::ApprovalId>,
}

/// Reaching the target at all is an operation itself: judged, and perhaps held, like any other. Its underway lives as
/// long as the session, so that a reload which forbids it ends the session.
pub struct Connect {
    operations: Arc<Operations>,
    meaning: Fingerprint,
    text: String,
}

impl Connect {
    /// `detail`, such as the database, narrows the target in the approver's eyes and in the digest; `more` is what else
    /// the connection asks for at once, such as another role.
    pub fn to(session: &Session, detail: &[(&str, &str)], more: Vec<Operation>) -> Self {
        let operation = Operation {
            action: Action::shared("connect"),
            resource: Resource::default(),
            facts: policy::operation::Attributes::new(),
            statement: 0,
            span: None,
        };
        let words: Vec<String> = detail.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let text = format!("connect to {} {}", session.target().name, words.join(" "));
        Self {
            operations: Arc::new(Operations::new([vec![operation], more].concat())),
            meaning: Fingerprint::of(&[text.as_bytes()]),
            text,
        }
    }
}

impl Request for Connect {
    async fn operations(&self) -> Result<Arc<Operations>, Unclear> {
        Ok(self.operations.clone())
    }
    fn wire(&self) -> &[Bytes] {
        &[]
    }
    fn meaning(&self) -> &Fingerprint {
        &self.meaning
    }
    fn render(&self) -> Rendering {
        Rendering::plain(self.text.trim_end())
    }
}

impl Permitted<Connect> {
    /// The permission to reach the target, once the gate has dialled.
    pub(crate) fn dialled(self) -> Result<Underway, Reason> {
        self.begin().map(|(_, underway)| underway).map_err(|denied| denied.reason)
    }

    /// The backend could not be reached.
    pub(crate) fn unreachable(self) {
        let Self { mut duty, .. } = self;
        duty.sent();
        duty.pay(Outcome::of(OutcomeKind::Failed));
    }
}
