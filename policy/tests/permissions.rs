//! What is asked beside operations: revealing, answering, administering.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod scene;

use policy::operation::Action;
use policy::policies::{Asking, Question};
use policy::target::{GATEWAY, Target};
use policy::verdict::Verdict;
use scene::{asking, load, operation, service, target, user, words};

const RULES: &str = r#"
@id("fraud") permit (principal in Group::"fraud", action == Action::"reveal", resource == DataClass::"payment-card") when { context.target in Label::"env:prod" };
@id("no-bots") forbid (principal is Service, action == Action::"approve", resource in Label::"env:prod");
"#;

fn shop() -> Target {
    target("shop", "postgres", &["env:prod"])
}

#[test]
fn what_may_be_seen_depends_on_the_target() {
    let policies = load(RULES).unwrap();
    let (eve, ada) = (user("eve", &["fraud"]), user("ada", &["engineers"]));
    let (prod, dev) = (shop(), target("shop-dev", "postgres", &["env:dev"]));
    assert!(policies.reveals(&asking(&eve, &prod), "payment-card"));
    assert!(!policies.reveals(&asking(&eve, &prod), "email"));
    assert!(!policies.reveals(&asking(&eve, &dev), "payment-card"));
    assert!(!policies.reveals(&asking(&ada, &prod), "payment-card"));
}

#[test]
fn who_is_asked_may_answer_and_admins_administer() {
    let policies = load(RULES).unwrap();
    let (shop, gateway) = (shop(), target(GATEWAY, "countersign", &[]));
    let (grace, root, robot) = (
        user("grace", &["dba"]),
        user("root", &["admin"]),
        service("robot", "ada", &["dba"]),
    );
    let groups = words(&["dba", "sre"]);
    let may = |who, what| {
        policies.permits(
            &Asking {
                approval: Some(&groups),
                ..asking(who, &shop)
            },
            what,
        )
    };
    assert!(may(&grace, "approve") && may(&grace, "view_approval") && !may(&grace, "kill"));
    assert!(
        !policies.permits(&asking(&grace, &shop), "approve"),
        "nobody is asked"
    );
    assert!(
        may(&robot, "view_approval") && !may(&robot, "approve"),
        "a forbid narrows it"
    );
    assert!(
        may(&root, "view_approval") && !may(&root, "approve"),
        "an admin who is not asked does not answer"
    );
    for what in [
        "view_session",
        "view_recording",
        "kill",
        "pause",
        "lock",
        "manage_users",
        "manage_tokens",
        "manage_grants",
        "read_audit",
    ] {
        assert!(policies.permits(&asking(&root, &gateway), what), "{what}");
        assert!(!policies.permits(&asking(&grace, &gateway), what), "{what}");
    }
    let own = |who, what| policies.permits(&asking(who, &gateway), what);
    assert!(own(&grace, "manage_own_keys") && !own(&robot, "manage_own_keys"));
    assert!(own(&grace, "request_certificate") && own(&robot, "request_certificate"));
    for what in ["connect", "reveal", "read", "write", "shutdown", ""] {
        assert!(!policies.permits(&asking(&root, &gateway), what), "{what}");
    }
}

#[test]
fn connecting_can_be_held_and_then_counts_as_no() {
    let policies = load(
        r#"@id("in") permit (principal, action == Action::"connect", resource);
           @id("ask") @approve("sre") forbid (principal, action == Action::"connect", resource in Label::"env:prod");"#,
    )
    .unwrap();
    let (ada, shop, dev) = (user("ada", &[]), shop(), target("dev", "postgres", &[]));
    let connect = operation(Action::shared("connect"), "");
    assert_eq!(
        policies
            .judge(&Question {
                asking: &asking(&ada, &shop),
                operation: &connect
            })
            .verdict,
        Verdict::Hold
    );
    assert!(!policies.permits(&asking(&ada, &shop), "connect"));
    assert!(policies.permits(&asking(&ada, &dev), "connect"));
}
