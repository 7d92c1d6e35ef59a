//! What the session's state does to names, and what a text tells beside its operations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use protocol_postgres::decode::{
    Analysis, HARMLESS_SETTINGS, MAX_TEXT, OwnCalls, SessionState, StatementKind,
    TransactionChange, analyse, operations,
};

fn decode(text: &str) -> Analysis {
    analyse(text).unwrap_or_else(|unclear| panic!("{text}: {unclear}"))
}

fn state(path: &[&str], temp_tables: bool) -> SessionState {
    SessionState {
        database: "shop".to_owned(),
        search_path: path.iter().map(|schema| (*schema).to_owned()).collect(),
        temp_tables,
        ..SessionState::default()
    }
}

/// `action path` of each operation.
fn asked(text: &str, state: &SessionState) -> Vec<String> {
    operations(&decode(text), state)
        .iter()
        .map(|operation| {
            let path: Vec<&str> = operation
                .resource
                .path
                .iter()
                .map(|(_, name)| name.as_ref())
                .collect();
            format!("{} {}", operation.action.id, path.join("/"))
        })
        .collect()
}

#[test]
fn an_unqualified_name_is_judged_in_every_schema_that_could_hold_it() {
    let path = state(&["pg_catalog", "private", "public"], false);
    assert_eq!(
        asked("TABLE orders", &path),
        ["select shop/private/orders", "select shop/public/orders"]
    );
    assert_eq!(
        asked("TABLE public.orders", &path),
        ["select shop/public/orders"]
    );
    assert_eq!(
        asked("DROP TABLE orders", &path),
        ["drop shop/private/orders", "drop shop/public/orders"]
    );
    assert_eq!(
        asked("CREATE TABLE orders (id int)", &path),
        ["create shop/private/orders"]
    );
}

#[test]
fn a_system_relation_is_the_servers_only_while_its_schema_comes_first() {
    assert_eq!(
        asked("TABLE pg_class", &state(&["pg_catalog", "public"], false)),
        ["select shop/pg_catalog/pg_class"]
    );
    assert_eq!(
        asked("TABLE pg_class", &state(&["public", "pg_catalog"], false)),
        [
            "select shop/public/pg_class",
            "select shop/pg_catalog/pg_class"
        ]
    );
    assert_eq!(
        asked(
            "TABLE tables",
            &state(&["pg_catalog", "information_schema"], false)
        ),
        ["select shop/information_schema/tables"]
    );
}

#[test]
fn temporary_tables_come_before_all_others() {
    let path = state(&["pg_temp_3", "pg_catalog", "public"], true);
    assert_eq!(
        asked("TABLE orders", &path),
        ["select shop/pg_temp/orders", "select shop/public/orders"]
    );
    assert_eq!(
        asked("TABLE pg_class", &path),
        [
            "select shop/pg_temp/pg_class",
            "select shop/pg_catalog/pg_class"
        ]
    );
    assert_eq!(asked("SELECT lower('x')", &path), ["select shop"]);
}

#[test]
fn an_empty_path_leaves_nothing_to_judge() {
    assert_eq!(
        asked("TABLE orders", &state(&["pg_catalog"], false)),
        ["opaque shop"]
    );
}

#[test]
fn unqualified_functions_operators_and_types_need_the_catalog_first() {
    let path = state(&["public", "pg_catalog"], false);
    for text in [
        "SELECT lower('x')",
        "SELECT 1 + 1",
        "SELECT 'x'::text",
        "SELECT id FROM public.t WHERE id = 1",
        "SELECT 1 BETWEEN 0 AND 2",
    ] {
        assert!(
            asked(text, &path)
                .iter()
                .any(|asked| asked == "call shop/*/*"),
            "{text}"
        );
        assert!(decode(text).statements[0].depends_on_path(), "{text}");
    }
    for text in [
        "SELECT pg_catalog.lower('x')",
        "SELECT 1 OPERATOR(pg_catalog.+) 1",
        "SELECT 'x'::pg_catalog.text",
        "SELECT 1::int",
        "SELECT id FROM public.t",
    ] {
        assert!(
            !asked(text, &path)
                .iter()
                .any(|asked| asked.starts_with("call")),
            "{text}"
        );
        assert!(!decode(text).statements[0].depends_on_path(), "{text}");
    }
}

#[test]
fn execute_is_judged_as_what_was_prepared() {
    let mut path = state(&["pg_catalog", "public"], false);
    assert_eq!(asked("EXECUTE p (1)", &path), ["opaque shop"]);
    let prepare = decode("PREPARE p (int) AS DELETE FROM orders WHERE id = $1");
    path.prepared.extend(prepare.statements[0].prepared.clone());
    assert_eq!(asked("EXECUTE p (1)", &path), ["delete shop/public/orders"]);
    assert_eq!(
        asked("EXECUTE p (my_function())", &path),
        ["call shop/public/my_function", "delete shop/public/orders"]
    );
    assert_eq!(
        asked("CREATE TABLE x AS EXECUTE p (1)", &path),
        [
            "create shop/public/x",
            "opaque shop",
            "delete shop/public/orders"
        ]
    );
    assert_eq!(asked("EXECUTE q", &path), ["opaque shop"]);
}

