//! A protocol without a wire: requests are made by hand.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use policy::operation::{Action, Attributes, Operation, Operations, Resource};

use crate::request::{Circumstances, Fingerprint, Rendering, Request, Unclear, UnclearKind};

pub const NAME: &str = "fake";

/// Reads, writes and one administrative action on tables.
pub const VOCABULARY: &str = r#"namespace Fake {
  entity Table in [Target];
  action select in [Action::"read"] appliesTo { principal: [User, Service], resource: [Table], context: Asking };
  action insert, drop, truncate in [Action::"write"] appliesTo { principal: [User, Service], resource: [Table], context: Asking };
  action grant in [Action::"admin"] appliesTo { principal: [User, Service], resource: [Table], context: Asking };
}"#;

/// A request whose meaning is what the test says.
#[derive(Debug, Clone)]
pub struct Fake {
    pub operations: Result<Arc<Operations>, Unclear>,
    pub wire: Vec<Bytes>,
    pub meaning: Fingerprint,
    pub text: Arc<str>,
    /// The data classes that its text hides.
    pub redacted: BTreeSet<String>,
    /// Nobody is shown the whole of it.
    pub cut: bool,
    pub substitute: Option<Vec<Bytes>>,
    pub circumstances: Circumstances,
}

impl Fake {
    /// `drop orders`: an action and a table, also the bytes on the wire. Several are separated by `;`.
    pub fn of(text: &str) -> Self {
        let operations = text.split(';').map(|one| {
            let (action, table) = one.trim().split_once(' ').unwrap();
            operation(action, table)
        });
        Self {
            operations: Ok(Arc::new(Operations::new(operations.collect()))),
            wire: vec![Bytes::copy_from_slice(text.as_bytes())],
            meaning: Fingerprint::of(&[b"role=app"]),
            text: text.into(),
            redacted: BTreeSet::new(),
            cut: false,
            substitute: Some(vec![Bytes::from_static(b"refuse")]),
            circumstances: Circumstances::default(),
        }
    }

    pub fn unclear(text: &str) -> Self {
        let unclear = Unclear {
            kind: UnclearKind::Unclear,
            code: "unclear",
            message: "not understood".into(),
            hint: None,
            at: None,
        };
        Self {
            operations: Err(unclear),
            text: text.into(),
            ..Self::of("select x")
        }
    }

    #[must_use]
    pub fn meaning(self, parts: &[&[u8]]) -> Self {
        Self {
            meaning: Fingerprint::of(parts),
            ..self
        }
    }

    #[must_use]
    pub fn wire(self, parts: &[&'static [u8]]) -> Self {
        Self {
            wire: parts.iter().map(|part| Bytes::from_static(part)).collect(),
            ..self
        }
    }
}

fn operation(action: &str, table: &str) -> Operation {
    let known = ["select", "insert", "drop", "truncate", "grant"];
    let id = known.into_iter().find(|known| *known == action).unwrap();
    Operation {
        action: Action { protocol: NAME, id },
        resource: Resource {
            path: vec![("Table", Cow::Owned(table.to_owned()))],
            attributes: Attributes::new(),
        },
        facts: Attributes::new(),
        statement: 0,
        span: None,
    }
}

impl Request for Fake {
    async fn operations(&self) -> Result<Arc<Operations>, Unclear> {
        self.operations.clone()
    }
    fn wire(&self) -> &[Bytes] {
        &self.wire
    }
    fn meaning(&self) -> &Fingerprint {
        &self.meaning
    }
    fn render(&self) -> Rendering {
        Rendering {
            redacted: self.redacted.clone(),
            cut: self.cut,
            ..Rendering::plain(&self.text)
        }
    }
    fn substitute(&self) -> Option<Vec<Bytes>> {
        self.substitute.clone()
    }
    fn circumstances(&self) -> Circumstances {
        self.circumstances
    }
}
