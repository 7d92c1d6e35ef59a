//! Functions of a database's own that run under a name of the server's, as a column's name, or behind a view.

use std::collections::BTreeSet;

use super::parts::RelationName;
use super::{SessionState, Statement};

/// What a database's catalogue tells of its own functions; extensions are taken for the server's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OwnCalls {
    /// Under the name of a function of `pg_catalog`: the types of the arguments decide which is called.
    pub overloads: BTreeSet<String>,
    /// Of one row: `t.f` calls them like a column.
    pub attributes: BTreeSet<String>,
    /// Views that call any, by schema and name.
    pub views: BTreeSet<(String, String)>,
}

impl OwnCalls {
    /// A name that `pg_catalog` has too; a function of one row may be written as a column as well.
    pub(crate) fn overload(&mut self, name: &str) {
        self.overloads.insert(name.to_owned());
        self.attribute(name);
    }

    pub(crate) fn attribute(&mut self, name: &str) {
        self.attributes.insert(name.to_owned());
    }
}

impl SessionState {
    /// Whether a statement may run a function of the database's own that it does not name as one.
    pub fn calls_own(&self, statement: &Statement) -> bool {
        let Some(own) = &self.own_calls else {
            return false;
        };
        let overloaded = statement.functions.iter();
        let mut overloaded = overloaded.filter(|name| own.overloads.contains(*name));
        overloaded.next().is_some()
            || statement
                .fields
                .iter()
                .any(|name| own.attributes.contains(name))
            || statement.relations().any(|name| self.views(own, name))
    }

    fn views(&self, own: &OwnCalls, name: &RelationName) -> bool {
        let within = |schema: &String| own.views.contains(&(schema.clone(), name.name.clone()));
        match &name.schema {
            _ if own.views.is_empty() => false,
            Some(schema) => within(schema),
            None => self.search_path.iter().any(within),
        }
    }
}
