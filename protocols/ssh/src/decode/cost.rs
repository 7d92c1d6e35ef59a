//! What the parser would have to do for a text: it tries some of what nests twice, and so again at every level.

use brush_parser::Token;

/// The most tokens that it may have to look at.
const MOST_LOOKS: usize = 1 << 20;

/// Whether a text of these tokens is read in bounded time.
///
/// The last part of a `case` is read twice, once with the `;;` that it may do without. An open bracket of what may be
/// arithmetic, or a regular expression, is read as a group, then as itself.
pub(super) fn bearable(tokens: &[Token]) -> bool {
    let word =
        |token: &&Token| matches!(token, Token::Word(text, _) if TWICE.contains(&text.as_str()));
    let twice = tokens.iter().filter(word).count();
    let levels = u32::try_from(twice + open(tokens)).unwrap_or(u32::MAX);
    let looks = 1_usize
        .checked_shl(levels)
        .and_then(|times| times.checked_mul(tokens.len()));
    looks.is_some_and(|looks| looks <= MOST_LOOKS)
}

/// How many brackets are open at most, wherever one begins to count.
fn open(tokens: &[Token]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for token in tokens {
        match token {
            Token::Operator(text, _) if text == "(" => now += 1,
            Token::Operator(text, _) if text == ")" => now = now.saturating_sub(1),
            Token::Operator(..) | Token::Word(..) => {}
        }
        most = most.max(now);
    }
    most
}

const TWICE: &[&str] = &["case", "time"];
