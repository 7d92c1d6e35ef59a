//! The text before and beside its tree: limits, literals, comments, spans.

use pg_query::protobuf::Token;

use super::Unclear;
use crate::words::{Hiding, Span};

/// The longest text that is decoded, in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// The most statements of one text: each is decoded and judged, which takes some thirty microseconds.
const MOST_STATEMENTS: usize = 4096;

/// The most tokens of one text: the tree takes some two microseconds for each.
const MOST_TOKENS: usize = 100_000;

/// Comments nested deeper cost the grammar, and the server, quadratic time.
const COMMENT_LEVELS: usize = 64;

/// Refuses what must not reach the grammar.
pub(super) fn check(text: &str) -> Result<(), Unclear> {
    if text.len() > MAX_TEXT {
        let message = format!("the text has {} bytes, more than {MAX_TEXT}", text.len());
        return Err(Unclear {
            code: "oversize",
            message,
            at: None,
        });
    }
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        let message = "the text holds a NUL byte".to_owned();
        return Err(Unclear {
            code: "nul",
            message,
            at: u32::try_from(at).ok(),
        });
    }
    comments(text.as_bytes())?;
    count(text)
}

/// Counts tokens and statements before the grammar makes a tree of them; only a scan knows what stands in literals.
fn count(text: &str) -> Result<(), Unclear> {
    let semicolons = memchr::memchr_iter(b';', text.as_bytes()).count();
    // no token is shorter than a byte
    if semicolons <= MOST_STATEMENTS && text.len() <= MOST_TOKENS {
        return Ok(());
    }
    let scanned = pg_query::scan(text).map_err(|error| unclear(&error))?;
    let ends = |token: &&pg_query::protobuf::ScanToken| token.token == Token::Ascii59 as i32;
    let (most, what) = if scanned.tokens.len() > MOST_TOKENS {
        (MOST_TOKENS, "words and signs")
    } else if scanned.tokens.iter().filter(ends).count() > MOST_STATEMENTS {
        (MOST_STATEMENTS, "statements")
    } else {
        return Ok(());
    };
    Err(Unclear {
        code: "complexity",
        message: format!("the text has more than {most} {what}: send it in parts"),
        at: None,
    })
}

/// Counts openings of comments less their endings, wherever they stand: at least the true nesting.
fn comments(text: &[u8]) -> Result<(), Unclear> {
    let mut level = 0_usize;
    let mut at = 0_usize;
    while let Some(pair) = text.get(at..at.saturating_add(2)) {
        match pair {
            b"/*" => {
                level = level.saturating_add(1);
                at = at.saturating_add(2);
                if level > COMMENT_LEVELS {
                    let message =
                        format!("comments are nested more than {COMMENT_LEVELS} levels deep");
                    return Err(Unclear {
                        code: "nesting",
                        message,
                        at: u32::try_from(at).ok(),
                    });
                }
            }
            // outside of comments `*/` is an operator, whose star may begin another pair
            b"*/" if level > 0 => {
                level = level.saturating_sub(1);
                at = at.saturating_add(2);
            }
            _ => at = at.saturating_add(1),
        }
    }
    Ok(())
}

/// What the grammar refused, with its own words.
pub(super) fn unclear(error: &pg_query::Error) -> Unclear {
    let (code, message) = match error {
        pg_query::Error::Parse(message) if message.contains("stack depth") => {
            ("nesting", message.clone())
        }
        pg_query::Error::Parse(message) => ("syntax", message.clone()),
        pg_query::Error::Conversion(_) => ("nul", error.to_string()),
        pg_query::Error::Decode(_)
        | pg_query::Error::InvalidJson(_)
        | pg_query::Error::InvalidPointer
        | pg_query::Error::Scan(_)
        | pg_query::Error::IsUtility(_)
        | pg_query::Error::Split(_) => ("syntax", error.to_string()),
    };
    Unclear {
        code,
        message,
        at: None,
    }
}

/// The literals and the comments of the text, in order.
pub(super) fn hiding(text: &str) -> Result<Hiding, Unclear> {
    let scanned = pg_query::scan(text).map_err(|error| unclear(&error))?;
    let mut hiding = Hiding::default();
    let mut before = None;
    for token in &scanned.tokens {
        let after = before;
        let kind = Token::try_from(token.token).ok();
        if !matches!(kind, Some(Token::SqlComment | Token::CComment)) {
            before = kind;
        }
        let places = match kind {
            // of a role, of a user mapping, of a subscription
            Some(Token::Sconst | Token::Usconst)
                if matches!(after, Some(Token::Password | Token::Connection)) =>
            {
                &mut hiding.secrets
            }
            Some(
                Token::Sconst
                | Token::Usconst
                | Token::Bconst
                | Token::Xconst
                | Token::Iconst
                | Token::Fconst,
            ) => &mut hiding.constants,
            Some(Token::SqlComment | Token::CComment) => &mut hiding.comments,
            _ => continue,
        };
        let range = usize::try_from(token.start)
            .ok()
            .zip(usize::try_from(token.end).ok());
        let range = range.map(|(start, end)| start..end);
        places.extend(range.filter(|range| text.get(range.clone()).is_some()));
    }
    Ok(hiding)
}

/// The text of a statement.
pub(super) fn of(text: &str, Span(start, end): Span) -> &str {
    let place = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    place
        .and_then(|(start, end)| text.get(start..end))
        .unwrap_or_default()
}

/// Where a statement stands, without white space around it; a length of zero means the rest.
pub(super) fn statement_span(text: &str, location: i32, length: i32) -> Span {
    let start = usize::try_from(location).unwrap_or(0);
    let end = match usize::try_from(length) {
        Ok(0) | Err(_) => text.len(),
        Ok(length) => start.saturating_add(length).min(text.len()),
    };
    let whole = text.get(start..end).unwrap_or_default();
    let start = start.saturating_add(whole.len().saturating_sub(whole.trim_start().len()));
    let end = start.saturating_add(whole.trim().len());
    Span(
        u32::try_from(start).unwrap_or(u32::MAX),
        u32::try_from(end).unwrap_or(u32::MAX),
    )
}
