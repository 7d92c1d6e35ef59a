//! The JSON Schema of the configuration, as it is published in docs/countersign.schema.json.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Settings;

/// The whole schema, ready to print.
pub(crate) fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Settings>()
}

/// A map of own fields and exactly one protocol.
pub(super) fn with_protocols(mut own: Schema, protocols: Vec<(&str, Schema)>) -> Schema {
    let one_of: Vec<Value> = protocols
        .iter()
        .map(|(name, _)| json!({ "required": [name] }))
        .collect();
    let properties = own
        .ensure_object()
        .entry("properties")
        .or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        let each = protocols
            .into_iter()
            .map(|(name, schema)| (name.to_owned(), schema.to_value()));
        properties.extend(each.collect::<Map<String, Value>>());
    }
    own.insert("oneOf".into(), one_of.into());
    own.insert("additionalProperties".into(), false.into());
    own
}
