//! How a connection begins, with real psql and byte by byte: what is refused is refused in native words, before any secret.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::Write;
use std::sync::LazyLock;

use e2e::driver::Driver;
use e2e::lasting::Lasting;
use e2e::psql::{Login, Psql};
use e2e::raw::{self, GSSENC_REQUEST, SSL_REQUEST};
use e2e::stand::Stand;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&[]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ada() -> Login<'static> {
    Login::of("ada", &stand().people.ada, "login")
}

/// psql does not get in, and is told why.
fn refused(login: &Login<'_>, message: &str) -> String {
    let mut psql = Psql::start(stand().place(), login).unwrap();
    psql.told(message).unwrap();
    assert_eq!(psql.ended().unwrap().code(), Some(2));
    psql.errors()
}

#[test]
fn plaintext_is_refused_with_a_hint() {
    let login = Login {
        mode: "disable",
        ..ada()
    };
    let said = refused(&login, "HINT:  connect with sslmode=verify-full");
    assert!(
        said.contains("FATAL:  unencrypted connections are refused"),
        "{said}"
    );

    let mut stream = raw::connect(stand().place()).unwrap();
    let startup = raw::startup(&[("user", "ada"), ("database", "shop")]).unwrap();
    stream.write_all(&startup).unwrap();
    let error = raw::error(&mut stream).unwrap();
    assert_eq!(error[&'S'], "FATAL");
    assert_eq!(error[&'C'], "28000");
    assert_eq!(error[&'H'], "connect with sslmode=verify-full");
    assert_eq!(raw::rest(&mut stream), b"");
}

#[test]
fn an_unknown_startup_parameter_is_named() {
    for (options, name) in [
        ("-c work_mem=1GB", "work_mem"),
        (
            "-c standard_conforming_strings=off",
            "standard_conforming_strings",
        ),
        ("-c role=postgres", "role"),
        (
            "-c session_preload_libraries=x",
            "session_preload_libraries",
        ),
        ("-d 5", "-d"),
    ] {
        let login = Login {
            options: Some(options),
            ..ada()
        };
        refused(
            &login,
            &format!("startup parameter \"{name}\" is not supported by this gateway"),
        );
    }
    for (name, value) in [("replication", "database"), ("geqo", "off")] {
        let mut stream = raw::secured(stand().place()).unwrap();
        let parameters = [("user", "ada"), ("database", "shop"), (name, value)];
        stream
            .write_all(&raw::startup(&parameters).unwrap())
            .unwrap();
        let error = raw::error(&mut stream).unwrap();
        assert_eq!(error[&'S'], "FATAL");
        assert_eq!(error[&'C'], "0A000");
        assert!(error[&'M'].contains(&format!("\"{name}\"")), "{error:?}");
    }
}

#[test]
fn what_is_on_the_list_passes() {
    let options = "-c search_path=public -c statement_timeout=9s -c countersign.reason=ticket\\ 7";
    let login = Login {
        options: Some(options),
        ..ada()
    };
    let mut psql = Psql::open(stand().place(), &login).unwrap();
    assert_eq!(psql.ask("SHOW statement_timeout;").unwrap().out, "9s\n");
    assert_eq!(psql.ask("SHOW search_path;").unwrap().out, "public\n");
    assert!(psql.quit().unwrap().success());
    let login = Login {
        database: "shop/shop",
        ..ada()
    };
    let mut psql = Psql::open(stand().place(), &login).unwrap();
    assert_eq!(
        psql.ask("SELECT current_database();").unwrap().out,
        "shop\n"
    );
    assert!(psql.quit().unwrap().success());
}

#[test]
fn the_reason_given_at_startup_is_shown_to_who_decides() {
    let stand = stand();
    stand.table("reasoned").unwrap();
    let login = Login {
        options: Some("-c countersign.reason=ticket\\ 7"),
        ..ada()
    };
    let mut psql = Psql::open(stand.place(), &login).unwrap();
    let id = stand
        .held(&mut psql, "DELETE FROM reasoned;", "reasoned")
        .unwrap();
    let shown = stand.approve(&stand.people.grace, id).unwrap();
    assert!(shown.contains("ticket 7 (their words)"), "{shown}");
    assert_eq!(psql.answer().unwrap().out, "DELETE 3\n");
    assert!(psql.quit().unwrap().success());
}

