//! The SFTP tap: exact and bounded packets, both directions, 64 requests deep, and nothing that was not asked for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use bytes::{BufMut, Bytes};
use proptest::prelude::*;
use protocol_ssh::decode::sftp::{
    Ask, Continued, EXTENSIONS, MAX_FRAME, MAX_WAITING, Malformed, Outcome, Request, Status, Tap,
    permission_denied, status,
};
use shapes::packets::{
    SftpClient, attributes, extended, framed, handle, init, open, sized, status_ok, strings,
    version,
};

fn read(id: u32, name: &[u8], offset: u64) -> Vec<u8> {
    let mut body = strings(5, id, &[name]);
    body.put_u64(offset);
    body.put_u32(32768);
    body
}

fn write(id: u32, name: &[u8], offset: u64, data: &[u8]) -> Vec<u8> {
    let mut body = strings(6, id, &[name]);
    body.put_u64(offset);
    body.extend(handle(data));
    body
}

fn from_client(bytes: &[u8]) -> Result<Option<Ask>, Malformed> {
    let mut client = SftpClient::ready();
    client.tap.from_client(Bytes::copy_from_slice(bytes));
    Ok(client.tap.next_request()?.map(|packet| packet.ask))
}

fn from_server(bytes: &[u8]) -> Result<Option<Outcome>, Malformed> {
    let mut client = SftpClient::ready();
    client.send(&open(1, b"/x", 1));
    client.send(&strings(16, 2, &[b"."]));
    client.send(&strings(17, 3, &[b"/x"]));
    client.tap.from_server(Bytes::copy_from_slice(bytes));
    Ok(client.tap.next_reply()?.map(|reply| reply.outcome))
}

#[test]
fn a_session_passes_unchanged() {
    let mut client = SftpClient::ready();
    let body = open(1, b"/srv/x", 3);
    let packet = client.send(&body);
    assert_eq!(packet.bytes, sized(&body));
    assert_eq!(packet.id, Some(1));
    let answer = sized(&strings(102, 1, &[b"\0\0\0\0"]));
    client.tap.from_server(Bytes::from(answer.clone()));
    let reply = client.tap.next_reply().unwrap().unwrap();
    assert_eq!(
        (reply.bytes.as_ref(), reply.answers.unwrap().id),
        (answer.as_slice(), 1)
    );
    assert_eq!(client.tap.path(b"\0\0\0\0").unwrap().as_ref(), b"/srv/x");
    let packet = client.send(&write(2, b"\0\0\0\0", 7, b"data"));
    let written = Continued::Write {
        offset: 7,
        data: Bytes::from_static(b"data"),
    };
    assert!(matches!(packet.ask, Ask::Continue { what, .. } if what == written));
    client.tap.from_server(status_ok(2).into());
    let reply = client.tap.next_reply().unwrap().unwrap();
    let answers = reply.answers.unwrap();
    assert_eq!(
        (answers.offset, answers.handle.unwrap().as_ref()),
        (7, &b"\0\0\0\0"[..])
    );
    client.send(&read(3, b"\0\0\0\0", 9));
    client
        .tap
        .from_server(sized(&strings(103, 3, &[b"content"])).into());
    let reply = client.tap.next_reply().unwrap().unwrap();
    assert_eq!(reply.outcome, Outcome::Data(Bytes::from_static(b"content")));
    let packet = client.send(&strings(4, 4, &[b"\0\0\0\0"]));
    assert!(matches!(
        packet.ask,
        Ask::Continue {
            what: Continued::Close,
            ..
        }
    ));
    assert_eq!(client.tap.path(b"\0\0\0\0"), None);
}

#[test]
fn a_closed_handle_covers_nothing_and_its_name_may_be_given_again() {
    let mut client = SftpClient::ready();
    client.opened(1, b"/tmp/a", 1, b"h");
    client.send(&strings(4, 2, &[b"h"]));
    let refused = client.send(&read(3, b"h", 0));
    assert!(matches!(
        refused.ask,
        Ask::Refuse {
            status: Status::Failure,
            ..
        }
    ));
    client.opened(4, b"/tmp/b", 1, b"h");
    assert_eq!(client.tap.path(b"h").unwrap().as_ref(), b"/tmp/b");
}

