//! What a decoded text asks for in this session: parts with their names resolved, in the words of policy.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::own_calls::OwnCalls;
use super::parts::{Object, Part, RelationName};
use super::verbs;
use super::{Analysis, Statement};
use crate::catalog;
use crate::words::{Attributes, Operation, Operations, Resource, Value};

/// The session's state that gives names their meaning.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SessionState {
    pub database: String,
    /// As `current_schemas(true)` tells it: resolved, with the implicit `pg_catalog`, and `pg_temp_N` where there is one.
    pub search_path: Vec<String>,
    /// The role that the server acts as.
    pub role: String,
    /// The statement does not run in a transaction of its own.
    pub in_transaction: bool,
    /// The session has temporary tables, which come before all others.
    pub temp_tables: bool,
    /// Statements that PREPARE named in this session; EXECUTE of any other is opaque.
    pub prepared: BTreeMap<String, Arc<Statement>>,
    /// Functions of the database's own that need not be named as such; none where the catalogue was not read.
    pub own_calls: Option<Arc<OwnCalls>>,
}

/// What `analysis` asks for in a session in this state. Never empty: what asks for nothing is still a statement.
pub fn operations(analysis: &Analysis, state: &SessionState) -> Operations {
    let mut list = Vec::new();
    for (index, statement) in analysis.statements.iter().enumerate() {
        let statement_index = u32::try_from(index).unwrap_or(u32::MAX);
        let mut resolver = Resolver {
            state,
            statement: statement_index,
            list: &mut list,
            seen: HashSet::new(),
        };
        resolver.statement(statement);
    }
    Operations::new(list)
}

struct Resolver<'s> {
    state: &'s SessionState,
    statement: u32,
    list: &'s mut Vec<Operation>,
    /// Operations of this statement without their spans, so that each is asked once.
    seen: HashSet<Operation>,
}

