//! Where a forward leads: one that reaches a place where a target of the gateway listens, of whatever protocol, would go
//! round all that is judged of that target.

use std::collections::BTreeSet;
use std::path::Path;

use gate::whereabouts::{self, Place};
use gate::words::Target;
use gate::{About, Connect, Decision, Endpoint, Unclear, UnclearKind};

use crate::visit::{Goal, Visit};
use crate::words::Address;

/// As targets name it.
const PROTOCOL: &str = "ssh";

/// Where forwards start, and where all targets are.
pub(crate) struct Origin {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) everywhere: Vec<(Target, Vec<Endpoint>)>,
}

/// The connection's own target.
pub(crate) fn from(visit: &Visit) -> Option<Origin> {
    let Goal::Target { name, .. } = &visit.goal else {
        return None;
    };
    let target = visit.shared.backends.find(name)?;
    Some(Origin {
        name: name.clone(),
        host: target.backend.host.clone(),
        everywhere: visit.shared.backends.everywhere(),
    })
}

impl Origin {
    /// The target that listens at an address, as seen from here.
    pub(crate) async fn port(&self, host: &str, port: u16) -> Option<Target> {
        let mut leads = None;
        let mut targets: Vec<_> = self.everywhere.iter().collect();
        // under its own name first, where several have one place
        targets.sort_by_key(|(target, _)| target.name != self.name);
        for (target, endpoints) in targets {
            for endpoint in endpoints {
                let Endpoint::Tcp {
                    host: at,
                    port: its,
                } = endpoint
                else {
                    continue;
                };
                if *its != port {
                    continue;
                }
                if leads.is_none() {
                    leads = Some(destination(&self.host, host).await);
                }
                let there = whereabouts::of(&Address::of(at).host).await;
                let same = |leads: &BTreeSet<Place>| !leads.is_disjoint(&there);
                if leads.as_ref().is_some_and(same) {
                    return Some(target.clone());
                }
            }
        }
        None
    }

    /// The same for a Unix socket, where this is the gateway's own machine.
    pub(crate) async fn socket(&self, path: &str) -> Option<Target> {
        if !whereabouts::of(&self.host).await.contains(&Place::Here) {
            return None;
        }
        let leads = real(Path::new(path)).await;
        for (target, endpoints) in &self.everywhere {
            for endpoint in endpoints {
                if let Endpoint::Unix { path } = endpoint
                    && real(path).await == leads
                {
                    return Some(target.clone());
                }
            }
        }
        None
    }

    /// Whether a jump leads to a target of this name.
    pub(crate) fn leads_to(&self, name: &str) -> bool {
        let ssh = |target: &Target| target.protocol == PROTOCOL && target.name == name;
        self.everywhere.iter().any(|(target, _)| ssh(target))
    }
}

/// Without links and detours, where it is there.
async fn real(path: &Path) -> std::path::PathBuf {
    match tokio::fs::canonicalize(path).await {
        Ok(real) => real,
        Err(_) => path.to_owned(),
    }
}

/// A target's own loopback is where that target is.
async fn destination(own: &str, host: &str) -> BTreeSet<Place> {
    let address = Address::of(host);
    match address.loopback {
        true => whereabouts::of(&Address::of(own).host).await,
        false => whereabouts::of(&address.host).await,
    }
}

/// Reaching another target is judged as that, in a session of its own, whatever comes of the forward.
pub(crate) async fn refusal(visit: &Visit, there: Target) -> Unclear {
    let (name, own) = (there.name.clone(), goal(visit));
    if name == own || may_connect(visit, there).await {
        listens(own, &name)
    } else {
        // no more than whoever asks for it by name is told
        unclear(
            "that address is reached through the gateway only".to_owned(),
            None,
        )
    }
}

fn goal(visit: &Visit) -> &str {
    match &visit.goal {
        Goal::Target { name, .. } => name,
        Goal::Jump => "",
    }
}

async fn may_connect(visit: &Visit, target: Target) -> bool {
    let about = About {
        protocol: PROTOCOL,
        target,
        reason: None,
        client: visit.client.clone(),
    };
    let Ok(session) = visit.gate.open(visit.who.clone(), about).await else {
        return false;
    };
    let by = [("by a forward from", goal(visit))];
    let connect = Connect::to(&session, &by, Vec::new());
    match session.authorize(connect).await {
        // dropped unsent, which is how it is recorded
        Decision::Permit(_) => true,
        Decision::Hold(hold) => {
            drop(hold.withdraw().await);
            true
        }
        Decision::Deny(_) | Decision::Fault(..) => false,
    }
}

/// Why nothing leads there from a target, its own place included.
pub(crate) fn listens(own: &str, target: &str) -> Unclear {
    let hint = match own == target {
        true => "you are there already; what is done there goes through the gateway".to_owned(),
        false => format!("reach it as `{target}`, through the gateway"),
    };
    unclear(format!("`{target}` listens there"), Some(hint))
}

fn unclear(message: String, hint: Option<String>) -> Unclear {
    Unclear {
        kind: UnclearKind::Unsupported,
        code: "another_target",
        message,
        hint,
        at: None,
    }
}
