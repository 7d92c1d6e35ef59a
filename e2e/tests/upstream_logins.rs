//! How the gateway enters servers: each way of logging in against a real PostgreSQL that asks for it, several places of one
//! target, and what is told where there is no way in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ports;
use e2e::process::output;
use e2e::psql::{Login, Psql};
use e2e::stand::Stand;
use e2e::watchdog::until;

/// Who asks for what at the server. The last two lines are the stand's own.
const CLIENTS: &str = "\
hostssl all by_cleartext 127.0.0.1/32 password
hostssl all by_md5 127.0.0.1/32 md5
hostssl all by_certificate 127.0.0.1/32 cert
hostssl all by_kerberos 127.0.0.1/32 gss
hostssl all read_only 127.0.0.1/32 scram-sha-256
hostnossl all by_cleartext 127.0.0.1/32 password
hostnossl all by_md5 127.0.0.1/32 md5
hostnossl all shop_gateway 127.0.0.1/32 scram-sha-256
local all by_cleartext password
hostssl all all 127.0.0.1/32 scram-sha-256
local all all scram-sha-256
";

static LASTING: LazyLock<Lasting> = LazyLock::new(|| {
    let lasting = Lasting::start(&["upstreams.cedar"]).unwrap();
    prepare(&lasting.stand);
    lasting
});

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn prepare(stand: &Stand) {
    let place = stand.place();
    let data = stand.postgres.folder().join("data");
    certificates(&place.folder);
    let authority = std::fs::read(place.folder.join("clients.pem")).unwrap();
    let server_side = stand.postgres.folder().join("clients.pem");
    std::fs::write(&server_side, authority).unwrap();
    std::fs::write(data.join("pg_hba.conf"), CLIENTS).unwrap();
    let password = stand.postgres.gateway_password();
    let authority = server_side.display();
    // each statement on its own: ALTER SYSTEM takes no transaction
    for statement in [
        format!("CREATE ROLE by_cleartext LOGIN PASSWORD '{password}'"),
        format!("SET password_encryption = md5; CREATE ROLE by_md5 LOGIN PASSWORD '{password}'"),
        "CREATE ROLE by_certificate LOGIN".to_owned(),
        "CREATE ROLE by_kerberos LOGIN".to_owned(),
        format!("CREATE ROLE read_only LOGIN PASSWORD '{password}'"),
        "ALTER ROLE read_only SET default_transaction_read_only = on".to_owned(),
        format!("ALTER SYSTEM SET ssl_ca_file = '{authority}'"),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        stand.postgres.sql(&statement).unwrap();
    }
    let text = std::fs::read_to_string(place.config()).unwrap();
    let more = targets(stand);
    let (before, after) = text.split_once("\npolicies:").unwrap();
    std::fs::write(place.config(), format!("{before}{more}\npolicies:{after}")).unwrap();
    let check = ["check", "--config"];
    let config = place.config();
    let mut command = place.command(&stand.people.admin, &check);
    output(command.arg(config)).unwrap();
    stand.gateway.reload().unwrap();
    until("the targets are known", || {
        Ok(open(stand, "clear").is_ok().then_some(()))
    })
    .unwrap();
}

/// A client's certificate for `by_certificate`, and the authority that vouches for it.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(folder);
        output(&mut command).unwrap();
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout clients.key -out clients.pem -subj /CN=clients -days 2"
    ));
    openssl(&format!(
        "req -new {key} -keyout gateway-client.key -out gateway-client.csr -subj /CN=by_certificate"
    ));
    std::fs::write(folder.join("client.cnf"), "extendedKeyUsage=clientAuth\n").unwrap();
    openssl(
        "x509 -req -in gateway-client.csr -CA clients.pem -CAkey clients.key -CAcreateserial \
         -extfile client.cnf -days 2 -out gateway-client.pem",
    );
}

/// Each target as YAML, its name first.
fn targets(stand: &Stand) -> String {
    let port = stand.postgres.port();
    let socket = stand.postgres.folder().join(format!(".s.PGSQL.{port}"));
    let socket = format!("unix: {{ path: {} }}", socket.display());
    let tls = format!("tcp: {{ host: 127.0.0.1, port: {port}, ca: ca.pem }}");
    let plain = format!("loopback: {{ port: {port} }}");
    let [dead] = ports::free().unwrap();
    let nobody = format!("loopback: {{ port: {dead} }}");
    let password = "password: { file: keys/shop.password }";
    let proof = "certificate: { chain: gateway-client.pem, key: { file: gateway-client.key } }";
    let wrong = format!("tcp: {{ host: 127.0.0.1, port: {port}, ca: clients.pem }}");
    let writes = "target_session_attrs: read-write";
    let all = [
        ("clear", &tls, "by_cleartext", vec![password]),
        ("digest", &tls, "by_md5", vec![password]),
        ("proven", &tls, "by_certificate", vec![proof]),
        ("socket", &socket, "by_cleartext", vec![password]),
        ("here", &plain, "shop_gateway", vec![password]),
        ("here-digest", &plain, "by_md5", vec![password]),
        ("here-clear", &plain, "by_cleartext", vec![password]),
        ("unproven", &tls, "by_certificate", vec![password]),
        ("no-password", &tls, "by_md5", vec![]),
        ("kerberos", &tls, "by_kerberos", vec![password]),
        ("unbelieved", &wrong, "shop_gateway", vec![password]),
        ("nobody", &nobody, "shop_gateway", vec![password]),
        ("read-only", &tls, "read_only", vec![password, writes]),
        ("writable", &tls, "shop_gateway", vec![password, writes]),
    ];
    let one = |(name, at, user, more): &(&str, &String, &str, Vec<&str>)| {
        let more: String = more.iter().map(|line| format!("\n      {line}")).collect();
        format!(
            "\n  {name}:\n    labels: [env:upstream]\n    postgres:\n      at: {{ {at} }}\n      \
             databases: [shop]\n      user: {user}{more}"
        )
    };
    let mut text: String = all.iter().map(one).collect();
    let several = ("several", &nobody, "shop_gateway", vec![password]);
    text += &one(&several);
    text += &format!("\n      or_at: [{{ {nobody} }}, {{ {tls} }}]");
    text
}

