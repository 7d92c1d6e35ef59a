//! What a session channel asks for before its start: variables, the key agent, the display. Each is asked of the gate on
//! its own; the start goes on without what was not granted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gate::words::Operations;
use gate::{Fingerprint, Guard, Leave, Mask, OutcomeKind, Permitted, Unclear, Underway};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::ask::{Answer, ask};
use crate::channel::AtChannel;
use crate::face::Face;
use crate::request::{Asked, Shown};
use crate::running::Running;
use crate::visit::{Reached, Visit};
use crate::{environment, words};

/// Something of the client's that the target may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Agent,
    Display,
}

/// How the target is to speak to the display; the cookie is the client's own invention, never the real one.
#[derive(Debug, Clone)]
pub(crate) struct Display {
    pub(crate) single: bool,
    pub(crate) protocol: String,
    pub(crate) cookie: String,
    pub(crate) screen: u32,
}

/// One thing asked for.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Agent,
    Display(Display),
}

impl Wish {
    pub(crate) fn what(&self) -> What {
        match self {
            Self::Agent => What::Agent,
            Self::Display(_) => What::Display,
        }
    }

    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Agent => 0,
            Self::Display(display) => display.protocol.len() + display.cookie.len(),
        }
    }
}

impl What {
    fn text(self) -> &'static str {
        match self {
            Self::Agent => "lend the key agent",
            Self::Display => "lend the display",
        }
    }

    pub(crate) fn asked(self, login: &str) -> Asked {
        let operations = match self {
            Self::Agent => words::agent(),
            Self::Display => words::x11(),
        };
        let wire = Bytes::from_static(self.text().as_bytes());
        Asked {
            content: vec![wire.clone(), Bytes::from(login.to_owned())],
            wire: vec![wire],
            meaning: Fingerprint::of(&[]),
            operations: Ok(Arc::new(operations)),
            guard: Guard::Alone,
            shown: Shown::new(self.text(), None, Vec::new()),
        }
    }
}

/// Names and values.
pub(crate) type Variables = Vec<(String, String)>;

/// What was granted, to be said to the target before the start.
#[derive(Default)]
pub(crate) struct Granted {
    pub(crate) variables: Vec<(Variables, Permitted<Asked>)>,
    pub(crate) wishes: Vec<(Wish, Permitted<Asked>)>,
}

impl Granted {
    pub(crate) fn environment(&self) -> Variables {
        let granted = self.variables.iter();
        granted
            .flat_map(|(variables, _)| variables.clone())
            .collect()
    }

    pub(crate) fn lends(&self) -> Vec<What> {
        self.wishes.iter().map(|(wish, _)| wish.what()).collect()
    }
}

/// Asks for each; `None` where the client gave up meanwhile.
pub(crate) async fn granted(
    reached: &Reached,
    (environment, wishes): (Variables, Vec<Wish>),
    reason: Option<&Arc<str>>,
    waiting: &AtChannel<'_>,
) -> Option<Granted> {
    let mut granted = Granted {
        variables: set(reached, environment, reason, waiting).await?,
        ..Granted::default()
    };
    for wish in wishes {
        let request = wish.what().asked(&reached.login).because(reason);
        match ask(&reached.session, request, waiting).await {
            Answer::Go(permit) => granted.wishes.push((wish, permit)),
            Answer::No(text) => {
                // many clients ask by habit: only somebody at a terminal is told
                if waiting.face.is_terminal() {
                    let text = format!("refused to {}: {text}", wish.what().text());
                    waiting.face.say(&text).await;
                }
            }
            Answer::GivenUp => return None,
        }
    }
    Some(granted)
}

/// All at once, and one by one where that is refused: the others need not suffer for one.
async fn set(
    reached: &Reached,
    environment: Variables,
    reason: Option<&Arc<str>>,
    waiting: &AtChannel<'_>,
) -> Option<Vec<(Variables, Permitted<Asked>)>> {
    let mut granted = Vec::new();
    let mut left = match environment.len() {
        0 => return Some(granted),
        1 => Vec::new(),
        _ => environment.iter().map(|one| vec![one.clone()]).collect(),
    };
    let mut next = Some(environment);
    while let Some(variables) = next.take().or_else(|| left.pop()) {
        let all = variables.len() > 1;
        let mask = reached.session.mask();
        let request = asked((&reached.login, Some(&mask)), &variables).because(reason);
        match ask(&reached.session, request, waiting).await {
            Answer::Go(permit) => {
                granted.push((variables, permit));
                if all {
                    break;
                }
            }
            // as a server does that does not accept them: without a word
            Answer::No(_) => {}
            Answer::GivenUp => return None,
        }
    }
    Some(granted)
}