impl Resolver<'_> {
    fn statement(&mut self, statement: &Statement) {
        for part in &statement.parts {
            self.part(part, statement);
        }
        let shadowed = statement.needs_catalog_first && !self.catalog_comes_first();
        if shadowed || self.state.calls_own(statement) {
            let opaque = Part::new(
                verbs::CALL,
                Object::Function {
                    schema: Some("*".to_owned()),
                    name: "*".to_owned(),
                },
            );
            self.part(&opaque.kind("function"), statement);
        }
        if let Some(name) = &statement.executes {
            match self.state.prepared.get(name) {
                // EXECUTE of EXECUTE is no statement that PREPARE takes
                Some(prepared) if prepared.executes.is_none() => self.statement(prepared),
                Some(_) | None => {
                    self.part(&Part::new(verbs::OPAQUE, Object::Database(None)), statement)
                }
            }
        }
    }

    fn catalog_comes_first(&self) -> bool {
        let mut path = self
            .state
            .search_path
            .iter()
            .filter(|schema| !is_temporary(schema));
        path.next().is_none_or(|schema| schema == "pg_catalog")
    }

    fn part(&mut self, part: &Part, statement: &Statement) {
        match &part.object {
            Object::Relation(name) => self.on_relation(part, name, statement),
            Object::NewRelation(name) => {
                let schema = match (&name.schema, name.temporary) {
                    (_, true) => "pg_temp".to_owned(),
                    (Some(schema), false) => schema.clone(),
                    (None, false) => self.first_user_schema(),
                };
                let resource = self.table(name, &schema);
                self.push(part, resource, statement, false);
            }
            Object::Database(name) => {
                let name = name.as_ref().unwrap_or(&self.state.database);
                let resource = Resource {
                    path: vec![("Database", Cow::Owned(name.clone()))],
                    attributes: Attributes::new(),
                };
                self.push(part, resource, statement, false);
            }
            Object::Schema(name) => self.push_in(part, &[("Schema", name)], statement),
            Object::Function { schema, name } => {
                let schema = self.schema_of(part, schema.as_deref(), name);
                self.push_in(part, &[("Schema", &schema), ("Function", name)], statement);
            }
            Object::Type { schema, name } => {
                let schema = self.schema_of(part, schema.as_deref(), name);
                self.push_in(part, &[("Schema", &schema), ("Type", name)], statement);
            }
            Object::Role(name) => {
                let resource = Resource {
                    path: vec![("Role", Cow::Owned(name.clone()))],
                    attributes: Attributes::new(),
                };
                self.push(part, resource, statement, false);
            }
            Object::Setting(name) => self.push_in(part, &[("Setting", name)], statement),
            Object::Channel(name) => self.push_in(part, &[("Channel", name)], statement),
            Object::Definition { kind, name } => {
                let name = if name.is_empty() {
                    (*kind).to_owned()
                } else {
                    format!("{kind} {name}")
                };
                self.push_in(part, &[("Definition", &name)], statement);
            }
        }
    }

    /// A relation in each schema that could hold it: the strictest verdict wins.
    fn on_relation(&mut self, part: &Part, name: &RelationName, statement: &Statement) {
        let schemas = match (&name.schema, name.temporary) {
            (_, true) => vec!["pg_temp".to_owned()],
            (Some(schema), false) => vec![schema.clone()],
            (None, false) => self.candidates(&name.name),
        };
        if schemas.is_empty() {
            let opaque = Part::new(verbs::OPAQUE, Object::Database(None));
            return self.part(&opaque, statement);
        }
        let ambiguous = schemas.len() > 1;
        for schema in schemas {
            let mut resource = self.table(name, &schema);
            if part.shows_columns_only()
                && catalog::shows_no_secret(&name.name, &part.facts.columns)
            {
                resource.attributes.insert("sensitive", Value::Bool(false));
            }
            self.push(part, resource, statement, ambiguous);
        }
    }

    /// Schemas of the path that may hold an unqualified relation, up to one that is known to.
    fn candidates(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        if self.state.temp_tables {
            found.push("pg_temp".to_owned());
        }
        for schema in &self.state.search_path {
            if is_temporary(schema) {
                if !self.state.temp_tables {
                    found.push("pg_temp".to_owned());
                }
            } else if catalog::has_relation(schema, name) {
                found.push(schema.clone());
                return found;
            } else if schema != "pg_catalog" || name.starts_with("pg_") {
                found.push(schema.clone());
            }
        }
        found
    }

    fn first_user_schema(&self) -> String {
        let user = self
            .state
            .search_path
            .iter()
            .find(|schema| *schema != "pg_catalog" && !is_temporary(schema));
        user.or(self.state.search_path.first())
            .cloned()
            .unwrap_or_else(|| "public".to_owned())
    }

    fn table(&self, name: &RelationName, schema: &str) -> Resource {
        let database = name.catalog.as_ref().unwrap_or(&self.state.database);
        let system = catalog::is_system_schema(schema);
        let mut attributes = Attributes::new();
        attributes.insert("catalog", Value::Bool(system));
        attributes.insert(
            "sensitive",
            Value::Bool(system && catalog::is_sensitive(schema, &name.name)),
        );
        Resource {
            path: vec![
                ("Database", Cow::Owned(database.clone())),
                ("Schema", Cow::Owned(schema.to_owned())),
                ("Table", Cow::Owned(name.name.clone())),
            ],
            attributes,
        }
    }

    /// Something with a schema of its own; unqualified it is the server's where that has one, else the first on the path.
    fn schema_of(&self, part: &Part, schema: Option<&str>, name: &str) -> String {
        let called = matches!(
            part.verb,
            verbs::CALL | verbs::CALL_WRITE | verbs::CALL_ADMIN
        );
        match schema {
            Some(schema) => schema.to_owned(),
            None if called && catalog::has_function(name) => "pg_catalog".to_owned(),
            None => self.first_user_schema(),
        }
    }

    fn push_in(&mut self, part: &Part, path: &[(&'static str, &str)], statement: &Statement) {
        let mut whole = vec![("Database", Cow::Owned(self.state.database.clone()))];
        whole.extend(
            path.iter()
                .map(|(entity, name)| (*entity, Cow::Owned((*name).to_owned()))),
        );
        self.push(
            part,
            Resource {
                path: whole,
                attributes: Attributes::new(),
            },
            statement,
            false,
        );
    }

    fn push(&mut self, part: &Part, resource: Resource, statement: &Statement, ambiguous: bool) {
        let operation = Operation {
            action: part.verb.action(),
            resource,
            facts: self.facts(part, statement, ambiguous),
            statement: self.statement,
            span: part
                .span
                .or((statement.span.1 > 0).then_some(statement.span)),
        };
        let place_less = Operation {
            span: None,
            ..operation.clone()
        };
        if self.seen.insert(place_less) {
            self.list.push(operation);
        }
    }

    fn facts(&self, part: &Part, statement: &Statement, ambiguous: bool) -> Attributes {
        let mut facts = Attributes::new();
        facts.insert("unfiltered", Value::Bool(part.facts.unfiltered));
        facts.insert("in_transaction", Value::Bool(self.state.in_transaction));
        facts.insert("ambiguous", Value::Bool(ambiguous));
        facts.insert("cascade", Value::Bool(part.facts.cascade));
        if !self.state.role.is_empty() {
            facts.insert("role", Value::Text(self.state.role.clone()));
        }
        if let Some(rows) = part.facts.rows {
            facts.insert("rows", Value::Long(rows));
        }
        if !part.facts.columns.is_empty() {
            facts.insert("columns", set(part.facts.columns.iter()));
        }
        if !statement.functions.is_empty() {
            facts.insert("functions", set(statement.functions.iter()));
        }
        if let Some(object) = part.facts.object {
            facts.insert("object", Value::Text(object.to_owned()));
        }
        if let Some(command) = part.facts.command {
            facts.insert("command", Value::Text(command.to_owned()));
        }
        facts
    }
}

fn set<'n>(names: impl Iterator<Item = &'n String>) -> Value {
    let names: BTreeSet<&String> = names.collect();
    Value::Set(names.into_iter().cloned().collect())
}

fn is_temporary(schema: &str) -> bool {
    schema == "pg_temp" || schema.starts_with("pg_temp_")
}
