//! CREATE and ALTER of tables, views, indexes, sequences, and commands that work on whole tables.

use pg_query::protobuf::{self, ObjectType};
use pg_query::{Node, NodeEnum};

use super::classes::relation_kind;
use super::objects::DEFINITION;
use super::parts::{Object, Part};
use super::verbs;
use super::walk::{Outlet, Walk, qualified_name, relation_name, span, text};
use crate::lineage::{Named, Use};

impl Walk {
    pub(super) fn create_table(&mut self, node: &protobuf::CreateStmt) {
        self.new_relation(node.relation.as_ref(), "table");
        self.table_body(node);
    }

    pub(super) fn create_foreign_table(&mut self, node: &protobuf::CreateForeignTableStmt) {
        self.definition(verbs::CREATE_FOREIGN, "server", &node.servername);
        self.nodes_of_options(&node.options);
        if let Some(base) = &node.base_stmt {
            self.create_table(base);
        }
    }

    fn table_body(&mut self, node: &protobuf::CreateStmt) {
        for parent in &node.inh_relations {
            match &parent.node {
                // a partition becomes part of what its parent shows
                Some(NodeEnum::RangeVar(parent)) => self.on_relation(verbs::ALTER, Some(parent)),
                _ => self.opaque(),
            }
        }
        self.type_name(node.of_typename.as_ref());
        self.partition_bound(node.partbound.as_ref());
        if let Some(spec) = &node.partspec {
            for element in &spec.part_params {
                match &element.node {
                    Some(NodeEnum::PartitionElem(element)) => {
                        self.optional(element.expr.as_deref(), DEFINITION)
                    }
                    _ => self.opaque(),
                }
            }
        }
        self.table_elements(&node.table_elts);
        self.table_elements(&node.constraints);
        self.table_elements(&node.nnconstraints);
        self.nodes_of_options(&node.options);
    }

    /// Columns, constraints and LIKE of a table.
    pub(super) fn table_elements(&mut self, elements: &[Node]) {
        for element in elements {
            match &element.node {
                Some(NodeEnum::ColumnDef(column)) => self.column_definition(column),
                Some(NodeEnum::Constraint(constraint)) => self.constraint(constraint),
                // the shape of another table, without its rows
                Some(NodeEnum::TableLikeClause(like)) => match &like.relation {
                    Some(relation) => {
                        let part =
                            Part::new(verbs::SELECT, Object::Relation(relation_name(relation)));
                        self.part(part.at(span(relation.location, relation.relname.len())));
                    }
                    None => self.opaque(),
                },
                _ => self.opaque(),
            }
        }
    }

    fn column_definition(&mut self, column: &protobuf::ColumnDef) {
        self.declared_type(column.type_name.as_ref());
        self.optional(column.raw_default.as_deref(), DEFINITION);
        self.optional(column.cooked_default.as_deref(), DEFINITION);
        self.table_elements(&column.constraints);
        self.nodes_of_options(&column.fdwoptions);
    }

    /// A type that a column will have: naming one runs nothing.
    pub(super) fn declared_type(&mut self, written: Option<&protobuf::TypeName>) {
        if let Some(written) = written {
            self.nodes(&written.typmods, DEFINITION);
        }
    }

    fn constraint(&mut self, constraint: &protobuf::Constraint) {
        self.optional(constraint.raw_expr.as_deref(), DEFINITION);
        self.optional(constraint.where_clause.as_deref(), DEFINITION);
        self.nodes_of_options(&constraint.options);
        for pair in &constraint.exclusions {
            self.exclusion(pair);
        }
        // the referenced rows are looked up from then on, and errors tell whether they are there
        if let Some(table) = &constraint.pktable {
            self.part(
                Part::new(verbs::SELECT, Object::Relation(relation_name(table)))
                    .at(span(table.location, table.relname.len())),
            );
            let read = self.read(table);
            for column in constraint.pk_attrs.iter().filter_map(text) {
                let named = Named::Column {
                    name: column.to_owned(),
                    qualified: false,
                };
                self.mention(named, DEFINITION, vec![vec![read]], table.location);
            }
            if constraint.pk_attrs.is_empty() {
                self.whole(vec![read], Use::Definition, table.location);
            }
        }
        for column in [
            &constraint.keys,
            &constraint.fk_attrs,
            &constraint.including,
        ]
        .into_iter()
        .flatten()
        .filter_map(text)
        {
            let named = Named::Column {
                name: column.to_owned(),
                qualified: false,
            };
            let levels = self.in_sight();
            self.mention(named, DEFINITION, levels, constraint.location);
        }
    }

    fn exclusion(&mut self, pair: &Node) {
        let Some(NodeEnum::List(pair)) = &pair.node else {
            return self.opaque();
        };
        for item in &pair.items {
            match &item.node {
                Some(NodeEnum::IndexElem(_)) => self.index_element(item),
                Some(NodeEnum::List(operator)) => self.operator(&operator.items),
                _ => self.opaque(),
            }
        }
    }

