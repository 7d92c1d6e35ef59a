//! One decoded statement: its parts, what it reads, and what it leaves changed in the session.

use std::sync::Arc;

use pg_query::Node;

use super::kinds::{Kind, kind};
use super::nodes::{Command, Query};
use super::parts::Part;
use super::walk::{Outlet, Walk};
use crate::lineage::ReadShape;
use crate::words::{Effect, Span};

/// What kind of statement it is, as far as the protocol must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// SELECT, VALUES, TABLE.
    Query,
    /// INSERT, UPDATE, DELETE, MERGE.
    Change,
    Transaction(TransactionChange),
    Set,
    Show,
    Prepare,
    Execute,
    Deallocate,
    Explain,
    /// DECLARE, FETCH, MOVE, CLOSE.
    Cursor,
    /// COPY that reads from the client, or from a file or program at the server.
    CopyIn,
    CopyOut,
    /// LISTEN, UNLISTEN, NOTIFY.
    Notification,
    Utility,
    /// Nothing but comments and semicolons.
    Empty,
}

/// How a statement moves the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionChange {
    Begin,
    /// `chain`: another one begins at once.
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint,
    Release,
    RollbackTo,
    /// PREPARE TRANSACTION: the transaction leaves the session.
    Prepare,
    /// COMMIT PREPARED, ROLLBACK PREPARED.
    Finish,
}

impl TransactionChange {
    /// Whether the transaction of before is over afterwards.
    #[must_use]
    pub const fn ends(self) -> bool {
        matches!(
            self,
            Self::Commit { .. } | Self::Rollback { .. } | Self::Prepare
        )
    }
}

/// Prepared statements that are gone afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Forgets {
    Prepared(String),
    /// Every prepared statement.
    AllPrepared,
    /// DISCARD ALL: prepared statements, cursors, settings, temporary tables.
    All,
}

/// What a statement leaves changed in the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SessionChange {
    /// Role and search path must be asked for before names or rights are judged again.
    pub read_back: bool,
    /// The change goes back with the transaction: ask again at its end, which may be implicit.
    pub until_end_of_transaction: bool,
    pub transaction: Option<TransactionChange>,
    pub forgets: Option<Forgets>,
}

/// One statement of a request, free of policy and of the session's state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Statement {
    pub kind: StatementKind,
    /// Where it stands in the text, without the semicolon.
    pub span: Span,
    /// What it asks for, names as written.
    pub parts: Vec<Part>,
    pub after: SessionChange,
    /// What it reads, and where columns stand.
    pub reads: ReadShape,
    /// Functions called, as written.
    pub functions: Vec<String>,
    /// For PREPARE: the name and the statement that later EXECUTEs run.
    pub prepared: Option<(String, Arc<Self>)>,
    /// For EXECUTE (also within EXPLAIN ANALYZE and CREATE TABLE AS): the prepared statement it runs.
    pub executes: Option<String>,
    /// For COPY to the client.
    pub copied_out: Option<super::CopyOut>,
    /// Names behind a dot: columns, fields, or functions of the row before it.
    pub(super) fields: Vec<String>,
    /// Names only `pg_catalog` answers to while it is first on the path.
    pub(super) needs_catalog_first: bool,
}

impl Statement {
    /// Relations that it names anywhere, as written.
    pub fn relations(&self) -> impl Iterator<Item = &super::RelationName> {
        let acted_on = self.parts.iter().filter_map(|part| match &part.object {
            super::Object::Relation(name) | super::Object::NewRelation(name) => Some(name),
            _ => None,
        });
        acted_on.chain(&self.reads.relations)
    }

    /// Whether its meaning hangs on the search path: a name without a schema, or a prepared statement.
    ///
    /// Such a statement must not be judged while an earlier one of the same batch may have changed the path.
    #[must_use]
    pub fn depends_on_path(&self) -> bool {
        let unqualified = self.parts.iter().any(|part| match &part.object {
            super::Object::Relation(name) | super::Object::NewRelation(name) => {
                name.schema.is_none() && !name.temporary
            }
            super::Object::Function { schema, .. } | super::Object::Type { schema, .. } => {
                schema.is_none()
            }
            super::Object::Database(_)
            | super::Object::Schema(_)
            | super::Object::Role(_)
            | super::Object::Setting(_)
            | super::Object::Channel(_)
            | super::Object::Definition { .. } => false,
        });
        unqualified
            || self.needs_catalog_first
            || self.executes.is_some()
            || self.prepared.is_some()
    }

