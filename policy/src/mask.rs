//! Masking: which values are sensitive, found by column or by what they look like, and how they are hidden.

mod class;
mod columns;
mod detect;
mod how;
mod open;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use aws_lc_rs::hmac;

use crate::Error;
pub use class::{DataClass, Detector, How};
use columns::Pattern;
use detect::Finding;
pub use how::mark;
pub use open::{Found, LONGEST_OPEN, Open};

/// The class of a request's text that had to be hidden whole.
pub const WHOLE: &str = "text";
/// The class of credentials in clauses that are known to hold them.
pub const SECRET: &str = "password";

/// Where a request's text may hold values, in ranges of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Hiding {
    /// What decides what the request does.
    pub constants: Vec<Range<usize>>,
    /// Constants of clauses that hold a credential, such as `PASSWORD '...'`: hidden whole, without a look at them.
    pub secrets: Vec<Range<usize>>,
    /// What decides nothing.
    pub comments: Vec<Range<usize>>,
}

impl Hiding {
    /// A text without a structure that is known: all of it may be a constant.
    pub fn whole(text: &str) -> Self {
        Self {
            constants: std::iter::once(0..text.len()).collect(),
            ..Self::default()
        }
    }
}

impl Redacted {
    /// A text in which nothing is hidden.
    pub fn plain(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            classes: BTreeSet::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Secret,
    Constant,
    Comment,
}

/// A request's text as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    pub text: String,
    /// The classes of the constants that are marked: who approves has to be permitted to see them.
    pub classes: BTreeSet<String>,
}

/// All data classes of a configuration.
pub struct Masking {
    classes: Vec<DataClass>,
    /// Patterns with the index of their class.
    patterns: Vec<(Pattern, usize)>,
    /// Detectors with the index of their class.
    detectors: Vec<(Detector, usize)>,
    key: Option<hmac::Key>,
}

impl Masking {
    /// Without a key, [`How::Hash`] hides as [`How::Redact`] does.
    ///
    /// # Errors
    /// The operator's: a class without a name or named twice, a pattern that is none, a column claimed by two classes.
    pub fn new(classes: Vec<DataClass>) -> Result<Self, Error> {
        class::check_names(&classes)?;
        let patterns = columns::patterns(&classes)?;
        let detectors = classes
            .iter()
            .enumerate()
            .flat_map(|(index, class)| class.detectors.iter().map(move |one| (*one, index)));
        Ok(Self {
            detectors: detectors.collect(),
            patterns,
            classes,
            key: None,
        })
    }

    /// With the key for [`How::Hash`]: equal values stay equal as long as the key does.
    #[must_use]
    pub fn keyed(mut self, key: &[u8; 32]) -> Self {
        self.key = Some(hmac::Key::new(hmac::HMAC_SHA256, key));
        self
    }

    pub fn classes(&self) -> &[DataClass] {
        &self.classes
    }

    /// The class that claims a column; names are compared without regard to ASCII case.
    pub fn class_of_column(
        &self,
        database: &str,
        schema: &str,
        table: &str,
        column: &str,
    ) -> Option<&DataClass> {
        let path = [database, schema, table, column];
        let (_, index) = self
            .patterns
            .iter()
            .find(|(pattern, _)| pattern.matches(path))?;
        self.classes.get(*index)
    }

    pub fn has_detectors(&self) -> bool {
        !self.detectors.is_empty()
    }

