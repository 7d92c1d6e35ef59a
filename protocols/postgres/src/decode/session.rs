//! Transactions, prepared statements, cursors, EXPLAIN, COPY: what stands around other statements.

use pg_query::protobuf::{self, DiscardMode, TransactionStmtKind};
use pg_query::{Node, NodeEnum};

use super::parts::{Object, Part};
use super::statement::{Forgets, TransactionChange};
use super::verbs;
use super::walk::{Outlet, Walk, names, relation_name, span, text};
use crate::lineage::{Named, Place, Use};

impl Walk {
    pub(super) fn transaction(&mut self, node: &protobuf::TransactionStmt) {
        let change = match TransactionStmtKind::try_from(node.kind) {
            Ok(TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart) => {
                TransactionChange::Begin
            }
            Ok(TransactionStmtKind::TransStmtCommit) => {
                TransactionChange::Commit { chain: node.chain }
            }
            Ok(TransactionStmtKind::TransStmtRollback) => {
                TransactionChange::Rollback { chain: node.chain }
            }
            Ok(TransactionStmtKind::TransStmtSavepoint) => TransactionChange::Savepoint,
            Ok(TransactionStmtKind::TransStmtRelease) => TransactionChange::Release,
            Ok(TransactionStmtKind::TransStmtRollbackTo) => TransactionChange::RollbackTo,
            Ok(TransactionStmtKind::TransStmtPrepare) => TransactionChange::Prepare,
            Ok(
                TransactionStmtKind::TransStmtCommitPrepared
                | TransactionStmtKind::TransStmtRollbackPrepared,
            ) => TransactionChange::Finish,
            Ok(TransactionStmtKind::Undefined) | Err(_) => return self.opaque(),
        };
        self.on_database(match change {
            TransactionChange::Prepare | TransactionChange::Finish => verbs::TWO_PHASE,
            TransactionChange::Begin
            | TransactionChange::Commit { .. }
            | TransactionChange::Rollback { .. }
            | TransactionChange::Savepoint
            | TransactionChange::Release
            | TransactionChange::RollbackTo => verbs::TRANSACTION,
        });
        self.session.read_back |= matches!(
            change,
            TransactionChange::Rollback { .. }
                | TransactionChange::RollbackTo
                | TransactionChange::Prepare
        );
        self.session.transaction = Some(change);
    }

    pub(super) fn discard(&mut self, node: &protobuf::DiscardStmt) {
        self.on_database(verbs::DISCARD);
        self.session.read_back = true;
        if DiscardMode::try_from(node.target) == Ok(DiscardMode::DiscardAll) {
            self.session.forgets = Some(Forgets::All);
        }
    }

    /// PREPARE only plans; what it names is judged at each EXECUTE.
    pub(super) fn prepare(&mut self, node: &protobuf::PrepareStmt) {
        self.on_database(verbs::PREPARE);
        let Some(query) = node.query.as_deref() else {
            return self.opaque();
        };
        let mut inner = Self::default();
        for kind in &node.argtypes {
            match &kind.node {
                Some(NodeEnum::TypeName(written)) => inner.type_name(Some(written)),
                _ => inner.opaque(),
            }
        }
        inner.statement(query);
        if let Some(refused) = &inner.refused {
            self.refused.get_or_insert(refused.clone());
        }
        self.needs_catalog_first |= inner.needs_catalog_first;
        self.reads = inner.reads.clone();
        let statement = super::statement::finish(inner, super::kind_of(query), None);
        self.prepared = Some((node.name.clone(), Box::new(statement)));
    }

    pub(super) fn execute(&mut self, node: &protobuf::ExecuteStmt) {
        self.nodes(&node.params, Place::Other(Use::Function));
        self.executes = Some(node.name.clone());
        // whatever it does, it may do it to the session
        self.session.read_back = true;
    }

    pub(super) fn deallocate(&mut self, node: &protobuf::DeallocateStmt) {
        self.on_database(verbs::DEALLOCATE);
        self.session.forgets = Some(if node.isall || node.name.is_empty() {
            Forgets::AllPrepared
        } else {
            Forgets::Prepared(node.name.clone())
        });
    }

    pub(super) fn declare(&mut self, node: &protobuf::DeclareCursorStmt) {
        self.on_database(verbs::DECLARE);
        match node.query.as_deref() {
            Some(query) => self.sub_select(query, Outlet::To(Use::Cursor)),
            None => self.opaque(),
        }
    }

    pub(super) fn explain(&mut self, node: &protobuf::ExplainStmt) {
        let executes = node.options.iter().any(|option| match &option.node {
            Some(NodeEnum::DefElem(option)) => {
                option.defname == "analyze" && is_on(option.arg.as_deref())
            }
            _ => true,
        });
        self.on_database(verbs::EXPLAIN);
        let Some(query) = node.query.as_deref() else {
            return self.opaque();
        };
        let first = self.parts.len();
        let session = self.session.clone();
        self.statement(query);
        if executes {
            return;
        }
        // only planned: what it reads is still told by the plan, what it would change is not changed
        self.session = session;
        let mut position = 0;
        self.parts.retain(|part| {
            position += 1;
            position <= first || part.verb.effect == crate::words::Effect::Read || is_call(part)
        });
    }

