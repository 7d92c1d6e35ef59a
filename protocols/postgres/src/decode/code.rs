//! Roles, and definitions of what runs later or elsewhere: functions, triggers, rules, policies, types, publications.

use pg_query::protobuf::{self, ObjectType};
use pg_query::{Node, NodeEnum};

use super::objects::DEFINITION;
use super::parts::{Object, Part};
use super::verbs::{self, Verb};
use super::walk::{Source, Walk, names, qualified_name, relation_name, span};
use crate::lineage::Use;

impl Walk {
    pub(super) fn on_role(&mut self, verb: Verb, role: Option<&protobuf::RoleSpec>) {
        let name = role.map_or_else(|| "all".to_owned(), role_name);
        self.add(verb, Object::Role(name));
    }

    pub(super) fn on_roles(&mut self, verb: Verb, roles: &[Node]) {
        if roles.is_empty() {
            self.opaque();
        }
        for role in roles {
            match &role.node {
                Some(NodeEnum::RoleSpec(role)) => self.on_role(verb, Some(role)),
                _ => self.opaque(),
            }
        }
    }

    pub(super) fn grant_role(&mut self, node: &protobuf::GrantRoleStmt) {
        let verb = if node.is_grant {
            verbs::GRANT_ROLE
        } else {
            verbs::REVOKE_ROLE
        };
        if node.granted_roles.is_empty() {
            self.opaque();
        }
        for role in &node.granted_roles {
            match &role.node {
                Some(NodeEnum::AccessPriv(role)) => {
                    self.add(verb, Object::Role(role.priv_name.clone()))
                }
                _ => self.opaque(),
            }
        }
        self.session.read_back = true;
    }

    pub(super) fn row_security(
        &mut self,
        table: Option<&protobuf::RangeVar>,
        conditions: [Option<&Node>; 2],
    ) {
        self.on_relation(verbs::ROW_SECURITY, table);
        self.over(table, |walk| {
            for condition in conditions.into_iter().flatten() {
                walk.node(condition, DEFINITION);
            }
        });
    }

    pub(super) fn create_function(&mut self, node: &protobuf::CreateFunctionStmt) {
        let (schema, name) = qualified_name(&node.funcname);
        let kind = if node.is_procedure {
            "procedure"
        } else {
            "function"
        };
        self.part(Part::new(verbs::CREATE_FUNCTION, Object::Function { schema, name }).kind(kind));
        for parameter in &node.parameters {
            match &parameter.node {
                Some(NodeEnum::FunctionParameter(parameter)) => {
                    self.declared_type(parameter.arg_type.as_ref());
                    self.optional(parameter.defexpr.as_deref(), DEFINITION);
                }
                _ => self.opaque(),
            }
        }
        self.function_options(&node.options);
        if let Some(body) = node.sql_body.as_deref() {
            self.body(body);
        }
    }

    pub(super) fn alter_function(&mut self, node: &protobuf::AlterFunctionStmt) {
        let (schema, name) = node
            .func
            .as_ref()
            .map(|function| qualified_name(&function.objname))
            .unwrap_or_default();
        self.part(
            Part::new(verbs::ALTER_FUNCTION, Object::Function { schema, name }).kind("function"),
        );
        self.function_options(&node.actions);
    }

    /// The settings that a function runs under are options of it.
    fn function_options(&mut self, options: &[Node]) {
        for option in options {
            if let Some(NodeEnum::DefElem(option)) = &option.node
                && let Some(NodeEnum::VariableSetStmt(set)) =
                    option.arg.as_deref().and_then(|node| node.node.as_ref())
            {
                self.stored_set(Some(set));
            }
        }
    }

    /// A body written in SQL proper: statements that run when it is called.
    fn body(&mut self, body: &Node) {
        match &body.node {
            Some(NodeEnum::List(list)) => {
                for item in &list.items {
                    self.deeper(|walk| walk.body(item));
                }
            }
            Some(NodeEnum::ReturnStmt(value)) => {
                self.optional(value.returnval.as_deref(), DEFINITION)
            }
            Some(other) => self.any(other, DEFINITION),
            None => {}
        }
    }

    pub(super) fn create_trigger(&mut self, node: &protobuf::CreateTrigStmt) {
        self.on_relation(verbs::CREATE_TRIGGER, node.relation.as_ref());
        self.old_and_new(node.relation.as_ref(), |walk| {
            walk.optional(node.when_clause.as_deref(), DEFINITION)
        });
    }

    pub(super) fn create_rule(&mut self, node: &protobuf::RuleStmt) {
        self.on_relation(verbs::CREATE_RULE, node.relation.as_ref());
        self.old_and_new(node.relation.as_ref(), |walk| {
            walk.optional(node.where_clause.as_deref(), DEFINITION);
            for action in &node.actions {
                walk.node(action, DEFINITION);
            }
        });
    }

