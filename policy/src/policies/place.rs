//! Turns byte offsets into lines and columns, and Cedar's diagnostics into load errors.

use miette::Diagnostic;

use super::{LoadError, Source};

/// The error at a byte offset of a file.
pub(super) fn at(
    source: &Source,
    offset: usize,
    message: String,
    hint: Option<String>,
) -> LoadError {
    let (line, column) = line_and_column(&source.text, offset);
    LoadError {
        file: source.file.clone(),
        line,
        column,
        message,
        hint,
    }
}

/// An error of Cedar's; `fallback` is the offset where it tells none.
pub(super) fn of(source: &Source, error: &dyn Diagnostic, fallback: usize) -> LoadError {
    let offset = error
        .labels()
        .into_iter()
        .flatten()
        .map(|label| label.offset())
        .next();
    let hint = error.help().map(|help| help.to_string());
    at(source, offset.unwrap_or(fallback), error.to_string(), hint)
}

/// The text that an error of Cedar's is about.
pub(super) fn snippet<'s>(source: &'s Source, error: &dyn Diagnostic) -> &'s str {
    let label = error.labels().into_iter().flatten().next();
    let range = label.map(|label| label.offset()..label.offset() + label.len());
    range
        .and_then(|range| source.text.get(range))
        .unwrap_or_default()
}

/// Both count from 1; an offset beyond the end or inside a character is the place before it.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.char_indices().take_while(|(at, _)| *at < offset);
    before.fold((1, 1), |(line, column), (_, letter)| {
        if letter == '\n' {
            (line + 1, 1)
        } else {
            (line, column + 1)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters() {
        let text = "ab\nzwölf x\n";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 2), (1, 3));
        assert_eq!(line_and_column(text, 3), (2, 1));
        assert_eq!(line_and_column(text, text.find('x').unwrap()), (2, 7));
        assert_eq!(line_and_column(text, 999), (3, 1));
    }
}
