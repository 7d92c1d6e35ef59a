//! Builds what Cedar is asked, with typed constructors only: one place that makes every entity, so that none is missing.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Asking;
use crate::identity::{Identity, Kind};
use crate::operation::{Action, Attributes, Resource};
use crate::target::Target;
use crate::vocabulary::{Names, Vocabulary};

/// What an action acts on.
pub(super) enum Subject<'a> {
    Resource(&'a Resource),
    DataClass(&'a str),
}

/// The part that all questions of one request share.
pub(super) struct Asked<'a> {
    vocabulary: &'a Vocabulary,
    target: &'a Target,
    principal: EntityUid,
    target_uid: EntityUid,
    entities: Vec<Entity>,
    context: Vec<(String, RestrictedExpression)>,
}

impl<'a> Asked<'a> {
    /// None when the identity, the target or the time cannot be said in Cedar.
    pub(super) fn new(vocabulary: &'a Vocabulary, asking: &Asking<'a>) -> Option<Self> {
        let names = &vocabulary.names;
        let mut people = People::default();
        let principal = people.principal(names, asking.identity)?;
        let target_uid = uid(&names.target, &asking.target.name);
        let mut context = vec![
            (
                "now".to_owned(),
                RestrictedExpression::new_datetime(zulu(asking.now)?),
            ),
            (
                "address".to_owned(),
                RestrictedExpression::new_ip(asking.identity.address.to_canonical().to_string()),
            ),
            ("credential".to_owned(), credential(asking.identity)?),
            (
                "target".to_owned(),
                RestrictedExpression::new_entity_uid(target_uid.clone()),
            ),
        ];
        if let Some(person) = &asking.identity.on_behalf_of {
            let person = people.user(names, person);
            context.push((
                "on_behalf_of".to_owned(),
                RestrictedExpression::new_entity_uid(person),
            ));
        }
        if let Some(reason) = asking.reason {
            context.push(("reason".to_owned(), text(reason)));
        }
        if let Some(groups) = asking.approval {
            let groups = groups
                .iter()
                .map(|group| RestrictedExpression::new_entity_uid(people.group(names, group)));
            let groups = RestrictedExpression::new_set(groups.collect::<Vec<_>>());
            context.push((
                "approval".to_owned(),
                RestrictedExpression::new_record([("groups".to_owned(), groups)]).ok()?,
            ));
        }
        let mut entities: Vec<Entity> = people.0.into_values().collect();
        entities.extend(target_entities(names, asking.target, &target_uid)?);
        Some(Self {
            vocabulary,
            target: asking.target,
            principal,
            target_uid,
            entities,
            context,
        })
    }

    /// The request and every entity it needs; none when an action, a type, a level or an attribute is not in the vocabulary.
    ///
    /// Facts are given for operations, and for nothing else.
    pub(super) fn question(
        &self,
        action: &Action,
        subject: &Subject<'_>,
        facts: Option<&Attributes>,
    ) -> Option<(Request, Entities)> {
        if !action.protocol.is_empty() && action.protocol != self.target.protocol {
            return None;
        }
        let known = self.vocabulary.action(action)?;
        let mut entities = self.entities.clone();
        entities.extend(known.entities.iter().cloned());
        let (resource, resource_type) = match subject {
            Subject::DataClass(class) => {
                let uid = uid(&self.vocabulary.names.data_class, class);
                entities.push(Entity::new_no_attrs(uid.clone(), HashSet::new()));
                (uid, &self.vocabulary.names.data_class)
            }
            Subject::Resource(resource) => {
                self.resource(action.protocol, resource, &mut entities)?
            }
        };
        if !known.applies_to(resource_type) {
            return None;
        }
        let mut context = self.context.clone();
        if let Some(facts) = facts {
            match self.vocabulary.facts(action.protocol) {
                Some(shape) => {
                    let record = RestrictedExpression::new_record(shape.express(facts)?).ok()?;
                    context.push((action.protocol.to_owned(), record));
                }
                None if facts.is_empty() => {}
                None => return None,
            }
        }
        let context = Context::from_pairs(context).ok()?;
        let request = Request::new(
            self.principal.clone(),
            known.uid.clone(),
            resource,
            context,
            None,
        )
        .ok()?;
        Some((request, Entities::from_entities(entities, None).ok()?))
    }

