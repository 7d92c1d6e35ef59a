//! What can be wrong with a configuration, with its place and what to do about it.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {cause}", .file.display())]
    Unreadable { file: PathBuf, cause: std::io::Error },
    #[error("{} is too large for a configuration", .0.display())]
    TooLarge(PathBuf),
    /// Lines and columns count from 1.
    #[error("{}:{line}:{column}: {message}{}", .file.display(), .hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default())]
    Malformed { file: PathBuf, line: u64, column: u64, message: String, hint: Option<String> },
    #[error("{}: {message} (hint: {hint})", .file.display())]
    Contradiction { file: PathBuf, message: String, hint: String },
}

impl Error {
    pub(super) fn of_yaml(file: &Path, error: &serde_saphyr::Error) -> Self {
        let error = error.without_snippet();
        let (line, column) = match error.location() {
            Some(location) => (location.line(), location.column()),
            None => (1, 1),
        };
        let message = without_place(&error.to_string()).to_owned();
        let hint = hint(&message);
        Self::Malformed { file: file.to_owned(), line, column, message, hint }
    }
}

/// The parser ends its messages with the place, which is told before them already.
fn without_place(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(at) => message.get(..at).unwrap_or(message),
        None => message,
    }
}

/// The expected name nearest to the one that is unknown: "unknown field `listner`, expected one of listeners, targets".
fn hint(message: &str) -> Option<String> {
    let (problem, expected) = message.split_once(", expected ")?;
    let unknown = problem.split('`').nth(1).filter(|_| problem.starts_with("unknown "))?;
    let expected = expected.strip_prefix("one of ").unwrap_or(expected);
    let names = expected.split([',', ' ']).map(|name| name.trim_matches('`'));
    let nearest = names.filter(|name| !name.is_empty()).min_by_key(|name| distance(unknown, name))?;
    let near = distance(unknown, nearest) <= nearest.len().max(3) / 3 + 1;
    near.then(|| format!("did you mean `{nearest}`?"))
}

/// How many letters must be inserted, deleted or replaced to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (above, candidate) in row.iter().skip(1).zip(&other) {
            let replaced = diagonal + usize::from(letter != *candidate);
            left = replaced.min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_a_distance() {
        assert_eq!(distance("listener", "listeners"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn a_misspelt_field_is_named() {
        for names in ["one of `listeners`, `targets`", "one of listeners, targets", "`listeners`"] {
            let message = format!("unknown field `listner`, expected {names}");
            assert_eq!(hint(&message).unwrap(), "did you mean `listeners`?");
        }
        assert_eq!(hint("unknown field `quux`, expected one of `listeners`, `targets`"), None);
    }
}