    /// Rows of the relation are named `old` and `new` inside.
    fn old_and_new(
        &mut self,
        relation: Option<&protobuf::RangeVar>,
        inner: impl FnOnce(&mut Self),
    ) {
        self.over(relation, |walk| {
            let relations = walk.levels.last().map(|level| {
                level
                    .iter()
                    .flat_map(|source| source.relations.clone())
                    .collect()
            });
            let relations: Vec<usize> = relations.unwrap_or_default();
            for name in ["old", "new"] {
                walk.bring(Source {
                    name: name.to_owned(),
                    schema: None,
                    relations: relations.clone(),
                });
            }
            inner(walk);
        });
    }

    pub(super) fn create_composite(&mut self, node: &protobuf::CompositeTypeStmt) {
        self.new_relation(node.typevar.as_ref(), "type");
        self.table_elements(&node.coldeflist);
    }

    pub(super) fn create_range(&mut self, node: &protobuf::CreateRangeStmt) {
        // its subtype functions run on every value
        self.definition(
            verbs::CREATE_DEFINITION,
            "type",
            &names(&node.type_name).join("."),
        );
    }

    pub(super) fn create_domain(&mut self, node: &protobuf::CreateDomainStmt) {
        self.type_object(verbs::CREATE, &node.domainname, "domain");
        self.declared_type(node.type_name.as_ref());
        self.table_elements(&node.constraints);
    }

    pub(super) fn alter_domain(&mut self, node: &protobuf::AlterDomainStmt) {
        self.type_object(verbs::ALTER, &node.type_name, "domain");
        if let Some(definition) = node.def.as_deref() {
            match &definition.node {
                Some(NodeEnum::Constraint(_)) => {
                    self.table_elements(std::slice::from_ref(definition))
                }
                _ => self.node(definition, DEFINITION),
            }
        }
    }

    /// CREATE AGGREGATE, OPERATOR, TYPE, COLLATION, TEXT SEARCH.
    pub(super) fn define(&mut self, node: &protobuf::DefineStmt) {
        let name = names(&node.defnames).join(".");
        match ObjectType::try_from(node.kind) {
            Ok(ObjectType::ObjectAggregate) => {
                let (schema, name) = qualified_name(&node.defnames);
                self.part(
                    Part::new(verbs::CREATE_FUNCTION, Object::Function { schema, name })
                        .kind("aggregate"),
                );
            }
            Ok(_) => self.definition(verbs::CREATE_DEFINITION, "definition", &name),
            Err(_) => self.opaque(),
        }
    }

    pub(super) fn create_publication(&mut self, node: &protobuf::CreatePublicationStmt) {
        self.definition(verbs::CREATE_PUBLICATION, "publication", &node.pubname);
        self.published(&node.pubobjects);
    }

    pub(super) fn alter_publication(&mut self, node: &protobuf::AlterPublicationStmt) {
        self.definition(verbs::ALTER_PUBLICATION, "publication", &node.pubname);
        self.published(&node.pubobjects);
    }

    /// Relations whose rows leave through the publication.
    fn published(&mut self, objects: &[Node]) {
        for object in objects {
            let Some(NodeEnum::PublicationObjSpec(object)) = &object.node else {
                self.opaque();
                continue;
            };
            let Some(table) = object.pubtable.as_deref() else {
                continue;
            };
            let Some(relation) = &table.relation else {
                continue;
            };
            self.part(
                Part::new(verbs::COPY_OUT, Object::Relation(relation_name(relation)))
                    .at(span(relation.location, relation.relname.len())),
            );
            self.over(Some(relation), |walk| {
                let relations = walk.in_sight().into_iter().flatten().collect();
                walk.whole(relations, Use::Copied, relation.location);
                walk.optional(table.where_clause.as_deref(), DEFINITION);
            });
        }
    }
}

fn role_name(role: &protobuf::RoleSpec) -> String {
    match protobuf::RoleSpecType::try_from(role.roletype) {
        Ok(
            protobuf::RoleSpecType::RolespecCurrentUser
            | protobuf::RoleSpecType::RolespecCurrentRole,
        ) => "current_user".to_owned(),
        Ok(protobuf::RoleSpecType::RolespecSessionUser) => "session_user".to_owned(),
        Ok(protobuf::RoleSpecType::RolespecPublic) => "public".to_owned(),
        Ok(protobuf::RoleSpecType::RolespecCstring | protobuf::RoleSpecType::Undefined)
        | Err(_) => role.rolename.clone(),
    }
}
