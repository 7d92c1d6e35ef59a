//! What administration asks of the gate: other rules, an end, a look at what is open.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::Gate;
use super::house::Chore;
use crate::ledger::ApprovalId;
use crate::record::Closed;
use crate::rules::Rules;
use crate::session::{NotPaused, Paused, Session, SessionState};
use crate::tape::Tape;
use crate::underway::{End, lock};

/// How long a drain waits for ended sessions to say goodbye, and then for their tapes.
const FAREWELL: Duration = Duration::from_secs(1);

/// How soon after its time a credential is looked at again, at the earliest.
const RECHECK: Duration = Duration::from_millis(100);

/// Whom a lock or a revocation is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "name")]
pub enum Whom {
    User(String),
    /// By the id of a token, SSH key or SSH certificate.
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
    /// While it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

impl Gate {
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

    /// A session lasts no longer than the credential that opened it.
    pub(super) fn end_with_credential(&self, session: &Session) {
        let identity = session.identity();
        let credentials = session.0.beside.iter().chain([&identity.credential]);
        let known = credentials.filter_map(|one| self.expiry(&identity.name, one));
        let Some(expires_at) = known.chain(session.0.until).min() else {
            return;
        };
        let (state, clock) = (Arc::downgrade(&session.0), self.0.clock.clone());
        let watch = tokio::spawn(async move {
            loop {
                let left = expires_at.saturating_mul(1_000_000_000) - clock.now();
                let left = Duration::from_nanos(u64::try_from(left).unwrap_or(0));
                // a clock that was set back is asked again
                tokio::time::sleep(left.max(RECHECK)).await;
                match state.upgrade().map(Session) {
                    Some(session) if session.ended().is_none() => session.review(),
                    Some(_) | None => return,
                }
            }
        });
        session.0.lasts(watch.abort_handle());
    }

    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.live().iter().map(info).collect()
    }

    /// Ends the client's connection and what runs for it; `false` where there is no such session.
    pub fn kill(&self, session: &str) -> bool {
        let found = self.find(session);
        found
            .inspect(|session| session.0.end(End::Killed))
            .is_some()
    }

    /// Stops what passes in a session, in both directions; when nobody resumed it after so long, it ends.
    pub fn pause(&self, session: &str, by: &str, within: Duration) -> Result<Paused, NotPaused> {
        let session = self.find(session).ok_or(NotPaused::NoSession)?;
        session.pause(by, within)
    }

    /// `false` where no such session is paused.
    pub fn resume(&self, session: &str, by: &str) -> bool {
        let found = self.find(session);
        found.is_some_and(|session| session.resume(by))
    }

    /// Whether it is open.
    pub fn is_open(&self, session: &str) -> bool {
        self.find(session).is_some()
    }

    fn find(&self, session: &str) -> Option<Session> {
        self.live().into_iter().find(|live| live.id() == session)
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
                    Whom::Token(id) => {
                        let mut all = session.0.beside.iter().chain([&identity.credential]);
                        all.any(|one| one.id == *id)
                    }
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
        self.0.draining.send_replace(true);
        let deadline = Instant::now() + within;
        while !self.live().is_empty() && Instant::now() < deadline + FAREWELL {
            let late = Instant::now() >= deadline;
            for session in self
                .live()
                .iter()
                .filter(|session| late || session.0.idle())
            {
                session.0.end(End::Drained);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // with a ledger or a disk that hangs, the next boot does what is left
        let _ = tokio::time::timeout(FAREWELL, self.settled()).await;
    }

    /// Resolves when what was dropped before this call has been withdrawn and sealed.
    pub async fn settled(&self) {
        let (done, wait) = tokio::sync::oneshot::channel();
        if self.0.chores.send(Chore::Told(done)).is_ok() {
            let _ = wait.await;
        }
    }

    fn live(&self) -> Vec<Session> {
        lock(&self.0.sessions)
            .values()
            .filter_map(Weak::upgrade)
            .map(Session)
            .collect()
    }

    /// The last clone of a session is gone.
    pub(crate) fn closed(&self, state: &SessionState, requests: u64, tape: Tape) {
        lock(&self.0.sessions).remove(&state.id);
        self.metrics().closed(state.protocol);
        self.leave_to_house(Chore::Close(Closed::of(state, requests), tape));
    }

    /// The one who waited for a question is gone.
    pub(crate) fn withdraw(&self, id: ApprovalId) {
        self.leave_to_house(Chore::Withdraw(id));
    }

    fn leave_to_house(&self, chore: Chore) {
        // fails only when the runtime is gone, and with it everything that could be recorded
        let _ = self.0.chores.send(chore);
    }
}

pub(super) fn info(session: &Session) -> SessionInfo {
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
        paused: session.paused(),
    }
}
