//! What statements do to what the session knows: assumed from when one is sent, learned when it took effect.

use gate::words::Effect;

use super::Exchange;
use super::state::Source;
use crate::decode::{Analysis, Statement, TransactionChange};

impl Exchange {
    /// What must be assumed from the moment a statement is on its way.
    pub(super) fn forwarded(&mut self, analysis: &Analysis) {
        self.state.batch.executed = true;
        for statement in &analysis.statements {
            let runs_opaque = self.runs_opaque(statement);
            self.state.touched.opaque(runs_opaque);
            let opaque = self.is_unknown(statement);
            let changes = statement.after.read_back || opaque;
            self.state.read_back |= changes;
            self.state.volatile |= changes || statement.after.until_end_of_transaction;
            self.state.batch.begun |= statement.after.transaction == Some(TransactionChange::Begin);
            if opaque {
                self.forget_names();
            }
            if let Some((name, _)) = &statement.prepared {
                // what the name stands for is known again when the server says so
                self.forget_name(name);
            }
            self.forget_prepared(statement);
        }
    }

    /// A statement took effect at the server.
    pub(super) fn statement_done(&mut self, statement: &Statement, source: Option<Source>) {
        let opaque = self.is_unknown(statement);
        if let Some((name, prepared)) = &statement.prepared {
            self.facts.prepared.insert(name.clone(), prepared.clone());
            if let Some(source) = source {
                self.state.sources.insert(name.clone(), source);
            }
            self.state.operations.forget();
        }
        if opaque {
            self.forget_names();
        }
        let shapes = statement
            .parts
            .iter()
            .any(|part| changes_shape(part.verb.id));
        let shapes = shapes || opaque;
        self.state.shaped |= shapes;
        if self.state.shaped && (shapes || statement.after.transaction.is_some()) {
            // also what went back to a savepoint
            self.reshaped();
        }
    }

    /// Whether a statement, or the one that its EXECUTE stands for, may do anything.
    pub(super) fn is_unknown(&self, statement: &Statement) -> bool {
        let unknown = |one: &Statement| one.effect() == Effect::Unknown;
        match &statement.executes {
            None => unknown(statement),
            Some(name) => {
                let executed = self.facts.prepared.get(name);
                let own = !statement.parts.is_empty() && unknown(statement);
                own || executed.is_none_or(|executed| unknown(executed))
            }
        }
    }

    /// Which columns there are is not known any more.
    pub(super) fn reshaped(&mut self) {
        self.shared
            .catalogues
            .forget(&self.session.target().name, &self.facts.database);
        self.state.catalogue_stale = true;
    }

    pub(super) fn forget_name(&mut self, name: &str) {
        self.state.statements.remove(name);
        self.state.sources.remove(name);
        // what EXECUTE of it asks for; the unnamed statement is none that it could name
        if self.facts.prepared.remove(name).is_some() {
            self.state.operations.forget();
        }
    }

    fn forget_prepared(&mut self, statement: &Statement) {
        use crate::decode::Forgets;
        match &statement.after.forgets {
            None => return,
            Some(Forgets::Prepared(name)) => self.forget_name(name),
            Some(Forgets::AllPrepared | Forgets::All) => self.forget_names(),
        }
        self.state.operations.forget();
    }

    /// Whatever was prepared may mean something else now: it has to be prepared again.
    pub(super) fn forget_names(&mut self) {
        self.state.statements.clear();
        self.state.portals.clear();
        self.state.sources.clear();
        self.facts.prepared.clear();
        self.state.operations.forget();
    }
}

/// Statements that change which columns there are.
pub(super) fn changes_shape(verb: &str) -> bool {
    verb.starts_with("create")
        || verb.starts_with("alter")
        || verb.starts_with("drop")
        || verb == "discard"
}
