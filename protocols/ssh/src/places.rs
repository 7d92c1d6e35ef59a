//! Where a forward leads: one that reaches a place where a target of the gateway listens, of whatever protocol, would go
//! round all that is judged of that target.

use std::collections::BTreeSet;
use std::path::Path;

use gate::whereabouts::{self, Place};
use gate::words::Target;
use gate::{About, Connect, Decision, Endpoint, Unclear, UnclearKind};

use crate::visit::{Goal, Visit};
use crate::words::Address;

/// Whose place it is.
pub(crate) enum Whose {
    /// The target that the forward would start from.
    Own(String),
    Other(Box<About>),
}

/// The target that listens at an address, as the connection's own target sees it.
pub(crate) async fn at(visit: &Visit, host: &str, port: u16) -> Option<Whose> {
    let own = own(visit)?;
    let mut leads = None;
    let mut targets = visit.shared.backends.everywhere();
    // under its own name first, where several have one place
    targets.sort_by_key(|(target, _)| target.name != own.name);
    for (target, endpoints) in targets {
        for endpoint in endpoints {
            let Endpoint::Tcp {
                host: at,
                port: its,
            } = endpoint
            else {
                continue;
            };
            if its != port {
                continue;
            }
            if leads.is_none() {
                leads = Some(destination(&own.host, host).await);
            }
            let there = whereabouts::of(&Address::of(&at).host).await;
            let same = |leads: &BTreeSet<Place>| !leads.is_disjoint(&there);
            if leads.as_ref().is_some_and(same) {
                return Some(whose(visit, &own.name, target));
            }
        }
    }
    None
}

/// The same for a Unix socket, where the connection's own target is this machine.
pub(crate) async fn at_socket(visit: &Visit, path: &str) -> Option<Whose> {
    let own = own(visit)?;
    if !whereabouts::of(&own.host).await.contains(&Place::Here) {
        return None;
    }
    let leads = real(Path::new(path)).await;
    for (target, endpoints) in visit.shared.backends.everywhere() {
        for endpoint in endpoints {
            if let Endpoint::Unix { path } = endpoint
                && real(&path).await == leads
            {
                return Some(whose(visit, &own.name, target));
            }
        }
    }
    None
}

/// Without links and detours, where it is there.
async fn real(path: &Path) -> std::path::PathBuf {
    match tokio::fs::canonicalize(path).await {
        Ok(real) => real,
        Err(_) => path.to_owned(),
    }
}

fn whose(visit: &Visit, own: &str, target: Target) -> Whose {
    if target.name == own {
        return Whose::Own(target.name);
    }
    Whose::Other(Box::new(About {
        protocol: "ssh",
        target,
        reason: None,
        client: visit.client.clone(),
    }))
}

/// A target's own loopback is where that target is.
async fn destination(own: &str, host: &str) -> BTreeSet<Place> {
    let address = Address::of(host);
    match address.loopback {
        true => whereabouts::of(&Address::of(own).host).await,
        false => whereabouts::of(&address.host).await,
    }
}

struct Own {
    name: String,
    host: String,
}

fn own(visit: &Visit) -> Option<Own> {
    let Goal::Target { name, .. } = &visit.goal else {
        return None;
    };
    let target = visit.shared.backends.find(name)?;
    Some(Own {
        name: name.clone(),
        host: target.backend.host.clone(),
    })
}

/// Reaching another target is judged as that, in a session of its own, whatever comes of the forward.
pub(crate) async fn refusal(visit: &Visit, whose: Whose) -> Unclear {
    let about = match whose {
        Whose::Own(name) => {
            let hint = "you are there already; what is done there goes through the gateway";
            return listens(&name, hint.to_owned());
        }
        Whose::Other(about) => *about,
    };
    let name = about.target.name.clone();
    if may_connect(visit, about).await {
        listens(&name, format!("reach it as `{name}`, through the gateway"))
    } else {
        // no more than whoever asks for it by name is told
        unclear(
            "that address is reached through the gateway only".to_owned(),
            None,
        )
    }
}

async fn may_connect(visit: &Visit, about: About) -> bool {
    let Ok(session) = visit.gate.open(visit.who.clone(), about).await else {
        return false;
    };
    let by = match &visit.goal {
        Goal::Target { name, .. } => name.as_str(),
        Goal::Jump => "",
    };
    let connect = Connect::to(&session, &[("by a forward from", by)], Vec::new());
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

fn listens(target: &str, hint: String) -> Unclear {
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
