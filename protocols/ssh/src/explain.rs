//! `policy explain`: a sample becomes the request that a channel would ask with, by the same code.

use std::sync::Arc;

use bytes::Bytes;
use gate::words::Operations;
use gate::{Fingerprint, Guard, Sample, Target, Unclear, UnclearKind};
use serde_json::Value;

use crate::channel::inbox::{Size, Start, Terminal};
use crate::config::Backend;
use crate::decode::sftp::{Attributes as FileAttributes, OpenFlags, Request};
use crate::decoder::Decoder;
use crate::lend::What;
use crate::listen::At;
use crate::places::{self, Origin};
use crate::request::{Asked, Shown};
use crate::started::There;
use crate::upstream::Opening;
use crate::{address, environment, forward, lend, listen, started, words};

/// `"command"`, `{"exec":..}`, `{"shell":true}`, `{"subsystem":..}`, each with `"terminal":true` where there is one;
/// `{"sftp":{"op":..,"path":..}}` (`to` where there are two paths), `{"forward":{"host":..,"port":..}}` or
/// `{"forward":{"socket":..}}` (`"listens":true` of `-R`), `{"agent":true}`, `{"x11":true}`, `{"env":name,"value":..}`.
pub(crate) async fn explain(target: &Target<Backend>, sample: &Sample) -> Result<Asked, Unclear> {
    let Some(login) = target.backend.login(sample.database.as_deref()) else {
        let message = format!("`{}` has no such login", target.policy.name);
        return Err(unclear("login", message));
    };
    let there = There {
        login: &login.name,
        shell: login.shell,
        target: &target.policy.name,
        mask: None,
    };
    let login = login.name.as_str();
    let request = &sample.request;
    let is = |name: &str| request.get(name).and_then(Value::as_bool) == Some(true);
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    if let Some(command) = request.as_str().or_else(|| text("exec")) {
        let start = Start::Exec(Bytes::from(command.to_owned()));
        return explain_start(&there, start, is("terminal")).await;
    }
    if is("shell") {
        return explain_start(&there, Start::Shell, is("terminal")).await;
    }
    if let Some(name) = text("subsystem") {
        let start = Start::Subsystem(name.to_owned());
        return explain_start(&there, start, is("terminal")).await;
    }
    if let Some(sftp) = request.get("sftp") {
        return explain_file(login, sftp);
    }
    if is("agent") {
        return Ok(What::Agent.asked(login));
    }
    if is("x11") {
        return Ok(What::Display.asked(login));
    }
    if let Some(name) = text("env") {
        let value = text("value").unwrap_or_default();
        return match environment::reaches_target(name, value) {
            true => {
                let set = [(name.to_owned(), value.to_owned())];
                Ok(lend::asked((login, None), &set))
            }
            false => Err(environment::refused()),
        };
    }
    let Some(forward) = request.get("forward") else {
        return Err(unreadable());
    };
    if forward.get("listens").and_then(Value::as_bool) == Some(true) {
        return explain_listening(login, forward);
    }
    let from = Origin {
        name: target.policy.name.clone(),
        host: target.backend.host.clone(),
        everywhere: sample.everywhere.clone(),
    };
    explain_forward(login, &from, forward).await
}

/// As a channel's first request has it: nothing is set or lent.
async fn explain_start(there: &There<'_>, start: Start, terminal: bool) -> Result<Asked, Unclear> {
    let decoder = Decoder::start().map_err(|_| unreadable())?;
    let size = Size {
        columns: 80,
        rows: 24,
        width: 0,
        height: 0,
    };
    let opening = Opening {
        terminal: terminal.then(|| Terminal {
            term: String::new(),
            size,
            modes: Vec::new(),
        }),
        environment: Vec::new(),
        lends: Vec::new(),
        start,
        instead_of: None,
    };
    Ok(started::asked(&decoder, there, &opening).await.0)
}

