//! `policy explain` for Postgres: the decoder and the judging words of a session, without any server.

use std::sync::Arc;

use gate::words::Redacted;
use gate::{Circumstances, Mask, Sample, Target, Unclear};
use serde::Deserialize;

use crate::config::Backend;
use crate::decode::{SessionState, analyse, operations};
use crate::exchange::{meaning, unlaundered};
use crate::governed::Governed;
use crate::look_up;
use crate::request::{Asked, Text, unclear, unsupported};
use crate::wire::write::server as write;

/// See `analyse`: the deepest text needs it.
const STACK: usize = 64 << 20;

/// `{"query":s}`, `{"statement":s,"parameters":[..]}` or `{"query_base64":s}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    query: Option<String>,
    query_base64: Option<String>,
    statement: Option<String>,
    #[serde(default)]
    parameters: Vec<serde_json::Value>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Session {
    search_path: Option<Vec<String>>,
    role: Option<String>,
    in_transaction: bool,
}

pub(crate) fn explain(target: &Target<Backend>, sample: &Sample) -> Result<Asked, Unclear> {
    let text = text(&sample.request)?;
    let session: Session = match &sample.session {
        serde_json::Value::Null => Session::default(),
        value => {
            serde_json::from_value(value.clone()).map_err(|error| shape(&error.to_string()))?
        }
    };
    let offered = target
        .backend
        .databases
        .first()
        .cloned()
        .unwrap_or_default();
    let told = match &sample.live {
        None => None,
        Some(live) => {
            let told = look_up::read(&live.catalogue);
            Some((
                told.ok_or_else(|| shape("the catalogue is in another shape"))?,
                &live.mask,
            ))
        }
    };
    let (path, role) = match &told {
        Some((told, _)) => (told.search_path.clone(), told.role.clone()),
        None => (
            vec!["pg_catalog".into(), "public".into()],
            target.backend.user.clone(),
        ),
    };
    let facts = SessionState {
        database: sample.database.clone().unwrap_or(offered),
        search_path: session.search_path.unwrap_or(path),
        role: session.role.unwrap_or(role),
        in_transaction: session.in_transaction,
        ..SessionState::default()
    };
    let decoded = on_deep_stack(&text);
    let operations = match &decoded {
        Ok(analysis) => {
            let mut facts = facts.clone();
            facts.in_transaction |= analysis.statements.len() > 1;
            let seen = told.map_or(Ok(()), |(told, mask)| sound(analysis, told, (mask, &facts)));
            seen.map(|()| Arc::new(operations(analysis, &facts)))
        }
        Err(refused) => Err(unclear(refused)),
    };
    let wire = write::query(&text).map_err(|malformed| shape(&malformed.to_string()))?;
    Ok(Asked {
        wire: vec![wire],
        content: Vec::new(),
        meaning: meaning(&facts, b"UTF8"),
        operations,
        text: Text::new(Redacted::plain(&text)),
        role: None,
        note: None,
        circumstances: Circumstances::default(),
        refusable: None,
    })
}

/// What masked columns do not allow, by the columns that there are.
fn sound(
    analysis: &crate::decode::Analysis,
    told: look_up::Told,
    (mask, facts): (&Mask, &SessionState),
) -> Result<(), Unclear> {
    let governed = Governed::new(Arc::new(told.catalogue), mask, &facts.database);
    let path = &facts.search_path;
    let mut statements = analysis.statements.iter();
    statements.try_for_each(|statement| unlaundered(statement, (mask, &governed), path))
}

fn text(request: &serde_json::Value) -> Result<String, Unclear> {
    if let serde_json::Value::String(text) = request {
        return Ok(text.clone());
    }
    let statement: Statement =
        serde_json::from_value(request.clone()).map_err(|error| shape(&error.to_string()))?;
    match (statement.query, statement.statement, statement.query_base64) {
        (Some(text), None, None) => Ok(text),
        (None, Some(text), None) => {
            let plain = statement
                .parameters
                .iter()
                .all(|value| value.is_string() || value.is_null() || value.get("base64").is_some());
            if plain {
                Ok(text)
            } else {
                Err(shape("a parameter is a string, null or {\"base64\": ..}"))
            }
        }
        (None, None, Some(encoded)) => {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
            let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
            text.ok_or_else(|| shape("`query_base64` is not base64 of UTF-8"))
        }
        _ => Err(shape(
            "exactly one of `query`, `statement` and `query_base64`",
        )),
    }
}

fn on_deep_stack(text: &str) -> Result<crate::decode::Analysis, crate::decode::Unclear> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let decoding = thread.spawn_scoped(scope, || analyse(text));
        let gave_up = || crate::decode::Unclear {
            code: "decoder",
            message: "the decoder gave up".into(),
            at: None,
        };
        match decoding {
            Ok(decoding) => decoding.join().unwrap_or_else(|_| Err(gave_up())),
            Err(_) => Err(gave_up()),
        }
    })
}

fn shape(message: &str) -> Unclear {
    unsupported(
        "request",
        message,
        "see docs/contracts.md for the shapes of a request",
    )
}
