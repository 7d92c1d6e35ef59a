//! The extended protocol: what a client prepares, binds, describes and runs by name.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gate::Error;
use gate::words::{Hiding, Redacted};

use super::Exchange;
use super::ask::Then;
use super::expected::{Expected, Kind};
use super::state::{Portal, Prepared};
use crate::request;
use crate::wire::frame::Frame;
use crate::wire::frontend::{Bind, Execute, Named, Parse};
use crate::wire::values::Formats;

impl Exchange {
    pub(super) async fn take_parse(
        &mut self,
        frame: &Frame,
        parse: Parse<'_>,
    ) -> Result<(), Error> {
        let name = parse.name.to_owned();
        let decoded = self.shared.analyses.of(parse.text).await;
        let text = self.shown(parse.text, decoded.as_deref().ok());
        let (operations, parsed) = match decoded {
            Ok(analysis) => {
                let operations = self.preparing(&analysis);
                let prepared = Prepared {
                    content: Bytes::copy_from_slice(parse.text.as_bytes()),
                    types: Bytes::copy_from_slice(parse.types.as_bytes()),
                    text: text.clone(),
                    columns: std::sync::OnceLock::new(),
                    analysis,
                };
                (operations, Some(Arc::new(prepared)))
            }
            Err(refused) => (Err(request::unclear(&refused)), None),
        };
        let plan = self.plan(parsed.as_ref().map(|prepared| prepared.analysis.clone()));
        let asked = self.asked(frame, (operations, text), Vec::new())?;
        self.ask(
            asked,
            Then {
                parsed,
                ..Then::of(Kind::Parse { name }, plan)
            },
        )
        .await
    }

    pub(super) async fn take_bind(&mut self, frame: &Frame, bind: Bind<'_>) -> Result<(), Error> {
        let Some(prepared) = self.state.statements.get(bind.statement).cloned() else {
            let kind = Kind::Bind {
                portal: bind.portal.to_owned(),
            };
            return self.unknown(frame, kind, "statement").await;
        };
        if self.must_describe(&prepared) {
            self.state.postponed = Some(frame.clone());
            return self.describe_own(bind.statement, prepared).await;
        }
        let plan = self.plan(Some(prepared.analysis.clone()));
        let lines = self.parameter_lines(&bind);
        let text = prepared.text.with_parameters(&lines);
        let content = bound_content(&bind);
        let portal = Portal {
            prepared: prepared.clone(),
            content: content.clone(),
            leave: None,
            binary: binary_columns(&bind.result_formats),
            text: text.clone(),
            plan: plan.clone(),
        };
        let operations = match self.maskable(&portal) {
            Ok(()) => self.operations_of(&prepared.analysis),
            Err(refused) => Err(refused),
        };
        let parts = vec![
            Bytes::from_static(b"bind"),
            prepared.content.clone(),
            prepared.types.clone(),
            content,
        ];
        let asked = self.asked(frame, (operations, text), parts)?;
        let kind = Kind::Bind {
            portal: bind.portal.to_owned(),
        };
        self.ask(
            asked,
            Then {
                portal: Some(portal),
                ..Then::of(kind, plan)
            },
        )
        .await
    }

    pub(super) async fn take_execute(
        &mut self,
        frame: &Frame,
        execute: Execute<'_>,
    ) -> Result<(), Error> {
        let kind = Kind::Execute;
        let Some(portal) = self.state.portals.get(execute.portal).cloned() else {
            return self.unknown(frame, kind, "portal").await;
        };
        let prepared = &portal.prepared;
        let operations = self.operations_of(&prepared.analysis);
        let parts = vec![
            Bytes::from_static(b"execute"),
            prepared.content.clone(),
            prepared.types.clone(),
            portal.content.clone(),
            Bytes::copy_from_slice(&execute.rows.to_be_bytes()),
        ];
        let asked = self.asked(frame, (operations, portal.text.clone()), parts)?;
        let mut then = Then::of(kind, portal.plan.clone());
        then.leave = portal.leave.clone();
        then.portal = Some(portal);
        self.ask(asked, then).await
    }

    pub(super) async fn take_describe(
        &mut self,
        frame: &Frame,
        named: Named<'_>,
    ) -> Result<(), Error> {
        let (kind, known) = match named {
            Named::Statement(name) => {
                let known = self.state.statements.contains_key(name);
                (
                    Kind::DescribeStatement {
                        name: name.to_owned(),
                    },
                    known,
                )
            }
            Named::Portal(name) => (
                Kind::DescribePortal {
                    name: name.to_owned(),
                },
                self.state.portals.contains_key(name),
            ),
        };
        if !known {
            return self.unknown(frame, kind, "name").await;
        }
        self.pass(frame.bytes().clone(), Some(Expected::new(kind, None)))
            .await
    }

    pub(super) async fn take_close(
        &mut self,
        frame: &Frame,
        named: Named<'_>,
    ) -> Result<(), Error> {
        match named {
            Named::Statement(name) => {
                self.state.statements.remove(name);
                self.facts.prepared.remove(name);
                self.state.operations.forget();
            }
            Named::Portal(name) => drop(self.state.portals.remove(name)),
        }
        self.pass(
            frame.bytes().clone(),
            Some(Expected::new(Kind::Close, None)),
        )
        .await
    }

    fn parameter_lines(&self, bind: &Bind<'_>) -> Vec<Redacted> {
        let lines = bind
            .parameters
            .iter()
            .enumerate()
            .map(|(place, value)| match value {
                None => Redacted::plain("NULL"),
                Some(bytes) if bind.formats.is_binary(place) => {
                    Redacted::plain(&format!("<binary: {} bytes>", bytes.len()))
                }
                Some(bytes) => {
                    let text = String::from_utf8_lossy(bytes);
                    self.state.mask.redact(&text, &Hiding::whole(&text))
                }
            });
        lines.collect()
    }
}

/// Parameters and formats as they are hashed: names left out, for drivers choose them anew.
fn bound_content(bind: &Bind<'_>) -> Bytes {
    let mut content = BytesMut::new();
    let mut part = |bytes: &[u8]| {
        content.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        content.extend_from_slice(bytes);
    };
    part(bind.formats.as_bytes());
    part(bind.result_formats.as_bytes());
    for value in bind.parameters.iter() {
        match value {
            Some(value) => {
                part(b"v");
                part(value);
            }
            None => part(b"n"),
        }
    }
    content.freeze()
}

fn binary_columns(formats: &Formats<'_>) -> Vec<bool> {
    (0..formats.len())
        .map(|place| formats.is_binary(place))
        .collect()
}
