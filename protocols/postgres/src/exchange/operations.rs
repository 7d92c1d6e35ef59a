//! The operations of a text in this state of the session, and of preparing one.

use std::collections::HashMap;
use std::sync::Arc;

use gate::Unclear;
use gate::words::{Action, Attributes, Operation, Operations, Resource, Value, Verdict};

use super::Exchange;
use crate::decode::{Analysis, operations};

/// Operations of the last texts in this state of the session.
#[derive(Default)]
pub(super) struct Remembered {
    by_analysis: HashMap<(usize, bool), Known>,
    /// Counts how often all was forgotten: what was worked out elsewhere in this state is void then too.
    state: u64,
}

struct Known {
    /// Kept, so that no other can have its address.
    _analysis: Arc<Analysis>,
    operations: Arc<Operations>,
    /// With leave to prepare it.
    at_once: Option<Arc<Operations>>,
}

/// Entries before all are forgotten.
const REMEMBERED: usize = 512;

impl Remembered {
    pub(super) fn forget(&mut self) {
        self.by_analysis.clear();
        self.state += 1;
    }

    /// Raised whenever the state of the session changes what a text means or may show.
    pub(super) fn state(&self) -> u64 {
        self.state
    }

    /// Whether a text was found sound in this state of the session.
    pub(super) fn knows(&self, analysis: &Arc<Analysis>) -> bool {
        let known = |in_transaction| {
            let key = (Arc::as_ptr(analysis) as usize, in_transaction);
            self.by_analysis.contains_key(&key)
        };
        known(false) || known(true)
    }
}

impl Exchange {
    /// The operations of a text in this state of the session.
    pub(super) fn operations_of(
        &mut self,
        analysis: &Arc<Analysis>,
    ) -> Result<Arc<Operations>, Unclear> {
        if let Err(refused) = self.sound(analysis) {
            // what is not known counts as governed: the next statement looks again
            self.state.catalogue_stale |= refused.code == "masking" && !self.knows(analysis);
            return Err(refused);
        }
        self.facts.in_transaction = self.in_transaction() || analysis.statements.len() > 1;
        let key = (Arc::as_ptr(analysis) as usize, self.facts.in_transaction);
        if let Some(known) = self.state.operations.by_analysis.get(&key) {
            return Ok(known.operations.clone());
        }
        let decoded = Arc::new(operations(analysis, &self.facts));
        if self.state.operations.by_analysis.len() >= REMEMBERED {
            self.state.operations.forget();
        }
        let known = Known {
            _analysis: analysis.clone(),
            operations: decoded.clone(),
            at_once: None,
        };
        self.state.operations.by_analysis.insert(key, known);
        Ok(decoded)
    }

    /// The operations of a text that is prepared and run in one.
    pub(super) fn operations_at_once(
        &mut self,
        analysis: &Arc<Analysis>,
    ) -> Result<Arc<Operations>, Unclear> {
        let operations = self.operations_of(analysis)?;
        let key = (Arc::as_ptr(analysis) as usize, self.facts.in_transaction);
        let known = self.state.operations.by_analysis.get_mut(&key);
        let at_once = || {
            let prepare = prepare(&self.facts.database);
            let all = operations.iter().cloned().chain([prepare]);
            Arc::new(Operations::new(all.collect()))
        };
        Ok(match known {
            Some(known) => known.at_once.get_or_insert_with(at_once).clone(),
            None => at_once(),
        })
    }

    /// What a Parse asks for: leave to prepare, unless its statement could only be denied.
    pub(super) fn preparing(
        &mut self,
        analysis: &Arc<Analysis>,
    ) -> Result<Arc<Operations>, Unclear> {
        let operations = self.operations_of(analysis)?;
        if self.session.preview(&operations) == Verdict::Deny {
            return Ok(operations);
        }
        Ok(Arc::new(Operations::new(vec![prepare(
            &self.facts.database,
        )])))
    }
}

fn prepare(database: &str) -> Operation {
    Operation {
        action: Action {
            protocol: "postgres",
            id: "prepare",
        },
        resource: Resource {
            path: vec![("Database", database.to_owned().into())],
            attributes: Attributes::new(),
        },
        facts: plain_facts(),
        statement: 0,
        span: None,
    }
}

/// The facts that the vocabulary requires, of something that no statement says.
pub(crate) fn plain_facts() -> Attributes {
    Attributes::from([
        ("unfiltered", Value::Bool(false)),
        ("in_transaction", Value::Bool(false)),
        ("ambiguous", Value::Bool(false)),
        ("cascade", Value::Bool(false)),
    ])
}