    fn partition_bound(&mut self, bound: Option<&protobuf::PartitionBoundSpec>) {
        let Some(bound) = bound else { return };
        self.nodes(&bound.listdatums, DEFINITION);
        for datum in bound.lowerdatums.iter().chain(&bound.upperdatums) {
            match &datum.node {
                Some(NodeEnum::PartitionRangeDatum(datum)) => {
                    self.optional(datum.value.as_deref(), DEFINITION)
                }
                Some(other) => self.any(other, DEFINITION),
                None => {}
            }
        }
    }

    pub(super) fn create_table_as(&mut self, node: &protobuf::CreateTableAsStmt) {
        match &node.into {
            Some(into) => self.stores_into(
                into,
                relation_kind(ObjectType::try_from(node.objtype).unwrap_or_default()),
            ),
            None => self.opaque(),
        }
        match node.query.as_deref().map(|query| (query, &query.node)) {
            Some((_, Some(NodeEnum::ExecuteStmt(execute)))) => {
                // its rows are stored, and what they are is known elsewhere
                self.opaque();
                self.execute(execute);
            }
            Some((query, _)) => self.sub_select(query, Outlet::To(Use::Stored)),
            None => self.opaque(),
        }
    }

    pub(super) fn create_view(&mut self, node: &protobuf::ViewStmt) {
        self.new_relation(node.view.as_ref(), "view");
        self.nodes_of_options(&node.options);
        match node.query.as_deref() {
            Some(query) => self.sub_select(query, Outlet::To(Use::Stored)),
            None => self.opaque(),
        }
    }

    pub(super) fn create_index(&mut self, node: &protobuf::IndexStmt) {
        self.on_relation_kind(verbs::CREATE, node.relation.as_ref(), "index");
        self.over(node.relation.as_ref(), |walk| {
            for element in node.index_params.iter().chain(&node.index_including_params) {
                walk.index_element(element);
            }
            walk.optional(node.where_clause.as_deref(), DEFINITION);
        });
        self.nodes_of_options(&node.options);
    }

    /// Runs `inner` with the columns of `relation` in sight.
    pub(super) fn over(
        &mut self,
        relation: Option<&protobuf::RangeVar>,
        inner: impl FnOnce(&mut Self),
    ) {
        self.levels.push(Vec::new());
        if let Some(relation) = relation {
            let read = self.read(relation);
            self.name_relation(relation, read);
        }
        inner(self);
        self.levels.pop();
    }

    pub(super) fn index_element(&mut self, element: &Node) {
        let Some(NodeEnum::IndexElem(element)) = &element.node else {
            return self.opaque();
        };
        if !element.name.is_empty() {
            let named = Named::Column {
                name: element.name.clone(),
                qualified: false,
            };
            let levels = self.in_sight();
            self.mention(named, DEFINITION, levels, 0);
        }
        self.optional(element.expr.as_deref(), DEFINITION);
        let (schema, class) = qualified_name(&element.opclass);
        if schema.is_some_and(|schema| schema != "pg_catalog") && !class.is_empty() {
            self.opaque();
        }
        self.nodes_of_options(&element.opclassopts);
    }

    pub(super) fn create_statistics(&mut self, node: &protobuf::CreateStatsStmt) {
        self.type_object(verbs::CREATE, &node.defnames, "statistics");
        self.levels.push(Vec::new());
        for relation in &node.relations {
            match &relation.node {
                Some(NodeEnum::RangeVar(relation)) => {
                    self.on_relation(verbs::ANALYZE, Some(relation));
                    let read = self.read(relation);
                    self.name_relation(relation, read);
                }
                _ => self.opaque(),
            }
        }
        for element in &node.exprs {
            match &element.node {
                Some(NodeEnum::StatsElem(element)) => {
                    let named = Named::Column {
                        name: element.name.clone(),
                        qualified: false,
                    };
                    let levels = self.in_sight();
                    self.mention(named, DEFINITION, levels, 0);
                    self.optional(element.expr.as_deref(), DEFINITION);
                }
                _ => self.opaque(),
            }
        }
        self.levels.pop();
    }

    pub(super) fn create_sequence(&mut self, node: &protobuf::CreateSeqStmt) {
        self.new_relation(node.sequence.as_ref(), "sequence");
        self.nodes_of_options(&node.options);
    }

    pub(super) fn alter_sequence(&mut self, node: &protobuf::AlterSeqStmt) {
        self.on_relation_kind(verbs::ALTER, node.sequence.as_ref(), "sequence");
        self.nodes_of_options(&node.options);
    }

    pub(super) fn create_schema(&mut self, node: &protobuf::CreateSchemaStmt) {
        let name = match (&node.schemaname, &node.authrole) {
            (name, Some(role)) if name.is_empty() => role.rolename.clone(),
            (name, _) => name.clone(),
        };
        self.add(verbs::CREATE, Object::Schema(name));
        self.session.read_back = true;
        if node.authrole.is_some() {
            self.on_role(verbs::ALTER_OWNER, node.authrole.as_ref());
        }
        for element in &node.schema_elts {
            self.statement(element);
        }
    }
}
