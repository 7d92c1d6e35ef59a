//! What a client sends, message by message: decoded, judged, and handed on or refused.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gate::words::{Hiding, Operations, Redacted};
use gate::{Error, Purpose};

use super::ask::Then;
use super::{Exchange, Expected, Kind, Plan, Portal, Prepared};
use crate::decode::{Analysis, operations};
use crate::request::{self, Text};
use crate::wire::Malformed;
use crate::wire::frame::{Frame, Phase, next_frontend};
use crate::wire::frontend::{Bind, Execute, Frontend, Named, Parse};
use crate::wire::refusal::Refusal;
use crate::wire::values::Formats;

/// Operations of the last texts in this state of the session.
#[derive(Default)]
pub(super) struct Remembered {
    by_analysis: HashMap<(usize, bool), (Arc<Analysis>, Arc<Operations>)>,
}

/// Entries before all are forgotten.
const REMEMBERED: usize = 512;

impl Remembered {
    pub(super) fn forget(&mut self) {
        self.by_analysis.clear();
    }
}

impl Exchange {
    /// Takes every whole message that has come, until one has to wait.
    pub(super) async fn take_frames(&mut self) -> Result<(), Error> {
        while self.ready_to_take() {
            let frame = match self.state.postponed.take() {
                Some(frame) => frame,
                None => match next_frontend(&mut self.inbox, Phase::Ready, &self.limits) {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(malformed) => return self.broken(malformed).await,
                },
            };
            self.take(frame).await?;
        }
        if self.state.client_ended && self.state.queue.is_empty() && self.state.held.is_none() {
            self.state.over = true;
        }
        Ok(())
    }

    fn ready_to_take(&self) -> bool {
        self.state.held.is_none()
            && self.state.cancelling.is_none()
            && !self.state.over
            && !self.owes_own()
            && !self.must_wait()
    }

    /// At the start of a batch, while what the one before changed is not known: its answers come first.
    fn must_wait(&self) -> bool {
        self.state.read_back && !self.state.batch.forwarded && !self.state.queue.is_empty()
    }

    async fn broken<T>(&mut self, malformed: Malformed) -> Result<T, Error> {
        crate::client::farewell(&mut self.client, &Refusal::Malformed(malformed)).await
    }

    async fn take(&mut self, frame: Frame) -> Result<(), Error> {
        self.refresh_mask();
        if !self.state.batch.forwarded && self.must_look() {
            self.state.postponed = Some(frame);
            return self.own_work().await;
        }
        let message = match Frontend::read(&frame) {
            Ok(message) => message,
            Err(malformed) => return self.broken(malformed).await,
        };
        let ends_batch = matches!(message, Frontend::Sync | Frontend::Terminate);
        if self.state.batch.skipping && !ends_batch {
            return Ok(());
        }
        match message {
            Frontend::Query(query) => self.take_query(&frame, query.text).await,
            Frontend::Parse(parse) => self.take_parse(&frame, parse).await,
            Frontend::Bind(bind) => self.take_bind(&frame, bind).await,
            Frontend::Execute(execute) => self.take_execute(&frame, execute).await,
            Frontend::Describe(named) => self.take_describe(&frame, named).await,
            Frontend::Close(named) => self.take_close(&frame, named).await,
            Frontend::Flush => self.pass(frame.into_bytes(), None).await,
            Frontend::Sync => self.take_sync(frame).await,
            Frontend::FunctionCall(_) => self.take_function_call(&frame).await,
            Frontend::CopyData(_) | Frontend::CopyDone | Frontend::CopyFail { .. } => {
                // only after CopyInResponse, which never reaches a client
                self.broken(Malformed::Type(frame.tag())).await
            }
            Frontend::Terminate => {
                // what runs is answered to its end, as by the server itself
                self.state.client_ended = true;
                Ok(())
            }
        }
    }

    async fn take_query(&mut self, frame: &Frame, text: &str) -> Result<(), Error> {
        self.state.batch = super::Batch {
            begun: self.state.batch.begun,
            ..Default::default()
        };
        let analysis = self.shared.analyses.of(text).await;
        let shown = self.shown(text, analysis.as_deref().ok());
        let decoded = match &analysis {
            Ok(analysis) => self.operations_of(analysis),
            Err(refused) => Err(request::unclear(refused)),
        };
        let plan = self.plan(analysis.ok());
        let asked = self.asked(frame, (decoded, shown), Vec::new())?;
        self.ask(
            asked,
            Then {
                kind: Kind::Query { done: 0 },
                plan,
                leave: None,
                portal: None,
                parsed: None,
            },
        )
        .await
    }

