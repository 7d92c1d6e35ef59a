//! Texts that differ in nothing but the numbers that columns are compared with or set to: they mean the same, so one analysis
//! serves all of them.

/// Stands for a digit; no text that has a likeness holds it.
pub const DIGIT: char = '\u{1}';

/// Digits of a number that may stand for any other of that length: no 0, 1 or -1, which say less, and no number that is
/// too large for an integer.
const DIGITS: std::ops::RangeInclusive<usize> = 2..=9;

/// What the likes of a text begin with. Elsewhere a name and a number may be an option and its value.
const BEGINNINGS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    White,
    /// A word or a quoted name.
    Name,
    /// Digits alone.
    Number,
    /// An operator that compares.
    Comparison,
    Other,
}

/// The text with [`DIGIT`] for each digit of such numbers: who has the same has the same analysis, spans included.
///
/// Such a number is a decimal integer of 2 to 9 digits without leading zeros, behind a name and `=`, `<`, `>`, `<=`, `>=`,
/// `<>` or `!=`, and before a word, a comma, a closing parenthesis or the end. There the grammar makes a constant operand
/// of it, whatever its value, and the walk asks of an operand's value only whether it is 0, 1 or -1.
///
/// `None` where there is none, in a text of several statements, and where the scanner of the grammar could see other tokens
/// than this one does: with comments, backslashes, dollars, colons, brackets, other operators, strings with prefixes and
/// letters beyond ASCII outside of quotes.
pub fn likeness(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut like: Option<Vec<u8>> = None;
    let mut before = [Token::Other; 2];
    let mut at = run(bytes, is_white);
    let first = bytes.get(at..)?;
    let word = first.get(..run(first, |byte| byte.is_ascii_alphabetic()))?;
    if !BEGINNINGS
        .iter()
        .any(|one| word.eq_ignore_ascii_case(one.as_bytes()))
    {
        return None;
    }
    while at < bytes.len() {
        let rest = bytes.get(at..)?;
        let (length, token) = token(rest)?;
        if token == Token::Number
            && before == [Token::Name, Token::Comparison]
            && DIGITS.contains(&length)
            && rest.first() != Some(&b'0')
            && is_whole(rest.get(length..)?)
        {
            let like = like.get_or_insert_with(|| bytes.to_vec());
            like.get_mut(at..at + length)?.fill(DIGIT as u8);
        }
        if token != Token::White {
            before = [before[1], token];
        }
        at += length;
    }
    // digits were put in the place of digits
    String::from_utf8(like?).ok()
}

/// The token at the front, and its bytes; `None` where the grammar's scanner could see another.
fn token(rest: &[u8]) -> Option<(usize, Token)> {
    let (length, token) = match rest.first()? {
        b' ' | b'\t' | b'\n' | b'\r' => (run(rest, is_white), Token::White),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
            let length = run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
            (length, Token::Name)
        }
        b'"' => return Some((quoted(rest)?, Token::Name)),
        b'\'' => return Some((quoted(rest)?, Token::Other)),
        b'0'..=b'9' => (run(rest, |byte| byte.is_ascii_digit()), Token::Number),
        b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => return None,
        b';' => {
            let length = run(rest, |byte| byte == b';' || is_white(byte));
            return (length == rest.len()).then_some((length, Token::Other));
        }
        b'.' | b',' | b'(' | b')' => (1, Token::Other),
        b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' | b'!' => return operator(rest),
        _ => return None,
    };
    let next = rest.get(length);
    let joined = match token {
        Token::Name => is_joined(next),
        Token::Number => is_joined(next) || next == Some(&b'.'),
        Token::White | Token::Comparison | Token::Other => false,
    };
    (!joined).then_some((length, token))
}

/// `None` where it might be a comment.
fn operator(bytes: &[u8]) -> Option<(usize, Token)> {
    let length = run(bytes, |byte| b"+-*/<>=!".contains(&byte));
    let operator = bytes.get(..length)?;
    if operator
        .windows(2)
        .any(|pair| pair == b"--" || pair == b"/*")
    {
        return None;
    }
    let token = match operator {
        b"=" | b"<" | b">" | b"<=" | b">=" | b"<>" | b"!=" => Token::Comparison,
        _ => Token::Other,
    };
    Some((length, token))
}

/// White space of the grammar's scanner.
fn is_white(byte: u8) -> bool {
    b" \t\n\r".contains(&byte)
}

/// How many bytes at the front are of a kind.
fn run(bytes: &[u8], kind: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| kind(**byte)).count()
}

