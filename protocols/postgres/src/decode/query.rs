//! SELECT with all that belongs to it: common table expressions, set operations, outputs, ordering, locks.

use std::collections::HashSet;

use pg_query::protobuf::{self, SelectStmt, SetOperation};
use pg_query::{Node, NodeEnum};

use super::columns::column_path;
use super::condition::{self, Narrowing};
use super::kinds::{Kind, kind};
use super::nodes::Query;
use super::parts::{Object, Part};
use super::verbs;
use super::walk::{Outlet, Walk, relation_name, span};
use crate::lineage::{Place, Use};

const CONDITION: Place = Place::Other(Use::Condition);

impl Walk {
    pub(super) fn query(&mut self, query: Query<'_>, outlet: Outlet) {
        match query {
            Query::SelectStmt(node) => self.select(node, outlet),
            Query::InsertStmt(node) => self.insert(node, outlet),
            Query::UpdateStmt(node) => self.update(node, outlet),
            Query::DeleteStmt(node) => self.delete(node, outlet),
            Query::MergeStmt(node) => self.merge(node, outlet),
        }
    }

    /// A query inside another statement; anything but a query is opaque.
    pub(super) fn sub_select(&mut self, node: &Node, outlet: Outlet) {
        let Some(node) = &node.node else { return };
        match kind(node) {
            Kind::Query(query) => self.deeper(|walk| walk.query(query, outlet)),
            Kind::Expression(_)
            | Kind::Source(_)
            | Kind::Command(_)
            | Kind::Clause
            | Kind::Foreign => self.opaque(),
        }
    }

    /// Runs `inner` with the common table expressions of `with` in sight.
    pub(super) fn with(
        &mut self,
        with: Option<&protobuf::WithClause>,
        inner: impl FnOnce(&mut Self),
    ) {
        let before = self.ctes.len();
        if let Some(with) = with {
            self.common_tables(with);
        }
        inner(self);
        self.ctes.truncate(before);
    }

    fn common_tables(&mut self, with: &protobuf::WithClause) {
        let tables = with.ctes.iter().filter_map(|node| match &node.node {
            Some(NodeEnum::CommonTableExpr(table)) => Some(table.as_ref()),
            _ => None,
        });
        if with.recursive {
            self.ctes
                .extend(tables.clone().map(|table| table.ctename.clone()));
        }
        for table in tables {
            if let Some(query) = table.ctequery.as_deref() {
                // a common table expression sees no column of the query that it stands in front of
                let levels = std::mem::take(&mut self.levels);
                self.sub_select(query, Outlet::To(Use::SubSelect));
                self.levels = levels;
            }
            if let Some(cycle) = table.cycle_clause.as_deref() {
                self.optional(cycle.cycle_mark_value.as_deref(), CONDITION);
                self.optional(cycle.cycle_mark_default.as_deref(), CONDITION);
            }
            if !with.recursive {
                self.ctes.push(table.ctename.clone());
            }
        }
    }

    pub(super) fn select(&mut self, node: &SelectStmt, outlet: Outlet) {
        self.with(node.with_clause.as_ref(), |walk| {
            let outlet = match &node.into_clause {
                Some(into) => {
                    walk.stores_into(into, "table");
                    Outlet::To(Use::Stored)
                }
                None => outlet,
            };
            match (&node.larg, &node.rarg) {
                (None, None) => walk.simple_select(node, outlet),
                (left, right) => {
                    walk.set_operation(node, [left.as_deref(), right.as_deref()], outlet)
                }
            }
        });
    }

    fn set_operation(&mut self, node: &SelectStmt, arms: [Option<&SelectStmt>; 2], outlet: Outlet) {
        if SetOperation::try_from(node.op).is_err() {
            self.opaque();
        }
        let outlet = match outlet {
            Outlet::Client => Outlet::To(Use::SetOperation),
            Outlet::To(_) => outlet,
        };
        for arm in arms.into_iter().flatten() {
            self.deeper(|walk| walk.select(arm, outlet));
        }
        // only outputs can be ordered by, and those count as outputs of a set operation already
        self.levels.push(Vec::new());
        self.ordering(node, &[]);
        self.limits(node);
        self.levels.pop();
    }

