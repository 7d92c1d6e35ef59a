//! FROM: the relations that are read, and the names that columns may be written with.
#![deny(clippy::wildcard_enum_match_arm)]

use pg_query::{Node, NodeEnum, protobuf};

use super::nodes::Source as SourceNode;
use super::parts::{Object, Part};
use super::verbs;
use super::walk::{Outlet, Source, Walk, qualified_name, relation_name, span, text};
use crate::lineage::{Named, Place, Use};

const FUNCTION: Place = Place::Other(Use::Function);
const JOIN: Place = Place::Other(Use::Join);

impl Walk {
    pub(super) fn source(&mut self, source: SourceNode<'_>) {
        match source {
            SourceNode::RangeVar(node) => self.relation(node),
            SourceNode::JoinExpr(node) => self.join(node),
            SourceNode::RangeSubselect(node) => {
                if let Some(query) = node.subquery.as_deref() {
                    self.sub_select(query, Outlet::To(Use::SubSelect));
                }
                self.derived(node.alias.as_ref());
            }
            SourceNode::RangeFunction(node) => {
                for item in &node.functions {
                    self.range_function(item);
                }
                self.column_definitions(&node.coldeflist);
                self.derived(node.alias.as_ref());
            }
            SourceNode::RangeTableFunc(node) => {
                self.optional(node.docexpr.as_deref(), FUNCTION);
                self.optional(node.rowexpr.as_deref(), FUNCTION);
                self.nodes(&node.namespaces, FUNCTION);
                for column in &node.columns {
                    self.table_column(column);
                }
                self.derived(node.alias.as_ref());
            }
            SourceNode::RangeTableSample(node) => {
                self.optional(node.relation.as_deref(), JOIN);
                self.sample_method(&node.method);
                self.nodes(&node.args, FUNCTION);
                self.optional(node.repeatable.as_deref(), FUNCTION);
            }
            SourceNode::JsonTable(node) => {
                self.json_value(node.context_item.as_deref());
                if let Some(path) = node.pathspec.as_deref() {
                    self.optional(path.string.as_deref(), FUNCTION);
                }
                self.nodes(&node.passing, FUNCTION);
                for column in &node.columns {
                    self.table_column(column);
                }
                self.json_behavior(node.on_error.as_deref());
                self.derived(node.alias.as_ref());
            }
        }
    }

    /// A relation that is read, or the common table expression of its name.
    fn relation(&mut self, node: &protobuf::RangeVar) {
        if self.is_cte(node) {
            let name = node
                .alias
                .as_ref()
                .map_or(&node.relname, |alias| &alias.aliasname)
                .clone();
            return self.bring(Source {
                name,
                schema: None,
                relations: Vec::new(),
            });
        }
        let read = self.read(node);
        let mut part = Part::new(verbs::SELECT, Object::Relation(relation_name(node)))
            .at(span(node.location, node.relname.len()));
        part.read = Some(read);
        self.part(part);
        self.name_relation(node, read);
    }

    /// Makes a relation nameable by its alias, or by its own name.
    pub(super) fn name_relation(&mut self, node: &protobuf::RangeVar, read: usize) {
        let source = match &node.alias {
            Some(alias) => {
                if !alias.colnames.is_empty() {
                    // other names for its columns: what is asked of a column by name no longer fits
                    self.whole(vec![read], Use::Renamed, node.location);
                }
                Source {
                    name: alias.aliasname.clone(),
                    schema: None,
                    relations: vec![read],
                }
            }
            None => Source {
                name: node.relname.clone(),
                schema: (!node.schemaname.is_empty()).then(|| node.schemaname.clone()),
                relations: vec![read],
            },
        };
        self.bring(source);
    }

    fn derived(&mut self, alias: Option<&protobuf::Alias>) {
        if let Some(alias) = alias {
            self.bring(Source {
                name: alias.aliasname.clone(),
                schema: None,
                relations: Vec::new(),
            });
        }
    }

