//! `policy explain`: a sample becomes the request that a channel would ask with, by the same decoder.

use std::sync::Arc;

use bytes::Bytes;
use gate::words::Operations;
use gate::{Fingerprint, Sample, Target, Unclear, UnclearKind};
use serde_json::Value;

use crate::config::Backend;
use crate::decoder::Decoder;
use crate::request::{Asked, Shown};
use crate::words;

/// `"command"`, `{"exec":..}`, `{"shell":true}`, `{"subsystem":..}`, `{"forward":{"host":..,"port":..}}` or
/// `{"forward":{"socket":..}}`.
pub(crate) async fn explain(target: &Target<Backend>, sample: &Sample) -> Result<Asked, Unclear> {
    let login = target.backend.login(sample.database.as_deref());
    let login = login.map_or("", |login| login.name.as_str());
    let request = &sample.request;
    if let Some(command) = request
        .as_str()
        .or_else(|| request.get("exec").and_then(Value::as_str))
    {
        let decoder = Decoder::start().map_err(|_| unreadable())?;
        let line = Bytes::from(command.to_owned());
        let decoded = decoder.exec(&line, login).await?;
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
    match request.get("forward") {
        Some(forward) => explain_forward(login, forward),
        None => Err(unreadable()),
    }
}

fn explain_forward(login: &str, forward: &Value) -> Result<Asked, Unclear> {
    if let Some(path) = forward.get("socket").and_then(Value::as_str) {
        return Ok(asked("forward", (login, path), words::socket(path)));
    }
    let host = forward.get("host").and_then(Value::as_str);
    let port = forward.get("port").and_then(Value::as_u64);
    let port = port.and_then(|port| u16::try_from(port).ok());
    let (Some(host), Some(port)) = (host, port) else {
        return Err(unreadable());
    };
    let operations = words::forward(words::Forward::Local, host, port.into());
    Ok(asked(
        "forward",
        (login, &format!("{host}:{port}")),
        operations,
    ))
}

fn asked(kind: &'static str, (login, wire): (&str, &str), operations: Operations) -> Asked {
    let bytes = Bytes::from(wire.to_owned());
    Asked {
        content: vec![
            Bytes::from_static(kind.as_bytes()),
            Bytes::from(login.to_owned()),
            bytes.clone(),
        ],
        wire: vec![bytes],
        meaning: Fingerprint::of(&[b""]),
        operations: Ok(Arc::new(operations)),
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