    fn simple_select(&mut self, node: &SelectStmt, outlet: Outlet) {
        let first = self.parts.len();
        self.levels.push(Vec::new());
        self.nodes(&node.from_clause, Place::Other(Use::Join));
        let narrowed = condition::narrows(node.where_clause.as_deref(), &Narrowing::any());
        self.facts_of_sources(first, !narrowed, constant_limit(node));
        self.setting_name = super::settings::selected_setting(node);
        self.outputs(&node.target_list, outlet, !node.distinct_clause.is_empty());
        self.setting_name = None;
        self.optional(node.where_clause.as_deref(), CONDITION);
        self.nodes(&node.group_clause, Place::Other(Use::Group));
        self.optional(node.having_clause.as_deref(), CONDITION);
        self.nodes(&node.window_clause, Place::Other(Use::Window));
        for row in &node.values_lists {
            self.node(row, Place::Other(stored(outlet)));
        }
        // DISTINCT without ON holds one empty node, which names nothing
        self.nodes(&node.distinct_clause, Place::Other(Use::Distinct));
        self.by_output(&node.group_clause, &node.target_list, Use::Group);
        self.by_output(&node.distinct_clause, &node.target_list, Use::Distinct);
        self.ordering(node, &node.target_list);
        self.limits(node);
        self.locks(&node.locking_clause, first);
        self.levels.pop();
    }

    /// Whether the condition narrows, and the limit, for the relations that stand in this FROM itself.
    fn facts_of_sources(&mut self, first: usize, unfiltered: bool, rows: Option<i64>) {
        let here: Vec<usize> = self
            .levels
            .last()
            .map(|level| {
                level
                    .iter()
                    .flat_map(|source| source.relations.clone())
                    .collect()
            })
            .unwrap_or_default();
        self.step(self.parts.len().saturating_sub(first));
        let here: HashSet<usize> = here.into_iter().collect();
        for part in self.parts.iter_mut().skip(first) {
            if part.read.is_some_and(|read| here.contains(&read)) {
                part.facts.unfiltered = unfiltered;
                part.facts.rows = rows;
            }
        }
    }

    /// The target list of SELECT or RETURNING.
    pub(super) fn outputs(&mut self, targets: &[Node], outlet: Outlet, distinct: bool) {
        for (position, target) in targets.iter().enumerate() {
            let place = match outlet {
                Outlet::Client if distinct => Place::Other(Use::Distinct),
                Outlet::Client => Place::Output(u32::try_from(position).unwrap_or(u32::MAX)),
                Outlet::To(reason) => Place::Other(reason),
            };
            self.node(target, place);
        }
    }

    fn ordering(&mut self, node: &SelectStmt, targets: &[Node]) {
        self.nodes(&node.sort_clause, Place::Other(Use::Order));
        self.by_output(&node.sort_clause, targets, Use::Order);
    }

