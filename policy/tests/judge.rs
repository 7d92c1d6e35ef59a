//! Judging, case by case: what allows, holds and denies, why, and whom it names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod scene;

use policy::identity::Identity;
use policy::operation::{Action, Effect, Operation, Operations, Value};
use policy::policies::{Asking, Policies, Question};
use policy::target::Target;
use policy::verdict::{Judgement, Role, Verdict, Why};
use scene::{NOW, asking, load, operation, postgres, service, target, user, words};

const RULES: &str = r#"
@id("change") permit (principal in Group::"engineers", action in [Action::"read", Action::"write"], resource in Target::"shop");
@id("destroy") @approve("dba") forbid (principal, action in [Postgres::Action::"drop", Postgres::Action::"truncate"], resource in Label::"env:prod");
@id("wide") @approve("sre") forbid (principal, action == Postgres::Action::"drop", resource) when { context has postgres && !context.postgres.narrowed };
@id("never") forbid (principal, action, resource in Postgres::Table::"shop/shop/public/secrets");
@id("frozen") forbid (principal, action in Action::"write", resource) when { context.now >= datetime("2026-12-24T00:00:00Z") };
"#;

fn shop() -> Target {
    target("shop", "postgres", &["env:prod"])
}

fn judge(policies: &Policies, asking: &Asking<'_>, operation: &Operation) -> Judgement {
    policies.judge(&Question { asking, operation })
}

fn roles(judgement: &Judgement) -> Vec<(&str, Role)> {
    judgement
        .policies
        .iter()
        .map(|cited| (cited.id.as_str(), cited.role))
        .collect()
}

#[test]
fn allows_holds_and_denies() {
    let policies = load(RULES).unwrap();
    let (ada, bob, shop) = (user("ada", &["engineers"]), user("bob", &[]), shop());
    let on = |who, id, table| {
        judge(
            &policies,
            &asking(who, &shop),
            &operation(postgres(id), table),
        )
    };

    let allowed = on(&ada, "select", "orders");
    assert_eq!(
        (allowed.verdict, allowed.why, roles(&allowed)),
        (
            Verdict::Allow,
            Why::Permitted,
            vec![("change", Role::Decided)]
        )
    );
    let held = on(&ada, "drop", "orders");
    assert_eq!(
        (held.verdict, held.why, roles(&held)),
        (
            Verdict::Hold,
            Why::Approval,
            vec![("destroy", Role::WouldNeedApproval)]
        )
    );
    assert_eq!(
        (
            held.asks,
            held.policies[0].file.as_str(),
            held.policies[0].line
        ),
        (words(&["destroy"]), "test.cedar", 3)
    );
    let forbidden = on(&ada, "drop", "secrets");
    assert_eq!(
        (forbidden.verdict, forbidden.why),
        (Verdict::Deny, Why::Forbidden)
    );
    assert_eq!(
        roles(&forbidden),
        [
            ("destroy", Role::WouldNeedApproval),
            ("never", Role::Decided)
        ]
    );
    assert!(forbidden.asks.is_empty());
    let unpermitted = on(&bob, "select", "orders");
    assert_eq!(
        (unpermitted.verdict, unpermitted.why, roles(&unpermitted)),
        (Verdict::Deny, Why::NoPermit, vec![])
    );
    let not_even_held = on(&bob, "drop", "orders");
    assert_eq!(
        (not_even_held.verdict, not_even_held.why),
        (Verdict::Deny, Why::NoPermit)
    );
    let beyond = on(&ada, "grant", "orders");
    assert_eq!((beyond.verdict, beyond.why), (Verdict::Deny, Why::NoPermit));
}

#[test]
fn a_request_is_as_strict_as_its_strictest_operation() {
    let policies = load(RULES).unwrap();
    let (ada, shop) = (user("ada", &["engineers"]), shop());
    let mut wide = operation(postgres("drop"), "orders");
    wide.facts.insert("narrowed", Value::Bool(false));
    let all =
        |list: Vec<Operation>| policies.judge_all(&asking(&ada, &shop), &Operations::new(list));

    let held = all(vec![
        operation(postgres("select"), "orders"),
        operation(postgres("truncate"), "items"),
        wide.clone(),
    ]);
    assert_eq!(
        (held.overall.verdict, held.overall.why, held.effect),
        (Verdict::Hold, Why::Approval, Effect::Write)
    );
    assert_eq!(held.overall.asks, words(&["destroy", "wide"]));
    assert_eq!(
        held.each.iter().map(|one| one.verdict).collect::<Vec<_>>(),
        [Verdict::Allow, Verdict::Hold, Verdict::Hold]
    );
    assert_eq!(held.each[1].asks, words(&["destroy"]));
    assert_eq!(
        roles(&held.overall),
        [
            ("destroy", Role::WouldNeedApproval),
            ("wide", Role::WouldNeedApproval)
        ]
    );

    let denied = all(vec![
        wide,
        operation(postgres("opaque"), ""),
        operation(postgres("select"), "orders"),
    ]);
    assert_eq!(
        (denied.overall.verdict, denied.overall.why, denied.effect),
        (Verdict::Deny, Why::NoPermit, Effect::Unknown)
    );
    assert!(
        denied.overall.asks.is_empty(),
        "nobody is asked about what is denied anyway"
    );

    let nothing = all(vec![]);
    assert_eq!(
        (nothing.overall.verdict, nothing.effect),
        (Verdict::Deny, Effect::Unknown)
    );
}

