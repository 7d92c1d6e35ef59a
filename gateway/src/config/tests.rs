use std::path::Path;

use serde_json::Value;

use super::*;

const FIRST: &str = include_str!("../command/init/countersign.yaml");
const SCHEMA: &str = include_str!("../../../docs/countersign.schema.json");

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(Path::new("/etc/countersign/countersign.yaml"), text)
}

fn refused(text: &str) -> String {
    match parse(text) {
        Ok(_) => panic!("taken:\n{text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_first_configuration_is_taken() {
    let config = parse(FIRST).unwrap();
    let targets: Vec<&str> = config
        .settings
        .targets
        .keys()
        .map(TargetName::as_str)
        .collect();
    assert_eq!(targets, ["shop"]);
    assert_eq!(config.settings.listeners.len(), 1);
    assert_eq!(
        config.path(Path::new("audit")),
        Path::new("/etc/countersign/audit")
    );
    assert_eq!(
        config.path(Path::new("/var/audit")),
        Path::new("/var/audit")
    );
}

#[test]
fn authorities_for_ssh_may_be_left_out() {
    let named = parse(FIRST).unwrap().settings.ssh.unwrap();
    assert_eq!(named.user_authority, Path::new("keys/ssh-user-ca"));
    assert_eq!(named.host_authority, Path::new("keys/ssh-host-ca"));
    let (before, rest) = FIRST.split_once("ssh:\n  user_authority").unwrap();
    let (_, after) = rest.split_once("\nadmin:\n").unwrap();
    let without = format!("{before}admin:\n{after}");
    assert!(parse(&without).unwrap().settings.ssh.is_none());
    let one = FIRST.replacen("  host_authority: keys/ssh-host-ca\n", "", 1);
    assert!(refused(&one).contains("host_authority"));
}

#[test]
fn listeners_for_ssh_take_what_the_section_names() {
    let listener = "listeners:\n  - address: 127.0.0.1:2222\n    ssh: {}\n";
    let mut config = parse(&FIRST.replacen("listeners:\n", listener, 1)).unwrap();
    let [ssh, postgres] = config.settings.listeners.as_mut_slice() else {
        panic!("two listeners");
    };
    let own = ssh
        .settings
        .downcast_mut::<protocol_ssh::config::Listener>();
    let section = own.unwrap().section.take().unwrap();
    let file = |name: &str| gate::secret::Reference::File(name.into());
    assert_eq!(section.host_keys, [file("keys/ssh-host-key")]);
    assert_eq!(section.host_authority, file("keys/ssh-host-ca"));
    assert_eq!(section.user_authority, file("keys/ssh-user-ca"));
    assert_eq!(section.names, ["localhost", "127.0.0.1", "::1"]);
    let other = postgres
        .settings
        .downcast_ref::<protocol_ssh::config::Listener>();
    assert!(other.is_none());
}

#[test]
fn a_misspelt_field_is_refused_with_its_place_and_a_hint() {
    let cases = [
        ("listeners:\n", "listner:\n", "did you mean `listeners`?"),
        (
            "    postgres: {}\n",
            "    postgers: {}\n",
            "did you mean `postgres`?",
        ),
        ("    labels:", "    lables:", "did you mean `labels`?"),
        (
            "      databases:",
            "      database:",
            "did you mean `databases`?",
        ),
        (
            "      how: last4",
            "      hwo: last4",
            "did you mean `how`?",
        ),
        (
            "  folder: policies",
            "  folders: policies",
            "did you mean `folder`?",
        ),
    ];
    for (right, wrong, hint) in cases {
        let text = FIRST.replacen(right, wrong, 1);
        let line = text
            .lines()
            .position(|line| {
                line.trim_end() == wrong.trim_end() || line.starts_with(wrong.trim_end())
            })
            .unwrap()
            + 1;
        let told = refused(&text);
        assert!(told.contains(hint), "{wrong}: {told}");
        assert!(
            told.starts_with(&format!("/etc/countersign/countersign.yaml:{line}:")),
            "{wrong}: {told}"
        );
    }
}

#[test]
fn a_wrong_value_is_refused_with_its_place() {
    for (right, wrong, words) in [
        ("drain_seconds: 30", "drain_seconds: soon", "drain_seconds"),
        ("127.0.0.1:6432", "localhost", "address"),
        ("  shop:\n", "  gateway:\n", "is the gateway itself"),
        ("  shop:\n", "  Shop:\n", "a target's name"),
        ("how: last4", "how: upside-down", "unknown variant"),
    ] {
        let told = refused(&FIRST.replacen(right, wrong, 1));
        assert!(told.contains("countersign.yaml:"), "{told}");
        assert!(
            told.contains(words) || words == "drain_seconds" || words == "address",
            "{wrong}: {told}"
        );
    }
}

#[test]
fn a_listener_speaks_one_protocol() {
    let none = FIRST.replacen("    postgres: {}\n", "", 1);
    assert!(refused(&none).contains("no protocol is named, expected one of `postgres`"));
    let twice = FIRST.replacen(
        "    postgres: {}\n",
        "    postgres: {}\n    postgres: {}\n",
        1,
    );
    refused(&twice);
}

#[test]
fn contradictions_are_refused() {
    let shared = FIRST.replacen("127.0.0.1:7443", "127.0.0.1:6432", 1);
    assert!(refused(&shared).contains("two listeners share"));
    let plain = FIRST.replacen(
        "  address: 127.0.0.1:7443\n  tls:\n    certificate: server.pem\n    key: { file: server.key }\n",
        "  address: 0.0.0.0:7443\n",
        1,
    );
    assert!(refused(&plain).contains("plaintext"));
}

#[test]
fn the_published_schema_is_that_of_this_program() {
    let published: Value = serde_json::from_str(SCHEMA).unwrap();
    let own = schema().to_value();
    assert!(
        published == own,
        "docs/countersign.schema.json is stale; type: countersign check --schema > docs/countersign.schema.json"
    );
}

#[test]
fn the_schema_and_the_reader_agree() {
    let validator = jsonschema::validator_for(&schema().to_value()).unwrap();
    let json = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    assert!(
        validator.is_valid(&json(FIRST)),
        "{:?}",
        validator.iter_errors(&json(FIRST)).next()
    );
    for (right, wrong) in [
        ("listeners:\n", "listner:\n"),
        ("    postgres: {}\n", ""),
        ("    postgres: {}\n", "    postgres: { mesage_bytes: 1 }\n"),
        ("  folder: policies", "  folders: policies"),
        ("how: last4", "how: upside-down"),
        ("drain_seconds: 30", "drain_seconds: soon"),
        ("  shop:\n", "  Shop:\n"),
        ("  user_authority:", "  users_authority:"),
        ("  host_authority: keys/ssh-host-ca\n", ""),
    ] {
        let text = FIRST.replacen(right, wrong, 1);
        assert!(
            parse(&text).is_err() && !validator.is_valid(&json(&text)),
            "{wrong}"
        );
    }
}

#[test]
fn listeners_may_be_sockets() {
    let socket = |rest: &str| {
        let listener = format!("listeners:\n  - address: /run/countersign/.s.PGSQL.5432\n{rest}");
        FIRST.replacen("listeners:\n", &listener, 1)
    };
    let config = parse(&socket("    postgres: {}\n")).unwrap();
    let address = &config.settings.listeners[0].address;
    assert_eq!(address.to_string(), "/run/countersign/.s.PGSQL.5432");
    assert_eq!(address.port(), None);
    let tls = "    tls: { certificate: server.pem, key: { file: server.key } }\n    postgres: {}\n";
    assert!(refused(&socket(tls)).contains("a Unix socket has no `tls`"));
    let one = "  - address: /run/countersign/.s.PGSQL.5432\n    postgres: {}\n";
    let twice = refused(&socket(&format!("    postgres: {{}}\n{one}")));
    assert!(twice.contains("two listeners share"), "{twice}");
    let nowhere = refused(&FIRST.replacen("address: ", "address: here ", 1));
    assert!(nowhere.contains("full path of a Unix socket"), "{nowhere}");
}