    async fn take_parse(&mut self, frame: &Frame, parse: Parse<'_>) -> Result<(), Error> {
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
                kind: Kind::Parse { name },
                plan,
                leave: None,
                portal: None,
                parsed,
            },
        )
        .await
    }

    async fn take_bind(&mut self, frame: &Frame, bind: Bind<'_>) -> Result<(), Error> {
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
                kind,
                plan,
                leave: None,
                portal: Some(portal),
                parsed: None,
            },
        )
        .await
    }

    async fn take_execute(&mut self, frame: &Frame, execute: Execute<'_>) -> Result<(), Error> {
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
        let then = Then {
            kind,
            plan: portal.plan.clone(),
            leave: portal.leave.clone(),
            portal: Some(portal),
            parsed: None,
        };
        self.ask(asked, then).await
    }

    async fn take_describe(&mut self, frame: &Frame, named: Named<'_>) -> Result<(), Error> {
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

    async fn take_close(&mut self, frame: &Frame, named: Named<'_>) -> Result<(), Error> {
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

    async fn take_sync(&mut self, frame: Frame) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.state.batch);
        if batch.skipping && !batch.forwarded && self.state.queue.is_empty() {
            // the gateway itself refused, and nothing of the batch went out
            return self.ready_locally();
        }
        self.pass(frame.into_bytes(), Some(Expected::new(Kind::Sync, None)))
            .await?;
        if self.status == crate::wire::backend::Status::Idle && !batch.begun {
            self.state.portals.clear();
        }
        Ok(())
    }

    async fn take_function_call(&mut self, frame: &Frame) -> Result<(), Error> {
        let refused = request::unsupported(
            "function_call",
            "the function call message is not spoken here",
            "call the function in a statement: SELECT function(...)",
        );
        let text = Text::new(Redacted::plain("function call"));
        let asked = self.asked(frame, (Err(refused), text), Vec::new())?;
        let kind = Kind::Query { done: 0 };
        self.ask(
            asked,
            Then {
                kind,
                plan: Plan::default(),
                leave: None,
                portal: None,
                parsed: None,
            },
        )
        .await
    }

    /// A name that this session did not prepare or bind through the gateway: it cannot be judged.
    async fn unknown(&mut self, frame: &Frame, kind: Kind, what: &str) -> Result<(), Error> {
        let refused = request::unsupported(
            "unknown_name",
            &format!("no such prepared {what} is known here"),
            "prepare it again with a Parse message on this connection",
        );
        let asked = self.asked(
            frame,
            (Err(refused), Text::new(Redacted::plain(what))),
            Vec::new(),
        )?;
        self.ask(
            asked,
            Then {
                kind,
                plan: Plan::default(),
                leave: None,
                portal: None,
                parsed: None,
            },
        )
        .await
    }

    /// Passes what belongs to something underway, or on the gateway's own account where nothing is.
    pub(super) async fn pass(
        &mut self,
        bytes: Bytes,
        expected: Option<Expected>,
    ) -> Result<(), Error> {
        let last = self
            .state
            .queue
            .iter_mut()
            .rev()
            .find_map(|one| one.underway.as_mut());
        match last {
            Some(underway) => {
                let passed = self.server.more(underway, bytes);
                passed.map_err(|revoked| Error::Ended(revoked.0))?;
                self.state.queue.extend(expected);
            }
            None => {
                let permit = self.session.own(Purpose::Framing, vec![bytes]).await?;
                let forwarded = self.server.forward(permit);
                let (_, underway) = forwarded.map_err(|_| Error::Ended(gate::End::Killed))?;
                match expected {
                    Some(mut expected) => {
                        expected.underway = Some(underway);
                        self.state.queue.push_back(expected);
                    }
                    // a Flush has no answer
                    None => underway.done(gate::Outcome::of(gate::OutcomeKind::Completed)),
                }
            }
        }
        self.state.batch.forwarded = true;
        Ok(())
    }

    /// The operations of a text in this state of the session.
    pub(super) fn operations_of(
        &mut self,
        analysis: &Arc<Analysis>,
    ) -> Result<Arc<Operations>, gate::Unclear> {
        if let Err(refused) = self.sound(analysis) {
            // what is not known counts as governed: the next statement looks again
            self.state.catalogue_stale |= refused.code == "masking" && !self.knows(analysis);
            return Err(refused);
        }
        self.facts.in_transaction = self.in_transaction() || analysis.statements.len() > 1;
        let key = (Arc::as_ptr(analysis) as usize, self.facts.in_transaction);
        if let Some((_, known)) = self.state.operations.by_analysis.get(&key) {
            return Ok(known.clone());
        }
        let decoded = Arc::new(operations(analysis, &self.facts));
        if self.state.operations.by_analysis.len() >= REMEMBERED {
            self.state.operations.forget();
        }
        let entry = (analysis.clone(), decoded.clone());
        self.state.operations.by_analysis.insert(key, entry);
        Ok(decoded)
    }

    /// A text that the client sees again: constants that detectors know are marked, for every reader.
    fn shown(&self, text: &str, analysis: Option<&Analysis>) -> Text {
        let redacted = match analysis {
            Some(analysis) => self.state.mask.redact(text, &analysis.hiding),
            None => self.state.mask.redact(text, &Hiding::whole(text)),
        };
        Text::new(redacted)
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
