//! One request to be explained, as it comes: a JSON string or an object, whose fields override the flags.

use std::io::{self, BufRead};

use serde::Deserialize;
use serde_json::Value;

/// The longest line.
pub(super) const LONGEST: usize = 1024 * 1024;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    #[serde(default)]
    pub(super) id: Value,
    #[serde(rename = "as")]
    pub(super) identity: Option<String>,
    pub(super) groups: Option<Vec<String>>,
    pub(super) target: Option<String>,
    pub(super) database: Option<String>,
    pub(super) request: Value,
    #[serde(default)]
    pub(super) session: Session,
    #[serde(default)]
    pub(super) context: Context,
    /// Policies that count as countersigned.
    #[serde(default)]
    pub(super) approvals: Vec<String>,
}

/// The session that the request would meet.
#[derive(Debug, Clone, Default, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    #[serde(skip_serializing_if = "Option::is_none")]
    search_path: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_transaction: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Context {
    /// RFC 3339.
    pub(super) now: Option<String>,
    pub(super) address: Option<std::net::IpAddr>,
    pub(super) reason: Option<String>,
}

/// Why a line was not explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Unreadable {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// A line from standard input, or why it is none. With the id where one could be read.
pub(super) fn parse(bytes: &[u8]) -> Result<Line, (Value, Unreadable)> {
    let json = |error: serde_json::Error| Unreadable::new("invalid_json", error.to_string());
    let value: Value = serde_json::from_slice(bytes).map_err(|error| (Value::Null, json(error)))?;
    match value {
        Value::String(_) => Ok(Line {
            request: value,
            ..Line::default()
        }),
        Value::Object(_) => {
            let id = value.get("id").cloned().unwrap_or_default();
            let invalid =
                |error: serde_json::Error| Unreadable::new("invalid_request", error.to_string());
            serde_json::from_value(value).map_err(|error| (id, invalid(error)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Err((
            Value::Null,
            Unreadable::new("invalid_request", "neither a string nor an object"),
        )),
    }
}

/// The next line without its end; `None` at the end of the input. A line that is too long is skipped to its end.
pub(super) fn next(input: &mut impl BufRead) -> io::Result<Option<Result<Vec<u8>, Unreadable>>> {
    let mut line = Vec::new();
    let mut long = false;
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            let nothing = line.is_empty() && !long;
            return Ok((!nothing).then(|| finish(line, long)));
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available
            .get(..end.unwrap_or(available.len()))
            .unwrap_or_default();
        if long || line.len() + part.len() > LONGEST {
            long = true;
            line.clear();
        } else {
            line.extend_from_slice(part);
        }
        let used = end.map_or(available.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(finish(line, long)));
        }
    }
}

fn finish(line: Vec<u8>, long: bool) -> Result<Vec<u8>, Unreadable> {
    if long {
        return Err(Unreadable::new(
            "too_long",
            format!("a line has at most {LONGEST} bytes"),
        ));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_a_long_one_ends_nothing() {
        let mut text = b"\"one\"\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', LONGEST + 1));
        text.extend(b"\n\"two\"");
        let mut input = std::io::BufReader::with_capacity(4096, text.as_slice());
        assert_eq!(next(&mut input).unwrap().unwrap().unwrap(), b"\"one\"");
        assert_eq!(
            next(&mut input).unwrap().unwrap().unwrap_err().code,
            "too_long"
        );
        assert_eq!(next(&mut input).unwrap().unwrap().unwrap(), b"\"two\"");
        assert!(next(&mut input).unwrap().is_none());
    }

    #[test]
    fn an_unknown_field_is_an_error_that_keeps_the_id() {
        let (id, error) =
            parse(br#"{"id": 7, "request": "SELECT 1", "tarjet": "shop"}"#).unwrap_err();
        assert_eq!((id, error.code), (Value::from(7), "invalid_request"));
        assert!(parse(br#"{"request": "SELECT 1", "session": {"path": []}}"#).is_err());
        assert_eq!(parse(b"\"SELECT 1\"").unwrap().request, "SELECT 1");
        assert_eq!(parse(b"[]").unwrap_err().1.code, "invalid_request");
        assert_eq!(parse(b"{").unwrap_err().1.code, "invalid_json");
    }
}