    /// One entity a level, each in the one above it; the attributes are the last one's.
    fn resource(
        &self,
        protocol: &str,
        resource: &Resource,
        entities: &mut Vec<Entity>,
    ) -> Option<(EntityUid, &EntityTypeName)> {
        let mut above = (self.target_uid.clone(), &self.vocabulary.names.target);
        let depth = resource.path.len();
        if depth == 0 && !resource.attributes.is_empty() {
            return None;
        }
        for (index, (name, id)) in resource.ids(&self.target.name).enumerate() {
            let level = self.vocabulary.level(protocol, name)?;
            if !level.lies_in(above.1) {
                return None;
            }
            let attributes = match index + 1 == depth {
                true => level
                    .attributes
                    .express(&resource.attributes)?
                    .into_iter()
                    .collect(),
                false => HashMap::new(),
            };
            let here = uid(&level.name, &id);
            entities.push(Entity::new(here.clone(), attributes, HashSet::from([above.0])).ok()?);
            above = (here, &level.name);
        }
        Some(above)
    }
}

/// Principals and groups, each once.
#[derive(Default)]
struct People(HashMap<EntityUid, Entity>);

impl People {
    fn principal(&mut self, names: &Names, identity: &Identity) -> Option<EntityUid> {
        let groups: HashSet<EntityUid> = identity
            .groups
            .iter()
            .map(|group| self.group(names, group))
            .collect();
        let (name, attributes) = match &identity.kind {
            Kind::User => (&names.user, HashMap::new()),
            Kind::Service { owner } => {
                let owner = RestrictedExpression::new_entity_uid(self.user(names, owner));
                (&names.service, HashMap::from([("owner".to_owned(), owner)]))
            }
        };
        let uid = uid(name, &identity.name);
        self.0.insert(
            uid.clone(),
            Entity::new(uid.clone(), attributes, groups).ok()?,
        );
        Some(uid)
    }

    /// A user who is not asking: the groups are not known, and the load rules refuse policies that ask for them.
    fn user(&mut self, names: &Names, name: &str) -> EntityUid {
        self.bare(uid(&names.user, name))
    }

    fn group(&mut self, names: &Names, name: &str) -> EntityUid {
        self.bare(uid(&names.group, name))
    }

    fn bare(&mut self, uid: EntityUid) -> EntityUid {
        self.0
            .entry(uid.clone())
            .or_insert_with(|| Entity::new_no_attrs(uid.clone(), HashSet::new()));
        uid
    }
}

fn target_entities(names: &Names, target: &Target, target_uid: &EntityUid) -> Option<Vec<Entity>> {
    let labels: Vec<EntityUid> = target
        .labels
        .iter()
        .map(|label| uid(&names.label, label))
        .collect();
    let mut entities: Vec<Entity> = labels
        .iter()
        .map(|label| Entity::new_no_attrs(label.clone(), HashSet::new()))
        .collect();
    let attributes = HashMap::from([("protocol".to_owned(), text(&target.protocol))]);
    entities.push(Entity::new(target_uid.clone(), attributes, labels.into_iter().collect()).ok()?);
    Some(entities)
}

fn credential(identity: &Identity) -> Option<RestrictedExpression> {
    let credential = &identity.credential;
    RestrictedExpression::new_record([
        ("id".to_owned(), text(&credential.id)),
        ("kind".to_owned(), text(&credential.kind)),
        ("lineage".to_owned(), text(&credential.lineage.0)),
    ])
    .ok()
}

/// Cedar wants `Z`, not an offset; years have four digits.
fn zulu(now: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(now)
        .ok()?
        .format(&Rfc3339)
        .ok()
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

#[cfg(test)]
mod tests;
