//! Commands that work on whole relations: TRUNCATE, VACUUM, REINDEX, CLUSTER; and the parts that name one.

use pg_query::protobuf::{self, ReindexObjectType};
use pg_query::{Node, NodeEnum};

use super::parts::{Object, Part};
use super::verbs::{self, Verb};
use super::walk::{Walk, relation_name, span};
use crate::lineage::Use;

impl Walk {
    pub(super) fn truncate(&mut self, node: &protobuf::TruncateStmt) {
        let first = self.parts.len();
        self.on_relations(verbs::TRUNCATE, &node.relations);
        let cascade = super::objects::cascades(node.behavior);
        for part in self.parts.iter_mut().skip(first) {
            part.facts.cascade = cascade;
            part.facts.unfiltered = true;
        }
    }

    pub(super) fn vacuum(&mut self, node: &protobuf::VacuumStmt) {
        let verb = if node.is_vacuumcmd {
            verbs::VACUUM
        } else {
            verbs::ANALYZE
        };
        self.nodes_of_options(&node.options);
        if node.rels.is_empty() {
            self.on_database(verb);
        }
        for relation in &node.rels {
            match &relation.node {
                Some(NodeEnum::VacuumRelation(relation)) => {
                    self.on_relation(verb, relation.relation.as_ref())
                }
                _ => self.opaque(),
            }
        }
    }

    pub(super) fn reindex(&mut self, node: &protobuf::ReindexStmt) {
        self.nodes_of_options(&node.params);
        match ReindexObjectType::try_from(node.kind) {
            Ok(ReindexObjectType::ReindexObjectIndex) => {
                self.on_relation_kind(verbs::REINDEX, node.relation.as_ref(), "index");
            }
            Ok(ReindexObjectType::ReindexObjectTable) => {
                self.on_relation(verbs::REINDEX, node.relation.as_ref())
            }
            Ok(ReindexObjectType::ReindexObjectSchema) => {
                self.add(verbs::REINDEX, Object::Schema(node.name.clone()))
            }
            Ok(
                ReindexObjectType::ReindexObjectSystem | ReindexObjectType::ReindexObjectDatabase,
            ) => {
                self.on_database(verbs::REINDEX);
            }
            Ok(ReindexObjectType::Undefined) | Err(_) => self.opaque(),
        }
    }

    pub(super) fn cluster(&mut self, node: &protobuf::ClusterStmt) {
        self.nodes_of_options(&node.params);
        match &node.relation {
            Some(relation) => {
                self.on_relation(verbs::CLUSTER, Some(relation));
                // rows are laid in the order of a column
                let read = self.read(relation);
                self.whole(vec![read], Use::Order, relation.location);
            }
            None => self.on_database(verbs::CLUSTER),
        }
    }

    pub(super) fn new_relation(
        &mut self,
        relation: Option<&protobuf::RangeVar>,
        kind: &'static str,
    ) {
        let Some(relation) = relation else {
            return self.opaque();
        };
        let name = relation_name(relation);
        self.session.read_back |= name.temporary;
        self.part(
            Part::new(verbs::CREATE, Object::NewRelation(name))
                .kind(kind)
                .at(span(relation.location, relation.relname.len())),
        );
    }

    pub(super) fn on_relation(&mut self, verb: Verb, relation: Option<&protobuf::RangeVar>) {
        self.on_relation_kind(verb, relation, "table");
    }

    pub(super) fn on_relation_kind(
        &mut self,
        verb: Verb,
        relation: Option<&protobuf::RangeVar>,
        kind: &'static str,
    ) {
        let Some(relation) = relation else {
            return self.opaque();
        };
        self.part(
            Part::new(verb, Object::Relation(relation_name(relation)))
                .kind(kind)
                .at(span(relation.location, relation.relname.len())),
        );
    }

    pub(super) fn on_relations(&mut self, verb: Verb, relations: &[Node]) {
        if relations.is_empty() {
            self.opaque();
        }
        for relation in relations {
            match &relation.node {
                Some(NodeEnum::RangeVar(relation)) => self.on_relation(verb, Some(relation)),
                _ => self.opaque(),
            }
        }
    }

    /// Names of constraints are no relations; whatever else stands there is not known.
    pub(super) fn relations_of_names(&mut self, nodes: &[Node]) {
        if !nodes
            .iter()
            .all(|node| matches!(node.node, Some(NodeEnum::RangeVar(_))))
        {
            self.opaque();
        }
    }
}
