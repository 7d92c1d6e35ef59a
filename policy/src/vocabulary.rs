//! The words policies may use: what all protocols share, merged with one schema fragment a protocol.

mod rules;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, Schema, SchemaFragment};
use serde_json::{Value as Json, json};

use crate::Error;
use crate::operation::{Action, Effect};
pub(crate) use shape::Shape;

/// The merged schema, and what is looked up in it for every question.
pub struct Vocabulary {
    pub(crate) schema: Schema,
    pub(crate) names: Names,
    /// By protocol; the empty name holds the shared actions.
    protocols: BTreeMap<String, Words>,
}

/// The words of one protocol.
#[derive(Default)]
struct Words {
    actions: BTreeMap<String, KnownAction>,
    levels: BTreeMap<String, Level>,
    facts: Option<Shape>,
}

/// An action that can be asked for.
pub(crate) struct KnownAction {
    pub(crate) uid: EntityUid,
    /// The action and the groups it is in: what a question's entities must hold of it.
    pub(crate) entities: Vec<Entity>,
    effect: Option<Effect>,
    /// Types of the resources it applies to.
    resources: BTreeSet<EntityTypeName>,
}

/// A type of resource.
pub(crate) struct Level {
    pub(crate) name: EntityTypeName,
    /// The types directly above it.
    parents: BTreeSet<String>,
    pub(crate) attributes: Shape,
}

/// Types that every question uses, parsed once.
pub(crate) struct Names {
    pub(crate) user: EntityTypeName,
    pub(crate) service: EntityTypeName,
    pub(crate) group: EntityTypeName,
    pub(crate) target: EntityTypeName,
    pub(crate) label: EntityTypeName,
    pub(crate) data_class: EntityTypeName,
}

