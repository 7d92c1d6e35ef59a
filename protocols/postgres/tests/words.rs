//! What the gateway says is read back by its own readers, and no NUL gets in.
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
use protocol_postgres::wire::backend::{Authentication, Backend, Status, mechanisms};
use protocol_postgres::wire::frame::{
    BackendFrame, Frame, Limits, Phase, next_backend, next_frontend,
};
use protocol_postgres::wire::frontend::{Frontend, Named, SaslInitial, sasl_response};
use protocol_postgres::wire::startup::{Cancel, First, next_first};
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
        (negotiated.version, negotiated.names().collect::<Vec<_>>()),
        (0x3_0002, vec![&b"_pq_.x"[..]])
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
