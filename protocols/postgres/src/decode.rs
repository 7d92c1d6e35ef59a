//! From the text of a request to what it asks for: pure, free of policy, and exact or refused.
//!
//! PostgreSQL's own grammar reads the text; a walk of our own names every node kind of it. [`analyse`] is kept under
//! the exact bytes of a text; [`operations`] lays the session's state over it.

mod alter;
mod change;
mod classes;
mod code;
mod columns;
mod command;
mod condition;
mod copy;
mod expression;
mod json;
mod kinds;
mod likeness;
mod maintenance;
mod nodes;
mod objects;
mod operations;
mod own_calls;
mod parts;
mod query;
mod session;
mod settings;
mod source;
mod statement;
mod tables;
mod text;
mod verbs;
mod walk;

pub use copy::{CopyOut, Format, Layout};
pub use likeness::{DIGIT, likeness};
pub use operations::{SessionState, operations};
pub use own_calls::OwnCalls;
pub use parts::{Object, Part, PartFacts, RelationName};
pub use settings::HARMLESS_SETTINGS;
pub use statement::{Forgets, SessionChange, Statement, StatementKind, TransactionChange};
pub use text::MAX_TEXT;
pub use verbs::{VERBS, Verb};

use crate::words::Hiding;
use statement::{finish, kind_of};
use walk::Walk;

/// Why a text was not understood, or is never passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unclear {
    /// `oversize`, `nesting`, `complexity`, `nul`, `syntax`, or `setting` for one that is pinned.
    pub code: &'static str,
    /// May quote the text.
    pub message: String,
    /// Where, in bytes of the text.
    pub at: Option<u32>,
}

/// A decoded text: its statements in order. Free of policy and of the session's state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Analysis {
    pub statements: Vec<Statement>,
    /// Where values may stand: what may be hidden without hiding what the statements do.
    pub hiding: Hiding,
}

/// Decodes a text.
///
/// Pure. Needs a stack of 64 MiB for the deepest text that it accepts (the tree of the grammar is deep where the text
/// is), so call it on a thread made for it; how many there are and how long one may take is the caller's to say.
///
/// # Errors
/// `oversize` above [`MAX_TEXT`] bytes, `nesting` for comments nested more than 64 deep or a tree too deep to follow,
/// `complexity` for one that names too much, `nul`, `syntax` for what the grammar refuses, `setting` for a change of what
/// the gateway pins.
pub fn analyse(text: &str) -> Result<Analysis, Unclear> {
    text::check(text)?;
    let tree = pg_query::parse(text, 0).map_err(|error| text::unclear(&error))?;
    let hiding = text::hiding(text)?;
    let mut statements = Vec::with_capacity(tree.protobuf.stmts.len());
    for raw in &tree.protobuf.stmts {
        let Some(node) = raw.stmt.as_deref() else {
            continue;
        };
        let span = text::statement_span(text, raw.stmt_location, raw.stmt_len);
        let mut walk = Walk::default();
        walk.statement(node);
        if let Some(refused) = walk.refused {
            return Err(Unclear {
                at: refused.at.or(Some(span.0)),
                ..refused
            });
        }
        let mut statement = finish(walk, kind_of(node), Some(span));
        statement.copied_out = copy::copied_out(node, text::of(text, span));
        statements.push(statement);
    }
    if statements.is_empty() {
        statements.push(empty());
    }
    Ok(Analysis { statements, hiding })
}

/// The statement of a text that holds none.
fn empty() -> Statement {
    let mut walk = Walk::default();
    walk.on_database(verbs::EMPTY);
    finish(walk, StatementKind::Empty, None)
}
