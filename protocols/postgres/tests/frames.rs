//! Crafted messages of both peers: every malformed one is refused, none is read as another, whatever pieces it comes in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use bytes::BytesMut;
use protocol_postgres::wire::Malformed;
use protocol_postgres::wire::backend::Backend;
use protocol_postgres::wire::frame::{
    BackendFrame, Frame, Limits, Phase, next_backend, next_frontend, pass_rows,
};
use protocol_postgres::wire::frontend::{Frontend, SaslInitial, password};
use protocol_postgres::wire::startup::{First, next_first};

/// Reads all messages; whether bytes are left over tells a cut one.
fn frontend(bytes: &[u8]) -> Result<(Vec<Frame>, usize), Malformed> {
    let (mut buffer, mut frames) = (BytesMut::from(bytes), Vec::new());
    while let Some(frame) = next_frontend(&mut buffer, Phase::Ready, &Limits::default())? {
        Frontend::read(&frame)?;
        frames.push(frame);
    }
    Ok((frames, buffer.len()))
}

fn backend(bytes: &[u8]) -> Result<(Vec<Frame>, usize), Malformed> {
    let (mut buffer, mut frames) = (BytesMut::from(bytes), Vec::new());
    while let Some(frame) = next_backend(&mut buffer, &Limits::default())? {
        let BackendFrame::Whole(frame) = frame else {
            return Ok((frames, buffer.len()));
        };
        Backend::read(&frame)?;
        frames.push(frame);
    }
    Ok((frames, buffer.len()))
}

fn first(bytes: &[u8]) -> Result<Option<First>, Malformed> {
    next_first(&mut BytesMut::from(bytes), &Limits::default())
}