    fn join(&mut self, node: &protobuf::JoinExpr) {
        let before = self.levels.last().map_or(0, Vec::len);
        self.optional(node.larg.as_deref(), JOIN);
        self.optional(node.rarg.as_deref(), JOIN);
        let joined: Vec<usize> = self
            .levels
            .last()
            .map(|level| {
                level
                    .iter()
                    .skip(before)
                    .flat_map(|source| source.relations.iter().copied())
                    .collect()
            })
            .unwrap_or_default();
        let at = joined_at(node);
        self.step(joined.len());
        if node.is_natural {
            self.whole(joined.clone(), Use::Join, at);
        }
        for column in node.using_clause.iter().filter_map(text) {
            let named = Named::Column {
                name: column.to_owned(),
                qualified: false,
            };
            self.mention(named, JOIN, vec![joined.clone()], at);
        }
        self.optional(node.quals.as_deref(), JOIN);
        if let Some(alias) = &node.join_using_alias {
            self.bring(Source {
                name: alias.aliasname.clone(),
                schema: None,
                relations: joined.clone(),
            });
        }
        if let Some(alias) = &node.alias {
            if !alias.colnames.is_empty() {
                self.whole(joined.clone(), Use::Renamed, at);
            }
            self.bring(Source {
                name: alias.aliasname.clone(),
                schema: None,
                relations: joined,
            });
        }
    }

    /// One item of `ROWS FROM (...)`: the call, then its column definitions.
    fn range_function(&mut self, item: &Node) {
        match &item.node {
            Some(NodeEnum::List(list)) => {
                let mut items = list.items.iter();
                if let Some(call) = items.next() {
                    self.node(call, FUNCTION);
                }
                for definitions in items {
                    match &definitions.node {
                        Some(NodeEnum::List(definitions)) => {
                            self.column_definitions(&definitions.items)
                        }
                        Some(other) => self.any(other, FUNCTION),
                        None => {}
                    }
                }
            }
            Some(other) => self.any(other, FUNCTION),
            None => {}
        }
    }

    /// Columns that a call is said to return: names and types.
    fn column_definitions(&mut self, definitions: &[Node]) {
        for definition in definitions {
            match &definition.node {
                Some(NodeEnum::ColumnDef(column)) => self.type_name(column.type_name.as_ref()),
                Some(other) => self.any(other, FUNCTION),
                None => {}
            }
        }
    }

    /// A column of XMLTABLE or JSON_TABLE.
    fn table_column(&mut self, column: &Node) {
        match &column.node {
            Some(NodeEnum::RangeTableFuncCol(column)) => {
                self.type_name(column.type_name.as_ref());
                self.optional(column.colexpr.as_deref(), FUNCTION);
                self.optional(column.coldefexpr.as_deref(), FUNCTION);
            }
            Some(NodeEnum::JsonTableColumn(column)) => self.deeper(|walk| {
                walk.type_name(column.type_name.as_ref());
                walk.json_behavior(column.on_empty.as_deref());
                walk.json_behavior(column.on_error.as_deref());
                for column in &column.columns {
                    walk.table_column(column);
                }
            }),
            Some(other) => self.any(other, FUNCTION),
            None => {}
        }
    }

    fn sample_method(&mut self, method: &[Node]) {
        let (schema, name) = qualified_name(method);
        if schema.is_some_and(|schema| schema != "pg_catalog")
            || !matches!(name.as_str(), "bernoulli" | "system")
        {
            self.opaque();
        }
    }
}

/// Where a join is written: at the columns it names, or nowhere.
fn joined_at(node: &protobuf::JoinExpr) -> i32 {
    match node.rarg.as_deref().and_then(|right| right.node.as_ref()) {
        Some(NodeEnum::RangeVar(right)) => right.location,
        Some(_) | None => 0,
    }
}