/// What it asks for; its digest is that of no packet, for a packet says more.
fn explain_file(login: &str, sftp: &Value) -> Result<Asked, Unclear> {
    let text = |field: &str| sftp.get(field).and_then(Value::as_str);
    let bytes = |field: &str| text(field).map(|text| Bytes::from(text.to_owned()));
    let (Some(op), Some(path)) = (text("op"), bytes("path")) else {
        return Err(unreadable());
    };
    let open = |flags| Request::Open {
        path: path.clone(),
        flags,
        attributes: FileAttributes::default(),
    };
    let writes = OpenFlags {
        write: true,
        create: true,
        truncate: true,
        ..OpenFlags::default()
    };
    let reads = OpenFlags {
        read: true,
        ..OpenFlags::default()
    };
    let folder = op == "rmdir";
    let request = match (op, bytes("to")) {
        ("read", None) => open(reads),
        ("write", None) => open(writes),
        ("list", None) => Request::OpenFolder { path },
        ("stat", None) => Request::Look {
            path,
            packet: "stat",
        },
        ("remove" | "rmdir", None) => Request::Remove { path, folder },
        ("mkdir", None) => Request::MakeFolder { path },
        ("setstat", None) => Request::SetStat {
            path,
            attributes: FileAttributes::default(),
            packet: "setstat",
        },
        ("rename", Some(to)) => Request::Rename {
            from: path,
            to,
            replaces: false,
        },
        ("symlink", Some(to)) => Request::Link {
            link: to,
            target: path,
            hard: false,
        },
        _ => return Err(unreadable()),
    };
    let shown = format!("sftp {op} {}", text("path").unwrap_or_default());
    Ok(file(login, &shown, words::sftp(&request, login)))
}

fn file(login: &str, shown: &str, operations: Operations) -> Asked {
    let wire = Bytes::from(shown.to_owned());
    Asked {
        content: vec![
            Bytes::from_static(b"sftp"),
            Bytes::from(login.to_owned()),
            wire.clone(),
        ],
        wire: vec![wire],
        meaning: Fingerprint::of(&[]),
        operations: Ok(Arc::new(operations)),
        guard: Guard::Alone,
        shown: Shown::new(shown, None, Vec::new()),
    }
}

async fn explain_forward(login: &str, from: &Origin, forward: &Value) -> Result<Asked, Unclear> {
    if let Some(path) = forward.get("socket").and_then(Value::as_str) {
        let operations = match forward::to_socket(Some(from), path).await {
            Ok(operations) => operations,
            Err(there) => Err(places::listens(&from.name, &there.name)),
        };
        return Ok(forward::asked(login, path, operations));
    }
    let (host, port) = host_and_port(forward).ok_or_else(unreadable)?;
    if !forward::plausible(host) {
        return Err(unreadable());
    }
    if u32::from(port) == forward::SSH_PORT && address::target_name(host) && from.leads_to(host) {
        let message =
            format!("`{host}` is a target: that is a jump, which asks for nothing itself");
        return Err(unclear("jump", message));
    }
    let operations = match forward::to_port(Some(from), host, port).await {
        Ok(operations) => Ok(operations),
        Err(there) => Err(places::listens(&from.name, &there.name)),
    };
    Ok(forward::asked(login, &format!("{host}:{port}"), operations))
}

fn explain_listening(login: &str, forward: &Value) -> Result<Asked, Unclear> {
    if let Some(path) = forward.get("socket").and_then(Value::as_str) {
        return Ok(listen::asked(login, &At::Socket(path.to_owned())));
    }
    let (host, port) = host_and_port(forward).ok_or_else(unreadable)?;
    let at = At::Port {
        address: host.to_owned(),
        port: port.into(),
    };
    Ok(listen::asked(login, &at))
}

fn host_and_port(forward: &Value) -> Option<(&str, u16)> {
    let host = forward.get("host")?.as_str()?;
    let port = forward.get("port")?.as_u64()?;
    Some((host, u16::try_from(port).ok()?))
}

fn unclear(code: &'static str, message: String) -> Unclear {
    Unclear {
        kind: UnclearKind::Unsupported,
        code,
        message,
        hint: None,
        at: None,
    }
}

fn unreadable() -> Unclear {
    let hint = "give a command, or {\"exec\":..}, {\"shell\":true}, {\"subsystem\":..}";
    Unclear {
        hint: Some(hint.to_owned()),
        ..unclear("sample", "not a request of SSH".to_owned())
    }
}
