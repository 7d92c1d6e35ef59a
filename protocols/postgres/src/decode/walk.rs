//! The walk over one statement: what it has found so far, the scopes it is in, and the names it resolves.

use std::collections::{BTreeSet, HashSet};

use pg_query::{Node, NodeEnum, protobuf};

use super::kinds::{Kind, kind};
use super::parts::{Object, Part, RelationName};
use super::statement::SessionChange;
use super::verbs::{self, Verb};
use super::{Statement, Unclear};
use crate::lineage::{Place, ReadShape, Use};
use crate::words::Span;

/// Levels of nesting that the walk follows; the server itself stops at about as many.
const DEPTH: u32 = 5_000;

/// Parts that a statement may have; one asks for as many operations at least.
const PARTS: usize = 5_000;

/// Different functions that a statement may call.
const FUNCTIONS: usize = 250;

/// Steps of looking names up, which grow faster than the text does.
const STEPS: usize = 4_000_000;

/// Where the rows of a query go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlet {
    /// To the client.
    Client,
    /// To whatever the use says.
    To(Use),
}

/// Something in FROM that columns may be named by.
pub(super) struct Source {
    pub(super) name: String,
    /// The relation's schema as written, where it goes by its own name.
    pub(super) schema: Option<String>,
    /// Relations whose columns it shows, indexes into the shape's; none for what is derived.
    pub(super) relations: Vec<usize>,
}

/// What one statement was found to ask for.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) parts: Vec<Part>,
    pub(super) reads: ReadShape,
    pub(super) session: SessionChange,
    pub(super) functions: BTreeSet<String>,
    /// Names behind a dot.
    pub(super) fields: BTreeSet<String>,
    /// The statement of PREPARE.
    pub(super) prepared: Option<(String, Box<Statement>)>,
    /// The statement that EXECUTE names.
    pub(super) executes: Option<String>,
    /// What must never be forwarded, whatever policy says.
    pub(super) refused: Option<Unclear>,
    /// Names of common table expressions in sight, innermost last.
    pub(super) ctes: Vec<String>,
    /// Sources of the levels in sight, innermost last.
    pub(super) levels: Vec<Vec<Source>>,
    /// Names used unqualified that `pg_catalog` answers only where it is first on the path.
    pub(super) needs_catalog_first: bool,
    /// The setting that the name of a row of `pg_settings` is known to be.
    pub(super) setting_name: Option<String>,
    /// Calls that are among the parts, each once.
    calls: HashSet<(Verb, Object)>,
    depth: u32,
    steps: usize,
}

impl Walk {
    pub(super) fn part(&mut self, part: Part) {
        if matches!(part.object, Object::Function { .. })
            && !self.calls.insert((part.verb, part.object.clone()))
        {
            return;
        }
        self.parts.push(part);
        if self.parts.len() > PARTS || self.functions.len() > FUNCTIONS {
            self.too_much();
        }
    }

    pub(super) fn add(&mut self, verb: Verb, object: Object) {
        self.part(Part::new(verb, object));
    }

    /// Counts work that grows faster than the text.
    pub(super) fn step(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > STEPS {
            self.too_much();
        }
    }

    fn too_much(&mut self) {
        self.refuse(
            "complexity",
            "the statement names too many things to be judged".to_owned(),
        );
    }

    pub(super) fn on_database(&mut self, verb: Verb) {
        self.add(verb, Object::Database(None));
    }

    /// What the walk cannot judge: any effect, and the session may have changed.
    pub(super) fn opaque(&mut self) {
        self.on_database(verbs::OPAQUE);
        self.session.read_back = true;
    }

    pub(super) fn refuse(&mut self, code: &'static str, message: String) {
        self.refused.get_or_insert(Unclear {
            code,
            message,
            at: None,
        });
    }

    /// Runs `inner` one level deeper, or refuses what is nested too deeply.
    pub(super) fn deeper(&mut self, inner: impl FnOnce(&mut Self)) {
        if self.refused.is_some() {
            return;
        }
        if self.depth >= DEPTH {
            self.refuse(
                "nesting",
                format!("the statement is nested more than {DEPTH} levels deep"),
            );
            return;
        }
        self.depth += 1;
        inner(self);
        self.depth -= 1;
    }

    /// Any node, where its kind is not known beforehand.
    pub(super) fn node(&mut self, node: &Node, place: Place) {
        let Some(node) = &node.node else { return };
        self.any(node, place);
    }

    pub(super) fn any(&mut self, node: &NodeEnum, place: Place) {
        self.deeper(|walk| match kind(node) {
            Kind::Expression(expression) => walk.expression(expression, place),
            Kind::Source(source) => walk.source(source),
            Kind::Query(query) => walk.query(query, outlet(place)),
            Kind::Command(command) => walk.command(command),
            Kind::Clause | Kind::Foreign => walk.opaque(),
        });
    }

    pub(super) fn nodes(&mut self, nodes: &[Node], place: Place) {
        for node in nodes {
            self.node(node, place);
        }
    }

    pub(super) fn optional(&mut self, node: Option<&Node>, place: Place) {
        if let Some(node) = node {
            self.node(node, place);
        }
    }

    /// A relation that is read: a candidate for column names, and part of the shape.
    pub(super) fn read(&mut self, relation: &protobuf::RangeVar) -> usize {
        self.reads.relations.push(relation_name(relation));
        self.reads.relations.len() - 1
    }

    /// Whether an unqualified name is a common table expression in sight.
    pub(super) fn is_cte(&mut self, relation: &protobuf::RangeVar) -> bool {
        self.step(self.ctes.len());
        relation.schemaname.is_empty() && self.ctes.contains(&relation.relname)
    }

    pub(super) fn bring(&mut self, source: Source) {
        match self.levels.last_mut() {
            Some(level) => level.push(source),
            None => self.levels.push(vec![source]),
        }
    }
}

fn outlet(place: Place) -> Outlet {
    match place {
        Place::Output(_) | Place::EqualsConstant => Outlet::To(Use::SubSelect),
        Place::Other(reason) => Outlet::To(reason),
    }
}

/// The strings of a list of names.
pub(super) fn names(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().filter_map(text).collect()
}

/// The string of a name node.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::String(string)) => Some(&string.sval),
        _ => None,
    }
}

/// The last of a qualified name, with the schema before it.
pub(super) fn qualified_name(nodes: &[Node]) -> (Option<String>, String) {
    match names(nodes).as_slice() {
        [] => (None, String::new()),
        [name] => (None, (*name).to_owned()),
        [.., schema, name] => (Some((*schema).to_owned()), (*name).to_owned()),
    }
}

/// A relation's name as the grammar gives it.
pub(super) fn relation_name(relation: &protobuf::RangeVar) -> RelationName {
    let written = |part: &str| (!part.is_empty()).then(|| part.to_owned());
    RelationName {
        catalog: written(&relation.catalogname),
        schema: written(&relation.schemaname),
        name: relation.relname.clone(),
        temporary: relation.relpersistence == "t" || relation.schemaname == "pg_temp",
    }
}

/// A location of the parse tree; unknown ones are the start.
pub(super) fn offset(location: i32) -> u32 {
    u32::try_from(location).unwrap_or(0)
}

/// Where a name begins; its length is what the server would read.
pub(super) fn span(location: i32, length: usize) -> Option<Span> {
    let start = u32::try_from(location).ok()?;
    Some(Span(
        start,
        start.saturating_add(u32::try_from(length).ok()?),
    ))
}
