//! One channel request as the gate is asked about it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use gate::words::{Hiding, Operations, visible};
use gate::{Circumstances, Content, Fingerprint, Guard, Mask, Rendering, Request, Unclear};

/// The longest text that an approver is shown.
const SHOWN: usize = 64 << 10;

/// A command, a shell, a file operation, a forward. Only this crate's decoder makes one.
pub struct Asked {
    pub(crate) wire: Vec<Bytes>,
    /// Kind, login, and what is sent: all that gives it its meaning.
    pub(crate) content: Vec<Bytes>,
    pub(crate) meaning: Fingerprint,
    pub(crate) operations: Result<Arc<Operations>, Unclear>,
    /// Whether another request's record, which waits for the disk, tells of this one's effect.
    pub(crate) guard: Guard,
    pub(crate) shown: Shown,
}

/// A text as people may see it.
pub(crate) struct Shown {
    text: Arc<str>,
    redacted: BTreeSet<String>,
    cut: bool,
    notes: Vec<String>,
}

impl Asked {
    /// For a reason of the channel's own, in place of the session's.
    pub(crate) fn because(self, reason: Option<&Arc<str>>) -> Self {
        let Some(reason) = reason else { return self };
        let own = |all| {
            Arc::new(Operations::because(
                Arc::unwrap_or_clone(all),
                reason.clone(),
            ))
        };
        Self {
            operations: self.operations.map(own),
            ..self
        }
    }
}

impl Shown {
    /// What detectors find in the text and the notes is marked, whoever asks.
    pub(crate) fn new(text: &str, mask: Option<&Mask>, notes: Vec<String>) -> Self {
        let mut shown = Self {
            text: "".into(),
            redacted: BTreeSet::new(),
            cut: false,
            notes: Vec::new(),
        };
        shown.text = shown.seen(text, mask).into();
        shown.notes = notes.iter().map(|note| shown.seen(note, mask)).collect();
        shown
    }

    fn seen(&mut self, text: &str, mask: Option<&Mask>) -> String {
        let redacted = mask.map(|mask| mask.redact(text, &Hiding::whole(text)));
        let text = match redacted {
            Some(redacted) => {
                self.redacted.extend(redacted.classes);
                Cow::Owned(redacted.text)
            }
            None => Cow::Borrowed(text),
        };
        let (kept, rest) = text.split_at(text.floor_char_boundary(SHOWN));
        self.cut |= !rest.is_empty();
        visible(kept)
    }
}

impl Request for Asked {
    async fn operations(&self) -> Result<Arc<Operations>, Unclear> {
        self.operations.clone()
    }

    fn wire(&self) -> &[Bytes] {
        &self.wire
    }

    fn content(&self) -> Content<'_> {
        Content::from_parts(self.content.iter().map(Bytes::as_ref).collect())
    }

    fn meaning(&self) -> &Fingerprint {
        &self.meaning
    }

    fn circumstances(&self) -> Circumstances {
        Circumstances {
            guard: self.guard,
            ..Circumstances::default()
        }
    }

    fn render(&self) -> Rendering {
        Rendering {
            text: self.shown.text.clone(),
            redacted: self.shown.redacted.clone(),
            cut: self.shown.cut,
            notes: self.shown.notes.clone(),
        }
    }
}
