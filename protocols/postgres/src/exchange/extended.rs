//! The extended protocol: what a client prepares, binds, describes and runs by name.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gate::Error;
use gate::words::{Hiding, Redacted};

use super::Exchange;
use super::ask::Then;
use super::copy_in;
use super::expected::{Expected, Kind};
use super::run::Bound;
use super::state::{Made, Portal, Prepared};
use crate::mask::literal::literal;
use crate::request::{self, SHOWN};
use crate::wire::frame::Frame;
use crate::wire::frontend::{Bind, Execute, Named, Parse};
use crate::wire::values::Formats;

impl Exchange {
    pub(super) async fn take_parse(
        &mut self,
        frame: &Frame,
        parse: Parse<'_>,
    ) -> Result<(), Error> {
        let decoded = self.shared.analyses.of(parse.text).await;
        let text = self.shown(parse.text, decoded.as_deref().ok());
        let (operations, parsed) = match decoded {
            Ok(analysis) => {
                let content = (
                    Bytes::copy_from_slice(parse.text.as_bytes()),
                    Bytes::copy_from_slice(parse.types.as_bytes()),
                );
                let batch = self.state.batches;
                let prepared = Prepared::new(analysis, content, text.clone(), batch);
                let prepared = Arc::new(prepared);
                if parse.name.is_empty() && self.take_at_once(frame, &prepared).await? {
                    return Ok(());
                }
                (self.preparing(&prepared.analysis), Some(prepared))
            }
            Err(refused) => (Err(request::unclear(&refused)), None),
        };
        let plan = self.plan(parsed.as_ref().map(|prepared| prepared.analysis.clone()));
        let asked = self.asked(frame, (operations, text), Vec::new());
        let name = parse.name.to_owned();
        self.ask(asked, Then::of(Kind::Parse { name, made: parsed }, plan))
            .await
    }

    pub(super) async fn take_bind(&mut self, frame: &Frame, bind: Bind<'_>) -> Result<(), Error> {
        let Some(prepared) = self.state.statements.get(bind.statement).cloned() else {
            let kind = Kind::Bind {
                portal: bind.portal.to_owned(),
                made: None,
            };
            return self.unknown(frame, kind, "statement").await;
        };
        if self.must_await(&prepared.made, frame) {
            return Ok(());
        }
        let ahead = self.ahead(bind.portal);
        if self.must_describe(&prepared) && !self.describes_itself(ahead.as_ref(), &prepared) {
            self.state.postponed = Some(frame.clone());
            let named = Named::Statement(bind.statement);
            return self.describe_own(named, prepared).await;
        }
        if self.take_in_group(frame, &bind, &prepared).await? {
            return Ok(());
        }
        let bound = Bound {
            operations: self.operations_of(&prepared.analysis),
            prepared,
            parse: None,
            ahead,
        };
        self.ask_bind(frame, &bind, bound).await
    }

    /// Asks about a Bind, with what goes before and after it in one piece.
    pub(super) async fn ask_bind(
        &mut self,
        frame: &Frame,
        bind: &Bind<'_>,
        bound: Bound,
    ) -> Result<(), Error> {
        let Bound {
            prepared,
            operations,
            parse,
            ahead,
        } = bound;
        let (mut portal, lines) = self.portal(bind, &prepared);
        let text = prepared.text.with_parameters(&lines);
        let (text, sources) = self.sourced(Some(&prepared.analysis), text);
        portal.text = text.clone();
        let (plan, content) = (portal.plan.clone(), portal.content.clone());
        let mut parts = vec![
            Bytes::from_static(b"bind"),
            prepared.content.clone(),
            prepared.types.clone(),
            content,
        ];
        parts.extend(sources);
        let mut asked = self.asked(frame, (operations, text), parts);
        asked.note = copy_in::note(Some(&prepared.analysis));
        if let Some(parse) = &parse {
            asked.starts_with(parse);
        }
        let run = ahead.map(|ahead| self.take_run(&ahead));
        asked.wire.extend(run.iter().map(|run| run.wire.clone()));
        let kind = Kind::Bind {
            portal: bind.portal.to_owned(),
            made: Some(portal.made.clone()),
        };
        self.ask(
            asked,
            Then {
                parse: parse.map(|_| prepared),
                portal: Some(portal),
                run,
                ..Then::of(kind, plan)
            },
        )
        .await
    }

