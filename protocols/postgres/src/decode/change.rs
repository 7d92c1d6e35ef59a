//! INSERT, UPDATE, DELETE and MERGE.

use pg_query::{Node, NodeEnum, protobuf};

use super::condition::{self, Narrowing};
use super::parts::{Object, Part};
use super::verbs::{self, Verb};
use super::walk::{Outlet, Source, Walk, relation_name, span};
use crate::lineage::{Place, Use};

const CONDITION: Place = Place::Other(Use::Condition);
const STORED: Place = Place::Other(Use::Stored);

impl Walk {
    pub(super) fn insert(&mut self, node: &protobuf::InsertStmt, outlet: Outlet) {
        let Some(target) = &node.relation else {
            return self.opaque();
        };
        self.with(node.with_clause.as_ref(), |walk| {
            let mut part = on(verbs::INSERT, target);
            part.facts.columns = column_names(&node.cols);
            walk.part(part);
            walk.nodes(&node.cols, STORED);
            if let Some(select) = node.select_stmt.as_deref() {
                walk.sub_select(select, Outlet::To(Use::Stored));
            }
            if node.on_conflict_clause.is_none() && node.returning_clause.is_none() {
                return;
            }
            let read = walk.target(target);
            if let Some(conflict) = node.on_conflict_clause.as_deref() {
                walk.conflict(conflict, target);
            }
            walk.returning(node.returning_clause.as_ref(), target, read, outlet);
            walk.levels.pop();
        });
    }

    fn conflict(&mut self, clause: &protobuf::OnConflictClause, target: &protobuf::RangeVar) {
        if let Some(infer) = clause.infer.as_deref() {
            for element in &infer.index_elems {
                self.index_element(element);
            }
            self.optional(infer.where_clause.as_deref(), CONDITION);
        }
        if !clause.target_list.is_empty() {
            let mut part = on(verbs::UPDATE, target);
            part.facts.columns = column_names(&clause.target_list);
            self.part(part);
        }
        // the row that was to be inserted shows nothing that was there before
        self.bring(Source {
            name: "excluded".to_owned(),
            schema: None,
            relations: Vec::new(),
        });
        self.assignments(&clause.target_list);
        self.optional(clause.where_clause.as_deref(), CONDITION);
    }

    pub(super) fn update(&mut self, node: &protobuf::UpdateStmt, outlet: Outlet) {
        let Some(target) = &node.relation else {
            return self.opaque();
        };
        self.with(node.with_clause.as_ref(), |walk| {
            let mut part = on(verbs::UPDATE, target);
            part.facts.columns = column_names(&node.target_list);
            part.facts.unfiltered = !condition::narrows(
                node.where_clause.as_deref(),
                &narrowing(target, &node.from_clause),
            );
            walk.part(part);
            if target.relname == "pg_settings" {
                // its rule sets settings by any name
                walk.refuse(
                    "setting",
                    "settings may be changed by SET only, not through `pg_settings`".to_owned(),
                );
            }
            let read = walk.target(target);
            walk.nodes(&node.from_clause, Place::Other(Use::Join));
            walk.assignments(&node.target_list);
            walk.optional(node.where_clause.as_deref(), CONDITION);
            walk.returning(node.returning_clause.as_ref(), target, read, outlet);
            walk.levels.pop();
        });
    }

    pub(super) fn delete(&mut self, node: &protobuf::DeleteStmt, outlet: Outlet) {
        let Some(target) = &node.relation else {
            return self.opaque();
        };
        self.with(node.with_clause.as_ref(), |walk| {
            let mut part = on(verbs::DELETE, target);
            part.facts.unfiltered = !condition::narrows(
                node.where_clause.as_deref(),
                &narrowing(target, &node.using_clause),
            );
            walk.part(part);
            let read = walk.target(target);
            walk.nodes(&node.using_clause, Place::Other(Use::Join));
            walk.optional(node.where_clause.as_deref(), CONDITION);
            walk.returning(node.returning_clause.as_ref(), target, read, outlet);
            walk.levels.pop();
        });
    }