impl Vocabulary {
    /// Merges the shared words with one fragment a protocol: `namespace Postgres { ... }` for `postgres`.
    ///
    /// # Errors
    /// [`Error::Vocabulary`] when a fragment is no Cedar schema, or names what nobody declares.
    pub fn merge(fragments: &[&'static str]) -> Result<Self, Error> {
        let mut shared = fragment_json(SHARED)?;
        let mut parsed = Vec::new();
        for text in fragments {
            let fragment = fragment_json(text)?;
            for (namespace, body) in fragment.as_object().into_iter().flatten() {
                if body.pointer("/commonTypes/Facts").is_some() {
                    let facts = json!({ "type": "EntityOrCommon", "name": format!("{namespace}::Facts"), "required": false });
                    insert_context_attribute(&mut shared, &protocol_of(namespace), facts)?;
                }
            }
            parsed.push(fragment);
        }
        let schema = schema_of(parsed.iter().chain([&shared]))?;
        let actions = schema.action_entities().map_err(|e| wrong(&e))?;
        let mut protocols = BTreeMap::new();
        for fragment in parsed.iter().chain([&shared]) {
            for (namespace, body) in fragment.as_object().into_iter().flatten() {
                let words = Words::read(namespace, body, &schema, &actions)?;
                if protocols.insert(protocol_of(namespace), words).is_some() {
                    return Err(Error::Vocabulary(format!(
                        "`{namespace}` is declared twice"
                    )));
                }
            }
        }
        Ok(Self {
            schema,
            names: Names::parse()?,
            protocols,
        })
    }

    /// The effect of an action; none when the vocabulary does not know it or it is in no effect, as shared actions are.
    pub fn effect(&self, action: &Action) -> Option<Effect> {
        self.action(action).and_then(|known| known.effect)
    }

    /// What every fragment must keep beside being a schema, for the tests of each protocol.
    ///
    /// # Errors
    /// One sentence for each rule that is broken.
    pub fn rules(fragments: &[&'static str]) -> Result<(), Vec<String>> {
        rules::check(fragments)
    }

    pub(crate) fn action(&self, action: &Action) -> Option<&KnownAction> {
        self.protocols.get(action.protocol)?.actions.get(action.id)
    }

    pub(crate) fn level(&self, protocol: &str, name: &str) -> Option<&Level> {
        self.protocols.get(protocol)?.levels.get(name)
    }

    pub(crate) fn facts(&self, protocol: &str) -> Option<&Shape> {
        self.protocols.get(protocol)?.facts.as_ref()
    }

    /// Every action that can be asked for, with its protocol.
    pub(crate) fn actions(&self) -> impl Iterator<Item = (&str, &str, &KnownAction)> {
        self.protocols.iter().flat_map(|(protocol, words)| {
            words
                .actions
                .iter()
                .map(|(id, known)| (protocol.as_str(), id.as_str(), known))
        })
    }
}

impl KnownAction {
    pub(crate) fn applies_to(&self, resource: &EntityTypeName) -> bool {
        self.resources.contains(resource)
    }

    /// Whether this is the action `uid` or in the group `uid`.
    pub(crate) fn is_in(&self, uid: &EntityUid) -> bool {
        self.entities.iter().any(|entity| entity.uid() == *uid)
    }
}

impl Level {
    /// Whether this type lies directly in `parent`.
    pub(crate) fn lies_in(&self, parent: &EntityTypeName) -> bool {
        self.parents.contains(&parent.to_string())
    }
}

impl Words {
    fn read(
        namespace: &str,
        body: &Json,
        schema: &Schema,
        actions: &Entities,
    ) -> Result<Self, Error> {
        let mut words = Self::default();
        for id in keys(body, "actions") {
            let uid = EntityUid::from_type_name_and_id(
                type_name(&qualified(namespace, "Action"))?,
                EntityId::new(&id),
            );
            let resources: BTreeSet<_> = schema
                .resources_for_action(&uid)
                .into_iter()
                .flatten()
                .cloned()
                .collect();
            if resources.is_empty() {
                continue; // a group: nobody can ask for it
            }
            let above: Vec<&EntityUid> = actions.ancestors(&uid).into_iter().flatten().collect();
            let effects: Vec<Effect> = EFFECTS
                .iter()
                .filter(|(name, _)| {
                    above
                        .iter()
                        .any(|group| group.to_string() == format!("Action::\"{name}\""))
                })
                .map(|(_, effect)| *effect)
                .collect();
            let known = above.iter().copied().chain([&uid]);
            let entities = known
                .map(|uid| actions.get(uid).cloned())
                .collect::<Option<Vec<_>>>();
            let entities = entities.ok_or_else(|| {
                Error::Vocabulary(format!("`{uid}` is in a group that nobody declares"))
            })?;
            words.actions.insert(
                id,
                KnownAction {
                    uid,
                    entities,
                    effect: effects.into_iter().max(),
                    resources,
                },
            );
        }
        for name in keys(body, "entityTypes") {
            let declared = body.pointer(&format!("/entityTypes/{name}"));
            let level = Level {
                name: type_name(&qualified(namespace, &name))?,
                parents: parents(namespace, body, declared),
                attributes: Shape::read(declared.and_then(|entity| entity.get("shape"))),
            };
            words.levels.insert(name, level);
        }
        words.facts = body
            .pointer("/commonTypes/Facts")
            .map(|facts| Shape::read(Some(facts)));
        Ok(words)
    }
}

impl Names {
    fn parse() -> Result<Self, Error> {
        Ok(Self {
            user: type_name("User")?,
            service: type_name("Service")?,
            group: type_name("Group")?,
            target: type_name("Target")?,
            label: type_name("Label")?,
            data_class: type_name("DataClass")?,
        })
    }
}

fn fragment_json(text: &str) -> Result<Json, Error> {
    let (fragment, _warnings) =
        SchemaFragment::from_cedarschema_str(text).map_err(|e| wrong(&e))?;
    fragment.to_json_value().map_err(|e| wrong(&e))
}

fn schema_of<'a>(fragments: impl Iterator<Item = &'a Json>) -> Result<Schema, Error> {
    let mut parsed = Vec::new();
    for json in fragments {
        parsed.push(SchemaFragment::from_json_value(json.clone()).map_err(|e| wrong(&e))?);
    }
    let schema = Schema::from_schema_fragments(parsed).map_err(|e| wrong(&e))?;
    if schema.is_complete() {
        Ok(schema)
    } else {
        Err(Error::Vocabulary("names what nobody declares".to_owned()))
    }
}

fn insert_context_attribute(shared: &mut Json, name: &str, declared: Json) -> Result<(), Error> {
    let attributes = shared
        .get_mut("")
        .and_then(|body| body.pointer_mut("/commonTypes/Asking/attributes"));
    let attributes = attributes.and_then(Json::as_object_mut);
    let attributes = attributes
        .ok_or_else(|| Error::Vocabulary("the shared words have no `Asking`".to_owned()))?;
    match attributes.insert(name.to_owned(), declared) {
        None => Ok(()),
        Some(_) => Err(Error::Vocabulary(format!(
            "`{name}` is already an attribute of the context"
        ))),
    }
}

fn keys(body: &Json, part: &str) -> Vec<String> {
    body.get(part)
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
        .map(|(key, _)| key.clone())
        .collect()
}

/// Names in `in [...]` are relative to their fragment first, then shared.
fn parents(namespace: &str, body: &Json, declared: Option<&Json>) -> BTreeSet<String> {
    let names = declared
        .and_then(|entity| entity.get("memberOfTypes"))
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    names
        .filter_map(Json::as_str)
        .map(
            |name| match body.get("entityTypes").and_then(|types| types.get(name)) {
                Some(_) => qualified(namespace, name),
                None => name.to_owned(),
            },
        )
        .collect()
}

fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}::{name}")
    }
}

/// `Postgres` is the namespace of `postgres`.
fn protocol_of(namespace: &str) -> String {
    let mut letters = namespace.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect()
}

fn type_name(name: &str) -> Result<EntityTypeName, Error> {
    name.parse()
        .map_err(|_| Error::Vocabulary(format!("`{name}` is no name of a type")))
}

fn wrong(error: &dyn miette::Diagnostic) -> Error {
    match error.help() {
        Some(help) => Error::Vocabulary(format!("{error} ({help})")),
        None => Error::Vocabulary(error.to_string()),
    }
}

const SHARED: &str = include_str!("vocabulary.cedarschema");

const EFFECTS: [(&str, Effect); 4] = [
    ("read", Effect::Read),
    ("write", Effect::Write),
    ("admin", Effect::Admin),
    ("unknown", Effect::Unknown),
];
