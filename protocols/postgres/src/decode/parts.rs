//! What a statement asks for before names are resolved: actions on things as they are written.

use std::collections::BTreeSet;

use super::verbs::Verb;
use crate::words::Span;

/// A relation as the statement names it, folded and cut as the server does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationName {
    pub catalog: Option<String>,
    pub schema: Option<String>,
    pub name: String,
    /// Written with `TEMP`, or in the schema `pg_temp`.
    pub temporary: bool,
}

/// What a part acts on, as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Object {
    /// A relation that is there: a table, view, index, sequence.
    Relation(RelationName),
    /// A relation that will be made: in the first schema of the path where none is written.
    NewRelation(RelationName),
    /// A database by name, or the session's own.
    Database(Option<String>),
    Schema(String),
    /// A function, operator or type as far as it is called.
    Function {
        schema: Option<String>,
        name: String,
    },
    /// A type, domain, collation or statistics object.
    Type {
        schema: Option<String>,
        name: String,
    },
    Role(String),
    Setting(String),
    Channel(String),
    /// Anything else with a name, in the database: an extension, a publication.
    Definition {
        kind: &'static str,
        name: String,
    },
}

/// What policy may ask of a part beside its action and resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PartFacts {
    /// The condition does not narrow: none, a constant, a column compared with itself, no join condition.
    pub unfiltered: bool,
    /// The constant limit of the rows, where there is one.
    pub rows: Option<i64>,
    /// The columns named, `*` for all, where they are known.
    pub columns: BTreeSet<String>,
    /// What kind of thing the object is, where the action is shared: `table`, `view`, `index`.
    pub object: Option<&'static str>,
    /// `CASCADE` is written: more than the object itself goes.
    pub cascade: bool,
    /// The subcommand, for ALTER TABLE: `drop_column`, `add_column`.
    pub command: Option<&'static str>,
}

/// One action on one thing, names unresolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    pub verb: Verb,
    pub object: Object,
    pub facts: PartFacts,
    /// Where it is named, in bytes of the text.
    pub span: Option<Span>,
    /// Index among the relations that the statement reads, for a `select` that lineage fills in.
    pub(super) read: Option<usize>,
}

impl Part {
    pub(super) fn new(verb: Verb, object: Object) -> Self {
        Self {
            verb,
            object,
            facts: PartFacts::default(),
            span: None,
            read: None,
        }
    }

    /// Whether it reads a relation of which lineage names every column that it touches.
    pub(super) fn shows_columns_only(&self) -> bool {
        self.verb == super::verbs::SELECT && self.read.is_some()
    }

    pub(super) fn kind(mut self, object: &'static str) -> Self {
        self.facts.object = Some(object);
        self
    }

    pub(super) fn cascade(mut self, cascade: bool) -> Self {
        self.facts.cascade = cascade;
        self
    }

    pub(super) fn at(mut self, span: Option<Span>) -> Self {
        self.span = span;
        self
    }
}
