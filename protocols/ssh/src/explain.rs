//! `policy explain`: a sample becomes the request that a channel would ask with, by the same decoder.

use std::sync::Arc;

use bytes::Bytes;
use gate::words::Operations;
use gate::{Fingerprint, Guard, Sample, Target, Unclear, UnclearKind};
use serde_json::Value;

use crate::config::Backend;
use crate::decode::sftp::{Attributes as FileAttributes, OpenFlags, Request};
use crate::decoder::{Decoder, Reader};
use crate::request::{Asked, Shown};
use crate::words;

/// `"command"`, `{"exec":..}`, `{"shell":true}`, `{"subsystem":..}`, `{"sftp":{"op":..,"path":..}}` (`to` where there are
/// two paths), `{"forward":{"host":..,"port":..}}` or `{"forward":{"socket":..}}` (`"listens":true` of `-R`),
/// `{"agent":true}`, `{"x11":true}`, `{"env":name}`.
pub(crate) async fn explain(target: &Target<Backend>, sample: &Sample) -> Result<Asked, Unclear> {
    let login = target.backend.login(sample.database.as_deref());
    let reader = Reader {
        shell: login.map(|login| login.shell).unwrap_or_default(),
        terminal: false,
    };
    let login = login.map_or("", |login| login.name.as_str());
    let request = &sample.request;
    if let Some(command) = request
        .as_str()
        .or_else(|| request.get("exec").and_then(Value::as_str))
    {
        let decoder = Decoder::start().map_err(|_| unreadable())?;
        let line = Bytes::from(command.to_owned());
        let decoded = decoder.exec(&line, (login, reader)).await?;
        return Ok(asked("exec", (login, command), decoded.operations));
    }
    if request.get("shell").and_then(Value::as_bool) == Some(true) {
        return Ok(asked("shell", (login, ""), words::shell(login)));
    }
    if let Some(name) = request.get("subsystem").and_then(Value::as_str) {
        return Ok(asked(
            "subsystem",
            (login, name),
            words::subsystem(name, login),
        ));
    }
    if let Some(sftp) = request.get("sftp") {
        return explain_file(login, sftp);
    }
    if request.get("agent").and_then(Value::as_bool) == Some(true) {
        return Ok(asked("lend the key agent", (login, ""), words::agent()));
    }
    if request.get("x11").and_then(Value::as_bool) == Some(true) {
        return Ok(asked("lend the display", (login, ""), words::x11()));
    }
    if let Some(name) = request.get("env").and_then(Value::as_str) {
        return Ok(asked(
            "variables",
            (login, name),
            words::environment([name]),
        ));
    }
    match request.get("forward") {
        Some(forward) => explain_forward(login, forward),
        None => Err(unreadable()),
    }
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
    let operations = words::sftp(&request, login);
    Ok(asked("sftp", (login, &shown), operations))
}

fn explain_forward(login: &str, forward: &Value) -> Result<Asked, Unclear> {
    let listens = forward.get("listens").and_then(Value::as_bool) == Some(true);
    if let Some(path) = forward.get("socket").and_then(Value::as_str) {
        let (kind, operations) = match listens {
            true => ("listen at a socket", words::listening(path)),
            false => ("forward", words::socket(path)),
        };
        return Ok(asked(kind, (login, path), operations));
    }
    let host = forward.get("host").and_then(Value::as_str);
    let port = forward.get("port").and_then(Value::as_u64);
    let port = port.and_then(|port| u16::try_from(port).ok());
    let (Some(host), Some(port)) = (host, port) else {
        return Err(unreadable());
    };
    let (kind, direction) = match listens {
        true => ("listen", words::Forward::Remote),
        false => ("forward", words::Forward::Local),
    };
    let operations = words::forward(direction, host, port.into());
    Ok(asked(kind, (login, &format!("{host}:{port}")), operations))
}

fn asked(kind: &'static str, (login, wire): (&str, &str), operations: Operations) -> Asked {
    let bytes = Bytes::from(wire.to_owned());
    // as a session's first request has it: no variables, no terminal
    let meaning = match kind {
        "exec" | "shell" | "subsystem" => Fingerprint::of(&[b""]),
        _ => Fingerprint::of(&[]),
    };
    Asked {
        content: vec![
            Bytes::from_static(kind.as_bytes()),
            Bytes::from(login.to_owned()),
            bytes.clone(),
        ],
        wire: vec![bytes],
        meaning,
        operations: Ok(Arc::new(operations)),
        guard: Guard::Alone,
        shown: Shown::new(wire, None, Vec::new()),
    }
}

fn unreadable() -> Unclear {
    Unclear {
        kind: UnclearKind::Unsupported,
        code: "sample",
        message: "not a request of SSH".to_owned(),
        hint: Some(
            "give a command, or {\"exec\":..}, {\"shell\":true}, {\"subsystem\":..}".to_owned(),
        ),
        at: None,
    }
}
