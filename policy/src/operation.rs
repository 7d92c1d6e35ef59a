//! What a request asks for, in the words of policy: one action on one resource, with facts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The four groups every protocol action belongs to, weakest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    Read,
    Write,
    Admin,
    Unknown,
}

/// An action of one protocol (`postgres.drop`) or a shared one (`connect`, protocol is empty).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    /// `Protocol::NAME`, or empty for a shared action.
    pub protocol: &'static str,
    /// The Cedar id of the action within the protocol's namespace.
    pub id: &'static str,
}

/// A typed attribute as Cedar knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(untagged)]
pub enum Value {
    Bool(bool),
    Long(i64),
    Text(String),
    Set(Vec<String>),
}

/// Attributes declared by the vocabulary: of a resource entity, or of a protocol's `Facts`.
pub type Attributes = BTreeMap<&'static str, Value>;

/// What is acted on: the path from the target down, one `(entity type, name)` a level; empty is the target itself.
///
/// The Cedar id is `target/name/name/...`, each segment percent-encoded, and every level lies in the one above it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Resource {
    pub path: Vec<(&'static str, Cow<'static, str>)>,
    /// Attributes of the last level's entity.
    pub attributes: Attributes,
}

/// Where in the request an operation was found, in bytes of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Span(pub u32, pub u32);

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operation {
    pub action: Action,
    pub resource: Resource,
    /// The protocol's `Facts` for this operation.
    pub facts: Attributes,
    /// Index of the statement in the request.
    pub statement: u32,
    pub span: Option<Span>,
}

/// All operations of one request; the strictest verdict wins.
///
/// Hashed once when made, so that a verdict can be looked up without walking it.
#[derive(Debug, Clone)]
pub struct Operations {
    list: Vec<Operation>,
    reason: Option<Arc<str>>,
    hash: u64,
}

impl Operations {
    pub fn new(list: Vec<Operation>) -> Self {
        let mut hasher = DefaultHasher::new();
        list.hash(&mut hasher);
        Self {
            list,
            reason: None,
            hash: hasher.finish(),
        }
    }

    /// The same for a reason of this request's own, in place of its session's.
    #[must_use]
    pub fn because(self, reason: Arc<str>) -> Self {
        let mut hasher = DefaultHasher::new();
        (self.hash, &reason).hash(&mut hasher);
        Self {
            list: self.list,
            reason: Some(reason),
            hash: hasher.finish(),
        }
    }

    /// Why the client says it asks for this, where it said so of this request alone: untrusted text.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl std::ops::Deref for Operations {
    type Target = [Operation];
    fn deref(&self) -> &[Operation] {
        &self.list
    }
}

impl PartialEq for Operations {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.reason == other.reason && self.list == other.list
    }
}
impl Eq for Operations {}
impl Hash for Operations {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Resource {
    /// The Cedar id on a target: of the last level, or the target's own name.
    pub fn id(&self, target: &str) -> String {
        self.ids(target)
            .last()
            .map_or_else(|| target.to_owned(), |(_, id)| id)
    }

    /// What it is, in the words of reports: `postgres.table`, or `target`.
    pub fn kind(&self, protocol: &str) -> String {
        match self.path.last() {
            Some((name, _)) => format!("{protocol}.{}", name.to_ascii_lowercase()),
            None => "target".to_owned(),
        }
    }

    /// Type and Cedar id of each level, from the top.
    pub(crate) fn ids(&self, target: &str) -> impl Iterator<Item = (&'static str, String)> {
        let mut id = percent_encoded(target);
        self.path.iter().map(move |(name, segment)| {
            id.push('/');
            id.push_str(&percent_encoded(segment));
            (*name, id.clone())
        })
    }
}

/// All but letters, digits and `-._~`, so that no name can pass for another path.
fn percent_encoded(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for letter in segment.chars() {
        if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_' | '~') {
            encoded.push(letter);
        } else {
            let mut buffer = [0; 4];
            for byte in letter.encode_utf8(&mut buffer).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    encoded
}

impl Action {
    pub const fn shared(id: &'static str) -> Self {
        Self { protocol: "", id }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            "" => f.write_str(self.id),
            protocol => write!(f, "{protocol}.{}", self.id),
        }
    }
}
