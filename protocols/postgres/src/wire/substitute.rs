//! What goes to the server in place of a denied message: something it must refuse, so that order, skipping until Sync and
//! the state of the transaction stay its own.

use std::sync::Arc;

use bytes::Bytes;

use super::Malformed;
use super::frame::Frame;
use super::frontend::{Frontend, Named};
use super::write::server;

/// Makes substitutes; one per connection, for its names must be unknown to the client.
#[derive(Clone)]
pub struct Substitute {
    /// No statement and no portal has this name.
    nobody: Arc<str>,
}

impl Substitute {
    /// `secret`: 16 random bytes. A client that could guess the name could prepare a statement under it.
    pub fn new(secret: [u8; 16]) -> Self {
        Self {
            nobody: format!("countersign_denied_{:032x}", u128::from_be_bytes(secret)).into(),
        }
    }

    /// A name for the gateway's own statements that no client knows.
    pub fn private(&self, purpose: &str) -> String {
        format!("{}_{purpose}", self.nobody)
    }

    /// Empty for what the server gives no answer of its own to (Flush, Sync, Close, COPY data, Terminate): drop it or pass it.
    pub fn of(&self, frame: &Frame) -> Result<Vec<Bytes>, Malformed> {
        let refused = match Frontend::read(frame)? {
            // a FunctionCall is answered as a Query is: an error, then ReadyForQuery
            Frontend::Query(_) | Frontend::FunctionCall(_) => server::query(REFUSED)?,
            // under the same name, for a failing Parse of the unnamed statement still drops the one before
            Frontend::Parse(parse) => server::parse(parse.name, REFUSED, &[])?,
            Frontend::Bind(bind) => server::bind(&server::Bind {
                portal: bind.portal,
                statement: &self.nobody,
                parameters: &[],
                binary_results: false,
            })?,
            Frontend::Execute(_) => server::execute(&self.nobody, 0)?,
            Frontend::Describe(Named::Statement(_)) => {
                server::describe(Named::Statement(&self.nobody))?
            }
            Frontend::Describe(Named::Portal(_)) => server::describe(Named::Portal(&self.nobody))?,
            Frontend::Close(_)
            | Frontend::Flush
            | Frontend::Sync
            | Frontend::CopyData(_)
            | Frontend::CopyDone
            | Frontend::CopyFail { .. }
            | Frontend::Terminate => return Ok(Vec::new()),
        };
        Ok(vec![refused])
    }
}

/// Grammatical, so that a failed transaction answers 25P02 as it would to the client's own text; but there is nothing that
/// could have a column, so that no object in any schema makes it succeed.
const REFUSED: &str = "SELECT \"denied by countersign\"";
