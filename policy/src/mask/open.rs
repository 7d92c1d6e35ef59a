//! Text that is still coming: what was found in it so far, and the end of it that may yet become a value.

use std::ops::Range;

use super::{DataClass, Masking, detect, how};

/// A value that was found, and what stands in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub range: Range<usize>,
    pub class: String,
    pub hidden: Vec<u8>,
}

/// The end of a text that may, with what follows, turn out to be a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Where the value would begin.
    pub from: usize,
    /// Up to here it tells nothing of a value: by the detector's word it need not be kept back.
    pub harmless: usize,
}

impl Open {
    pub(super) const fn new(from: usize, harmless: usize) -> Self {
        Self { from, harmless }
    }

    fn and(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            harmless: self.harmless.min(other.harmless),
        }
    }
}

impl Masking {
    /// What [`Masking::detect`] hides, value by value.
    pub fn find(&self, text: &[u8], revealed: &dyn Fn(&str) -> bool) -> Vec<Found> {
        let findings = self.findings(text, revealed).into_iter();
        let found = findings.map(|finding| {
            let value = text.get(finding.range.clone()).unwrap_or_default();
            Found {
                class: finding.class.name.clone(),
                hidden: how::hide(finding.class, finding.how, value, self.key.as_ref()),
                range: finding.range,
            }
        });
        found.collect()
    }

    /// The end of a text that may yet become a value, or more of one; none where whatever follows changes nothing.
    ///
    /// Looks at no more than the last [`LONGEST_OPEN`] bytes.
    pub fn open(&self, text: &[u8], revealed: &dyn Fn(&str) -> bool) -> Option<Open> {
        let hides = |class: &DataClass| !revealed(&class.name);
        let detectors = self.detectors.iter();
        detectors
            .filter(|(_, index)| self.classes.get(*index).is_some_and(hides))
            .filter_map(|(detector, _)| detect::open(*detector, text))
            .reduce(Open::and)
    }
}

/// A longer end of a text is not kept back: no value is that long.
pub const LONGEST_OPEN: usize = 320;
