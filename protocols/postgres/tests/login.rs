//! Start-up parameters: what is on the list passes, everything else is named in the refusal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use bytes::BytesMut;
use protocol_postgres::login::parameters::Login;
use protocol_postgres::wire::frame::Limits;
use protocol_postgres::wire::refusal::Refusal;
use protocol_postgres::wire::startup::{First, Startup, next_first};

fn startup_of(version: u32, parameters: &[(&str, &str)]) -> Startup {
    let mut body: Vec<u8> = parameters
        .iter()
        .flat_map(|(name, value)| [name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat())
        .collect();
    body.push(0);
    match next_first(
        &mut BytesMut::from(&shapes::startup(version, &body)[..]),
        &Limits::default(),
    ) {
        Ok(Some(First::Startup(startup))) => startup,
        other => panic!("{other:?}"),
    }
}

fn login(parameters: &[(&str, &str)]) -> Result<Login, Refusal> {
    Login::read(&startup_of(shapes::V3, parameters))
}

fn with_options(options: &str) -> Result<Login, Refusal> {
    login(&[("user", "ada"), ("database", "shop"), ("options", options)])
}

#[test]
fn names_are_read() {
    let plain = login(&[
        ("user", "ada"),
        ("database", "shop"),
        ("application_name", "psql"),
    ])
    .unwrap();
    assert_eq!(
        (
            plain.user.as_str(),
            plain.role,
            plain.target.as_str(),
            plain.database
        ),
        ("ada", None, "shop", None)
    );
    assert_eq!(plain.settings, [("application_name", "psql".to_owned())]);
    let full = login(&[("user", "ada#owner"), ("database", "shop/orders")]).unwrap();
    assert_eq!(
        (full.user.as_str(), full.role.as_deref()),
        ("ada", Some("owner"))
    );
    assert_eq!(
        (full.target.as_str(), full.database.as_deref()),
        ("shop", Some("orders"))
    );
    for database in [
        &[("user", "ada"), ("database", "")][..],
        &[("user", "ada")],
        &[("user", "ada#owner")],
    ] {
        assert_eq!(login(database).unwrap().target, "ada");
    }
    assert_eq!(login(&[("database", "shop")]), Err(Refusal::NoUser));
    assert_eq!(
        login(&[("user", ""), ("database", "shop")]),
        Err(Refusal::NoUser)
    );
    for user in ["#owner", "ada#", "#"] {
        assert!(
            matches!(login(&[("user", user)]), Err(Refusal::Value { name, .. }) if name == "user"),
            "{user}"
        );
    }
    for database in ["/orders", "shop/", "/"] {
        assert!(
            matches!(login(&[("user", "ada"), ("database", database)]), Err(Refusal::Value { name, .. }) if name == "database")
        );
    }
}

#[test]
fn settings_are_canonical() {
    let driver = login(&[
        ("user", "ada"),
        ("database", "shop"),
        ("client_encoding", "'utf-8'"),
        ("datestyle", "ISO"),
        ("TimeZone", "Europe/Zurich"),
        ("extra_float_digits", "2"),
        ("search_path", "a,b"),
        ("statement_timeout", "5s"),
        ("intervalstyle", "iso_8601"),
    ]);
    let driver = driver.unwrap();
    assert_eq!(driver.setting("client_encoding"), Some("UTF8"));
    assert_eq!(driver.setting("DateStyle"), Some("ISO"));
    assert_eq!(driver.settings.len(), 7);
}

/// What drivers and people put into a connection's settings, none of which changes what a statement means.
#[test]
fn settings_of_drivers_pass() {
    for name in [
        "bytea_output",
        "client_min_messages",
        "default_transaction_deferrable",
        "default_transaction_isolation",
        "default_transaction_read_only",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "jit",
        "lock_timeout",
    ] {
        let plain = login(&[("user", "ada"), (name, "x")]).unwrap();
        assert_eq!(plain.settings, [(name, "x".to_owned())]);
        let within = with_options(&format!("-c {name}=x")).unwrap();
        assert_eq!(within.setting(name), Some("x"));
    }
}

#[test]
fn anything_else_is_refused_by_name() {
    for name in [
        "role",
        "session_authorization",
        "replication",
        "standard_conforming_strings",
        "countersign.person",
        "geqo",
        "countersign.reason",
    ] {
        let refusal = login(&[("user", "ada"), (name, "on")]).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::Parameter {
                name: name.to_owned()
            }
        );
        let bytes = refusal.encode();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            text.contains("SFATAL\0") && text.contains("C0A000\0") && text.contains(name),
            "{text}"
        );
    }
}

