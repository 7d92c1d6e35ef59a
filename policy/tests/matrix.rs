//! Who x action x target as a golden table; `UPDATE_GOLDENS=1` writes it anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod scene;

use std::fmt::Write;

use policy::identity::Identity;
use policy::operation::Action;
use policy::policies::{Asking, Policies, Question};
use policy::target::{GATEWAY, Target};
use policy::verdict::{Judgement, Verdict, Why};
use scene::{asking, operation, postgres, service, source, target, user, vocabulary, words};

const SHARED: [&str; 14] = [
    "connect",
    "approve",
    "view_approval",
    "view_session",
    "view_recording",
    "kill",
    "pause",
    "lock",
    "manage_users",
    "manage_tokens",
    "manage_own_keys",
    "request_certificate",
    "manage_grants",
    "read_audit",
];
const ON_TABLES: [&str; 7] = [
    "select", "insert", "update", "delete", "drop", "truncate", "grant",
];
const CLASSES: [&str; 2] = ["payment-card", "email"];

fn people() -> Vec<Identity> {
    vec![
        user("ada", &["engineers"]),
        user("grace", &["dba"]),
        user("heidi", &["dba", "sre"]),
        user("frank", &["fraud"]),
        user("root", &["admin"]),
        user("nobody", &[]),
        service("robot", "ada", &[]),
        service("keeper", "grace", &["dba"]),
    ]
}

#[test]
fn who_may_do_what_where() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/expected.txt");
    let policies = Policies::load(
        &vocabulary(),
        &[source(
            "policies.cedar",
            include_str!("matrix/policies.cedar"),
        )],
    )
    .unwrap();
    let targets = [
        target("shop", "postgres", &["env:prod"]),
        target("shop-dev", "postgres", &["env:dev"]),
        target(GATEWAY, "countersign", &[]),
    ];
    let mut table = String::new();
    for target in &targets {
        let labels: Vec<&str> = target.labels.iter().map(String::as_str).collect();
        for who in people() {
            let groups: Vec<&str> = who.groups.iter().map(String::as_str).collect();
            writeln!(
                table,
                "{} [{}]  {} [{}]",
                target.name,
                labels.join(" "),
                who.label(),
                groups.join(" ")
            )
            .unwrap();
            rows(&policies, &who, target, &mut table);
        }
    }
    let golden = std::fs::read_to_string(path).unwrap();
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(path, &table).unwrap();
        return;
    }
    for (line, (was, is)) in golden.lines().zip(table.lines()).enumerate() {
        assert_eq!(was, is, "tests/matrix/expected.txt:{}", line + 1);
    }
    assert_eq!(golden, table);
}

fn rows(policies: &Policies, who: &Identity, target: &Target, table: &mut String) {
    let groups = words(&["dba"]);
    let asking = Asking {
        approval: Some(&groups),
        ..asking(who, target)
    };
    let shared = SHARED.iter().map(|id| (Action::shared(id), ""));
    let own = ON_TABLES
        .iter()
        .map(|id| (postgres(id), "orders"))
        .chain([(postgres("opaque"), "")]);
    let own = own.filter(|_| target.protocol == "postgres");
    for (action, table_name) in own.chain(shared) {
        let operation = operation(action, table_name);
        let judgement = policies.judge(&Question {
            asking: &asking,
            operation: &operation,
        });
        writeln!(table, "  {:<24}{}", action.to_string(), told(&judgement)).unwrap();
    }
    for class in CLASSES {
        let shown = if policies.reveals(&asking, class) {
            "shown"
        } else {
            "masked"
        };
        writeln!(table, "  {:<24}{shown}", format!("reveal {class}")).unwrap();
    }
}

fn told(judgement: &Judgement) -> String {
    let ids: Vec<&str> = judgement
        .policies
        .iter()
        .map(|cited| cited.id.as_str())
        .collect();
    let word = match (judgement.verdict, judgement.why) {
        (Verdict::Allow, _) => "allow",
        (Verdict::Hold, _) => "HOLD",
        (Verdict::Deny, Why::NoPermit) => "-",
        (Verdict::Deny, Why::Forbidden) => "forbidden",
        (Verdict::Deny, _) => "error",
    };
    format!("{word:<10}{}", ids.join(", "))
        .trim_end()
        .to_owned()
}