    /// A masked copy of a text in which something was found that `revealed` (asked by class name) does not show; else none.
    ///
    /// Takes any bytes, in linear time; allocates only when something was found.
    pub fn detect<'t>(
        &self,
        text: &'t [u8],
        revealed: &dyn Fn(&str) -> bool,
    ) -> Option<Cow<'t, [u8]>> {
        let findings = self.findings(text, revealed);
        if findings.is_empty() {
            return None;
        }
        let mut masked = Vec::with_capacity(text.len());
        let mut copied = 0;
        for finding in findings {
            masked.extend_from_slice(text.get(copied..finding.range.start).unwrap_or_default());
            let value = text.get(finding.range.clone()).unwrap_or_default();
            masked.extend_from_slice(&how::hide(
                finding.class,
                finding.how,
                value,
                self.key.as_ref(),
            ));
            copied = finding.range.end;
        }
        masked.extend_from_slice(text.get(copied..).unwrap_or_default());
        Some(Cow::Owned(masked))
    }

    /// A whole value of a class, hidden; for [`How::Null`] it is empty and the caller sends a null where there is one.
    pub fn mask_value(&self, class: &DataClass, text: &[u8]) -> Vec<u8> {
        how::hide(class, class.how, text, self.key.as_ref())
    }

    /// A request's text for tape, store, notices and approvers: what is found in a constant or a comment is replaced by a
    /// mark of its class and length ([`mark`]), for every reader. Nothing outside of them is touched.
    ///
    /// A text whose ranges do not fit it is marked whole, as class [`WHOLE`].
    pub fn redact_request(&self, text: &str, hiding: &Hiding) -> Redacted {
        let secrets = hiding.secrets.iter().map(|range| (range, Place::Secret));
        let constants = hiding
            .constants
            .iter()
            .map(|range| (range, Place::Constant));
        let comments = hiding.comments.iter().map(|range| (range, Place::Comment));
        let mut places: Vec<_> = secrets.chain(constants).chain(comments).collect();
        // stable: a secret goes before a constant at the same place
        places.sort_by_key(|(range, _)| (range.start, range.end));
        let mut redacted = Redacted {
            text: String::with_capacity(text.len()),
            classes: BTreeSet::new(),
        };
        let mut copied = 0;
        for (range, place) in places {
            let start = range.start.max(copied);
            let end = range.end.max(start);
            let (Some(before), Some(value)) = (text.get(copied..start), text.get(start..end))
            else {
                return Redacted {
                    text: mark(WHOLE, text),
                    classes: [WHOLE.to_owned()].into(),
                };
            };
            redacted.text.push_str(before);
            copied = end;
            if value.is_empty() {
                continue;
            }
            let found = match place {
                Place::Secret => {
                    redacted.text.push_str(&mark(SECRET, value));
                    vec![SECRET.to_owned()]
                }
                Place::Constant | Place::Comment => self.redact_part(value, &mut redacted.text),
            };
            if place != Place::Comment {
                redacted.classes.extend(found);
            }
        }
        redacted
            .text
            .push_str(text.get(copied..).unwrap_or_default());
        redacted
    }

    /// The classes of what was found in it.
    fn redact_part(&self, value: &str, redacted: &mut String) -> Vec<String> {
        let findings = self.findings(value.as_bytes(), &|_| false);
        let mut copied = 0;
        for finding in &findings {
            // detectors begin and end at ASCII bytes or at whole characters
            redacted.push_str(value.get(copied..finding.range.start).unwrap_or_default());
            let found = value.get(finding.range.clone()).unwrap_or_default();
            redacted.push_str(&mark(&finding.class.name, found));
            copied = finding.range.end;
        }
        redacted.push_str(value.get(copied..).unwrap_or_default());
        let classes = findings
            .into_iter()
            .map(|finding| finding.class.name.clone());
        classes.collect()
    }

    fn findings(&self, text: &[u8], revealed: &dyn Fn(&str) -> bool) -> Vec<Finding<'_>> {
        let mut findings = Vec::new();
        for (detector, index) in &self.detectors {
            let Some(class) = self.classes.get(*index) else {
                continue;
            };
            let ranges = detect::find(*detector, text);
            if !ranges.is_empty() && !revealed(&class.name) {
                findings.extend(ranges.into_iter().map(|range| Finding {
                    range,
                    class,
                    how: class.how,
                }));
            }
        }
        detect::merge(findings)
    }
}
