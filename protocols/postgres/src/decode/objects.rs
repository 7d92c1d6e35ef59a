//! Commands over any kind of object: DROP, RENAME, COMMENT, OWNER, GRANT; and what defines code.
#![deny(clippy::wildcard_enum_match_arm)]

use pg_query::protobuf::{self, DropBehavior, GrantTargetType, ObjectType};
use pg_query::{Node, NodeEnum};

use super::classes::{Class, actions, class, relation_kind, word};
use super::parts::{Object, Part, RelationName};
use super::verbs::{self, Verb};
use super::walk::{Walk, names, qualified_name, relation_name, span, text};
use crate::lineage::{Named, Place, Use};

/// Where a column stands in the definition of something.
pub(super) const DEFINITION: Place = Place::Other(Use::Definition);

pub(super) fn cascades(behavior: i32) -> bool {
    DropBehavior::try_from(behavior) == Ok(DropBehavior::DropCascade)
}

fn object_type(kind: i32) -> ObjectType {
    ObjectType::try_from(kind).unwrap_or(ObjectType::Undefined)
}

impl Walk {
    pub(super) fn drop_objects(&mut self, node: &protobuf::DropStmt) {
        let kind = object_type(node.remove_type);
        let (_, verb) = actions(class(kind));
        // a schema that goes, or a temporary table, changes what names mean
        self.session.read_back |= matches!(kind, ObjectType::ObjectSchema);
        for object in &node.objects {
            let part = named_object(verb, kind, Some(object)).cascade(cascades(node.behavior));
            self.part(part);
        }
        if node.objects.is_empty() {
            self.opaque();
        }
    }

    pub(super) fn rename(&mut self, node: &protobuf::RenameStmt) {
        let kind = object_type(node.rename_type);
        let (verb, _) = actions(class(kind));
        self.session.read_back |= matches!(kind, ObjectType::ObjectSchema | ObjectType::ObjectRole);
        let Some(relation) = &node.relation else {
            let part = match class(kind) {
                Class::Schema => Part::new(verb, Object::Schema(node.subname.clone())),
                Class::Role => Part::new(verb, Object::Role(node.subname.clone())),
                Class::Database => Part::new(verb, Object::Database(Some(node.subname.clone()))),
                Class::Relation
                | Class::PartOfRelation
                | Class::Trigger
                | Class::Rule
                | Class::Policy
                | Class::Function
                | Class::Type
                | Class::Extension
                | Class::Foreign
                | Class::Publication
                | Class::Definition
                | Class::Unknown => named_object(verb, kind, node.object.as_deref()),
            };
            return self.part(part.kind(word(kind)));
        };
        self.rename_relation(node, relation, kind, verb);
    }

    fn rename_relation(
        &mut self,
        node: &protobuf::RenameStmt,
        relation: &protobuf::RangeVar,
        kind: ObjectType,
        verb: Verb,
    ) {
        let mut part = Part::new(verb, Object::Relation(relation_name(relation)))
            .kind(relation_kind(kind))
            .at(span(relation.location, relation.relname.len()));
        part.facts.command = Some("rename");
        self.part(part);
        let read = self.read(relation);
        if matches!(kind, ObjectType::ObjectColumn | ObjectType::ObjectAttribute) {
            let named = Named::Column {
                name: node.subname.clone(),
                qualified: false,
            };
            self.mention(
                named,
                Place::Other(Use::Renamed),
                vec![vec![read]],
                relation.location,
            );
        } else if matches!(class(kind), Class::Relation) {
            self.whole(vec![read], Use::Renamed, relation.location);
        }
    }

    pub(super) fn alter_schema_of(&mut self, node: &protobuf::AlterObjectSchemaStmt) {
        let kind = object_type(node.object_type);
        let (verb, _) = actions(class(kind));
        match &node.relation {
            Some(relation) => {
                self.on_relation_kind(verb, Some(relation), relation_kind(kind));
                let read = self.read(relation);
                self.whole(vec![read], Use::Renamed, relation.location);
            }
            None => {
                let part = named_object(verb, kind, node.object.as_deref());
                self.part(part);
            }
        }
        self.add(verbs::CREATE, Object::Schema(node.newschema.clone()));
    }

    pub(super) fn alter_owner(&mut self, node: &protobuf::AlterOwnerStmt) {
        let kind = object_type(node.object_type);
        match &node.relation {
            Some(relation) => {
                self.on_relation_kind(verbs::ALTER_OWNER, Some(relation), relation_kind(kind))
            }
            None => {
                let part = named_object(verbs::ALTER_OWNER, kind, node.object.as_deref());
                self.part(part);
            }
        }
    }

    pub(super) fn depends(&mut self, node: &protobuf::AlterObjectDependsStmt) {
        let name = node
            .extname
            .as_ref()
            .map_or_else(String::new, |name| name.sval.clone());
        self.definition(verbs::ALTER_EXTENSION, "extension", &name);
    }

