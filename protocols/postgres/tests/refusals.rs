//! Refusals have the words that drivers expect, and substitutes are what a server must refuse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![allow(clippy::too_many_lines, reason = "tables")]

mod shapes;

use bytes::{Bytes, BytesMut};
use protocol_postgres::wire::Malformed;
use protocol_postgres::wire::backend::{Backend, Fields};
use protocol_postgres::wire::frame::{
    BackendFrame, Frame, Limits, Phase, next_backend, next_frontend,
};
use protocol_postgres::wire::frontend::Frontend;
use protocol_postgres::wire::refusal::Refusal;
use protocol_postgres::wire::substitute::Substitute;

fn from_server(bytes: &[u8]) -> Frame {
    match next_backend(&mut BytesMut::from(bytes), &Limits::default()) {
        Ok(Some(BackendFrame::Whole(frame))) => frame,
        other => panic!("{other:?}"),
    }
}

fn from_client(bytes: &[u8], phase: Phase) -> Frame {
    let mut buffer = BytesMut::from(bytes);
    let frame = next_frontend(&mut buffer, phase, &Limits::default())
        .unwrap()
        .unwrap();
    assert!(buffer.is_empty());
    frame
}

fn fields(bytes: &[u8]) -> Vec<(char, String)> {
    let frame = from_server(bytes);
    let Ok(Backend::ErrorResponse(fields)) = Backend::read(&frame) else {
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
            Refusal::Ticket {
                approval: "7".to_owned(),
                asked: "somebody of dba must countersign (drops)".to_owned(),
                until: "2026-11-21T10:15:00Z".to_owned(),
            },
            "42501",
            false,
        ),
        (
            Refusal::Spent {
                approval: "7".to_owned(),
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
            Refusal::Syntax {
                request: "r-1".to_owned(),
            },
            "42601",
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
                hint: Some("use INSERT".to_owned()),
            },
            "0A000",
            false,
        ),
        (
            Refusal::OverLimit {
                what: "the statement".to_owned(),
                hint: None,
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
        (
            Refusal::NotEntered {
                why: "it does not answer".to_owned(),
            },
            "58000",
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
        let frame = from_server(&shapes::frame(b'E', body));
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
