//! Masking: which values are sensitive, found by column or by what they look like, and how they are hidden.

mod class;
mod columns;
mod detect;
mod how;

use std::borrow::Cow;
use std::ops::Range;

use aws_lc_rs::hmac;

use crate::Error;
pub use class::{DataClass, Detector, How};
use columns::Pattern;
use detect::Finding;
pub use how::mark;

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

    /// A request's text for tape, store, notices and approvers: what is found in a constant is replaced by a mark of its
    /// class and length ([`mark`]), for every reader. Nothing outside the constants is touched. True when anything was.
    ///
    /// `constants` are ranges of bytes; a text whose ranges do not fit it is marked whole, as class `text`.
    pub fn redact_request(&self, text: &str, constants: &[Range<usize>]) -> (String, bool) {
        let mut constants = constants.to_vec();
        constants.sort_by_key(|range| (range.start, range.end));
        let mut redacted = String::with_capacity(text.len());
        let mut copied = 0;
        let mut changed = false;
        for constant in constants {
            let start = constant.start.max(copied);
            let (Some(before), Some(value)) = (
                text.get(copied..start),
                text.get(start..constant.end.max(start)),
            ) else {
                return (mark("text", text), true);
            };
            redacted.push_str(before);
            let found = self.redact_constant(value, &mut redacted);
            changed |= found;
            copied = constant.end.max(start);
        }
        redacted.push_str(text.get(copied..).unwrap_or_default());
        (redacted, changed)
    }

    fn redact_constant(&self, value: &str, redacted: &mut String) -> bool {
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
        !findings.is_empty()
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
