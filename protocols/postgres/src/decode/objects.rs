//! Commands over any kind of object: DROP, RENAME, COMMENT, OWNER, GRANT; and what defines code.
#![deny(clippy::wildcard_enum_match_arm)]

use pg_query::protobuf::{self, DropBehavior, GrantTargetType, ObjectType};
use pg_query::{Node, NodeEnum};

use super::alter::relation_kind;
use super::parts::{Object, Part};
use super::verbs::{self, Verb};
use super::walk::{Walk, names, qualified_name, relation_name, span, text};
use crate::lineage::{Named, Place, Use};

/// Where a column stands in the definition of something.
pub(super) const DEFINITION: Place = Place::Other(Use::Definition);

/// What kind of thing an object is, as far as its effect goes.
#[derive(Clone, Copy)]
enum Class {
    Relation,
    /// A column, default or constraint of a relation.
    PartOfRelation,
    Trigger,
    Rule,
    Policy,
    Function,
    /// A type, domain or statistics object.
    Type,
    Schema,
    Role,
    Database,
    Extension,
    Foreign,
    Publication,
    Definition,
    Unknown,
}

const fn class(kind: ObjectType) -> Class {
    match kind {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectIndex
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable => Class::Relation,
        ObjectType::ObjectColumn | ObjectType::ObjectAttribute | ObjectType::ObjectTabconstraint | ObjectType::ObjectDefault => {
            Class::PartOfRelation
        }
        ObjectType::ObjectTrigger | ObjectType::ObjectEventTrigger => Class::Trigger,
        ObjectType::ObjectRule => Class::Rule,
        ObjectType::ObjectPolicy => Class::Policy,
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine | ObjectType::ObjectAggregate => {
            Class::Function
        }
        ObjectType::ObjectType
        | ObjectType::ObjectDomain
        | ObjectType::ObjectDomconstraint
        | ObjectType::ObjectStatisticExt => Class::Type,
        ObjectType::ObjectSchema => Class::Schema,
        ObjectType::ObjectRole => Class::Role,
        ObjectType::ObjectDatabase => Class::Database,
        ObjectType::ObjectExtension => Class::Extension,
        ObjectType::ObjectFdw | ObjectType::ObjectForeignServer | ObjectType::ObjectUserMapping => Class::Foreign,
        ObjectType::ObjectPublication
        | ObjectType::ObjectPublicationNamespace
        | ObjectType::ObjectPublicationRel
        | ObjectType::ObjectSubscription => Class::Publication,
        ObjectType::ObjectAccessMethod
        | ObjectType::ObjectAmop
        | ObjectType::ObjectAmproc
        | ObjectType::ObjectCast
        | ObjectType::ObjectCollation
        | ObjectType::ObjectConversion
        | ObjectType::ObjectDefacl
        | ObjectType::ObjectLanguage
        | ObjectType::ObjectLargeobject
        | ObjectType::ObjectOpclass
        | ObjectType::ObjectOperator
        | ObjectType::ObjectOpfamily
        | ObjectType::ObjectParameterAcl
        | ObjectType::ObjectTablespace
        | ObjectType::ObjectTransform
        | ObjectType::ObjectTsconfiguration
        | ObjectType::ObjectTsdictionary
        | ObjectType::ObjectTsparser
        | ObjectType::ObjectTstemplate => Class::Definition,
        ObjectType::Undefined => Class::Unknown,
    }
}

