//! Which values of a request's reply would be hidden, as far as that can be told without the server's catalogue.

use std::collections::BTreeSet;

use policy::mask::{How, Masking};
use policy::operation::{Effect, Operation, Value};
use policy::policies::{Asking, Policies};
use policy::vocabulary::Vocabulary;
use serde_json::{Value as Json, json};

/// The rules that hide, and for whom.
pub(super) struct View<'a> {
    pub(super) asking: &'a Asking<'a>,
    pub(super) policies: &'a Policies,
    pub(super) masking: &'a Masking,
    pub(super) vocabulary: &'a Vocabulary,
}

/// One object for each column, or detector, that stays hidden.
pub(super) fn masks(operations: &[Operation], view: &View<'_>) -> Vec<Json> {
    let hidden = |class: &str| !view.policies.reveals(view.asking, class);
    let mut found = BTreeSet::new();
    for operation in operations
        .iter()
        .filter(|one| view.vocabulary.effect(&one.action) == Some(Effect::Read))
    {
        for column in columns(operation) {
            let [database, schema, table, name] = &column;
            let class = view.masking.class_of_column(database, schema, table, name);
            if let Some(class) = class.filter(|class| hidden(&class.name)) {
                found.insert((
                    class.name.clone(),
                    format!("{schema}.{table}.{name}"),
                    word(class.how),
                ));
            }
        }
        if names_all_columns(operation) {
            found.extend(patterns(operation, view, &hidden));
        }
    }
    let mask = |(class, at, how)| json!({ "class": class, "at": at, "how": how });
    found.into_iter().map(mask).collect()
}

/// Columns by their full names: of a resource with three levels, those that its facts name.
fn columns(operation: &Operation) -> Vec<[String; 4]> {
    let Some([database, schema, table]) = names(operation) else {
        return Vec::new();
    };
    let Some(Value::Set(columns)) = operation.facts.get("columns") else {
        return Vec::new();
    };
    let full = |name: &String| {
        [
            database.clone(),
            schema.clone(),
            table.clone(),
            name.clone(),
        ]
    };
    columns
        .iter()
        .filter(|name| *name != "*")
        .map(full)
        .collect()
}

fn names(operation: &Operation) -> Option<[String; 3]> {
    let names: Vec<String> = operation
        .resource
        .path
        .iter()
        .map(|(_, name)| name.to_string())
        .collect();
    names.try_into().ok()
}

fn names_all_columns(operation: &Operation) -> bool {
    matches!(operation.facts.get("columns"), Some(Value::Set(columns)) if columns.iter().any(|name| name == "*"))
}

/// For `*`: the columns that patterns name, where they may lie in this table.
fn patterns(
    operation: &Operation,
    view: &View<'_>,
    hidden: &dyn Fn(&str) -> bool,
) -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    let Some([database, schema, table]) = names(operation) else {
        return found;
    };
    for class in view
        .masking
        .classes()
        .iter()
        .filter(|class| hidden(&class.name))
    {
        for column in class
            .columns
            .iter()
            .filter_map(|pattern| pattern.rsplit('.').next())
        {
            let claimed = view
                .masking
                .class_of_column(&database, &schema, &table, column);
            if claimed.is_some_and(|claimed| claimed.name == class.name) {
                found.insert((
                    class.name.clone(),
                    format!("{schema}.{table}.{column}"),
                    word(class.how),
                ));
            }
        }
    }
    found
}

fn word(how: How) -> String {
    let word = match how {
        How::Redact => "redact",
        How::Last4 => "last4",
        How::Null => "null",
        How::Hash => "hash",
    };
    word.to_owned()
}
