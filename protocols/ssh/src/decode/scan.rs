//! Looks at a command line before any parser does: what is too long, too deep or not plain text goes no further.

/// Longer command lines are opaque.
const MAX_LENGTH: usize = 64 << 10;
/// How many brackets, blocks and substitutions one may open in all, and so how deep it can be.
const MAX_OPENED: usize = 64;
/// The parser moves all of them for each.
const MAX_DOCUMENTS: usize = 64;

/// The text of a command line that the parser may be given, be it one within another.
///
/// # Errors
/// Why not: `oversize`, `nul`, `control` for carriage returns, other control characters and blanks that shells and
/// parsers disagree about, `number` for a descriptor that is no number, `continuation`,
/// `complexity`, `delimiter` for a here-document without a name, `nesting`.
pub(super) fn readable(text: &str) -> Result<&str, &'static str> {
    if text.len() > MAX_LENGTH {
        return Err("oversize");
    }
    if text.contains('\0') {
        return Err("nul");
    }
    let foreign = |letter: char| {
        (letter.is_control() || letter.is_whitespace()) && !matches!(letter, '\t' | '\n' | ' ')
    };
    if text.contains(foreign) {
        return Err("control");
    }
    if long_descriptor(text.as_bytes()) {
        return Err("number");
    }
    // a comment or a here-document that ends elsewhere for the shell than for the parser would hide what follows
    if text.contains("\\\n") && (text.contains('#') || text.contains("<<")) {
        return Err("continuation");
    }
    if text.matches("<<").count() > MAX_DOCUMENTS {
        return Err("complexity");
    }
    if !delimited(text) {
        return Err("delimiter");
    }
    if opened(text) > MAX_OPENED {
        return Err("nesting");
    }
    Ok(text)
}

/// Whether each here-document, or what may be one, has a plain delimiter: a word of letters, digits and `_`, bare, quoted as
/// a whole or behind one backslash. Of others the parser may take nothing for the delimiter, and finds its end again and
/// again.
fn delimited(text: &str) -> bool {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        let operators = after.len() - after.trim_start_matches('<').len();
        if before.ends_with('\\') || operators > 1 {
            return false;
        }
        rest = after.trim_start_matches('<');
        // three of them are a here-string
        if operators == 0 && !plain_delimiter(after) {
            return false;
        }
    }
    true
}

fn plain_delimiter(after: &str) -> bool {
    let after = after.strip_prefix('-').unwrap_or(after);
    let word = after.strip_prefix([' ', '\t']).unwrap_or(after);
    let (quote, word) = match word.chars().next() {
        Some(quote @ ('\'' | '"')) => (Some(quote), word.split_at(1).1),
        Some('\\') => (None, word.split_at(1).1),
        _ => (None, word),
    };
    let behind =
        word.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
    let behind_quote = match quote {
        Some(quote) => behind.strip_prefix(quote),
        None => Some(behind),
    };
    let ends = |rest: &str| {
        rest.chars()
            .next()
            .is_none_or(|next| " \t\n;|&()<>".contains(next))
    };
    behind.len() < word.len() && behind_quote.is_some_and(ends)
}

/// An upper bound of the depth: nothing is ever taken to be closed again, for quotes may hide or fake what closes.
fn opened(text: &str) -> usize {
    let brackets = text
        .bytes()
        .filter(|byte| matches!(byte, b'(' | b'{' | b'`' | b'!'))
        .count();
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let blocks = words.filter(|word| BLOCKS.contains(word)).count();
    let tests = match text.contains("[[") {
        // the operators of a test nest in the parser's tree
        true => text
            .bytes()
            .filter(|byte| matches!(byte, b'&' | b'|'))
            .count(),
        false => 0,
    };
    brackets + blocks + tests
}

/// A redirection of a descriptor with more digits than a number of 32 bits has.
fn long_descriptor(bytes: &[u8]) -> bool {
    let mut digits = 0_usize;
    for byte in bytes {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'<' | b'>' if digits > 9 => return true,
            b'\\' | b'\n' => {}
            _ => digits = 0,
        }
    }
    false
}

const BLOCKS: &[&str] = &[
    "if", "elif", "while", "until", "for", "case", "select", "coproc", "function", "do", "time",
];