/// The two actions that a class of objects knows beside creating: change and drop.
const fn actions(class: Class) -> (Verb, Verb) {
    match class {
        Class::Relation | Class::PartOfRelation | Class::Type | Class::Schema => (verbs::ALTER, verbs::DROP),
        Class::Trigger => (verbs::ALTER_TRIGGER, verbs::DROP_TRIGGER),
        Class::Rule => (verbs::ALTER_RULE, verbs::DROP_RULE),
        Class::Policy => (verbs::ROW_SECURITY, verbs::ROW_SECURITY),
        Class::Function => (verbs::ALTER_FUNCTION, verbs::DROP_FUNCTION),
        Class::Role => (verbs::ALTER_ROLE, verbs::DROP_ROLE),
        Class::Database => (verbs::ALTER_DATABASE, verbs::DROP_DATABASE),
        Class::Extension => (verbs::ALTER_EXTENSION, verbs::DROP_EXTENSION),
        Class::Foreign => (verbs::ALTER_FOREIGN, verbs::DROP_FOREIGN),
        Class::Publication => (verbs::ALTER_PUBLICATION, verbs::DROP_PUBLICATION),
        Class::Definition => (verbs::ALTER_DEFINITION, verbs::DROP_DEFINITION),
        Class::Unknown => (verbs::OPAQUE, verbs::OPAQUE),
    }
}

pub(super) fn cascades(behavior: i32) -> bool {
    DropBehavior::try_from(behavior) == Ok(DropBehavior::DropCascade)
}

fn object_type(kind: i32) -> ObjectType {
    ObjectType::try_from(kind).unwrap_or(ObjectType::Undefined)
}

impl Walk {
    /// An object as a node names it, which is different for each kind.
    fn object(&mut self, verb: Verb, kind: ObjectType, node: Option<&Node>) -> Part {
        let class = class(kind);
        let path: Vec<&str> = node.map(path_of).unwrap_or_default();
        let relation = |path: &[&str]| {
            let mut back = path.iter().rev().map(|part| (*part).to_owned());
            let name = back.next().unwrap_or_default();
            let schema = back.next();
            let temporary = schema.as_deref() == Some("pg_temp");
            Object::Relation(super::RelationName { catalog: back.next(), schema, name, temporary })
        };
        let last = || path.last().map_or_else(String::new, |name| (*name).to_owned());
        let schema = || path.len().checked_sub(2).and_then(|at| path.get(at)).map(|name| (*name).to_owned());
        let object = match class {
            Class::Relation => relation(&path),
            Class::PartOfRelation | Class::Trigger | Class::Rule | Class::Policy => match path.split_last() {
                Some((_, path)) if !path.is_empty() => relation(path),
                _ => Object::Definition { kind: "object", name: last() },
            },
            Class::Function => Object::Function { schema: schema(), name: last() },
            Class::Type => Object::Type { schema: schema(), name: last() },
            Class::Schema => Object::Schema(last()),
            Class::Role => Object::Role(last()),
            Class::Database => Object::Database(Some(last())),
            Class::Extension => Object::Definition { kind: "extension", name: last() },
            Class::Foreign => Object::Definition { kind: "server", name: last() },
            Class::Publication => Object::Definition { kind: "publication", name: last() },
            Class::Definition => Object::Definition { kind: "definition", name: path.join(".") },
            Class::Unknown => Object::Database(None),
        };
        Part::new(verb, object).kind(match class {
            Class::Relation => relation_kind(kind),
            Class::PartOfRelation => "column",
            Class::Trigger => "trigger",
            Class::Rule => "rule",
            Class::Policy => "policy",
            Class::Function => "function",
            Class::Type => "type",
            Class::Schema => "schema",
            Class::Role => "role",
            Class::Database => "database",
            Class::Extension => "extension",
            Class::Foreign => "server",
            Class::Publication => "publication",
            Class::Definition | Class::Unknown => "definition",
        })
    }

