//! What is built passes Cedar's own check against the schema.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::identity::{Credential, Lineage};
use crate::operation::Value;

const FRAGMENT: &str = r#"namespace Shop {
    type Facts = { express: Bool, note?: String };
    entity Shelf in [Shelf, Target] { height?: Long, tags?: Set<String> };
    action take in [Action::"read"] appliesTo { principal: [User, Service], resource: [Shelf], context: Asking };
}"#;

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn agent() -> Identity {
    Identity {
        kind: Kind::Service {
            owner: "ada".to_owned(),
        },
        name: "robot".to_owned(),
        groups: words(&["engineers", "dba"]),
        credential: Credential {
            id: "t1".to_owned(),
            kind: "token".to_owned(),
            lineage: Lineage("t1".to_owned()),
        },
        address: "::ffff:10.0.0.1".parse().unwrap(),
        on_behalf_of: Some("eve".to_owned()),
    }
}

/// Cedar's own check of everything that was built.
fn conforms(vocabulary: &Vocabulary, question: Option<(Request, Entities)>) {
    let (request, entities) = question.unwrap();
    let action = request.action().unwrap();
    request
        .context()
        .unwrap()
        .validate(&vocabulary.schema, action)
        .unwrap();
    let whole =
        Entities::from_entities(entities.iter().cloned(), Some(&vocabulary.schema)).unwrap();
    for uid in [
        request.principal().unwrap(),
        action,
        request.resource().unwrap(),
    ] {
        let entity = entities.get(uid).unwrap();
        for above in entities.ancestors(&entity.uid()).unwrap() {
            assert!(entities.get(above).is_some(), "{above} is missing");
        }
        assert!(whole.get(uid).is_some());
    }
}

fn target() -> Target {
    Target {
        name: "corner".to_owned(),
        protocol: "shop".to_owned(),
        labels: words(&["env:prod", "pci"]),
    }
}

fn shelf(attributes: Attributes) -> Resource {
    Resource {
        path: vec![("Shelf", "a/b".into()), ("Shelf", "c".into())],
        attributes,
    }
}

#[test]
fn operations_are_built_as_the_schema_declares() {
    let vocabulary = Vocabulary::merge(&[FRAGMENT]).unwrap();
    let (identity, target) = (agent(), target());
    let asking = Asking {
        identity: &identity,
        target: &target,
        reason: Some("why"),
        now: 0,
        approval: None,
    };
    let asked = Asked::new(&vocabulary, &asking).unwrap();
    let take = Action {
        protocol: "shop",
        id: "take",
    };
    let full = [
        ("height", Value::Long(3)),
        ("tags", Value::Set(vec!["x".to_owned()])),
    ];
    let note = [
        ("express", Value::Bool(true)),
        ("note", Value::Text("n".to_owned())),
    ];
    let shelves = [shelf(full.into()), shelf(BTreeMap::new())];
    for (shelf, facts) in shelves.iter().zip([
        note.into(),
        BTreeMap::from([("express", Value::Bool(false))]),
    ]) {
        conforms(
            &vocabulary,
            asked.question(&take, &Subject::Resource(shelf), Some(&facts)),
        );
    }
}

#[test]
fn shared_questions_are_built_as_the_schema_declares() {
    let vocabulary = Vocabulary::merge(&[FRAGMENT]).unwrap();
    let (identity, target, groups) = (agent(), target(), words(&["dba", "sre"]));
    let asking = Asking {
        identity: &identity,
        target: &target,
        reason: None,
        now: 0,
        approval: Some(&groups),
    };
    let asked = Asked::new(&vocabulary, &asking).unwrap();
    conforms(
        &vocabulary,
        asked.question(
            &Action::shared("reveal"),
            &Subject::DataClass("email"),
            None,
        ),
    );
    let whole = Resource::default();
    for id in ["connect", "approve", "read_audit"] {
        conforms(
            &vocabulary,
            asked.question(&Action::shared(id), &Subject::Resource(&whole), None),
        );
    }
}
