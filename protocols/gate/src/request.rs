//! One whole thing that a client sent: what it asks for, what would be forwarded, and what an approver sees of it.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use policy::digest::{Digest, Hasher};
use policy::operation::Operations;

/// A request asked of the gate. The gate itself asks it for its operations, so that nobody can have a harmless
/// operation judged and a harmful message sent.
pub trait Request: Send + Sync + 'static {
    /// What it asks for; ready at once when the text was decoded before.
    fn operations(&self) -> impl Future<Output = Result<Arc<Operations>, Unclear>> + Send;
    /// Exactly what `forward` sends.
    fn wire(&self) -> &[Bytes];
    /// What is approved: all bytes that give the request its meaning.
    fn content(&self) -> Content<'_> {
        Content::of(self.wire())
    }
    /// The session state that changes what the bytes mean.
    fn meaning(&self) -> &Fingerprint;
    /// What an approver, the tape and the audit log see: redacted and made visible.
    fn render(&self) -> Rendering;
    /// The text of the rendering alone: what tape and audit log keep.
    fn shown(&self) -> Arc<str> {
        self.render().text
    }
    /// The same laid out over lines for people, where the protocol can: shown beside the rendering, never in its place.
    fn laid_out(&self) -> Option<String> {
        None
    }
    /// What goes to the backend in place of a denied request, where the protocol refuses by substitution.
    fn substitute(&self) -> Option<Vec<Bytes>> {
        None
    }
    /// What a later message will make durable, and how long it may be held.
    fn circumstances(&self) -> Circumstances {
        Circumstances::default()
    }
}

/// What surrounds a request and changes how it is recorded and held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circumstances {
    pub guard: Guard,
    /// A shorter deadline for a hold than the policy's, such as while locks are held.
    pub hold_at_most: Option<Duration>,
    /// The backend holds locks for this session while it waits.
    pub locks_held: bool,
}

/// Whether another request, which waits for the disk itself, tells of the effect of this one or makes it durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guard {
    /// Nothing does: a write waits for the disk before it is forwarded.
    #[default]
    Alone,
    /// A COMMIT that passes the gate will, or the opening of the file that this belongs to has.
    Guarded,
    /// This is the COMMIT.
    Commit,
}

/// Borrowed parts whose concatenation, with lengths, is hashed.
#[derive(Debug, Clone)]
pub struct Content<'a>(Vec<&'a [u8]>);

impl<'a> Content<'a> {
    pub fn of(wire: &'a [Bytes]) -> Self {
        Self(wire.iter().map(Bytes::as_ref).collect())
    }

    pub fn from_parts(parts: Vec<&'a [u8]>) -> Self {
        Self(parts)
    }
}

/// Hash of role, search path, encoding and whatever else changes what the same bytes mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Hasher::new("countersign/fingerprint/1");
        for part in parts {
            hasher.part(part);
        }
        Self(hasher.finish())
    }
}

/// The content digest: what is approved, and what the audit log names.
pub(crate) fn digest<R: Request>(request: &R, who: &str, target: &str) -> Digest {
    let mut hasher = Hasher::new("countersign/content/1");
    hasher.part(who.as_bytes());
    hasher.part(target.as_bytes());
    hasher.part(request.meaning().0.as_bytes());
    let content = request.content();
    hasher.part(&(content.0.len() as u64).to_be_bytes());
    for part in &content.0 {
        hasher.part(part);
    }
    hasher.finish()
}

/// Why a request could not be understood well enough to be judged: always a deny.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    pub kind: UnclearKind,
    /// A stable word for programs.
    pub code: &'static str,
    /// Holds no value of the request.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Byte offset in the text.
    pub at: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnclearKind {
    /// Not to be decoded.
    Unclear,
    /// Understood, but not spoken by the gateway.
    Unsupported,
    Oversize,
    /// It would show or launder what is masked.
    Masked,
    /// Whoever asked took it back before it was judged.
    TakenBack,
}

impl UnclearKind {
    /// The word that contracts and the audit log use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unclear | Self::TakenBack => "unclear",
            Self::Unsupported | Self::Masked => "unsupported",
            Self::Oversize => "oversize",
        }
    }
}

/// The request as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// Constants that detectors matched are replaced, control characters are visible.
    pub text: Arc<str>,
    /// The data classes of what was replaced: who approves needs `reveal` of each.
    pub redacted: BTreeSet<String>,
    /// It had to be cut.
    pub cut: bool,
    /// What else the approver should know, such as locks held.
    pub notes: Vec<String>,
}

impl Rendering {
    pub fn plain(text: &str) -> Self {
        Self {
            text: text.into(),
            redacted: BTreeSet::new(),
            cut: false,
            notes: Vec::new(),
        }
    }
}
