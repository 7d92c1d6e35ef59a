//! What is refused at load, with place and hint, as a golden file; `UPDATE_GOLDENS=1` writes it anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod scene;

use policy::approval::Manner;
use policy::policies::Policies;
use scene::{load, source, vocabulary};

#[test]
fn refuses_with_place_and_hint() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/load/refused.txt");
    let golden = std::fs::read_to_string(path).unwrap();
    let mut now = String::new();
    let mut cases = 0;
    for case in golden.split("=== ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let text = rest.split("\n--- ").next().unwrap().trim_end();
        let errors = load(text).expect_err(name);
        now += &format!("=== {name}\n{text}\n");
        for error in errors {
            now += &format!("--- {error}\n");
        }
        cases += 1;
    }
    assert!(cases > 40);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(path, &now).unwrap();
        return;
    }
    for (line, (was, is)) in golden.lines().zip(now.lines()).enumerate() {
        assert_eq!(was, is, "tests/load/refused.txt:{}", line + 1);
    }
    assert_eq!(golden, now);
}

#[test]
fn takes_what_the_manual_shows() {
    let text = r#"
        // one language, four questions
        @id("engineers-change")
        permit (principal in Group::"engineers", action in [Action::"read", Action::"write"], resource in Target::"shop");
        @id("prod-destructive")
        @approve("dba") @quorum("1") @timeout("15m") @hold("ticket") @escalate("sre after 5m; sre, lead after 10m") @message("needs a DBA")
        forbid (principal, action in [Postgres::Action::"drop", Postgres::Action::"truncate"], resource in Label::"env:prod");
        @id("fraud-sees-cards")
        permit (principal in Group::"fraud", action == Action::"reveal", resource == DataClass::"payment-card")
        when { context.target in Label::"env:prod" };
        @id("bots-do-not-approve-prod")
        forbid (principal is Service, action == Action::"approve", resource in Label::"env:prod");
        @id("logins") @approve("sre, dba") @distinct @owner("may-approve") @risk("low") @on_timeout("approve")
        forbid (principal, action == Action::"connect", resource in Label::"env:prod");
        @id("effects") @approve("sre")
        forbid (principal, action in [Action::"read", Action::"write", Action::"admin", Action::"unknown"], resource in Label::"pci");
    "#;
    let policies = load(text).unwrap();
    let prod = policies.requirement("prod-destructive").unwrap();
    assert_eq!(
        (prod.quorum, prod.timeout_seconds, prod.message.as_deref()),
        (1, 900, Some("needs a DBA"))
    );
    assert_eq!(prod.manner, Some(Manner::Ticket));
    let steps: Vec<_> = prod
        .escalate
        .iter()
        .map(|step| (step.after_seconds, step.groups.len()))
        .collect();
    assert_eq!(steps, [(300, 1), (600, 2)]);
    let logins = policies.requirement("logins").unwrap();
    assert!(
        logins.distinct && logins.owner_may_approve && logins.risk_low && logins.on_timeout_approve
    );
    assert_eq!((logins.timeout_seconds, logins.manner), (300, None));
    assert!(
        policies.requirement("engineers-change").is_none()
            && policies.requirement("nobody").is_none()
    );
}

#[test]
fn the_text_that_a_vote_counts_for_is_condition_and_message() {
    let hash = |text: &str| load(text).unwrap().requirement("a").unwrap().text;
    let head = r#"forbid (principal, action == Postgres::Action::"drop", resource)"#;
    let plain = hash(&format!(r#"@id("a") @approve("dba") {head};"#));
    let same = [
        format!(
            "// a comment\n@approve(\"dba\")\n@id(\"a\") {}\n;",
            head.replace(' ', "  ")
        ),
        format!(r#"@id("a") @approve("dba, sre") @quorum("2") @timeout("1h") @distinct {head};"#),
    ];
    for text in same {
        assert_eq!(hash(&text), plain, "{text}");
    }
    let other = [
        format!(r#"@id("a") @approve("dba") {head} when {{ true }};"#),
        format!(r#"@id("a") @approve("dba") @message("why") {head};"#),
        format!(
            r#"@id("a") @approve("dba") {};"#,
            head.replace("drop", "truncate")
        ),
    ];
    for text in other {
        assert_ne!(hash(&text), plain, "{text}");
    }
}

#[test]
fn the_revision_names_files_and_texts() {
    let revision = |sources: &[(&str, &str)]| {
        let sources: Vec<_> = sources
            .iter()
            .map(|(file, text)| source(file, text))
            .collect();
        Policies::load(&vocabulary(), &sources)
            .unwrap()
            .revision()
            .clone()
    };
    let one = r#"@id("a") permit (principal, action == Postgres::Action::"select", resource);"#;
    let two = one.replace("\"a\"", "\"b\"");
    let whole = revision(&[("a.cedar", one), ("b.cedar", &two)]);
    assert_eq!(whole.0.len(), 64);
    assert_eq!(whole, revision(&[("b.cedar", &two), ("a.cedar", one)]));
    for other in [
        revision(&[("a.cedar", one)]),
        revision(&[("a.cedar", one), ("c.cedar", &two)]),
        revision(&[("b.cedar", one), ("a.cedar", &two)]),
    ] {
        assert_ne!(whole, other);
    }
}

#[test]
fn tells_what_is_read() {
    let reads = |condition: &str| {
        let text = format!(
            r#"@id("a") permit (principal, action == Postgres::Action::"select", resource) when {{ {condition} }};"#
        );
        let reads = load(&text).unwrap().reads();
        [
            reads.now,
            reads.address,
            reads.credential,
            reads.on_behalf_of,
            reads.reason,
        ]
    };
    assert_eq!(reads("true"), [false; 5]);
    assert_eq!(
        reads("context has postgres && context.postgres.narrowed"),
        [false; 5]
    );
    assert_eq!(
        reads("context.now.toTime() > duration(\"18h\")"),
        [true, false, false, false, false]
    );
    assert_eq!(
        reads("!context.address.isLoopback()"),
        [false, true, false, false, false]
    );
    assert_eq!(
        reads("context[\"credential\"].kind == \"token\""),
        [false, false, true, false, false]
    );
    assert_eq!(
        reads("context has on_behalf_of"),
        [false, false, false, true, false]
    );
    assert_eq!(
        reads("if context has reason then true else false"),
        [false, false, false, false, true]
    );
    assert_eq!(reads("{c: context}.c has reason"), [true; 5]);
    assert!(
        load("").unwrap().reads().approval,
        "the ready-made policies look at who is asked"
    );
}

#[test]
fn an_error_names_the_right_file() {
    let sources = [
        source(
            "a.cedar",
            r#"@id("a") permit (principal, action == Postgres::Action::"select", resource);"#,
        ),
        source(
            "b.cedar",
            "\n  @id(\"a\") permit (principal, action == Postgres::Action::\"select\", resource);",
        ),
        source("c.cedar", "permit"),
    ];
    let errors = Policies::load(&vocabulary(), &sources).err().unwrap();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told[0],
        "b.cedar:2:3: repeated `@id(\"a\")` (hint: the first is at a.cedar:1)"
    );
    assert!(told[1].starts_with("c.cedar:1:"), "{}", told[1]);
    assert_eq!(told.len(), 2);
}