    /// The strongest effect of its parts, before names are resolved.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.parts
            .iter()
            .map(|part| part.verb.effect)
            .max()
            .unwrap_or(Effect::Unknown)
    }
}

impl Walk {
    /// A statement, not what stands inside one.
    pub(super) fn statement(&mut self, node: &Node) {
        let Some(node) = &node.node else {
            return self.opaque();
        };
        match kind(node) {
            Kind::Query(query) => self.deeper(|walk| walk.query(query, Outlet::Client)),
            Kind::Command(command) => self.deeper(|walk| walk.command(command)),
            Kind::Expression(_) | Kind::Source(_) | Kind::Clause | Kind::Foreign => self.opaque(),
        }
    }
}

/// What kind of statement a node is.
pub(super) fn kind_of(node: &Node) -> StatementKind {
    let Some(node) = &node.node else {
        return StatementKind::Empty;
    };
    match kind(node) {
        Kind::Query(Query::SelectStmt(select)) if select.into_clause.is_none() => {
            StatementKind::Query
        }
        Kind::Query(Query::SelectStmt(_)) => StatementKind::Utility,
        Kind::Query(_) => StatementKind::Change,
        Kind::Command(command) => command_kind(command),
        Kind::Expression(_) | Kind::Source(_) | Kind::Clause | Kind::Foreign => {
            StatementKind::Utility
        }
    }
}

fn command_kind(command: Command<'_>) -> StatementKind {
    match command {
        // the walk fills in which change it is
        Command::TransactionStmt(_) => StatementKind::Transaction(TransactionChange::Begin),
        Command::VariableSetStmt(_) | Command::DiscardStmt(_) => StatementKind::Set,
        Command::VariableShowStmt(_) => StatementKind::Show,
        Command::PrepareStmt(_) => StatementKind::Prepare,
        Command::ExecuteStmt(_) => StatementKind::Execute,
        Command::DeallocateStmt(_) => StatementKind::Deallocate,
        Command::ExplainStmt(_) => StatementKind::Explain,
        Command::DeclareCursorStmt(_) | Command::FetchStmt(_) | Command::ClosePortalStmt(_) => {
            StatementKind::Cursor
        }
        Command::CopyStmt(copy) if copy.is_from => StatementKind::CopyIn,
        Command::CopyStmt(_) => StatementKind::CopyOut,
        Command::ListenStmt(_) | Command::UnlistenStmt(_) | Command::NotifyStmt(_) => {
            StatementKind::Notification
        }
        _ => StatementKind::Utility,
    }
}

/// What a finished walk found.
pub(super) fn finish(mut walk: Walk, kind: StatementKind, span: Option<Span>) -> Statement {
    walk.name_columns();
    if walk.parts.is_empty() && walk.executes.is_none() {
        // nothing but values
        walk.on_database(super::verbs::SELECT);
    }
    let kind = match (kind, walk.session.transaction) {
        (StatementKind::Transaction(_), Some(change)) => StatementKind::Transaction(change),
        (kind, _) => kind,
    };
    walk.session.read_back |= walk
        .parts
        .iter()
        .any(|part| part.verb.effect == Effect::Unknown);
    Statement {
        kind,
        span: span.unwrap_or(Span(0, 0)),
        parts: walk.parts,
        after: walk.session,
        reads: walk.reads,
        functions: walk.functions.into_iter().collect(),
        fields: walk.fields.into_iter().collect(),
        prepared: walk
            .prepared
            .map(|(name, statement)| (name, Arc::new(*statement))),
        executes: walk.executes,
        copied_out: None,
        needs_catalog_first: walk.needs_catalog_first,
    }
}