    pub(super) fn comment(&mut self, node: &protobuf::CommentStmt) {
        let part = named_object(
            verbs::COMMENT,
            object_type(node.objtype),
            node.object.as_deref(),
        );
        self.part(part);
    }

    pub(super) fn grant(&mut self, node: &protobuf::GrantStmt) {
        let verb = if node.is_grant {
            verbs::GRANT
        } else {
            verbs::REVOKE
        };
        let kind = object_type(node.objtype);
        self.session.read_back |= matches!(kind, ObjectType::ObjectSchema);
        match GrantTargetType::try_from(node.targtype) {
            Ok(GrantTargetType::AclTargetAllInSchema) => {
                for schema in node.objects.iter().filter_map(text) {
                    self.add(verb, Object::Schema(schema.to_owned()));
                }
            }
            Ok(GrantTargetType::AclTargetObject) => {
                for object in &node.objects {
                    match &object.node {
                        Some(NodeEnum::RangeVar(relation)) => {
                            self.on_relation_kind(verb, Some(relation), relation_kind(kind));
                        }
                        Some(_) | None => {
                            let part = named_object(verb, kind, Some(object));
                            self.part(part);
                        }
                    }
                }
            }
            Ok(GrantTargetType::AclTargetDefaults | GrantTargetType::Undefined) | Err(_) => {
                self.on_database(verb)
            }
        }
        if node.objects.is_empty() {
            self.on_database(verb);
        }
    }

    pub(super) fn definition(&mut self, verb: Verb, kind: &'static str, name: &str) {
        self.part(
            Part::new(
                verb,
                Object::Definition {
                    kind,
                    name: name.to_owned(),
                },
            )
            .kind(kind),
        );
    }

    pub(super) fn type_object(&mut self, verb: Verb, name: &[Node], kind: &'static str) {
        let (schema, name) = qualified_name(name);
        self.part(Part::new(verb, Object::Type { schema, name }).kind(kind));
    }

    pub(super) fn on_named_database(&mut self, verb: Verb, name: &str) {
        self.add(verb, Object::Database(Some(name.to_owned())));
    }
}

/// An object as a node names it, which is different for each kind.
fn named_object(verb: Verb, kind: ObjectType, node: Option<&Node>) -> Part {
    let path: Vec<&str> = node.map(path_of).unwrap_or_default();
    let last = || {
        path.last()
            .map_or_else(String::new, |name| (*name).to_owned())
    };
    let schema = || {
        path.len()
            .checked_sub(2)
            .and_then(|at| path.get(at))
            .map(|name| (*name).to_owned())
    };
    let object = match class(kind) {
        Class::Relation => relation(&path),
        Class::PartOfRelation | Class::Trigger | Class::Rule | Class::Policy => {
            match path.split_last() {
                Some((_, path)) if !path.is_empty() => relation(path),
                _ => Object::Definition {
                    kind: "object",
                    name: last(),
                },
            }
        }
        Class::Function => Object::Function {
            schema: schema(),
            name: last(),
        },
        Class::Type => Object::Type {
            schema: schema(),
            name: last(),
        },
        Class::Schema => Object::Schema(last()),
        Class::Role => Object::Role(last()),
        Class::Database => Object::Database(Some(last())),
        Class::Extension => Object::Definition {
            kind: "extension",
            name: last(),
        },
        Class::Foreign => Object::Definition {
            kind: "server",
            name: last(),
        },
        Class::Publication => Object::Definition {
            kind: "publication",
            name: last(),
        },
        Class::Definition => Object::Definition {
            kind: "definition",
            name: path.join("."),
        },
        Class::Unknown => Object::Database(None),
    };
    Part::new(verb, object).kind(word(kind))
}

/// A relation named by strings: its own name last.
fn relation(path: &[&str]) -> Object {
    let mut back = path.iter().rev().map(|part| (*part).to_owned());
    let name = back.next().unwrap_or_default();
    let schema = back.next();
    let temporary = schema.as_deref() == Some("pg_temp");
    Object::Relation(RelationName {
        catalog: back.next(),
        schema,
        name,
        temporary,
    })
}

/// The names in a node that names an object: a list, a call's signature, a type, one word.
fn path_of(node: &Node) -> Vec<&str> {
    match &node.node {
        Some(NodeEnum::List(list)) => list.items.iter().flat_map(path_of).collect(),
        Some(NodeEnum::String(name)) => vec![&name.sval],
        Some(NodeEnum::ObjectWithArgs(call)) => names(&call.objname),
        Some(NodeEnum::TypeName(written)) => names(&written.names),
        Some(NodeEnum::RoleSpec(role)) => vec![&role.rolename],
        Some(NodeEnum::RangeVar(relation)) => [&relation.schemaname, &relation.relname]
            .into_iter()
            .filter(|name| !name.is_empty())
            .map(String::as_str)
            .collect(),
        Some(_) | None => Vec::new(),
    }
}
