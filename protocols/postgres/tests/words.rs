//! What the gateway says is read back by its own readers, refusals have the words drivers expect, substitutes must be refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use protocol_postgres::wire::Malformed;
use protocol_postgres::wire::backend::{Authentication, Backend, Fields, Status, mechanisms};
use protocol_postgres::wire::frame::{
    BackendFrame, Frame, Limits, Phase, next_backend, next_frontend,
};
use protocol_postgres::wire::frontend::{Frontend, Named, SaslInitial, sasl_response};
use protocol_postgres::wire::refusal::Refusal;
use protocol_postgres::wire::startup::{Cancel, First, next_first};
use protocol_postgres::wire::substitute::Substitute;
use protocol_postgres::wire::write::{client, server};

fn from_server(bytes: &[u8]) -> Vec<Frame> {
    let mut buffer = BytesMut::from(bytes);
    let frames =
        std::iter::from_fn(
            || match next_backend(&mut buffer, &Limits::default()).unwrap()? {
                BackendFrame::Whole(frame) => Some(frame),
                BackendFrame::Large(_) => panic!("large"),
            },
        );
    frames.collect()
}

fn from_client(bytes: &[u8], phase: Phase) -> Frame {
    let mut buffer = BytesMut::from(bytes);
    let frame = next_frontend(&mut buffer, phase, &Limits::default())
        .unwrap()
        .unwrap();
    assert!(buffer.is_empty());
    frame
}

fn first(bytes: &[u8]) -> First {
    next_first(&mut BytesMut::from(bytes), &Limits::default())
        .unwrap()
        .unwrap()
}

fn fields(bytes: &[u8]) -> Vec<(char, String)> {
    let frame = from_server(bytes).remove(0);
    let (Ok(Backend::ErrorResponse(fields)) | Ok(Backend::NoticeResponse(fields))) =
        Backend::read(&frame)
    else {
        panic!("no report")
    };
    fields
        .iter()
        .map(|(code, text)| (char::from(code), String::from_utf8(text.to_vec()).unwrap()))
        .collect()
}

fn field(bytes: &[u8], code: char) -> Option<String> {
    fields(bytes)
        .into_iter()
        .find_map(|(found, text)| (found == code).then_some(text))
}

