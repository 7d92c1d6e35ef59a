//! A statement as the gate is asked about it, whatever message carries it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use gate::words::{Operations, Redacted};
use gate::{Circumstances, Content, Fingerprint, Rendering, Request, Unclear, UnclearKind};

use crate::wire::frame::Frame;
use crate::wire::substitute::Substitute;
use crate::{decode, layout};

/// The longest text that an approver is shown: a whole statement. Parameters after it may have to be cut, which is said;
/// then nobody can approve.
pub(crate) const SHOWN: usize = decode::MAX_TEXT;

/// A Query, Parse, Bind or Execute with all that gives it its meaning. Only this crate's decoder makes one.
pub struct Asked {
    pub(crate) wire: Vec<Bytes>,
    /// What is approved beside the wire or in place of it: of a Bind or Execute the text and types of its Parse, its
    /// parameters and formats. Empty: the wire alone.
    pub(crate) content: Vec<Bytes>,
    pub(crate) meaning: Fingerprint,
    pub(crate) operations: Result<Arc<Operations>, Unclear>,
    pub(crate) text: Text,
    /// The role it acts as at the server, where that is known.
    pub(crate) role: Option<Arc<str>>,
    /// What else who approves it must know.
    pub(crate) note: Option<&'static str>,
    pub(crate) circumstances: Circumstances,
    /// What a refusal is made of: the message, and what stands in its place.
    pub(crate) refusable: Option<(Frame, Substitute)>,
}

/// A text as people may see it.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) shown: Arc<str>,
    /// The data classes of what is marked in it.
    pub(crate) redacted: Arc<BTreeSet<String>>,
    pub(crate) cut: bool,
}

impl Text {
    /// Control and look-alike characters made visible, and no longer than people can read.
    pub(crate) fn new(redacted: Redacted) -> Self {
        let shown = gate::words::visible(&redacted.text);
        let (kept, rest) = shown.split_at(shown.floor_char_boundary(SHOWN));
        Self {
            shown: kept.into(),
            redacted: Arc::new(redacted.classes),
            cut: !rest.is_empty(),
        }
    }

    /// The same with what one of its names was prepared as.
    pub(crate) fn with_source(&self, name: &str, source: &Self) -> Self {
        let name = gate::words::visible(name);
        let prepared = source.shown.replace('\n', "\n-- ");
        let mut shown = format!("{}\n-- {name} was prepared as: {prepared}", self.shown);
        let end = shown.floor_char_boundary(SHOWN);
        let cut = self.cut || source.cut || end < shown.len();
        shown.truncate(end);
        Self {
            shown: shown.into(),
            redacted: Arc::new(self.redacted.union(&source.redacted).cloned().collect()),
            cut,
        }
    }

    /// The same with a line for each execution and its parameters.
    pub(crate) fn with_rows(&self, rows: &[Vec<Redacted>]) -> Self {
        let mut shown = format!("{}\n-- {} executions:", self.shown, rows.len());
        let mut redacted = self.redacted.clone();
        for (number, row) in rows.iter().enumerate() {
            shown.push_str(&format!("\n-- {}:", number + 1));
            for (place, value) in row.iter().enumerate() {
                // no value can pass for the next parameter, or the next execution
                let value_shown = gate::words::visible(&value.text).replace('\n', "\n--      | ");
                let line = if place == 0 { " " } else { "\n--    " };
                shown.push_str(&format!("{line}${} = {value_shown}", place + 1));
                if !value.classes.is_empty() {
                    Arc::make_mut(&mut redacted).extend(value.classes.iter().cloned());
                }
            }
            if shown.len() > SHOWN {
                break;
            }
        }
        let end = shown.floor_char_boundary(SHOWN);
        let cut = self.cut || end < shown.len();
        shown.truncate(end);
        Self {
            shown: shown.into(),
            redacted,
            cut,
        }
    }

