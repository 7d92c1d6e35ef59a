//! Which attributes an entity or a record of facts has, so that what a decoder says is checked before Cedar sees it.

use std::collections::BTreeMap;

use cedar_policy::RestrictedExpression;
use serde_json::Value as Json;

use crate::operation::{Attributes, Value};

/// Declared attributes by name.
#[derive(Debug, Default)]
pub(crate) struct Shape(BTreeMap<String, Declared>);

#[derive(Debug)]
struct Declared {
    /// None for a type that no [`Value`] can have.
    kind: Option<Kind>,
    required: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Long,
    Text,
    Texts,
}

impl Shape {
    /// From a record type in Cedar's JSON form of a schema; no shape is an empty record.
    pub(super) fn read(shape: Option<&Json>) -> Self {
        let attributes = shape
            .and_then(|shape| shape.get("attributes"))
            .and_then(Json::as_object);
        let declared = attributes.into_iter().flatten().map(|(name, attribute)| {
            let required = attribute
                .get("required")
                .and_then(Json::as_bool)
                .unwrap_or(true);
            (
                name.clone(),
                Declared {
                    kind: Kind::read(attribute),
                    required,
                },
            )
        });
        Self(declared.collect())
    }

    /// The attributes as Cedar takes them; none when they are not exactly what was declared.
    pub(crate) fn express(
        &self,
        attributes: &Attributes,
    ) -> Option<Vec<(String, RestrictedExpression)>> {
        let complete = self
            .0
            .iter()
            .all(|(name, declared)| !declared.required || attributes.contains_key(name.as_str()));
        let pairs = attributes.iter().map(|(name, value)| {
            let fits = self
                .0
                .get(*name)
                .is_some_and(|declared| declared.kind == Some(Kind::of(value)));
            fits.then(|| ((*name).to_owned(), expression(value)))
        });
        if complete { pairs.collect() } else { None }
    }

    /// Names of attributes that no operation could ever fill.
    pub(super) fn unfillable(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(_, declared)| declared.kind.is_none())
            .map(|(name, _)| name.as_str())
    }
}

impl Kind {
    fn read(attribute: &Json) -> Option<Self> {
        match type_of(attribute)? {
            "Bool" | "Boolean" => Some(Self::Bool),
            "Long" => Some(Self::Long),
            "String" => Some(Self::Text),
            "Set" => match type_of(attribute.get("element")?)? {
                "String" => Some(Self::Texts),
                _ => None,
            },
            _ => None,
        }
    }

    const fn of(value: &Value) -> Self {
        match value {
            Value::Bool(_) => Self::Bool,
            Value::Long(_) => Self::Long,
            Value::Text(_) => Self::Text,
            Value::Set(_) => Self::Texts,
        }
    }
}

fn type_of(attribute: &Json) -> Option<&str> {
    match attribute.get("type")?.as_str()? {
        "EntityOrCommon" => attribute
            .get("name")?
            .as_str()
            .map(|name| name.trim_start_matches("__cedar::")),
        other => Some(other),
    }
}

fn expression(value: &Value) -> RestrictedExpression {
    match value {
        Value::Bool(value) => RestrictedExpression::new_bool(*value),
        Value::Long(value) => RestrictedExpression::new_long(*value),
        Value::Text(value) => RestrictedExpression::new_string(value.clone()),
        Value::Set(values) => RestrictedExpression::new_set(
            values
                .iter()
                .map(|value| RestrictedExpression::new_string(value.clone())),
        ),
    }
}