#[test]
fn a_handle_that_nobody_opened_is_refused() {
    for body in [
        read(1, b"other", 0),
        write(1, b"other", 0, b"x"),
        strings(12, 1, &[b"other"]),
        strings(8, 1, &[b"other"]),
        [strings(10, 1, &[b"other"]), attributes(4, &[0o777])].concat(),
        extended(1, "fsync@openssh.com", &[b"other"]),
        [
            extended(1, "copy-data", &[b"a"]),
            vec![0; 16],
            handle(b"b"),
            vec![0; 8],
        ]
        .concat(),
    ] {
        let mut client = SftpClient::ready();
        let packet = client.send(&body);
        assert!(
            matches!(
                packet.ask,
                Ask::Refuse {
                    status: Status::Failure,
                    ..
                }
            ),
            "{body:?}"
        );
    }
}

#[test]
fn only_known_extensions_pass_in_both_directions() {
    let mut tap = Tap::new();
    let claims = [3_u32.to_be_bytes().to_vec(), handle(b"x"), handle(b"1")].concat();
    tap.from_client(framed(1, &claims).into());
    let packet = tap.next_request().unwrap().unwrap();
    assert_eq!(
        (packet.bytes.as_ref(), packet.ask),
        (init().as_slice(), Ask::Start)
    );
    let offered = [
        ("posix-rename@openssh.com", "1"),
        ("expand-path@openssh.com", "1"),
        ("evil@example.com", "1"),
        ("copy-data", "1"),
    ];
    tap.from_server(version(&offered).into());
    let reply = tap.next_reply().unwrap().unwrap();
    assert_eq!(
        reply.bytes,
        version(&[("posix-rename@openssh.com", "1"), ("copy-data", "1")])
    );
    for name in [
        "evil@example.com",
        "expand-path@openssh.com",
        "text-seek",
        "",
    ] {
        let ask = from_client(&sized(&extended(1, name, &[b"/x"])))
            .unwrap()
            .unwrap();
        assert!(
            matches!(
                ask,
                Ask::Refuse {
                    status: Status::Unsupported,
                    ..
                }
            ),
            "{name}"
        );
    }
    assert_eq!(EXTENSIONS.len(), 10);
}

#[test]
fn sixty_four_requests_wait_at_once_and_answers_come_in_any_order() {
    let mut client = SftpClient::ready();
    client.opened(1000, b"/big", 1, b"h");
    let mut burst = Vec::new();
    for id in 0..64 {
        burst.extend(sized(&read(id, b"h", u64::from(id) * 32768)));
    }
    client.tap.from_client(burst.into());
    for id in 0..64 {
        assert_eq!(client.tap.next_request().unwrap().unwrap().id, Some(id));
    }
    assert_eq!(client.tap.waiting(), 64);
    for id in (0..64).rev() {
        client
            .tap
            .from_server(sized(&strings(103, id, &[b"x"])).into());
        let answers = client.tap.next_reply().unwrap().unwrap().answers.unwrap();
        assert_eq!((answers.id, answers.offset), (id, u64::from(id) * 32768));
    }
    assert_eq!((client.tap.waiting(), client.tap.held()), (0, 0));
}

#[test]
fn no_more_is_taken_while_too_many_wait() {
    let mut client = SftpClient::ready();
    let many = u32::try_from(MAX_WAITING).unwrap();
    for id in 0..many {
        client.send(&strings(17, id, &[b"/x"]));
    }
    client
        .tap
        .from_client(sized(&strings(17, many, &[b"/x"])).into());
    assert_eq!(client.tap.next_request().unwrap(), None);
    assert!(client.tap.held() > 0);
    client.tap.from_server(status_ok(0).into());
    client.tap.next_reply().unwrap().unwrap();
    assert_eq!(client.tap.next_request().unwrap().unwrap().id, Some(many));
}

#[test]
fn one_request_is_refused_and_the_others_live() {
    let mut client = SftpClient::ready();
    client.send(&strings(13, 1, &[b"/x"]));
    client.send(&strings(17, 2, &[b"/x"]));
    client.tap.answered(1);
    let refusal = permission_denied(1, "no");
    assert_eq!(
        refusal.as_ref(),
        sized(
            &[
                strings(101, 1, &[]),
                3_u32.to_be_bytes().to_vec(),
                handle(b"no"),
                handle(b"en")
            ]
            .concat()
        )
    );
    assert_eq!(
        status(9, Status::Unsupported, "")[9..13],
        8_u32.to_be_bytes()
    );
    // a server that answers it all the same is out of step
    client.tap.from_server(status_ok(1).into());
    assert_eq!(client.tap.next_reply(), Err(Malformed::UnknownId(1)));
}