#[test]
fn an_error_is_a_denial() {
    let text = format!(
        r#"{RULES} @id("sum") forbid (principal, action == Postgres::Action::"select", resource)
           when {{ context has postgres.rows && context.postgres.rows * 9223372036854775807 > 10 }};"#
    );
    let policies = load(&text).unwrap();
    let (ada, shop) = (user("ada", &["engineers"]), shop());
    let mut many = operation(postgres("select"), "orders");
    assert_eq!(
        judge(&policies, &asking(&ada, &shop), &many).verdict,
        Verdict::Allow
    );
    many.facts.insert("rows", Value::Long(2));
    let failed = judge(&policies, &asking(&ada, &shop), &many);
    assert_eq!(
        (failed.verdict, failed.why),
        (Verdict::Deny, Why::EvaluationError)
    );
    assert_eq!(
        roles(&failed),
        [("change", Role::Decided), ("sum", Role::Errored)]
    );
}

type Change = (&'static str, fn(&mut Operation));

const UNFIT: [Change; 15] = [
    ("unknown action", |one| one.action = postgres("selct")),
    ("unknown protocol", |one| {
        one.action = Action {
            protocol: "mysql",
            id: "select",
        }
    }),
    ("another protocol than the target's", |one| {
        *one = operation(Action::shared("connect"), "");
        one.action = Action {
            protocol: "ssh",
            id: "shell",
        };
    }),
    ("an effect", |one| {
        *one = operation(Action::shared("read"), "")
    }),
    ("a shared word as a protocol's", |one| {
        one.action = postgres("connect")
    }),
    ("unknown level", |one| one.resource.path[2].0 = "View"),
    ("a level left out", |one| drop(one.resource.path.remove(1))),
    ("levels in disorder", |one| one.resource.path.swap(0, 1)),
    ("a level the action does not apply to", |one| {
        one.resource.path.truncate(2)
    }),
    ("attribute missing", |one| one.resource.attributes.clear()),
    ("attribute of another type", |one| {
        drop(one.resource.attributes.insert("catalog", Value::Long(1)))
    }),
    ("attribute unknown", |one| {
        drop(one.resource.attributes.insert("owner", Value::Bool(true)))
    }),
    ("fact missing", |one| drop(one.facts.remove("narrowed"))),
    ("fact of another type", |one| {
        drop(one.facts.insert("rows", Value::Text("2".to_owned())))
    }),
    ("facts of a shared action", |one| {
        one.action = Action::shared("connect")
    }),
];

#[test]
fn what_does_not_fit_the_vocabulary_is_a_denial() {
    let policies = load(r#"@id("all") permit (principal, action, resource);"#).unwrap();
    let (ada, shop) = (user("ada", &[]), shop());
    let fit = operation(postgres("select"), "orders");
    let verdict = |operation: &Operation| {
        let judgement = judge(&policies, &asking(&ada, &shop), operation);
        (judgement.verdict, judgement.why)
    };
    assert_eq!(verdict(&fit), (Verdict::Allow, Why::Permitted));
    for (name, apply) in UNFIT {
        let mut operation = fit.clone();
        apply(&mut operation);
        assert_eq!(
            verdict(&operation),
            (Verdict::Deny, Why::EvaluationError),
            "{name}"
        );
    }
    let late = Asking {
        now: i64::MAX,
        ..asking(&ada, &shop)
    };
    assert_eq!(
        judge(&policies, &late, &fit).verdict,
        Verdict::Deny,
        "a time that is none"
    );
}

#[test]
fn everything_above_is_always_there() {
    let policies = load(
        r#"@id("all") permit (principal, action, resource);
           @id("group") forbid (principal in Group::"interns", action, resource);
           @id("effect") forbid (principal, action in Action::"admin", resource);
           @id("label") forbid (principal, action == Postgres::Action::"insert", resource in Label::"pci");
           @id("schema") forbid (principal, action == Postgres::Action::"update", resource in Postgres::Schema::"shop/shop/public");
           @id("odd") forbid (principal, action == Postgres::Action::"delete", resource == Postgres::Table::"shop/shop/public/a%2Fb%20c");
           @id("owned") forbid (principal is Service, action == Postgres::Action::"delete", resource) when { principal.owner == User::"ada" };
           @id("for") forbid (principal, action == Postgres::Action::"delete", resource) when { context has on_behalf_of && context.on_behalf_of == User::"eve" };"#,
    )
    .unwrap();
    let shop = target("shop", "postgres", &["pci", "env:dev"]);
    let (ada, intern) = (
        user("ada", &["engineers"]),
        user("ivan", &["engineers", "interns"]),
    );
    let who = |who: &Identity, id, table| {
        judge(
            &policies,
            &asking(who, &shop),
            &operation(postgres(id), table),
        )
        .verdict
    };
    assert_eq!(who(&ada, "select", "orders"), Verdict::Allow);
    assert_eq!(who(&intern, "select", "orders"), Verdict::Deny);
    for id in ["grant", "insert", "update"] {
        assert_eq!(who(&ada, id, "orders"), Verdict::Deny, "{id}");
    }
    assert_eq!(
        (who(&ada, "delete", "a/b c"), who(&ada, "delete", "b c")),
        (Verdict::Deny, Verdict::Allow)
    );
    assert_eq!(
        who(&service("robot", "ada", &[]), "delete", "orders"),
        Verdict::Deny
    );
    assert_eq!(
        who(&service("robot", "eve", &[]), "delete", "orders"),
        Verdict::Allow
    );
    let mut agent = service("robot", "bob", &[]);
    agent.on_behalf_of = Some("eve".to_owned());
    assert_eq!(who(&agent, "delete", "orders"), Verdict::Deny);
    agent = user("eve", &["interns"]);
    agent.on_behalf_of = Some("eve".to_owned());
    assert_eq!(
        who(&agent, "select", "orders"),
        Verdict::Deny,
        "one's own name elsewhere does not hide one's groups"
    );
}

#[test]
fn the_context_is_what_was_given() {
    let text = |condition: &str| {
        format!(
            r#"@id("a") permit (principal, action == Postgres::Action::"select", resource) when {{ {condition} }};"#
        )
    };
    let shop = shop();
    let mut ada = user("ada", &[]);
    ada.address = "::ffff:10.1.2.3".parse().unwrap();
    let asking = Asking {
        reason: Some("ticket 7"),
        ..asking(&ada, &shop)
    };
    let holds = |condition: &str| {
        judge(
            &load(&text(condition)).unwrap(),
            &asking,
            &operation(postgres("select"), "orders"),
        )
        .verdict
            == Verdict::Allow
    };
    assert!(holds(
        "context.address.isInRange(ip(\"10.0.0.0/8\")) && context.address.isIpv4()"
    ));
    assert!(holds("context.now == datetime(\"2026-11-21T10:00:00Z\")"));
    assert!(!holds("context.now < datetime(\"2026-11-21T10:00:00Z\")"));
    assert!(holds(
        "context has reason && context.reason like \"ticket *\""
    ));
    assert!(holds(
        "context.credential == {id: \"ada-1\", kind: \"token\", lineage: \"ada\"}"
    ));
    assert!(holds(
        "context.target == Target::\"shop\" && context.target.protocol == \"postgres\""
    ));
    assert!(!holds(
        "context has on_behalf_of || context has approval || context has ssh"
    ));
    assert_eq!(asking.now, NOW);
}

#[test]
fn a_request_may_have_a_reason_of_its_own() {
    let rule = r#"@id("a") permit (principal, action, resource) when { context has reason && context.reason == "own" };"#;
    let (policies, ada, shop) = (load(rule).unwrap(), user("ada", &[]), shop());
    let plain = Operations::new(vec![operation(postgres("select"), "orders")]);
    let because = |reason: &str| plain.clone().because(reason.into());
    let (own, other) = (because("own"), because("other"));
    let verdict = |operations: &Operations, reason| {
        let asking = asking(&ada, &shop);
        let judged = policies.judge_all(&Asking { reason, ..asking }, operations);
        judged.overall.verdict
    };
    assert_eq!(verdict(&plain, None), Verdict::Deny);
    assert_eq!(verdict(&plain, Some("own")), Verdict::Allow);
    assert_eq!(verdict(&own, Some("other")), Verdict::Allow);
    assert_eq!(verdict(&other, Some("own")), Verdict::Deny);
    assert!(plain != own && own != other);
}

#[test]
fn judgements_are_told_in_the_words_of_the_contract() {
    let policies = load(RULES).unwrap();
    let (ada, shop) = (user("ada", &["engineers"]), shop());
    let held = judge(
        &policies,
        &asking(&ada, &shop),
        &operation(postgres("drop"), "orders"),
    );
    assert_eq!(
        serde_json::to_string(&held).unwrap(),
        r#"{"verdict":"hold","why":"approval","policies":[{"id":"destroy","effect":"forbid","file":"test.cedar","line":3,"role":"would_need_approval"}],"asks":["destroy"]}"#
    );
    let resource = operation(postgres("drop"), "a/b").resource;
    assert_eq!(
        (
            resource.kind("postgres").as_str(),
            resource.id("shop").as_str()
        ),
        ("postgres.table", "shop/shop/public/a%2Fb")
    );
}