    /// The same with a line for each parameter.
    pub(crate) fn with_parameters(&self, lines: &[Redacted]) -> Self {
        if lines.is_empty() {
            return self.clone();
        }
        let mut shown = self.shown.to_string();
        let mut redacted = self.redacted.clone();
        for (number, line) in lines.iter().enumerate() {
            shown.push_str(&format!(
                "\n-- ${} = {}",
                number + 1,
                gate::words::visible(&line.text).replace('\n', "\n--    | ")
            ));
            if !line.classes.is_empty() {
                Arc::make_mut(&mut redacted).extend(line.classes.iter().cloned());
            }
            if shown.len() > SHOWN {
                break;
            }
        }
        let end = shown.floor_char_boundary(SHOWN);
        let cut = self.cut || end < shown.len();
        shown.truncate(end);
        Self {
            shown: shown.into(),
            redacted,
            cut,
        }
    }
}

impl Asked {
    /// Another message goes before it, and is what a refusal takes the place of.
    pub(crate) fn starts_with(&mut self, frame: &Frame) {
        self.wire.insert(0, frame.bytes().clone());
        if let Some((refusable, _)) = &mut self.refusable {
            *refusable = frame.clone();
        }
    }

    fn notes(&self) -> Vec<String> {
        let role = self.role.iter();
        let mut notes: Vec<String> = role.map(|role| format!("acts as {role}")).collect();
        if self.circumstances.locks_held {
            notes.push("a transaction is open: locks are held while people are asked".to_owned());
        }
        notes.extend(self.note.map(str::to_owned));
        notes
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
        if self.content.is_empty() {
            return Content::of(&self.wire);
        }
        Content::from_parts(self.content.iter().map(Bytes::as_ref).collect())
    }

    fn meaning(&self) -> &Fingerprint {
        &self.meaning
    }

    fn render(&self) -> Rendering {
        Rendering {
            text: self.text.shown.clone(),
            redacted: BTreeSet::clone(&self.text.redacted),
            cut: self.text.cut,
            notes: self.notes(),
        }
    }

    fn shown(&self) -> Arc<str> {
        self.text.shown.clone()
    }

    fn laid_out(&self) -> Option<String> {
        layout::laid_out(&self.text.shown)
    }

    fn substitute(&self) -> Option<Vec<Bytes>> {
        let (frame, substitute) = self.refusable.as_ref()?;
        // a message that was read can be replaced; if not, the session ends for want of a refusal
        substitute.of(frame).ok()
    }

    fn circumstances(&self) -> Circumstances {
        self.circumstances
    }
}

/// A text that the decoder refused, in the gate's words. The decoder's message may quote the text: it is not passed on.
pub(crate) fn unclear(refused: &decode::Unclear) -> Unclear {
    let (kind, message, hint) = match refused.code {
        "oversize" => (
            UnclearKind::Oversize,
            "the statement is too long to be judged".to_owned(),
            Some(format!("send statements of at most {} bytes", decode::MAX_TEXT)),
        ),
        "nesting" => (
            UnclearKind::Oversize,
            "the statement is nested too deeply to be judged".to_owned(),
            Some("nest comments and expressions less deeply".to_owned()),
        ),
        "setting" => (
            UnclearKind::Unsupported,
            "the statement changes a setting that the gateway pins".to_owned(),
            Some("leave standard_conforming_strings on, client_encoding UTF8 and countersign.* alone".to_owned()),
        ),
        _ => (
            UnclearKind::Unclear,
            "the statement could not be understood".to_owned(),
            Some("check its syntax: what cannot be decoded is not passed on".to_owned()),
        ),
    };
    Unclear {
        kind,
        code: refused.code,
        message,
        hint,
        at: refused.at,
    }
}

pub(crate) fn unsupported(code: &'static str, message: &str, hint: &str) -> Unclear {
    Unclear {
        kind: UnclearKind::Unsupported,
        code,
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
        at: None,
    }
}