#[test]
fn a_wrong_token_is_refused() {
    let stand = stand();
    let wrong = format!("{}x", stand.people.ada);
    refused(
        &Login {
            token: &wrong,
            ..ada()
        },
        "FATAL:  password authentication failed for user \"ada\"",
    );
    // somebody else's token is no token, and nobody learns which users there are
    refused(
        &Login {
            token: &stand.people.grace,
            ..ada()
        },
        "FATAL:  password authentication failed for user \"ada\"",
    );
    refused(
        &Login {
            user: "nobody",
            ..ada()
        },
        "FATAL:  password authentication failed for user \"nobody\"",
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let login = e2e::driver::Driver::connect(stand.place(), "ada", &wrong);
    let Err(error) = runtime.block_on(login) else {
        panic!("a wrong token gets in")
    };
    let error = error.downcast_ref::<tokio_postgres::Error>().unwrap();
    assert_eq!(error.code().unwrap().code(), "28P01", "{error}");
}

#[test]
fn an_unknown_target_or_database_is_refused() {
    for database in ["nowhere", "shop/postgres", "shop/template1", "postgres"] {
        let login = Login { database, ..ada() };
        refused(&login, "FATAL:  permission denied to connect to");
    }
}

#[test]
fn gssenc_is_refused_and_tls_may_follow() {
    let mut stream = raw::connect(stand().place()).unwrap();
    stream.write_all(&GSSENC_REQUEST).unwrap();
    assert_eq!(raw::byte(&mut stream).unwrap(), b'N');
    stream.write_all(&SSL_REQUEST).unwrap();
    assert_eq!(raw::byte(&mut stream).unwrap(), b'S');
}

#[test]
fn what_is_sent_before_the_handshake_is_not_read_as_if_it_came_after() {
    let startup = raw::startup(&[("user", "ada"), ("database", "shop")]).unwrap();
    let mut stream = raw::connect(stand().place()).unwrap();
    let mut smuggled = SSL_REQUEST.to_vec();
    smuggled.extend_from_slice(&startup);
    stream.write_all(&smuggled).unwrap();
    let error = raw::error(&mut stream).unwrap();
    assert_eq!(error[&'S'], "FATAL");
    assert_eq!(error[&'C'], "08P01", "{error:?}");
    assert_eq!(raw::rest(&mut stream), b"");

    // the same behind a GSSENCRequest
    let mut stream = raw::connect(stand().place()).unwrap();
    let mut smuggled = GSSENC_REQUEST.to_vec();
    smuggled.extend_from_slice(&startup);
    stream.write_all(&smuggled).unwrap();
    assert_eq!(raw::error(&mut stream).unwrap()[&'C'], "08P01");
    assert_eq!(raw::rest(&mut stream), b"");
}

#[test]
fn what_is_no_startup_packet_ends_the_connection() {
    for packet in [
        vec![0, 0, 0, 4],
        vec![0, 0, 0, 7, 0, 3, 0],
        vec![0xff; 8],
        vec![0, 1, 0, 0, 0, 3, 0, 0],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let mut stream = raw::connect(stand().place()).unwrap();
        stream.write_all(&packet).unwrap();
        let answer = raw::rest(&mut stream);
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            answer.is_empty() || text.contains("08P01"),
            "{packet:?}: {text}"
        );
    }
    // and an unknown version is told so
    let mut stream = raw::secured(stand().place()).unwrap();
    stream.write_all(&[0, 0, 0, 9, 0, 2, 0, 0, 0]).unwrap();
    assert_eq!(raw::error(&mut stream).unwrap()[&'C'], "0A000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_may_come_first_if_it_names_the_protocol() {
    let stand = stand();
    let driver = Driver::connect_directly(stand.place(), "ada", &stand.people.ada)
        .await
        .unwrap();
    let alive = driver.client.query_one("SELECT 'alive'", &[]).await;
    assert_eq!(alive.unwrap().get::<_, &str>(0), "alive");
    driver.close().await.unwrap();
    tokio::task::spawn_blocking(move || {
        for protocols in [&[][..], &[&b"http/1.1"[..]]] {
            let place = stand.place();
            let stream = raw::connect(place).unwrap();
            let mut stream = raw::within(place, stream, protocols).unwrap();
            let said = raw::startup(&[("user", "ada"), ("database", "shop")]).unwrap();
            // where the handshake fails, nothing can be written
            drop(stream.write_all(&said));
            assert_eq!(raw::rest(&mut stream), b"", "{protocols:?}");
        }
    })
    .await
    .unwrap();
}
