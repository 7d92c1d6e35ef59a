//! Patterns of column names, matched from the right.

use super::DataClass;
use crate::Error;

/// Segments from the column up; none stands for `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Option<String>>);

/// All patterns with the index of their class.
pub(super) fn patterns(classes: &[DataClass]) -> Result<Vec<(Pattern, usize)>, Error> {
    let mut all: Vec<(Pattern, usize, &str)> = Vec::new();
    for (index, class) in classes.iter().enumerate() {
        for text in &class.columns {
            let pattern = Pattern::read(text).map_err(|reason| Error::ColumnPattern {
                class: class.name.clone(),
                pattern: text.clone(),
                reason,
            })?;
            let rival = all
                .iter()
                .find(|(other, of, _)| *of != index && other.overlaps(&pattern));
            if let Some((_, of, rival)) = rival {
                return Err(Error::ColumnOverlap {
                    first: classes
                        .get(*of)
                        .map(|class| class.name.clone())
                        .unwrap_or_default(),
                    first_pattern: (*rival).to_owned(),
                    second: class.name.clone(),
                    second_pattern: text.clone(),
                });
            }
            all.push((pattern, index, text));
        }
    }
    Ok(all
        .into_iter()
        .map(|(pattern, index, _)| (pattern, index))
        .collect())
}

impl Pattern {
    fn read(text: &str) -> Result<Self, &'static str> {
        let segments: Vec<&str> = text.split('.').rev().collect();
        if segments.len() > LEVELS {
            return Err("has more than four segments: database, schema, table, column");
        }
        if segments
            .iter()
            .any(|segment| segment.is_empty() || (segment.contains('*') && *segment != "*"))
        {
            return Err("has a segment that is neither a name nor `*`");
        }
        if segments.first() == Some(&"*") {
            return Err("names no column");
        }
        Ok(Self(
            segments
                .into_iter()
                .map(|segment| (segment != "*").then(|| segment.to_owned()))
                .collect(),
        ))
    }

    pub(super) fn matches(&self, path: [&str; LEVELS]) -> bool {
        self.0.iter().zip(path.iter().rev()).all(|(segment, name)| {
            segment
                .as_ref()
                .is_none_or(|segment| segment.eq_ignore_ascii_case(name))
        })
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|pair| match pair {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            _ => true,
        })
    }
}

/// Database, schema, table, column.
const LEVELS: usize = 4;
