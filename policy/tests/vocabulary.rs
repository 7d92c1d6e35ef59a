//! What a vocabulary is: shared words and a fragment a protocol, with the rules that each must keep.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod scene;

use policy::operation::{Action, Effect};
use policy::vocabulary::Vocabulary;
use scene::{postgres, vocabulary};

#[test]
fn vocabularies_are_merged_and_checked() {
    let vocabulary = vocabulary();
    let effects = [
        ("select", Effect::Read),
        ("drop", Effect::Write),
        ("grant", Effect::Admin),
        ("opaque", Effect::Unknown),
    ];
    for (id, effect) in effects {
        assert_eq!(vocabulary.effect(&postgres(id)), Some(effect), "{id}");
    }
    assert_eq!(
        vocabulary.effect(&Action::shared("connect")),
        Some(Effect::Read)
    );
    for action in [
        Action::shared("approve"),
        Action::shared("reveal"),
        Action::shared("read"),
        postgres("connect"),
        postgres("nothing"),
    ] {
        assert_eq!(vocabulary.effect(&action), None, "{action}");
    }
    Vocabulary::rules(&scene::FRAGMENTS).unwrap();
}

#[test]
fn fragments_that_break_a_rule_are_named() {
    let broken: [(&'static str, &str); 9] = [
        (
            r#"namespace X { entity P in [Target]; action zap appliesTo { principal: [User, Service], resource: [P], context: Asking }; }"#,
            "exactly one effect",
        ),
        (
            r#"namespace X { entity P in [Target]; action zap in [Action::"read", Action::"write"] appliesTo { principal: [User, Service], resource: [P], context: Asking }; }"#,
            "exactly one effect",
        ),
        (
            r#"namespace X { entity P; action zap in [Action::"read"] appliesTo { principal: [User, Service], resource: [P], context: Asking }; }"#,
            "not in a Target",
        ),
        (
            r#"namespace X { entity P in [Target]; action zap in [Action::"read"] appliesTo { principal: [User], resource: [P], context: Asking }; }"#,
            "User and Service",
        ),
        (
            r#"namespace X { entity P in [Target]; action zap in [Action::"read"] appliesTo { principal: [User, Service], resource: [P], context: {a: Long} }; }"#,
            "context of `zap`",
        ),
        (
            r#"namespace X { entity P in [Target] { at: datetime }; action zap in [Action::"read"] appliesTo { principal: [User, Service], resource: [P], context: Asking }; }"#,
            "`at` must be",
        ),
        (
            r#"namespace X { entity P in [Target]; action zap in [Action::"raed"] appliesTo { principal: [User, Service], resource: [P], context: Asking }; }"#,
            "raed",
        ),
        (r#"namespace X { entity Group; }"#, "Group"),
        (
            r#"namespace X::Y { entity P in [Target]; }"#,
            "first letter upper-case",
        ),
    ];
    for (fragment, told) in broken {
        let rules = Vocabulary::rules(&[fragment])
            .expect_err(fragment)
            .join("; ");
        assert!(rules.contains(told), "{rules}");
    }
    let twice = scene::FRAGMENTS[0];
    assert!(Vocabulary::merge(&[twice, twice]).is_err());
}
