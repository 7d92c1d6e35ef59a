//! Here-documents: taken only where their end is beyond doubt.

use brush_parser::ast::IoHereDocument;

/// Whether the document that the parser found is what the shell will find.
///
/// One document a text, a plain delimiter, and exactly the lines between the operator's line and the first line that is
/// the delimiter: where parsers differ from shells, lines that are data for one are commands for the other.
pub(super) fn certain(source: &str, document: &IoHereDocument) -> bool {
    let operators = source.matches("<<").count();
    let delimiter = plain(&document.here_end.value);
    let (1, Some(delimiter), Some(at)) = (operators, delimiter, source.find("<<")) else {
        return false;
    };
    let Some((_, after)) = source.split_at(at).1.split_once('\n') else {
        return false;
    };
    let trimmed = |line: &'_ str| match document.remove_tabs {
        true => line.trim_start_matches('\t').to_owned(),
        false => line.to_owned(),
    };
    let mut expected = String::new();
    for line in after.split('\n') {
        let line = trimmed(line);
        if line == delimiter {
            return expected == document.doc.value;
        }
        expected.push_str(&line);
        expected.push('\n');
    }
    false
}

/// A delimiter of letters and `_`, bare or quoted as a whole.
fn plain(word: &str) -> Option<&str> {
    let quoted = |mark: char| {
        word.strip_prefix(mark)
            .and_then(|rest| rest.strip_suffix(mark))
    };
    let name = quoted('\'').or_else(|| quoted('"')).unwrap_or(word);
    let letters = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    letters(name).then_some(name)
}
