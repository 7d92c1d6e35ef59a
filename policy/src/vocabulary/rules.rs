//! What a protocol's fragment must keep, so that the shared rules hold for it too.

use cedar_policy::{EntityId, EntityTypeName, EntityUid, Schema};
use serde_json::{Value as Json, json};

use super::{EFFECTS, Shape, Vocabulary, fragment_json, keys, protocol_of, qualified};

pub(super) fn check(fragments: &[&'static str]) -> Result<(), Vec<String>> {
    let vocabulary = Vocabulary::merge(fragments).map_err(|error| vec![error.to_string()])?;
    let mut broken = Vec::new();
    for text in fragments {
        let fragment = fragment_json(text).map_err(|error| vec![error.to_string()])?;
        let namespaces = fragment.as_object().into_iter().flatten();
        if namespaces.clone().count() != 1 {
            broken.push("a fragment declares exactly one namespace".to_owned());
        }
        for (namespace, body) in namespaces {
            check_namespace(&vocabulary, namespace, body, &mut broken);
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken)
    }
}

fn check_namespace(
    vocabulary: &Vocabulary,
    namespace: &str,
    body: &Json,
    broken: &mut Vec<String>,
) {
    let plain = namespace.starts_with(|first: char| first.is_ascii_uppercase())
        && namespace
            .chars()
            .skip(1)
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    if !plain {
        broken.push(format!(
            "`{namespace}` must be the protocol's name with its first letter upper-case"
        ));
    }
    for action in keys(body, "actions") {
        check_action(vocabulary, namespace, &action, body, broken);
    }
    let mut unfillable = |what: &str, shape: &Shape| {
        for name in shape.unfillable() {
            broken.push(format!(
                "{what}: `{name}` must be a Bool, Long, String or Set<String>"
            ));
        }
    };
    let protocol = protocol_of(namespace);
    if let Some(facts) = vocabulary.facts(&protocol) {
        unfillable("Facts", facts);
    }
    for name in keys(body, "entityTypes") {
        if let Some(level) = vocabulary.level(&protocol, &name) {
            unfillable(&name, &level.attributes);
        }
    }
}

fn check_action(
    vocabulary: &Vocabulary,
    namespace: &str,
    id: &str,
    body: &Json,
    broken: &mut Vec<String>,
) {
    let schema = &vocabulary.schema;
    let declared = body.get("actions").and_then(|actions| actions.get(id));
    let in_groups = declared
        .and_then(|action| action.get("memberOf"))
        .and_then(Json::as_array);
    let in_effects = in_groups.into_iter().flatten().filter(|group| {
        let shared = group
            .get("type")
            .and_then(Json::as_str)
            .is_none_or(|name| name == "Action");
        let name = group.get("id").and_then(Json::as_str);
        shared && EFFECTS.iter().any(|(effect, _)| Some(*effect) == name)
    });
    if in_effects.count() != 1 || in_groups.is_none_or(|groups| groups.len() != 1) {
        broken.push(format!(
            "{namespace}: `{id}` must be in exactly one effect and in nothing else"
        ));
    }
    let context = declared.and_then(|action| action.pointer("/appliesTo/context"));
    if context.and_then(|context| context.get("name").or_else(|| context.get("type")))
        != Some(&json!("Asking"))
    {
        broken.push(format!(
            "{namespace}: the context of `{id}` must be `Asking`"
        ));
    }
    let Ok(action_type) = qualified(namespace, "Action").parse() else {
        return;
    };
    let uid = EntityUid::from_type_name_and_id(action_type, EntityId::new(id));
    let principals: Vec<_> = schema
        .principals_for_action(&uid)
        .into_iter()
        .flatten()
        .collect();
    if ![&vocabulary.names.user, &vocabulary.names.service]
        .iter()
        .all(|both| principals.contains(both))
    {
        broken.push(format!(
            "{namespace}: `{id}` must apply to User and Service"
        ));
    }
    let target = &vocabulary.names.target;
    for resource in schema.resources_for_action(&uid).into_iter().flatten() {
        if resource != target && !reaches(schema, resource, target) {
            broken.push(format!(
                "{namespace}: `{resource}` of `{id}` is not in a Target"
            ));
        }
    }
}

fn reaches(schema: &Schema, from: &EntityTypeName, to: &EntityTypeName) -> bool {
    schema
        .ancestors(from)
        .is_some_and(|mut above| above.any(|name| name == to))
}