#[test]
fn the_largest_packet_passes() {
    let mut client = SftpClient::ready();
    client.opened(1, b"/big", 2, b"h");
    let room = MAX_FRAME - write(2, b"h", 0, b"").len();
    let packet = client.send(&write(2, b"h", 0, &vec![7; room]));
    assert_eq!(packet.bytes.len(), MAX_FRAME + 4);
}

/// Every packet cut at every byte: nothing comes out before it is whole, and then exactly what came in.
#[test]
fn packets_in_two_pieces() {
    for (_, bytes) in shapes::packets::stream() {
        for cut in 0..bytes.len() {
            let mut client = SftpClient::ready();
            client.opened(900, b"/h", 3, b"h1");
            client
                .tap
                .from_client(Bytes::copy_from_slice(&bytes[..cut]));
            assert_eq!(client.tap.next_request(), Ok(None));
            client
                .tap
                .from_client(Bytes::copy_from_slice(&bytes[cut..]));
            let packet = client.tap.next_request().unwrap().unwrap();
            assert_eq!(packet.bytes, bytes);
            assert_eq!(client.tap.held(), 0);
        }
    }
}

#[test]
fn a_folder_is_read_from_its_handle() {
    let mut client = SftpClient::ready();
    let packet = client.send(&strings(11, 1, &[b"/tmp"]));
    let path = Bytes::from_static(b"/tmp");
    assert_eq!(packet.ask, Ask::Judge(Request::OpenFolder { path }));
    client
        .tap
        .from_server(sized(&strings(102, 1, &[b"d"])).into());
    client.tap.next_reply().unwrap().unwrap();
    client.send(&strings(12, 2, &[b"d"]));
    let mut names = strings(104, 2, &[]);
    names.put_u32(1);
    names.extend([handle(b"caf\xe9"), handle(b"-rw"), attributes(1, &[0, 9])].concat());
    client.tap.from_server(sized(&names).into());
    let reply = client.tap.next_reply().unwrap().unwrap();
    assert_eq!(reply.outcome, Outcome::Names(1));
}

proptest! {
    #[test]
    fn any_bytes_are_packets_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..300) {
        let cut = cut.min(bytes.len());
        let read = |pieces: &[&[u8]]| {
            let mut client = SftpClient::ready();
            let mut packets = Vec::new();
            for piece in pieces {
                client.tap.from_client(Bytes::copy_from_slice(piece));
                while let Some(packet) = client.tap.next_request()? {
                    packets.push(packet);
                }
            }
            Ok::<_, Malformed>(packets)
        };
        prop_assert_eq!(read(&[&bytes]), read(&[&bytes[..cut], &bytes[cut..]]));
    }

    #[test]
    fn any_replies_are_packets_or_refused(kind in 100_u8..106, body in proptest::collection::vec(any::<u8>(), 0..60), id in 1_u32..5) {
        let body = [id.to_be_bytes().to_vec(), body].concat();
        let _ = from_server(&framed(kind, &body));
    }

    #[test]
    fn any_path_is_told(path in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut client = SftpClient::ready();
        let request = client.judged(&strings(13, 1, &[&path]));
        prop_assert_eq!(&request, &Request::Remove { path: path.clone().into(), folder: false });
        let operations = protocol_ssh::words::sftp(&request, "deploy");
        let levels = &operations[0].resource.path;
        prop_assert!(levels.len() >= 2 && levels[0].0 == "Account");
        prop_assert!(levels[1..].iter().all(|(entity, name)| *entity == "Path" && !name.is_empty()));
        shapes::described(&operations);
    }

    /// Two names that differ are two resources, whatever their encoding.
    #[test]
    fn names_that_differ_stay_apart(one in proptest::collection::vec(name_byte(), 1..8), other in proptest::collection::vec(name_byte(), 1..8)) {
        let dots = |name: &[u8]| name == b"." || name == b"..";
        prop_assume!(one != other && !dots(&one) && !dots(&other));
        let place = |name: &[u8]| {
            let path = Bytes::from([b"/tmp/", name].concat());
            let request = Request::Remove { path, folder: false };
            protocol_ssh::words::sftp(&request, "deploy")[0].resource.id("box")
        };
        prop_assert_ne!(place(&one), place(&other));
    }
}

/// Bytes of names that are easily confused.
fn name_byte() -> impl Strategy<Value = u8> {
    proptest::sample::select(
        b"a.\\x%/e9\xe9\xff\x00~"
            .iter()
            .copied()
            .filter(|byte| *byte != b'/')
            .collect::<Vec<u8>>(),
    )
}