fn open(stand: &Stand, target: &str) -> anyhow::Result<Psql> {
    let login = Login {
        database: target,
        ..Login::of("ada", &stand.people.ada, "upstream")
    };
    Psql::open(stand.place(), &login)
}

/// Who the server takes the gateway for.
fn enters(target: &str) -> String {
    let mut psql = open(stand(), target).unwrap();
    let answer = psql.ask("SELECT current_user;").unwrap();
    assert!(psql.quit().unwrap().success());
    answer.out.trim().to_owned()
}

/// What a client is told of a server that was not entered.
fn refused(target: &str) -> String {
    let stand = stand();
    let login = Login {
        database: target,
        ..Login::of("ada", &stand.people.ada, "upstream")
    };
    let mut psql = Psql::start(stand.place(), &login).unwrap();
    let said = psql.ask("SELECT 'within';").unwrap().err;
    assert!(
        said.contains("FATAL:  the gateway could not enter the server"),
        "{said}"
    );
    assert!(!said.contains(stand.postgres.gateway_password()), "{said}");
    said
}

#[test]
fn each_way_of_logging_in() {
    for (target, role) in [
        ("clear", "by_cleartext"),
        ("digest", "by_md5"),
        ("proven", "by_certificate"),
        ("socket", "by_cleartext"),
        ("here", "shop_gateway"),
        ("here-digest", "by_md5"),
        ("shop", "shop_gateway"),
    ] {
        assert_eq!(enters(target), role, "{target}");
    }
    // and it is what it says: the server itself knows how each came in
    let tls = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'by_certificate' AND client_dn = '/CN=by_certificate'";
    let _proven = open(stand(), "proven").unwrap();
    assert_eq!(stand().postgres.sql(tls).unwrap().trim(), "1");
}

#[test]
fn a_password_is_not_shown_to_whoever_answers() {
    let said = refused("here-clear");
    assert!(
        said.contains("asks for the password in clear text"),
        "{said}"
    );
}

#[test]
fn where_there_is_no_way_in_the_client_is_told_why() {
    for (target, why) in [
        ("unproven", "refused the gateway's login with 28000"),
        ("no-password", "the target's settings name none"),
        (
            "kerberos",
            "a login that the gateway does not speak (GSSAPI)",
        ),
        ("unbelieved", "its certificate or its TLS is not believed"),
        ("nobody", "it does not answer"),
    ] {
        let said = refused(target);
        assert!(said.contains(why), "{target}: {said}");
    }
}

#[test]
fn the_first_place_that_answers_is_entered() {
    assert_eq!(enters("several"), "shop_gateway");
}

#[test]
fn a_server_that_takes_no_writes_is_passed_over() {
    assert_eq!(enters("writable"), "shop_gateway");
    let said = refused("read-only");
    assert!(said.contains("takes no writes"), "{said}");
}

#[test]
fn check_says_what_is_wrong_with_a_target() {
    let stand = stand();
    let place = stand.place();
    let good = std::fs::read_to_string(place.config()).unwrap();
    let socket = "at: { unix: { path: /nowhere } }";
    for (from, to, why) in [
        ("gateway-client.pem", "missing.pem", "missing.pem"),
        (
            "chain: gateway-client.pem",
            "chain: ca.pem",
            "target `proven`",
        ),
        (
            "databases: [shop]\n      user: by_certificate",
            "databases: []\n      user: by_certificate",
            "`databases` names none",
        ),
    ] {
        let file = place.folder.join("wrong.yaml");
        std::fs::write(&file, good.replace(from, to)).unwrap();
        let mut command = place.command(&stand.people.admin, &["check", "--config"]);
        let ended = command.arg(&file).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{from}: {said}");
        assert!(
            said.contains("target `") && said.contains(why),
            "{from}: {said}"
        );
    }
    let (before, after) = good.split_once("  proven:").unwrap();
    let (_, rest) = after.split_once("at: {").unwrap();
    let (_, rest) = rest.split_once("} }").unwrap();
    let file = place.folder.join("wrong.yaml");
    let labels = "\n    labels: [env:upstream]\n    postgres:\n      ";
    std::fs::write(&file, format!("{before}  proven:{labels}{socket}{rest}")).unwrap();
    let mut command = place.command(&stand.people.admin, &["check", "--config"]);
    let ended = command.arg(&file).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.contains("`certificate` is shown over TLS only"),
        "{said}"
    );
}