#[test]
fn encodings() {
    for good in ["UTF8", "utf-8", "Unicode", "SQL_ASCII", "sql-ascii"] {
        assert!(
            login(&[("user", "ada"), ("client_encoding", good)]).is_ok(),
            "{good}"
        );
    }
    for bad in [
        "SJIS",
        "SHIFT_JIS_2004",
        "BIG5",
        "GBK",
        "UHC",
        "GB18030",
        "JOHAB",
        "LATIN1",
        "",
        "UTF8\u{212a}",
        "UTF16",
    ] {
        assert!(
            matches!(
                login(&[("user", "ada"), ("client_encoding", bad)]),
                Err(Refusal::Value { .. })
            ),
            "{bad}"
        );
        assert!(
            with_options(&format!("-cclient_encoding={bad}")).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn options_are_settings_and_a_reason() {
    let options = r"-c search_path=a,b -cstatement-timeout=5s  -c countersign.reason=ticket\ 42\ \\o/ -c DATESTYLE=German";
    let login = with_options(options).unwrap();
    assert_eq!(login.reason.as_deref(), Some(r"ticket 42 \o/"));
    assert_eq!(login.setting("search_path"), Some("a,b"));
    assert_eq!(login.setting("statement_timeout"), Some("5s"));
    assert_eq!(login.setting("DateStyle"), Some("German"));
    assert_eq!(with_options("").unwrap().settings, []);
    assert_eq!(
        with_options("-c search_path=a -c search_path=b")
            .unwrap()
            .setting("search_path"),
        Some("b")
    );
}

#[test]
fn a_parameter_outranks_an_option() {
    let login = login(&[
        ("user", "ada"),
        ("application_name", "psql"),
        ("options", "-c application_name=other"),
    ])
    .unwrap();
    assert_eq!(login.settings, [("application_name", "psql".to_owned())]);
}

#[test]
fn other_options_are_refused() {
    let bad = [
        "-c standard_conforming_strings=off",
        "-cstandard-conforming-strings=off",
        "-c STANDARD_conforming_strings=off",
        "--search_path=a",
        "--standard_conforming_strings=off",
        "-c",
        "-c search_path",
        "-c =x",
        "-c=",
        "-d 5",
        "-e",
        "search_path=a",
        "-c search_path=a -c role=owner",
        "-c user=root",
        "-c database=other",
        "-C search_path=a",
        r"-c\ search_path=a",
        "-c search_path=a\\",
        r"\-c standard_conforming_strings=off",
    ];
    for options in bad {
        let refusal = with_options(options).expect_err(options);
        assert_eq!(refusal.sqlstate(), "0A000", "{options}");
        assert!(refusal.ends_session(), "{options}");
    }
}

#[test]
fn newer_protocols_are_negotiated() {
    let psql = [("user", "ada")];
    assert!(!startup_of(shapes::V3, &psql).needs_negotiation());
    assert!(!startup_of(shapes::V3 | 2, &psql).needs_negotiation());
    assert_eq!(startup_of(shapes::V3 | 2, &psql).agreed_minor(), 2);
    let grease = startup_of(
        shapes::V3 | 9999,
        &[("user", "ada"), ("_pq_.test_protocol_negotiation", "")],
    );
    assert!(grease.needs_negotiation());
    assert_eq!(grease.agreed_minor(), 2);
    assert_eq!(grease.options, ["_pq_.test_protocol_negotiation"]);
    assert!(Login::read(&grease).is_ok());
    assert!(startup_of(shapes::V3, &[("user", "ada"), ("_pq_.x", "1")]).needs_negotiation());
    let version_2 = next_first(
        &mut BytesMut::from(&shapes::startup(2 << 16, b"ada")[..]),
        &Limits::default(),
    );
    assert_eq!(
        version_2,
        Ok(Some(First::Unsupported { major: 2, minor: 0 }))
    );
}
