//! The way to a target: the session is opened, `connect` is asked, and the leg is dialled, once for all channels.

use std::sync::{Arc, Mutex};

use gate::{About, Connect, Decision, Error, NotOpened, Permitted, Reason, Session, Target};

use crate::answers;
use crate::config::{Backend, Login};
use crate::ticket::Bearer;
use crate::upstream::{Entry, Leg};
use crate::visit::{Goal, Reach, Reached, Visit};

/// Runs as a task of the connection's; what came of it is told through `visit.reach`.
pub(crate) async fn reach(visit: Arc<Visit>, reason: Option<String>) {
    let came = match go(&visit, reason).await {
        Ok(Some(reached)) => Reach::Reached(Arc::new(reached)),
        // nobody waits any more: the next channel asks anew
        Ok(None) => Reach::Idle,
        Err(NotReached::Refused(text)) => Reach::Refused(text),
        Err(NotReached::Lost(text)) => Reach::Unreached(text),
    };
    let there = matches!(came, Reach::Reached(_));
    visit.reach.send_replace(came);
    visit.there.send_replace(there);
}

/// Why not, in words for clients.
enum NotReached {
    /// It stays so.
    Refused(String),
    /// The target was not there, or did not let the gateway in.
    Lost(String),
}

impl From<String> for NotReached {
    fn from(text: String) -> Self {
        Self::Refused(text)
    }
}

async fn go(visit: &Visit, reason: Option<String>) -> Result<Option<Reached>, NotReached> {
    let Goal::Target { name, login } = &visit.goal else {
        let text = "this connection leads to targets only by `ssh -J`".to_owned();
        return Err(NotReached::Refused(text));
    };
    let target = visit.shared.backends.find(name);
    let found = target.and_then(|target| {
        let login = target.backend.login(login.as_deref()).cloned();
        login.map(|login| (target, login))
    });
    let Some((target, login)) = found else {
        return Err(NotReached::Refused(answers::not_connected(name)));
    };
    let session = open(visit, &target, reason).await?;
    session.can_pause();
    let Some(permit) = ask(visit, &session, &login).await? else {
        return Ok(None);
    };
    let bearer = Bearer {
        label: format!("{} session {}", session.identity().name, session.id()),
        permits: &visit.permits,
        people: &visit.shared.authorities,
    };
    let entry = Entry {
        login: &login,
        bearer,
        came: visit.came.clone(),
    };
    match Leg::reach(&session, permit, &target.backend, entry).await {
        Ok((leg, connected)) => Ok(Some(Reached {
            session,
            leg,
            login: login.name,
            shell: login.shell,
            connected: Mutex::new(Some(connected)),
        })),
        Err(error) => {
            tracing::warn!(target_name = name.as_str(), %error, "a target was not reached");
            Err(NotReached::Lost(told(name, &error)))
        }
    }
}

async fn open(
    visit: &Visit,
    target: &Target<Backend>,
    reason: Option<String>,
) -> Result<Session, String> {
    let about = About {
        protocol: "ssh",
        target: target.policy.clone(),
        reason,
        client: visit.client.clone(),
    };
    visit
        .gate
        .open(visit.who.clone(), about)
        .await
        .map_err(|not_opened| match not_opened {
            NotOpened::Locked(_) => answers::not_connected(&target.policy.name),
            NotOpened::Fault(fault) => answers::fault(&fault),
        })
}

/// `None` where nobody waits for it any more.
async fn ask(
    visit: &Visit,
    session: &Session,
    login: &Login,
) -> Result<Option<Permitted<Connect>>, String> {
    let connect = Connect::to(session, &[("login", &login.name)], Vec::new());
    let mut decision = session.authorize(connect).await;
    loop {
        match decision {
            Decision::Permit(permit) => return Ok(Some(permit)),
            Decision::Hold(mut hold) => {
                let text = answers::waiting(hold.id(), hold.asks());
                visit.reach.send_replace(Reach::Waiting(text));
                tokio::select! {
                    () = hold.wait() => decision = hold.settle().await,
                    () = visit.reach.closed() => {
                        drop(hold.withdraw().await);
                        return Ok(None);
                    }
                }
            }
            Decision::Deny(denied) => {
                return Err(match denied.reason() {
                    Reason::Policy { .. } => answers::not_connected(&session.target().name),
                    reason => answers::refusal(reason, denied.id().as_deref()),
                });
            }
            Decision::Fault(_, fault) => return Err(answers::fault(&fault)),
        }
    }
}

/// What a client may know of it.
fn told(name: &str, error: &Error) -> String {
    match error {
        Error::Backend(why) => format!("`{name}` {why}"),
        Error::Fault(fault) => answers::fault(fault),
        Error::Ended(end) => answers::ended(*end),
        Error::Client(_)
        | Error::Login(_)
        | Error::ClientGone(_)
        | Error::Deadline(_)
        | Error::Unreachable(_)
        | Error::Tls(_)
        | Error::Configuration(_)
        | Error::Panicked
        | Error::OtherProtocol => format!("`{name}` cannot be reached now"),
    }
}
