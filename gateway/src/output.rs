//! What the command line prints: tables for people, JSON for programs, and nothing that a terminal would obey.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::cli::Output;

/// Where a command's answer goes.
pub(crate) struct Printer {
    form: Output,
}

impl Printer {
    pub(crate) fn new(form: Output) -> Self {
        Self { form }
    }

    pub(crate) fn for_programs(&self) -> bool {
        self.form != Output::Table
    }

    /// A list: one JSON array, one line each, or a table of `columns`: a title and the field to show under it.
    pub(crate) fn list(&self, rows: &[Value], columns: &[(&str, &str)]) -> io::Result<()> {
        match self.form {
            Output::Json => print(&Value::from(rows).to_string()),
            Output::Ndjson => rows.iter().try_for_each(|row| print(&row.to_string())),
            Output::Table => print(&table(rows, columns)),
        }
    }

    /// One thing: JSON, or lines of `name: value`.
    pub(crate) fn one(&self, value: &Value) -> io::Result<()> {
        match self.form {
            Output::Json | Output::Ndjson => print(&value.to_string()),
            Output::Table => print(&lines(value)),
        }
    }

    /// One thing that has words of its own for people.
    pub(crate) fn say(&self, value: &impl Serialize, words: &str) -> io::Result<()> {
        match self.form {
            Output::Json | Output::Ndjson => print(&serde_json::to_string(value)?),
            Output::Table => print(words),
        }
    }
}

/// One line on standard output, at once.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end_matches('\n'))?;
    out.flush()
}

/// A remark on standard error, beside the answer.
pub(crate) fn remark(text: &str) {
    // nobody is left to tell where this fails
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn table(rows: &[Value], columns: &[(&str, &str)]) -> String {
    let titles: Vec<String> = columns
        .iter()
        .map(|(title, _)| (*title).to_owned())
        .collect();
    let cells = rows.iter().map(|row| {
        columns
            .iter()
            .map(|(_, field)| cell(row.get(*field).unwrap_or(&Value::Null)))
            .collect()
    });
    let lines: Vec<Vec<String>> = std::iter::once(titles).chain(cells).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            lines
                .iter()
                .filter_map(|line| line.get(at))
                .map(|c| c.chars().count())
                .max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(row, "{cell:width$}  ");
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

fn lines(value: &Value) -> String {
    let Some(fields) = value.as_object() else {
        return cell(value);
    };
    let width = fields
        .keys()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for (name, value) in fields {
        let _ = writeln!(text, "{:width$}  {}", name, cell(value));
    }
    text
}

/// A value on one line, as people read it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => visible(text),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let each = fields
                .iter()
                .map(|(name, value)| format!("{name}={}", cell(value)));
            each.collect::<Vec<_>>().join(" ")
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// One line without anything that moves the cursor, turns the reading direction or hides: what others wrote may.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if harmless(letter) {
            shown.push(letter);
        } else {
            let _ = write!(shown, "{}", letter.escape_unicode());
        }
    }
    shown
}

/// The same with its lines kept.
pub(crate) fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

fn harmless(letter: char) -> bool {
    let hides = matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !letter.is_control() && !hides
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_is_aligned() {
        let rows = [
            json!({"id": 1, "who": "user:ada"}),
            json!({"id": 23, "who": null}),
        ];
        assert_eq!(
            table(&rows, &[("ID", "id"), ("AS", "who")]),
            "ID  AS\n1   user:ada\n23  -\n"
        );
    }

    #[test]
    fn what_others_wrote_cannot_command_the_terminal() {
        assert_eq!(visible("a\u{1b}[2J\u{7}b"), "a\\u{1b}[2J\\u{7}b");
        assert_eq!(visible("user\u{202e}nimda"), "user\\u{202e}nimda");
        assert_eq!(visible("a\nb"), "a\\u{a}b");
        assert_eq!(visible_lines("a\n\tb\r"), "a\n\\u{9}b\\u{d}");
        assert_eq!(
            visible("Sofja Kowalewskaja, Zoë, 中"),
            "Sofja Kowalewskaja, Zoë, 中"
        );
    }
}
