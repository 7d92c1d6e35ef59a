//! Finds values by what they look like; every detector takes any bytes and linear time.

mod card;
mod email;
mod kind;

use std::cmp::Reverse;
use std::ops::Range;

use super::{DataClass, Detector, How, Open};

/// A value that was found.
#[derive(Debug, Clone)]
pub(super) struct Finding<'c> {
    pub(super) range: Range<usize>,
    pub(super) class: &'c DataClass,
    pub(super) how: How,
}

/// Ranges of bytes, in order, apart from each other. Empty (and unallocated) for most texts.
pub(super) fn find(detector: Detector, text: &[u8]) -> Vec<Range<usize>> {
    match detector {
        Detector::Email => email::find(text),
        Detector::PaymentCard => card::find(text),
    }
}

/// The end of a text that may become a value with what follows.
pub(super) fn open(detector: Detector, text: &[u8]) -> Option<Open> {
    match detector {
        Detector::Email => email::open(text),
        Detector::PaymentCard => card::open(text),
    }
}

/// In order and apart. What overlaps becomes one finding of the first one's class, redacted where classes differ.
pub(super) fn merge(mut findings: Vec<Finding<'_>>) -> Vec<Finding<'_>> {
    findings.sort_by_key(|finding| (finding.range.start, Reverse(finding.range.end)));
    let mut merged: Vec<Finding<'_>> = Vec::with_capacity(findings.len());
    for finding in findings {
        match merged.last_mut() {
            Some(last) if finding.range.start < last.range.end => {
                last.range.end = last.range.end.max(finding.range.end);
                if last.class.name != finding.class.name {
                    last.how = How::Redact;
                }
            }
            _ => merged.push(finding),
        }
    }
    merged
}

/// Adds a range that begins no earlier than those there; what overlaps or touches becomes one.
fn push(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
        _ => ranges.push(range),
    }
}