/// Recorded by name alone; the client has had its answer, and goes on as with any server that does not accept them.
pub(crate) async fn refuse(reached: &Reached, names: &[String]) {
    if !names.is_empty() {
        let refused = Err(environment::refused());
        let mask = reached.session.mask();
        let asked = variables((&reached.login, Some(&mask)), names.to_vec(), refused);
        drop(reached.session.authorize(asked).await);
    }
}

pub(crate) fn asked(there: (&str, Option<&Mask>), set: &[(String, String)]) -> Asked {
    let names = set.iter().map(|(name, _)| name.as_str());
    let operations = words::environment(names);
    let said = set.iter().map(|(name, value)| format!("{name}={value}"));
    variables(there, said.collect(), Ok(Arc::new(operations)))
}

fn variables(
    (login, mask): (&str, Option<&Mask>),
    said: Vec<String>,
    operations: Result<Arc<Operations>, Unclear>,
) -> Asked {
    let text = said.join(" ");
    let head = ["variables".to_owned(), login.to_owned()];
    Asked {
        content: head.into_iter().chain(said).map(Bytes::from).collect(),
        wire: vec![Bytes::from(text.clone())],
        meaning: Fingerprint::of(&[]),
        operations,
        guard: Guard::Alone,
        shown: Shown::new(&format!("set {text}"), mask, Vec::new()),
    }
}

/// What is lent on one connection right now.
#[derive(Default)]
pub(crate) struct Lent {
    loans: Mutex<HashMap<u64, Standing>>,
    next: AtomicU64,
    /// Changes whenever a loan ends.
    ended: watch::Sender<()>,
}

struct Standing {
    what: What,
    leave: Leave,
    running: Arc<Running>,
    /// Who is told what is asked of it.
    face: Arc<Face>,
}

/// A loan for as long as the channel lives that asked for it.
pub(crate) struct Loan {
    visit: Arc<Visit>,
    id: u64,
    watch: AbortHandle,
}

impl Loan {
    /// Stands until it is dropped, or the gate ends it.
    pub(crate) fn stand(
        visit: &Arc<Visit>,
        (what, underway): (What, Underway),
        face: &Arc<Face>,
    ) -> Self {
        let id = visit.lent.next.fetch_add(1, Ordering::Relaxed);
        let mut revocation = underway.revocation();
        let standing = Standing {
            what,
            leave: underway.leave(),
            running: Arc::new(Running::new(underway)),
            face: face.clone(),
        };
        visit.lent.all().insert(id, standing);
        let lender = visit.clone();
        let watch = tokio::spawn(async move {
            revocation.wait().await;
            lender.lent.end(id, OutcomeKind::Revoked);
        });
        Self {
            visit: visit.clone(),
            id,
            watch: watch.abort_handle(),
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.watch.abort();
        self.visit.lent.end(self.id, OutcomeKind::Completed);
    }
}

impl Lent {
    /// What was countersigned for it, while it is lent.
    pub(crate) fn leave(&self, what: What) -> Option<Leave> {
        let all = self.all();
        let standing = all.values().find(|one| one.what == what);
        standing.map(|standing| standing.leave.clone())
    }

    /// The channels that lend it.
    pub(crate) fn faces(&self, what: What) -> Vec<Arc<Face>> {
        let all = self.all();
        let lent = all.values().filter(|one| one.what == what);
        lent.map(|one| one.face.clone()).collect()
    }

    /// Resolves when nobody lends it any more. Cancel-safe.
    pub(crate) async fn gone(&self, what: What) {
        let mut ended = self.ended.subscribe();
        loop {
            ended.mark_unchanged();
            if self.leave(what).is_none() {
                return;
            }
            if ended.changed().await.is_err() {
                return;
            }
        }
    }

    fn end(&self, id: u64, kind: OutcomeKind) {
        let standing = self.all().remove(&id);
        if let Some(standing) = standing {
            standing.running.done(kind, None);
        }
        self.ended.send_replace(());
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u64, Standing>> {
        self.loans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