#[test]
fn a_login_is_read_back() {
    let mut out = BytesMut::new();
    client::negotiate_protocol_version(&mut out, 2, &["_pq_.x".to_owned()]);
    client::authentication_sasl(&mut out, &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
    client::authentication_sasl_continue(&mut out, b"r=1");
    client::authentication_sasl_final(&mut out, b"v=1");
    client::authentication_cleartext(&mut out);
    client::authentication_ok(&mut out);
    client::parameter_status(&mut out, "client_encoding", b"UTF8");
    client::backend_key_data(&mut out, 7, &[1; 32]);
    client::ready_for_query(&mut out, Status::Failed);
    let frames = from_server(&out);
    let read: Vec<_> = frames
        .iter()
        .map(|frame| Backend::read(frame).unwrap())
        .collect();
    let Backend::NegotiateProtocolVersion(negotiated) = read[0] else {
        panic!()
    };
    assert_eq!(
        (negotiated.minor, negotiated.names().collect::<Vec<_>>()),
        (2, vec![&b"_pq_.x"[..]])
    );
    let Backend::Authentication(Authentication::Sasl { mechanisms: list }) = read[1] else {
        panic!()
    };
    assert_eq!(
        mechanisms(list).collect::<Vec<_>>(),
        [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"]
    );
    assert_eq!(
        read[2],
        Backend::Authentication(Authentication::SaslContinue(b"r=1"))
    );
    assert_eq!(
        read[3],
        Backend::Authentication(Authentication::SaslFinal(b"v=1"))
    );
    assert_eq!(
        read[4],
        Backend::Authentication(Authentication::CleartextPassword)
    );
    assert_eq!(read[5], Backend::Authentication(Authentication::Ok));
    assert_eq!(
        read[6],
        Backend::ParameterStatus {
            name: "client_encoding",
            value: b"UTF8"
        }
    );
    assert_eq!(
        read[7],
        Backend::BackendKeyData {
            pid: 7,
            key: &[1; 32]
        }
    );
    assert_eq!(read[8], Backend::ReadyForQuery(Status::Failed));
}

#[test]
fn a_server_is_spoken_to_exactly() {
    assert_eq!(first(&server::ssl_request()), First::SslRequest);
    let cancel = Cancel {
        pid: -2,
        key: Bytes::from_static(&[9; 32]),
    };
    assert_eq!(
        first(&server::cancel_request(&cancel)),
        First::CancelRequest(cancel)
    );
    let First::Startup(startup) =
        first(&server::startup(&[("user", "owner"), ("database", "")]).unwrap())
    else {
        panic!()
    };
    assert_eq!(
        startup.parameters,
        [
            ("user".to_owned(), "owner".to_owned()),
            ("database".to_owned(), String::new())
        ]
    );
    let initial = from_client(
        &server::sasl_initial_response("SCRAM-SHA-256", b"n,,").unwrap(),
        Phase::Authenticating,
    );
    assert_eq!(
        SaslInitial::read(&initial).unwrap().response,
        Some(&b"n,,"[..])
    );
    assert_eq!(
        sasl_response(&from_client(
            &server::sasl_response(b"c="),
            Phase::Authenticating
        )),
        Ok(&b"c="[..])
    );
    for (bytes, tag) in [
        (server::sync(), b'S'),
        (server::flush(), b'H'),
        (server::terminate(), b'X'),
    ] {
        let frame = from_client(&bytes, Phase::Ready);
        assert!(frame.tag() == tag && Frontend::read(&frame).is_ok());
    }
    let describe = from_client(&server::describe(Named::Portal("p")).unwrap(), Phase::Ready);
    assert_eq!(
        Frontend::read(&describe),
        Ok(Frontend::Describe(Named::Portal("p")))
    );
    let close = from_client(&server::close(Named::Statement("s")).unwrap(), Phase::Ready);
    assert_eq!(
        Frontend::read(&close),
        Ok(Frontend::Close(Named::Statement("s")))
    );
    let fail = from_client(&server::copy_fail("no").unwrap(), Phase::CopyIn);
    assert_eq!(
        Frontend::read(&fail),
        Ok(Frontend::CopyFail { message: "no" })
    );
}

#[test]
fn a_nul_never_goes_to_a_server() {
    assert_eq!(
        server::query("SELECT 1\0DROP TABLE t"),
        Err(Malformed::Format)
    );
    assert!(server::parse("s\0", "SELECT 1", &[]).is_err());
    assert!(server::parse("s", "SELECT\0 1", &[]).is_err());
    assert!(server::execute("\0", 0).is_err());
    assert!(server::describe(Named::Statement("\0")).is_err());
    assert!(server::startup(&[("user", "a\0b")]).is_err());
    assert!(server::startup(&[("", "a")]).is_err());
}

#[test]
fn a_nul_never_cuts_what_a_client_is_told() {
    let report = client::Report {
        severity: "ERROR",
        sqlstate: "42501",
        message: "a\0b",
        position: Some(3),
        ..Default::default()
    };
    let bytes = client::error_response(&report);
    assert_eq!(field(&bytes, 'M').unwrap(), "ab");
    assert_eq!(field(&bytes, 'P').unwrap(), "3");
    assert_eq!(field(&bytes, 'D'), None);
    assert_eq!(
        field(
            &client::notice_response(&client::Report {
                severity: "NOTICE",
                sqlstate: "00000",
                message: "held",
                ..Default::default()
            }),
            'V'
        )
        .unwrap(),
        "NOTICE"
    );
}

#[test]
fn refusals_have_the_words_that_drivers_know() {
    let request = "r-1".to_owned();
    let cases = [
        (
            Refusal::Denied {
                policy: Some("no-drop".to_owned()),
                request: request.clone(),
                hint: None,
            },
            "42501",
            false,
        ),
        (
            Refusal::Denied {
                policy: None,
                request: request.clone(),
                hint: None,
            },
            "42501",
            false,
        ),
        (
            Refusal::Refused {
                approval: "a-1".to_owned(),
                by: "grace".to_owned(),
                reason: None,
            },
            "42501",
            false,
        ),
        (
            Refusal::Expired {
                approval: "a-1".to_owned(),
            },
            "42501",
            false,
        ),
        (
            Refusal::Withdrawn {
                approval: "a-1".to_owned(),
            },
            "57014",
            false,
        ),
        (
            Refusal::Unclear {
                reason: "why".to_owned(),
                request,
            },
            "42501",
            false,
        ),
        (
            Refusal::Masking {
                reason: "why".to_owned(),
                hint: "how".to_owned(),
            },
            "0A000",
            false,
        ),
        (
            Refusal::NotSupported {
                what: "COPY FROM STDIN".to_owned(),
            },
            "0A000",
            false,
        ),
        (
            Refusal::OverLimit {
                what: "the statement".to_owned(),
            },
            "54000",
            false,
        ),
        (Refusal::GatewayFault { request: None }, "58000", false),
        (Refusal::Malformed(Malformed::Format), "08P01", true),
        (Refusal::Plaintext, "28000", true),
        (
            Refusal::LoginFailed {
                user: "ada".to_owned(),
            },
            "28P01",
            true,
        ),
        (
            Refusal::Parameter {
                name: "role".to_owned(),
            },
            "0A000",
            true,
        ),
        (
            Refusal::NotConnected {
                target: "shop".to_owned(),
            },
            "42501",
            true,
        ),
        (Refusal::TooManyConnections, "53300", true),
        (Refusal::Killed, "57P01", true),
        (Refusal::Drain, "57P01", true),
    ];
    for (refusal, sqlstate, fatal) in cases {
        let bytes = refusal.encode();
        assert_eq!(field(&bytes, 'C').as_deref(), Some(sqlstate), "{refusal:?}");
        assert_eq!(
            field(&bytes, 'S').as_deref(),
            Some(if fatal { "FATAL" } else { "ERROR" }),
            "{refusal:?}"
        );
        assert_eq!(field(&bytes, 'V'), field(&bytes, 'S'));
        assert_eq!(refusal.ends_session(), fatal, "{refusal:?}");
    }
    let plain = Refusal::Plaintext.encode();
    assert!(field(&plain, 'H').unwrap().contains("sslmode=verify-full"));
    let denied = Refusal::Denied {
        policy: Some("no-drop".to_owned()),
        request: "r-1".to_owned(),
        hint: Some("ask".to_owned()),
    }
    .encode();
    assert!(field(&denied, 'M').unwrap().contains("no-drop"));
    assert!(field(&denied, 'D').unwrap().contains("r-1"));
    let hostile = Refusal::Parameter {
        name: "a\u{1b}[2J\n".repeat(100),
    }
    .encode();
    assert!(
        fields(&hostile)
            .iter()
            .all(|(_, text)| text.len() < 200 && !text.contains(char::is_control))
    );
}

#[test]
fn truer_words_of_the_server_are_relayed() {
    let denied = Refusal::Denied {
        policy: None,
        request: "r-1".to_owned(),
        hint: None,
    };
    let rewritten = |body: &[u8]| {
        let frame = from_server(&shapes::frame(b'E', body)).remove(0);
        let Ok(Backend::ErrorResponse(answer)) = Backend::read(&frame) else {
            panic!()
        };
        let answer: Fields<'_> = answer;
        denied.rewrite(&answer)
    };
    assert_eq!(
        rewritten(b"SERROR\0VERROR\0C42703\0Mno such column\0\0"),
        Some(denied.encode())
    );
    assert_eq!(
        rewritten(b"SERROR\0VERROR\0C26000\0M\0\0"),
        Some(denied.encode())
    );
    assert_eq!(rewritten(b"SERROR\0VERROR\0C25P02\0Maborted\0\0"), None);
    assert_eq!(rewritten(b"SFATAL\0VFATAL\0C57P01\0Mshutdown\0\0"), None);
    assert_eq!(rewritten("SFATAL\0C57P01\0Mshutdown\0\0".as_bytes()), None);
}

#[test]
fn substitutes_hold_nothing_that_could_run() {
    let substitute = Substitute::new([0xab; 16]);
    let of = |bytes: &[u8]| {
        substitute
            .of(&from_client(bytes, Phase::CopyEnded))
            .unwrap()
    };
    let one = |bytes: &[u8]| {
        let [substituted] = &of(bytes)[..] else {
            panic!("not one")
        };
        from_client(substituted, Phase::Ready)
    };
    let query = one(&shapes::frame(b'Q', b"DROP TABLE orders\0"));
    let Ok(Frontend::Query(refused)) = Frontend::read(&query) else {
        panic!()
    };
    assert!(!refused.text.contains("orders"));
    assert_eq!(
        one(&shapes::frame(b'F', b"\0\0\x05\x14\0\0\0\0\0\0")).tag(),
        b'Q'
    );
    let parse = one(&shapes::frame(
        b'P',
        b"s1\0DROP TABLE orders\0\0\x01\0\0\0\x17",
    ));
    let Ok(Frontend::Parse(parse)) = Frontend::read(&parse) else {
        panic!()
    };
    assert_eq!(
        (parse.name, parse.text, parse.types.len()),
        ("s1", refused.text, 0)
    );
    let bind = one(&shapes::frame(
        b'B',
        b"p\0s1\0\0\0\0\x01\0\0\0\x06secret\0\0",
    ));
    let Ok(Frontend::Bind(bind)) = Frontend::read(&bind) else {
        panic!()
    };
    assert_eq!(bind.portal, "p");
    assert!(
        bind.statement.ends_with("abababab")
            && bind.statement.len() <= 63
            && bind.parameters.is_empty()
    );
    let execute = one(&shapes::frame(b'E', b"p\0\0\0\0\0"));
    let Ok(Frontend::Execute(execute)) = Frontend::read(&execute) else {
        panic!()
    };
    assert_ne!(execute.portal, "p");
    assert_ne!(
        one(&shapes::frame(b'D', b"Ss1\0")).bytes(),
        &shapes::frame(b'D', b"Ss1\0")[..]
    );
    for dropped in [
        shapes::frame(b'S', b""),
        shapes::frame(b'H', b""),
        shapes::frame(b'C', b"Ss\0"),
        shapes::frame(b'd', b"x"),
        shapes::frame(b'X', b""),
    ] {
        assert_eq!(of(&dropped), Vec::<Bytes>::new());
    }
}

fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,40}"
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_0-9]{0,63}"
}