    pub(super) fn copy(&mut self, node: &protobuf::CopyStmt) {
        if node.is_program {
            self.on_database(verbs::COPY_PROGRAM);
        } else if !node.filename.is_empty() {
            self.on_database(verbs::COPY_FILE);
        }
        self.nodes_of_options(&node.options);
        let to_client = !node.is_from && !node.is_program && node.filename.is_empty();
        if let Some(query) = node.query.as_deref() {
            self.on_database(verbs::COPY_OUT);
            // its rows are masked as those of the query itself
            let outlet = if to_client {
                Outlet::Client
            } else {
                Outlet::To(Use::Copied)
            };
            return self.sub_select(query, outlet);
        }
        let Some(relation) = &node.relation else {
            return self.opaque();
        };
        let verb = if node.is_from {
            verbs::COPY_IN
        } else {
            verbs::COPY_OUT
        };
        let mut part = Part::new(verb, Object::Relation(relation_name(relation)))
            .at(span(relation.location, relation.relname.len()));
        part.facts.columns = names(&node.attlist)
            .into_iter()
            .map(str::to_owned)
            .collect();
        part.facts.unfiltered = !node.is_from;
        self.part(part);
        if !node.is_from {
            self.copied_columns(node, relation, to_client);
        }
        self.levels.push(Vec::new());
        self.optional(node.where_clause.as_deref(), Place::Other(Use::Condition));
        self.levels.pop();
    }

    fn copied_columns(
        &mut self,
        node: &protobuf::CopyStmt,
        relation: &protobuf::RangeVar,
        to_client: bool,
    ) {
        let read = self.read(relation);
        let columns = node
            .attlist
            .iter()
            .filter_map(text)
            .map(|name| Named::Column {
                name: name.to_owned(),
                qualified: false,
            });
        let mut named: Vec<Named> = columns.collect();
        if named.is_empty() {
            named.push(Named::Star);
        }
        for (position, named) in named.into_iter().enumerate() {
            let place = if to_client {
                Place::Output(u32::try_from(position).unwrap_or(u32::MAX))
            } else {
                Place::Other(Use::Copied)
            };
            self.mention(named, place, vec![vec![read]], relation.location);
        }
    }

    pub(super) fn call_procedure(&mut self, node: &protobuf::CallStmt) {
        self.opaque();
        if let Some(call) = node.funccall.as_deref() {
            self.function(call);
        }
    }

    /// Options hold constants, names and lists of them; a function in one would be called.
    pub(super) fn nodes_of_options(&mut self, options: &[Node]) {
        for option in options {
            match &option.node {
                Some(NodeEnum::DefElem(option)) => {
                    match option.arg.as_deref().and_then(|node| node.node.as_ref()) {
                        Some(NodeEnum::TypeName(written)) => self.option_type(written),
                        Some(NodeEnum::DefElem(_)) => self.nodes_of_options(
                            option.arg.as_deref().map_or(&[], std::slice::from_ref),
                        ),
                        Some(NodeEnum::RoleSpec(_)) | None => {}
                        Some(NodeEnum::List(list)) if list.items.iter().all(is_option) => {
                            self.nodes_of_options(&list.items)
                        }
                        Some(argument) => self.any(argument, Place::Other(Use::Definition)),
                    }
                }
                Some(other) => self.any(other, Place::Other(Use::Definition)),
                None => {}
            }
        }
    }

    /// The value of an option that is a bare word is a type to the grammar, and called by nobody.
    fn option_type(&mut self, written: &protobuf::TypeName) {
        self.nodes(&written.typmods, Place::Other(Use::Definition));
    }
}

fn is_option(node: &Node) -> bool {
    matches!(node.node, Some(NodeEnum::DefElem(_)))
}

/// What is called is called while planning too, where the planner folds constants.
fn is_call(part: &Part) -> bool {
    matches!(part.object, Object::Function { .. }) || part.verb == verbs::OPAQUE
}

/// Whether a boolean option is on: bare, `true`, `on`, `1`.
pub(super) fn is_on(value: Option<&Node>) -> bool {
    match value.and_then(|node| node.node.as_ref()) {
        None => true,
        Some(NodeEnum::String(word)) => !matches!(
            word.sval.to_ascii_lowercase().as_str(),
            "false" | "off" | "0"
        ),
        Some(NodeEnum::Integer(number)) => number.ival != 0,
        Some(NodeEnum::Boolean(value)) => value.boolval,
        Some(_) => true,
    }
}