#[test]
fn values_are_literals_and_comments_and_nothing_else() {
    let text = "SELECT 'a', 5, E'b\\n', $$c$$, 1.5, B'1', \"d\", $1 FROM t -- 'e'\n; ALTER ROLE r PASSWORD /* ? */ 'f'";
    let analysis = decode(text);
    let texts = |ranges: &[std::ops::Range<usize>]| -> Vec<String> {
        ranges
            .iter()
            .map(|range| text[range.clone()].to_owned())
            .collect()
    };
    assert_eq!(
        texts(&analysis.hiding.constants),
        ["'a'", "5", "E'b\\n'", "$$c$$", "1.5", "B'1'"]
    );
    assert_eq!(texts(&analysis.hiding.secrets), ["'f'"]);
    assert_eq!(texts(&analysis.hiding.comments), ["-- 'e'", "/* ? */"]);
    let span = analysis.statements[1].span;
    assert_eq!(
        &text[span.0 as usize..span.1 as usize],
        "ALTER ROLE r PASSWORD /* ? */ 'f'"
    );
    for (text, secret) in [
        (
            "CREATE USER MAPPING FOR r SERVER s OPTIONS (user 'u', password 'p')",
            "'p'",
        ),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'password=p' PUBLICATION p",
            "'password=p'",
        ),
        ("CREATE ROLE r ENCRYPTED PASSWORD U&'p'", "U&'p'"),
    ] {
        let secrets = decode(text).hiding.secrets;
        assert_eq!(secrets.len(), 1, "{text}");
        assert_eq!(&text[secrets[0].clone()], secret);
    }
}

#[test]
fn kinds_tell_the_protocol_what_follows() {
    for (text, kind) in [
        ("", StatementKind::Empty),
        (" ; /* x */", StatementKind::Empty),
        ("TABLE t", StatementKind::Query),
        (
            "WITH x AS (DELETE FROM t) INSERT INTO u TABLE v",
            StatementKind::Change,
        ),
        ("COPY t FROM STDIN", StatementKind::CopyIn),
        ("COPY t TO STDOUT", StatementKind::CopyOut),
        (
            "COMMIT",
            StatementKind::Transaction(TransactionChange::Commit { chain: false }),
        ),
        (
            "END AND CHAIN",
            StatementKind::Transaction(TransactionChange::Commit { chain: true }),
        ),
        (
            "ABORT",
            StatementKind::Transaction(TransactionChange::Rollback { chain: false }),
        ),
        ("FETCH c", StatementKind::Cursor),
        ("SELECT 1 INTO t", StatementKind::Utility),
    ] {
        assert_eq!(decode(text).statements[0].kind, kind, "{text}");
    }
}

#[test]
fn the_list_of_harmless_settings_is_sorted() {
    assert!(HARMLESS_SETTINGS.is_sorted());
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let code = |text: &str| analyse(text).unwrap_err().code;
    assert_eq!(
        code(&format!("SELECT '{}'", "x".repeat(MAX_TEXT))),
        "oversize"
    );
    assert_eq!(
        code(&format!("{}{}", "/*".repeat(65), "*/".repeat(65))),
        "nesting"
    );
    assert_eq!(code("SELECT '\0'"), "nul");
    assert_eq!(code("SELEC 1"), "syntax");
    assert!(analyse(&format!("{}{} SELECT 1", "/*".repeat(64), "*/".repeat(64))).is_ok());
}

#[test]
fn functions_of_the_databases_own_are_found_behind_other_names() {
    let name = |text: &str| text.to_owned();
    let own = OwnCalls {
        overloads: [name("abs")].into(),
        attributes: [name("named"), name("abs")].into(),
        views: [(name("public"), name("probing"))].into(),
    };
    let mut known = state(&["pg_catalog", "public"], false);
    known.own_calls = Some(Arc::new(own));
    for text in [
        "SELECT abs(p) FROM probed p",
        "SELECT p.named FROM probed p",
        "SELECT (p).named FROM probed p",
        "SELECT 1 WHERE (ROW(1)::pair).named > 0",
        "SELECT public.probed.abs FROM public.probed",
        "SELECT * FROM probing",
        "TABLE public.probing",
    ] {
        assert!(
            asked(text, &known).contains(&"call shop/*/*".to_owned()),
            "{text}"
        );
    }
    for text in [
        "SELECT pg_catalog.abs(1)",
        "SELECT named FROM probed",
        "SELECT p.name FROM probed p",
        "SELECT * FROM other.probing",
        "SELECT lower('X')",
    ] {
        assert!(
            !asked(text, &known).contains(&"call shop/*/*".to_owned()),
            "{text}"
        );
    }
}