proptest! {
    #[test]
    fn what_is_written_is_read(text in text(), name in name(), portal in name(), types in proptest::collection::vec(any::<u32>(), 0..9), rows in any::<i32>()) {
        let query = from_client(&server::query(&text).unwrap(), Phase::Ready);
        prop_assert!(matches!(Frontend::read(&query), Ok(Frontend::Query(query)) if query.text == text));
        let parse = from_client(&server::parse(&name, &text, &types).unwrap(), Phase::Ready);
        let Ok(Frontend::Parse(parse)) = Frontend::read(&parse) else { panic!() };
        prop_assert_eq!((parse.name, parse.text, parse.types.iter().collect::<Vec<_>>()), (&name[..], &text[..], types));
        let execute = from_client(&server::execute(&portal, rows).unwrap(), Phase::Ready);
        prop_assert!(matches!(Frontend::read(&execute), Ok(Frontend::Execute(execute)) if execute.portal == portal && execute.rows == rows));
    }

    #[test]
    fn a_bind_is_read_back(parameters in proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)), 0..9), binary_results in any::<bool>()) {
        let borrowed: Vec<_> = parameters.iter().map(Option::as_deref).collect();
        let bytes = server::bind(&server::Bind { portal: "p", statement: "s", parameters: &borrowed, binary_results }).unwrap();
        let frame = from_client(&bytes, Phase::Ready);
        let Ok(Frontend::Bind(bind)) = Frontend::read(&frame) else { panic!() };
        prop_assert_eq!(bind.parameters.iter().collect::<Vec<_>>(), borrowed);
        prop_assert_eq!(bind.result_formats.is_binary(5), binary_results);
        prop_assert!(!bind.formats.is_binary(0));
    }

    #[test]
    fn any_bytes_are_messages_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
        let cut = cut.min(bytes.len());
        let read = |pieces: &[&[u8]]| {
            let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
            for piece in pieces {
                buffer.extend_from_slice(piece);
                while let Some(frame) = next_frontend(&mut buffer, Phase::CopyEnded, &Limits::default())? {
                    Frontend::read(&frame)?;
                    read.push(frame);
                }
            }
            Ok::<_, Malformed>(read)
        };
        let (whole, pieces) = (read(&[&bytes]), read(&[&bytes[..cut], &bytes[cut..]]));
        // what follows Terminate is seen only when it comes together with it
        if whole != Err(Malformed::AfterTerminate) {
            prop_assert_eq!(whole, pieces);
        }
    }
}