    /// What a Bind makes, and its parameters as people may see them.
    pub(super) fn portal(
        &self,
        bind: &Bind<'_>,
        prepared: &Arc<Prepared>,
    ) -> (Portal, Vec<Redacted>) {
        let mut plan = self.plan(Some(prepared.analysis.clone()));
        Self::keep_source(&mut plan, &prepared.content, &prepared.text);
        let lines = self.parameter_lines(bind, prepared);
        let portal = Portal {
            prepared: prepared.clone(),
            content: bound_content(bind),
            made: Arc::new(Made::in_batch(self.state.batches)),
            leave: None,
            binary: binary_columns(&bind.result_formats),
            // parameters are added where one is asked about by itself
            text: prepared.text.clone(),
            plan,
        };
        (portal, lines)
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
        if self.must_await(&portal.made, frame) {
            return Ok(());
        }
        let prepared = &portal.prepared;
        if prepared.copied_out().is_none() && self.must_describe(prepared) {
            // the catalogue changed since it was bound
            self.state.postponed = Some(frame.clone());
            let named = Named::Portal(execute.portal);
            return self.describe_own(named, prepared.clone()).await;
        }
        let operations = self.operations_of(&prepared.analysis);
        let (_, sources) = self.sourced(Some(&prepared.analysis), portal.text.clone());
        let mut parts = vec![
            Bytes::from_static(b"execute"),
            prepared.content.clone(),
            prepared.types.clone(),
            portal.content.clone(),
            Bytes::copy_from_slice(&execute.rows.to_be_bytes()),
        ];
        parts.extend(sources);
        let asked = self.asked(frame, (operations, portal.text.clone()), parts);
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
        let known = match named {
            Named::Statement(name) => {
                let prepared = self.state.statements.get(name);
                prepared.map(|prepared| (prepared.clone(), prepared.made.clone()))
            }
            Named::Portal(name) => {
                let portal = self.state.portals.get(name);
                portal.map(|portal| (portal.prepared.clone(), portal.made.clone()))
            }
        };
        let Some((prepared, made)) = known else {
            let kind = Kind::Describe { prepared: None };
            if matches!(named, Named::Portal(_)) {
                // a cursor of SQL's DECLARE: its columns are told, and none of its rows
                let expected = Some(Expected::new(kind, None));
                return self.pass(frame.bytes().clone(), expected).await;
            }
            return self.unknown(frame, kind, "name").await;
        };
        if self.must_await(&made, frame) {
            return Ok(());
        }
        let kind = Kind::Describe {
            prepared: Some(prepared),
        };
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
                self.forget_name(name);
            }
            Named::Portal(name) => self.state.portals.remove(name),
        }
        self.pass(
            frame.bytes().clone(),
            Some(Expected::new(Kind::Close, None)),
        )
        .await
    }

    fn parameter_lines(&self, bind: &Bind<'_>, prepared: &Prepared) -> Vec<Redacted> {
        let shown = |text: &str| self.state.mask.redact(text, &Hiding::whole(text));
        // of what nobody can be shown, no more is made
        let mut room = SHOWN;
        let lines = bind
            .parameters
            .iter()
            .enumerate()
            .map(|(place, value)| match value {
                None => Redacted::plain("NULL"),
                Some(bytes) if bind.formats.is_binary(place) => {
                    match literal(prepared.parameter(place), bytes) {
                        Some(text) => shown(&text),
                        None => Redacted::plain(&format!("<binary: {} bytes>", bytes.len())),
                    }
                }
                Some(bytes) => shown(&String::from_utf8_lossy(bytes)),
            });
        let fits = |line: &Redacted| {
            let fits = room > 0;
            room = room.saturating_sub(line.text.len());
            fits
        };
        lines.take_while(fits).collect()
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