    /// Ordering, grouping or telling apart by the number or the name of an output counts for the output's column.
    fn by_output(&mut self, items: &[Node], targets: &[Node], reason: Use) {
        let mut looked_up = LookedUp::default();
        for item in items {
            if self.refused.is_some() {
                return;
            }
            self.step(targets.len());
            let item = match &item.node {
                Some(NodeEnum::SortBy(sort)) => {
                    sort.node.as_deref().and_then(|node| node.node.as_ref())
                }
                Some(other) => Some(other),
                None => None,
            };
            match item {
                Some(NodeEnum::AConst(constant)) => {
                    self.by_number((constant, targets), reason, &mut looked_up);
                }
                Some(NodeEnum::ColumnRef(column)) => {
                    let (path, star) = column_path(column);
                    if let ([name], false) = (path.as_slice(), star)
                        && looked_up.names.insert(name)
                    {
                        for column in targets
                            .iter()
                            .filter(|target| is_named(target, name))
                            .filter_map(plain_column)
                        {
                            self.column(column, Place::Other(reason));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn by_number(
        &mut self,
        (constant, targets): (&protobuf::AConst, &[Node]),
        reason: Use,
        looked_up: &mut LookedUp<'_>,
    ) {
        let Some(protobuf::a_const::Val::Ival(number)) = &constant.val else {
            return;
        };
        let before = usize::try_from(number.ival).unwrap_or(usize::MAX);
        let starred = targets.iter().take(before).any(is_star);
        if starred && std::mem::replace(&mut looked_up.starred, true) {
            return;
        }
        for (position, target) in targets.iter().enumerate() {
            // behind a `*` the number may mean any column of it or after it
            if let Some(column) =
                plain_column(target).filter(|_| position.checked_add(1) == Some(before) || starred)
            {
                self.column(column, Place::Other(reason));
            }
        }
    }

    fn limits(&mut self, node: &SelectStmt) {
        self.optional(node.limit_offset.as_deref(), CONDITION);
        self.optional(node.limit_count.as_deref(), CONDITION);
    }

    /// FOR UPDATE and the like lock the rows of the relations named, or of all in FROM.
    fn locks(&mut self, clauses: &[Node], first: usize) {
        for clause in clauses {
            let Some(NodeEnum::LockingClause(clause)) = &clause.node else {
                self.opaque();
                continue;
            };
            let named: Vec<&str> = clause
                .locked_rels
                .iter()
                .filter_map(|node| match &node.node {
                    Some(NodeEnum::RangeVar(relation)) => Some(relation.relname.as_str()),
                    _ => None,
                })
                .collect();
            let locked: Vec<usize> = self
                .levels
                .last()
                .map(|level| {
                    level
                        .iter()
                        .filter(|source| named.is_empty() || named.contains(&source.name.as_str()))
                        .flat_map(|source| source.relations.clone())
                        .collect()
                })
                .unwrap_or_default();
            let parts: Vec<Part> = self
                .parts
                .iter()
                .skip(first)
                .filter(|part| {
                    part.verb == verbs::SELECT
                        && part.read.is_some_and(|read| locked.contains(&read))
                })
                .map(|part| Part {
                    verb: verbs::LOCK_ROWS,
                    read: None,
                    ..part.clone()
                })
                .collect();
            if parts.is_empty() {
                self.on_database(verbs::LOCK_ROWS);
            }
            for part in parts {
                self.part(part);
            }
        }
    }

    /// The relation that SELECT INTO or CREATE TABLE AS makes.
    pub(super) fn stores_into(&mut self, into: &protobuf::IntoClause, kind: &'static str) {
        self.nodes_of_options(&into.options);
        match &into.rel {
            Some(relation) => {
                let name = relation_name(relation);
                self.session.read_back |= name.temporary;
                self.part(
                    Part::new(verbs::CREATE, Object::NewRelation(name))
                        .kind(kind)
                        .at(span(relation.location, relation.relname.len())),
                );
            }
            None => self.opaque(),
        }
    }
}

fn stored(outlet: Outlet) -> Use {
    match outlet {
        Outlet::Client => Use::SubSelect,
        Outlet::To(reason) => reason,
    }
}

/// Outputs that are known to count already: what names them again says nothing new.
#[derive(Default)]
struct LookedUp<'a> {
    names: HashSet<&'a str>,
    /// All of them, for a number behind a `*`.
    starred: bool,
}

/// Whether an output goes by this name.
fn is_named(target: &Node, name: &str) -> bool {
    match &target.node {
        Some(NodeEnum::ResTarget(target)) => target.name == name,
        _ => false,
    }
}

fn is_star(target: &Node) -> bool {
    plain_column(target).is_some_and(|column| column_path(column).1)
}

/// The column that an output is, where it is nothing but one; all else was judged where it stands.
fn plain_column(target: &Node) -> Option<&protobuf::ColumnRef> {
    match &target.node {
        Some(NodeEnum::ResTarget(target)) => {
            match target.val.as_deref().and_then(|value| value.node.as_ref()) {
                Some(NodeEnum::ColumnRef(column)) => Some(column),
                _ => None,
            }
        }
        _ => None,
    }
}

fn constant_limit(node: &SelectStmt) -> Option<i64> {
    match node
        .limit_count
        .as_deref()
        .and_then(|limit| limit.node.as_ref())
    {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            // zero is left out of the encoded tree
            Some(protobuf::a_const::Val::Ival(number)) => Some(i64::from(number.ival)),
            Some(protobuf::a_const::Val::Fval(number)) => number.fval.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