#[test]
fn refuses_what_a_client_must_not_send() {
    for (name, bytes) in shapes::malformed_frontend() {
        assert!(frontend(&bytes).is_err(), "{name}: {:?}", frontend(&bytes));
    }
    for (name, bytes) in shapes::sound_frontend() {
        let (frames, left) = frontend(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(left, 0, "{name}");
        assert_eq!(
            frames
                .iter()
                .flat_map(|frame| frame.bytes().to_vec())
                .collect::<Vec<_>>(),
            bytes,
            "{name}"
        );
    }
}

#[test]
fn refuses_what_a_server_must_not_send() {
    for (name, bytes) in shapes::malformed_backend() {
        assert!(backend(&bytes).is_err(), "{name}: {:?}", backend(&bytes));
    }
    for (name, bytes) in shapes::sound_backend() {
        let (frames, left) = backend(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(left, 0, "{name}");
        assert_eq!(
            frames
                .iter()
                .flat_map(|frame| frame.bytes().to_vec())
                .collect::<Vec<_>>(),
            bytes,
            "{name}"
        );
    }
}

#[test]
fn refuses_first_packets() {
    for (name, bytes) in shapes::malformed_startup() {
        assert!(first(&bytes).is_err(), "{name}: {:?}", first(&bytes));
    }
    for (name, bytes) in shapes::sound_startup() {
        assert!(
            matches!(first(&bytes), Ok(Some(_))),
            "{name}: {:?}",
            first(&bytes)
        );
    }
    assert_eq!(
        first(&shapes::malformed_startup()[0].1),
        Err(Malformed::BeforeHandshake),
        "plaintext injection"
    );
}

/// Cut anywhere, and then the rest given: the same frames or a refusal, never another frame.
#[test]
fn a_cut_message_is_never_another() {
    for (name, bytes) in shapes::sound_frontend()
        .into_iter()
        .chain(shapes::malformed_frontend())
    {
        let whole = frontend(&bytes);
        for cut in 0..bytes.len() {
            if let Ok((frames, left)) = frontend(&bytes[..cut]) {
                assert_eq!(
                    frames
                        .iter()
                        .map(|frame| frame.bytes().len())
                        .sum::<usize>()
                        + left,
                    cut,
                    "{name} at {cut}"
                );
                if let Ok((all, _)) = &whole {
                    assert_eq!(frames[..], all[..frames.len()], "{name} at {cut}");
                }
            } else {
                // Terminate is the one message that is refused for what follows it
                assert!(whole.is_err(), "{name} at {cut}");
            }
        }
    }
    for (name, bytes) in shapes::sound_backend() {
        let (all, _) = backend(&bytes).unwrap();
        for cut in 0..bytes.len() {
            let (frames, left) = backend(&bytes[..cut]).unwrap();
            assert_eq!(frames[..], all[..frames.len()], "{name} at {cut}");
            assert_eq!(
                frames
                    .iter()
                    .map(|frame| frame.bytes().len())
                    .sum::<usize>()
                    + left,
                cut,
                "{name} at {cut}"
            );
        }
    }
    for (name, bytes) in shapes::sound_startup()
        .into_iter()
        .filter(|(name, _)| *name != "direct-tls")
    {
        for cut in 0..bytes.len() {
            assert_eq!(first(&bytes[..cut]), Ok(None), "{name} at {cut}");
        }
    }
}

/// A body cut short under a length that fits it: refused, for every type.
#[test]
fn a_short_body_is_refused() {
    for (name, bytes) in shapes::sound_frontend()
        .into_iter()
        .filter(|(name, _)| *name != "pipeline")
    {
        for keep in 0..bytes.len().saturating_sub(5) {
            let cut = shapes::frame(bytes[0], &bytes[5..5 + keep]);
            assert!(frontend(&cut).is_err(), "{name} keeping {keep}");
        }
    }
}

#[test]
fn phases_have_their_own_types() {
    let limits = Limits::default();
    let take = |bytes: &[u8], phase| {
        next_frontend(&mut BytesMut::from(bytes), phase, &limits)
            .map(|frame| frame.map(|frame| frame.tag()))
    };
    let (query, password, data) = (
        shapes::frame(b'Q', b"\0"),
        shapes::frame(b'p', b"x\0"),
        shapes::frame(b'd', b"1\n"),
    );
    assert_eq!(
        take(&query, Phase::Authenticating),
        Err(Malformed::Type(b'Q'))
    );
    assert_eq!(take(&password, Phase::Authenticating), Ok(Some(b'p')));
    assert_eq!(take(&password, Phase::Ready), Err(Malformed::Type(b'p')));
    assert_eq!(take(&data, Phase::Ready), Err(Malformed::Type(b'd')));
    assert_eq!(take(&data, Phase::CopyIn), Ok(Some(b'd')));
    assert_eq!(take(&query, Phase::CopyIn), Err(Malformed::Type(b'Q')));
    assert_eq!(take(&data, Phase::CopyEnded), Ok(Some(b'd')));
    assert_eq!(take(&query, Phase::CopyEnded), Ok(Some(b'Q')));
}

#[test]
fn sizes_are_refused_from_the_header_alone() {
    let limits = Limits::default();
    let take = |tag, length, phase| {
        next_frontend(
            &mut BytesMut::from(&shapes::declared(tag, length, b"")[..]),
            phase,
            &limits,
        )
    };
    assert!(matches!(
        take(b'p', 10_000, Phase::Authenticating),
        Err(Malformed::TooLong { limit: 10_000, .. })
    ));
    assert_eq!(take(b'p', 9_999, Phase::Authenticating), Ok(None));
    assert!(matches!(
        take(b'Q', 16 << 20, Phase::Ready),
        Err(Malformed::TooLong { .. })
    ));
    assert_eq!(take(b'Q', (16 << 20) - 1, Phase::Ready), Ok(None));
    assert!(matches!(
        take(b'E', 10_000, Phase::Ready),
        Err(Malformed::TooLong { .. })
    ));
}

#[test]
fn rows_pass_in_one_run() {
    let bytes = shapes::rows();
    let description = 5 + u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize - 4;
    let mut buffer = BytesMut::from(&bytes[description..]);
    let (run, rows) = pass_rows(&mut buffer);
    assert_eq!(rows, 2);
    assert_eq!(run, bytes[description..description + run.len()]);
    assert_eq!(buffer[0], b'C');
    // half a row stays where it is
    let mut half = BytesMut::from(&bytes[description..description + run.len() - 1]);
    assert_eq!(pass_rows(&mut half).1, 1);
    let (rest, rows) = pass_rows(&mut half);
    assert_eq!((rest.len(), rows), (0, 0));
    assert_eq!(half[0], b'D');
    assert_eq!(
        pass_rows(&mut BytesMut::from(&shapes::declared(b'D', 5, b"\0")[..])).1,
        0
    );
}

#[test]
fn a_row_too_long_to_hold_comes_in_pieces() {
    let limits = Limits {
        reply: 64,
        ..Limits::default()
    };
    let bytes = [shapes::frame(b'D', &[7; 200]), shapes::frame(b'Z', b"I")].concat();
    let (mut buffer, mut passed) = (BytesMut::from(&bytes[..30]), Vec::new());
    let Ok(Some(BackendFrame::Large(mut large))) = next_backend(&mut buffer, &limits) else {
        panic!("not large")
    };
    for piece in bytes[30..].chunks(33) {
        passed.extend_from_slice(&large.take(&mut buffer));
        buffer.extend_from_slice(piece);
    }
    passed.extend_from_slice(&large.take(&mut buffer));
    assert_eq!(large.remaining(), 0);
    assert_eq!(passed, bytes[..205]);
    assert!(
        matches!(next_backend(&mut buffer, &limits), Ok(Some(BackendFrame::Whole(frame))) if frame.tag() == b'Z')
    );
    let error = shapes::frame(b'E', &[b'M'; 200]);
    assert!(matches!(
        next_backend(&mut BytesMut::from(&error[..]), &limits),
        Err(Malformed::TooLong { .. })
    ));
}

#[test]
fn reads_answers_to_a_challenge() {
    let read = |body: &[u8]| {
        next_frontend(
            &mut BytesMut::from(&shapes::frame(b'p', body)[..]),
            Phase::Authenticating,
            &Limits::default(),
        )
        .unwrap()
        .unwrap()
    };
    let initial = read(b"SCRAM-SHA-256\0\0\0\0\x03abc");
    let initial = SaslInitial::read(&initial).unwrap();
    assert_eq!(
        (initial.mechanism, initial.response),
        ("SCRAM-SHA-256", Some(&b"abc"[..]))
    );
    assert_eq!(
        SaslInitial::read(&read(b"SCRAM-SHA-256\0\xff\xff\xff\xff"))
            .unwrap()
            .response,
        None
    );
    for bad in [
        &b"SCRAM-SHA-256\0\0\0\0\x04abc"[..],
        b"SCRAM-SHA-256\0\0\0\0\x02abc",
        b"SCRAM",
        b"",
        b"S\0\xff\xff\xff\xf0",
    ] {
        assert!(SaslInitial::read(&read(bad)).is_err(), "{bad:?}");
    }
    assert_eq!(password(&read(b"secret\0")), Ok("secret"));
    for bad in [&b"secret"[..], b"se\0cret\0", b""] {
        assert!(password(&read(bad)).is_err(), "{bad:?}");
    }
}
