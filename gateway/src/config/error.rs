//! What can be wrong with a configuration, with its place and what to do about it.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {cause}", .file.display())]
    Unreadable {
        file: PathBuf,
        cause: std::io::Error,
    },
    #[error("{} is too large for a configuration", .0.display())]
    TooLarge(PathBuf),
    /// Lines and columns count from 1.
    #[error("{}:{line}:{column}: {message}{}", .file.display(), .hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default())]
    Malformed {
        file: PathBuf,
        line: u64,
        column: u64,
        message: String,
        hint: Option<String>,
    },
    #[error("{}: {message} (hint: {hint})", .file.display())]
    Contradiction {
        file: PathBuf,
        message: String,
        hint: String,
    },
}

impl Error {
    pub(super) fn of_yaml(file: &Path, error: &serde_saphyr::Error) -> Self {
        let error = error.without_snippet();
        let text = error.to_string();
        let (message, place) = without_place(&text);
        let location = error
            .location()
            .map(|location| (location.line(), location.column()));
        let (line, column) = place.or(location).unwrap_or((1, 1));
        let hint = hint(message);
        Self::Malformed {
            file: file.to_owned(),
            line,
            column,
            message: message.to_owned(),
            hint,
        }
    }
}

/// The parser ends its messages with the place. What a protocol's own settings refused has several: the first is that
/// of the thing itself, those after it of what it lies in.
fn without_place(text: &str) -> (&str, Option<(u64, u64)>) {
    let Some((message, places)) = text.split_once(" at line ") else {
        return (text, None);
    };
    let mut numbers = places
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| !part.is_empty());
    let mut number = || numbers.next().and_then(|digits| digits.parse().ok());
    (message, number().zip(number()))
}

/// The expected name nearest to the one that is unknown: "unknown field `listner`, expected one of listeners, targets".
fn hint(message: &str) -> Option<String> {
    let (problem, expected) = message.split_once(", expected ")?;
    let unknown = problem
        .split('`')
        .nth(1)
        .filter(|_| problem.starts_with("unknown "))?;
    let expected = expected.strip_prefix("one of ").unwrap_or(expected);
    let names = expected
        .split([',', ' '])
        .map(|name| name.trim_matches('`'));
    let nearest = names
        .filter(|name| !name.is_empty())
        .min_by_key(|name| distance(unknown, name))?;
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
    fn the_innermost_place_counts() {
        let text = "unknown field `x` at line 19, column 7 at line 17, column 5";
        assert_eq!(without_place(text), ("unknown field `x`", Some((19, 7))));
        assert_eq!(without_place("nothing"), ("nothing", None));
    }

    #[test]
    fn a_misspelt_field_is_named() {
        for names in [
            "one of `listeners`, `targets`",
            "one of listeners, targets",
            "`listeners`",
        ] {
            let message = format!("unknown field `listner`, expected {names}");
            assert_eq!(hint(&message).unwrap(), "did you mean `listeners`?");
        }
        assert_eq!(
            hint("unknown field `quux`, expected one of `listeners`, `targets`"),
            None
        );
    }
}