/// Whether a word or number does not end before this byte, or makes something else of what begins with it.
fn is_joined(next: Option<&u8>) -> bool {
    next.is_some_and(|byte| {
        byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_$'\"".contains(byte)
    })
}

/// Bytes of what is quoted at the front; `None` without an end, where a backslash might be more than itself, and where it
/// holds what stands for a digit.
fn quoted(bytes: &[u8]) -> Option<usize> {
    let (&quote, rest) = bytes.split_first()?;
    // a doubled quote ends one and begins the next, which is all the same here
    let end = rest
        .iter()
        .position(|byte| [quote, b'\\', DIGIT as u8].contains(byte))?;
    (rest.get(end) == Some(&quote)).then_some(end + 2)
}

/// Whether an operand ends where this begins.
fn is_whole(rest: &[u8]) -> bool {
    let white = run(rest, is_white);
    match rest.get(white) {
        None => true,
        Some(byte) => byte.is_ascii_alphabetic() || b"_,);".contains(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        likeness(text).map(|like| like.replace(DIGIT, "#"))
    }

    #[test]
    fn numbers_that_columns_are_compared_with_stand_for_others() {
        for (text, like) in [
            (
                "SELECT a FROM t WHERE id = 42",
                "SELECT a FROM t WHERE id = ##",
            ),
            (
                "select a from t where id=423;",
                "select a from t where id=###;",
            ),
            (
                "SELECT \"t\".\"a\" FROM \"t\" WHERE \"t\".\"id\" >= 10 AND b <> 'it''s 12' LIMIT 21",
                "SELECT \"t\".\"a\" FROM \"t\" WHERE \"t\".\"id\" >= ## AND b <> 'it''s 12' LIMIT 21",
            ),
            (
                "SELECT a FROM t WHERE id = 42; ;\n",
                "SELECT a FROM t WHERE id = ##; ;\n",
            ),
            (
                "UPDATE t SET n = 12, m = m + 34 WHERE (id != 99)",
                "UPDATE t SET n = ##, m = m + 34 WHERE (id != ##)",
            ),
            (
                "WITH c AS (SELECT 1) DELETE FROM t WHERE id = 123456789 RETURNING id",
                "WITH c AS (SELECT 1) DELETE FROM t WHERE id = ######### RETURNING id",
            ),
        ] {
            assert_eq!(shown(text).as_deref(), Some(like));
        }
    }

    #[test]
    fn other_numbers_stand_for_themselves() {
        for text in [
            "SELECT a FROM t WHERE id = 4",
            "SELECT a FROM t WHERE id = 04",
            "SELECT a FROM t WHERE id = 1234567890",
            "SELECT a FROM t WHERE id = -12",
            "SELECT a FROM t WHERE id =-12",
            "SELECT a FROM t WHERE 12 = 12",
            "SELECT a FROM t WHERE id = 12 * b",
            "SELECT a FROM t WHERE f(id) = 12",
            "SELECT a FROM t ORDER BY 12",
            "SELECT a FROM t LIMIT 12 OFFSET 34",
            "SELECT f(a => 12)",
            "SELECT a + 12",
            "SET work_mem = 64",
            "EXPLAIN SELECT a FROM t WHERE id = 42",
            "",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn what_may_be_other_tokens_has_no_likeness() {
        for text in [
            "SELECT a FROM t WHERE id = 42 -- AND b",
            "SELECT a FROM t WHERE id = 42 /* b */",
            "SELECT a FROM t WHERE id = 42; SET x = 12",
            "SELECT a FROM t WHERE id = 42 AND b = E'\\''",
            "SELECT a FROM t WHERE id = 42 AND b = 'a\\'",
            "SELECT a FROM t WHERE id = 42 AND b = $1",
            "SELECT a FROM t WHERE id = 42 AND b = $$x$$",
            "SELECT a FROM t WHERE id = 42 AND b = 'open",
            "SELECT a FROM t WHERE id = 42 AND b = U&'x'",
            "SELECT a FROM t WHERE id = 42 AND b::int = 12",
            "SELECT a FROM t WHERE id = 42.5",
            "SELECT a FROM t WHERE id = 42e1",
            "SELECT a FROM t WHERE id = 0x42",
            "SELECT a FROM t WHERE id = 42_000",
            "SELECT a FROM t WHERE id = 42 AND b = .12",
            "SELECT a FROM t WHERE id = 42 AND b[12] = 34",
            "SELECT ä FROM t WHERE id = 42",
            "SELECT a FROM t WHERE id = 42 AND b = '\u{1}'",
            "SELECT a FROM t WHERE id = 42 AND b = \u{1}\u{1}",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