    pub(super) fn merge(&mut self, node: &protobuf::MergeStmt, outlet: Outlet) {
        let Some(target) = &node.relation else {
            return self.opaque();
        };
        self.with(node.with_clause.as_ref(), |walk| {
            walk.part(on(verbs::MERGE, target));
            let read = walk.target(target);
            walk.optional(node.source_relation.as_deref(), Place::Other(Use::Join));
            walk.optional(node.join_condition.as_deref(), Place::Other(Use::Join));
            for clause in &node.merge_when_clauses {
                match &clause.node {
                    Some(NodeEnum::MergeWhenClause(clause)) => {
                        walk.merge_action(clause, node, target);
                    }
                    _ => walk.opaque(),
                }
            }
            walk.returning(node.returning_clause.as_ref(), target, read, outlet);
            walk.levels.pop();
        });
    }

    /// One WHEN of a MERGE, as the change that it makes; the rows left over match no join condition.
    fn merge_action(
        &mut self,
        clause: &protobuf::MergeWhenClause,
        node: &protobuf::MergeStmt,
        target: &protobuf::RangeVar,
    ) {
        use protobuf::{CmdType, MergeMatchKind};
        let join = node.join_condition.as_deref();
        let source = node.source_relation.as_deref();
        let narrowing = narrowing(target, source.map_or(&[], std::slice::from_ref));
        let matched = protobuf::MergeMatchKind::try_from(clause.match_kind)
            == Ok(MergeMatchKind::MergeWhenMatched);
        let narrowed = (matched && condition::narrows(join, &narrowing))
            || condition::narrows(clause.condition.as_deref(), &narrowing);
        let verb = match CmdType::try_from(clause.command_type) {
            Ok(CmdType::CmdInsert) => Some(verbs::INSERT),
            Ok(CmdType::CmdUpdate) => Some(verbs::UPDATE),
            Ok(CmdType::CmdDelete) => Some(verbs::DELETE),
            Ok(CmdType::CmdNothing) => None,
            Ok(
                CmdType::Undefined
                | CmdType::CmdUnknown
                | CmdType::CmdSelect
                | CmdType::CmdMerge
                | CmdType::CmdUtility,
            )
            | Err(_) => return self.opaque(),
        };
        if let Some(verb) = verb {
            let mut part = on(verb, target);
            part.facts.unfiltered = verb != verbs::INSERT && !narrowed;
            part.facts.columns = column_names(&clause.target_list);
            self.part(part);
        }
        self.optional(clause.condition.as_deref(), CONDITION);
        self.assignments(&clause.target_list);
        self.nodes(&clause.values, STORED);
    }

    /// Opens the level of a statement that changes `target`, which is never a common table expression.
    fn target(&mut self, target: &protobuf::RangeVar) -> usize {
        let read = self.read(target);
        self.levels.push(Vec::new());
        self.name_relation(target, read);
        read
    }

    fn assignments(&mut self, targets: &[Node]) {
        self.nodes(targets, STORED);
    }

    /// RETURNING reads the rows that were changed, also by the names `old` and `new`.
    fn returning(
        &mut self,
        clause: Option<&protobuf::ReturningClause>,
        target: &protobuf::RangeVar,
        read: usize,
        outlet: Outlet,
    ) {
        let Some(clause) = clause else { return };
        let mut part = on(verbs::SELECT, target);
        part.read = Some(read);
        self.part(part);
        let mut names = vec!["old".to_owned(), "new".to_owned()];
        for option in &clause.options {
            match &option.node {
                Some(NodeEnum::ReturningOption(option)) => names.push(option.value.clone()),
                _ => self.opaque(),
            }
        }
        for name in names {
            self.bring(Source {
                name,
                schema: None,
                relations: vec![read],
            });
        }
        self.outputs(&clause.exprs, outlet, false);
    }
}

fn on(verb: Verb, target: &protobuf::RangeVar) -> Part {
    Part::new(verb, Object::Relation(relation_name(target)))
        .at(span(target.location, target.relname.len()))
}

fn column_names(targets: &[Node]) -> std::collections::BTreeSet<String> {
    targets
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::ResTarget(target)) => Some(target.name.clone()),
            _ => None,
        })
        .collect()
}

fn narrowing<'t>(target: &'t protobuf::RangeVar, beside: &[Node]) -> Narrowing<'t> {
    let name = target
        .alias
        .as_ref()
        .map_or(&target.relname, |alias| &alias.aliasname);
    Narrowing::of(name, &target.relname, beside)
}
