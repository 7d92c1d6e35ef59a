//! Kinds of objects, sorted by what may be done with them.
#![deny(clippy::wildcard_enum_match_arm)]

use pg_query::protobuf::ObjectType;

use super::verbs::{self, Verb};

/// What kind of thing an object is, as far as its effect goes.
#[derive(Clone, Copy)]
pub(super) enum Class {
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

/// The class of a kind of object.
pub(super) const fn class(kind: ObjectType) -> Class {
    match kind {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectIndex
        | ObjectType::ObjectSequence
        | ObjectType::ObjectForeignTable => Class::Relation,
        ObjectType::ObjectColumn
        | ObjectType::ObjectAttribute
        | ObjectType::ObjectTabconstraint
        | ObjectType::ObjectDefault => Class::PartOfRelation,
        ObjectType::ObjectTrigger | ObjectType::ObjectEventTrigger => Class::Trigger,
        ObjectType::ObjectRule => Class::Rule,
        ObjectType::ObjectPolicy => Class::Policy,
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate => Class::Function,
        ObjectType::ObjectType
        | ObjectType::ObjectDomain
        | ObjectType::ObjectDomconstraint
        | ObjectType::ObjectStatisticExt => Class::Type,
        ObjectType::ObjectSchema => Class::Schema,
        ObjectType::ObjectRole => Class::Role,
        ObjectType::ObjectDatabase => Class::Database,
        ObjectType::ObjectExtension => Class::Extension,
        ObjectType::ObjectFdw | ObjectType::ObjectForeignServer | ObjectType::ObjectUserMapping => {
            Class::Foreign
        }
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
pub(super) const fn actions(class: Class) -> (Verb, Verb) {
    match class {
        Class::Relation | Class::PartOfRelation | Class::Type | Class::Schema => {
            (verbs::ALTER, verbs::DROP)
        }
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

/// What the vocabulary calls a kind of relation; whatever is none of its own is part of a table.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other kinds are no relations of their own"
)]
pub(super) const fn relation_kind(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::ObjectView => "view",
        ObjectType::ObjectMatview => "materialized_view",
        ObjectType::ObjectIndex => "index",
        ObjectType::ObjectSequence => "sequence",
        ObjectType::ObjectForeignTable => "foreign_table",
        ObjectType::ObjectType => "type",
        _ => "table",
    }
}

/// What the vocabulary calls a kind of object.
pub(super) const fn word(kind: ObjectType) -> &'static str {
    match class(kind) {
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
    }
}
