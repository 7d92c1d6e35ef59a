//! COPY to the client: what its rows are, as a query of their own, and how they are laid out.

use pg_query::protobuf::{CopyStmt, Token};
use pg_query::{Node, NodeEnum};

/// COPY ... TO STDOUT.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CopyOut {
    /// A query with the same columns in the same order.
    pub query: String,
    /// Or why its rows cannot be read.
    pub layout: Result<Layout, &'static str>,
}

/// How rows are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Text,
    Csv { quote: u8, escape: u8 },
    Binary,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layout {
    pub format: Format,
    pub delimiter: u8,
    /// How NULL is written.
    pub null: Vec<u8>,
    /// The first row holds names.
    pub header: bool,
}

/// `None` where nothing is copied to the client.
pub(super) fn copied_out(node: &Node, text: &str) -> Option<CopyOut> {
    let Some(NodeEnum::CopyStmt(copy)) = &node.node else {
        return None;
    };
    if copy.is_from || copy.is_program || !copy.filename.is_empty() {
        return None;
    }
    let query = match &copy.query {
        Some(_) => between_parentheses(text),
        None => whole_table(copy),
    };
    let unread = "its query cannot be told apart from the rest of it";
    Some(CopyOut {
        layout: match &query {
            Some(_) => layout(&copy.options),
            None => Err(unread),
        },
        query: query.unwrap_or_default(),
    })
}

/// The query of `COPY (query) TO ...`, as it stands in the text.
fn between_parentheses(text: &str) -> Option<String> {
    let scanned = pg_query::scan(text).ok()?;
    let (mut start, mut depth) = (None, 0_u32);
    for token in &scanned.tokens {
        match Token::try_from(token.token).ok()? {
            Token::Ascii40 => {
                depth += 1;
                start = start.or(usize::try_from(token.end).ok());
            }
            Token::Ascii41 => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let end = usize::try_from(token.start).ok()?;
                    return text.get(start?..end).map(str::to_owned);
                }
            }
            _ => {}
        }
    }
    None
}

/// What COPY reads of a table: not of those that inherit from it.
fn whole_table(copy: &CopyStmt) -> Option<String> {
    let relation = copy.relation.as_ref()?;
    let columns: Vec<String> = copy
        .attlist
        .iter()
        .map(|node| match &node.node {
            Some(NodeEnum::String(name)) => Some(quoted(&name.sval)),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let columns = match columns.as_slice() {
        [] => "*".to_owned(),
        columns => columns.join(", "),
    };
    let path = [
        &relation.catalogname,
        &relation.schemaname,
        &relation.relname,
    ];
    let path: Vec<String> = path
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| quoted(part))
        .collect();
    Some(format!("SELECT {columns} FROM ONLY {}", path.join(".")))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn layout(options: &[Node]) -> Result<Layout, &'static str> {
    const NOT_ONE: &str =
        "a delimiter, quote or escape of another length than one byte cannot be followed";
    let (mut format, mut header) = ("text", false);
    let (mut delimiter, mut null, mut quote, mut escape) = (None, None, None, None);
    for option in options {
        let Some(NodeEnum::DefElem(option)) = &option.node else {
            return Err("an option of the COPY is not known");
        };
        let word = word(option.arg.as_deref());
        match (option.defname.as_str(), word) {
            ("format", Some(word)) => format = word,
            ("header", _) => header = super::session::is_on(option.arg.as_deref()),
            ("delimiter", Some(word)) => delimiter = Some(one(word).ok_or(NOT_ONE)?),
            ("quote", Some(word)) => quote = Some(one(word).ok_or(NOT_ONE)?),
            ("escape", Some(word)) => escape = Some(one(word).ok_or(NOT_ONE)?),
            ("null", Some(word)) => null = Some(word.as_bytes().to_vec()),
            ("encoding", Some(word)) if is_utf8(word) => {}
            ("encoding", _) => return Err("it is in another encoding"),
            // what is quoted is read as such, whatever asked for it
            ("force_quote", _) => {}
            _ => return Err("an option of the COPY is not known"),
        }
    }
    let quote = quote.unwrap_or(b'"');
    let format = match format {
        "text" => Format::Text,
        "csv" => Format::Csv {
            quote,
            escape: escape.unwrap_or(quote),
        },
        "binary" => Format::Binary,
        _ => return Err("its format is not known"),
    };
    let (usual, usual_null): (u8, &[u8]) = match format {
        Format::Csv { .. } => (b',', b""),
        Format::Text | Format::Binary => (b'\t', b"\\N"),
    };
    Ok(Layout {
        format,
        delimiter: delimiter.unwrap_or(usual),
        null: null.unwrap_or_else(|| usual_null.to_vec()),
        header,
    })
}

fn word(node: Option<&Node>) -> Option<&str> {
    match node.and_then(|node| node.node.as_ref())? {
        NodeEnum::String(word) => Some(&word.sval),
        _ => None,
    }
}

fn one(word: &str) -> Option<u8> {
    match word.as_bytes() {
        [one] => Some(*one),
        _ => None,
    }
}

fn is_utf8(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "utf8" | "utf-8" | "unicode"
    )
}