    pub(super) fn drop_objects(&mut self, node: &protobuf::DropStmt) {
        let kind = object_type(node.remove_type);
        let (_, verb) = actions(class(kind));
        // a schema that goes, or a temporary table, changes what names mean
        self.session.read_back |= matches!(kind, ObjectType::ObjectSchema);
        for object in &node.objects {
            let part = self.object(verb, kind, Some(object)).cascade(cascades(node.behavior));
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
                Class::Schema => Part::new(verb, Object::Schema(node.subname.clone())).kind("schema"),
                Class::Role => Part::new(verb, Object::Role(node.subname.clone())).kind("role"),
                Class::Database => Part::new(verb, Object::Database(Some(node.subname.clone()))).kind("database"),
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
                | Class::Unknown => self.object(verb, kind, node.object.as_deref()),
            };
            self.part(part);
            if matches!(class(kind), Class::Schema) {
                self.session.read_back = true;
            }
            return;
        };
        let mut part = Part::new(verb, Object::Relation(relation_name(relation)))
            .kind(relation_kind(kind))
            .at(span(relation.location, relation.relname.len()));
        part.facts.command = Some("rename");
        self.part(part);
        let read = self.read(relation);
        match kind {
            ObjectType::ObjectColumn | ObjectType::ObjectAttribute => {
                let named = Named::Column { name: node.subname.clone(), qualified: false };
                self.mention(named, Place::Other(Use::Renamed), vec![vec![read]], relation.location);
            }
            ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview | ObjectType::ObjectForeignTable => {
                self.whole(vec![read], Use::Renamed, relation.location);
            }
            #[expect(clippy::wildcard_enum_match_arm, reason = "no other name leads to a column")]
            _ => {}
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
                let part = self.object(verb, kind, node.object.as_deref());
                self.part(part);
            }
        }
        self.add(verbs::CREATE, Object::Schema(node.newschema.clone()));
    }

    pub(super) fn alter_owner(&mut self, node: &protobuf::AlterOwnerStmt) {
        let kind = object_type(node.object_type);
        match &node.relation {
            Some(relation) => self.on_relation_kind(verbs::ALTER_OWNER, Some(relation), relation_kind(kind)),
            None => {
                let part = self.object(verbs::ALTER_OWNER, kind, node.object.as_deref());
                self.part(part);
            }
        }
    }

    pub(super) fn depends(&mut self, node: &protobuf::AlterObjectDependsStmt) {
        let name = node.extname.as_ref().map_or_else(String::new, |name| name.sval.clone());
        self.definition(verbs::ALTER_EXTENSION, "extension", &name);
    }

    pub(super) fn comment(&mut self, node: &protobuf::CommentStmt) {
        let part = self.object(verbs::COMMENT, object_type(node.objtype), node.object.as_deref());
        self.part(part);
    }

    pub(super) fn grant(&mut self, node: &protobuf::GrantStmt) {
        let verb = if node.is_grant { verbs::GRANT } else { verbs::REVOKE };
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
                            let part = self.object(verb, kind, Some(object));
                            self.part(part);
                        }
                    }
                }
            }
            Ok(GrantTargetType::AclTargetDefaults | GrantTargetType::Undefined) | Err(_) => self.on_database(verb),
        }
        if node.objects.is_empty() {
            self.on_database(verb);
        }
    }

    pub(super) fn definition(&mut self, verb: Verb, kind: &'static str, name: &str) {
        self.part(Part::new(verb, Object::Definition { kind, name: name.to_owned() }).kind(kind));
    }

    pub(super) fn type_object(&mut self, verb: Verb, name: &[Node], kind: &'static str) {
        let (schema, name) = qualified_name(name);
        self.part(Part::new(verb, Object::Type { schema, name }).kind(kind));
    }

    pub(super) fn on_named_database(&mut self, verb: Verb, name: &str) {
        self.add(verb, Object::Database(Some(name.to_owned())));
    }
}

/// The names in a node that names an object: a list, a call's signature, a type, one word.
fn path_of(node: &Node) -> Vec<&str> {
    match &node.node {
        Some(NodeEnum::List(list)) => list.items.iter().flat_map(path_of).collect(),
        Some(NodeEnum::String(name)) => vec![&name.sval],
        Some(NodeEnum::ObjectWithArgs(call)) => names(&call.objname),
        Some(NodeEnum::TypeName(written)) => names(&written.names),
        Some(NodeEnum::RoleSpec(role)) => vec![&role.rolename],
        Some(NodeEnum::RangeVar(relation)) => {
            [&relation.schemaname, &relation.relname].into_iter().filter(|name| !name.is_empty()).map(String::as_str).collect()
        }
        Some(_) | None => Vec::new(),
    }
}
