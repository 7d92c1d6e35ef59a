//! Reaching a target, as a request of its own.

use std::sync::Arc;

use bytes::Bytes;
use policy::operation::{Action, Attributes, Operation, Operations, Resource};

use super::Session;
use crate::decision::{Permitted, Reason};
use crate::request::{Fingerprint, Rendering, Request, Unclear};
use crate::underway::{Outcome, OutcomeKind, Underway};

/// Reaching the target at all is an operation itself: judged, and perhaps held, like any other. Its underway lives as
/// long as the session, so that a reload which forbids it ends the session.
pub struct Connect {
    operations: Arc<Operations>,
    meaning: Fingerprint,
    text: String,
}

impl Connect {
    /// `detail`, such as the database, narrows the target in the approver's eyes and in the digest; `more` is what else
    /// the connection asks for at once, such as another role.
    pub fn to(session: &Session, detail: &[(&str, &str)], more: Vec<Operation>) -> Self {
        let operation = Operation {
            action: Action::shared("connect"),
            resource: Resource::default(),
            facts: Attributes::new(),
            statement: 0,
            span: None,
        };
        let words: Vec<String> = detail
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let text = format!("connect to {} {}", session.target().name, words.join(" "));
        // part by part: a database may be named `a role=b`
        let mut parts: Vec<&[u8]> = detail
            .iter()
            .flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()])
            .collect();
        let asked = format!("{more:?}");
        parts.push(asked.as_bytes());
        let meaning = Fingerprint::of(&parts);
        Self {
            operations: Arc::new(Operations::new([vec![operation], more].concat())),
            meaning,
            // names are the client's own words
            text: recorder::visible::visible(text.trim_end()),
        }
    }
}

impl Request for Connect {
    async fn operations(&self) -> Result<Arc<Operations>, Unclear> {
        Ok(self.operations.clone())
    }
    fn wire(&self) -> &[Bytes] {
        &[]
    }
    fn meaning(&self) -> &Fingerprint {
        &self.meaning
    }
    fn render(&self) -> Rendering {
        Rendering::plain(&self.text)
    }
}

impl Permitted<Connect> {
    /// The permission to reach the target, once the gate has dialled.
    pub(crate) fn dialled(self) -> Result<Underway, Reason> {
        let begun = self.begin().map_err(|denied| denied.reason);
        begun.map(|(_, underway)| underway.staying())
    }

    /// The backend could not be reached.
    pub(crate) fn unreachable(self) {
        let Self { mut duty, .. } = self;
        duty.sent();
        duty.pay(Outcome::of(OutcomeKind::Failed));
    }
}
