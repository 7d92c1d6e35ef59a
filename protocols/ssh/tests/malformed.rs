//! SFTP packets that are none: refused, and never read beyond their end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use bytes::Bytes;
use protocol_ssh::decode::sftp::{Ask, Malformed, Outcome, Status, Tap};
use shapes::packets::{
    SftpClient, attributes, framed, init, open, sized, status_ok, strings, version,
};

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
#[expect(clippy::too_many_lines, reason = "names every case")]
fn malformed_packets_of_a_client() {
    let cases: Vec<(&str, Vec<u8>, Malformed)> = vec![
        ("no type", vec![0, 0, 0, 0], Malformed::Empty),
        (
            "too long",
            vec![0xff, 0xff, 0xff, 0xff],
            Malformed::Oversize(u32::MAX),
        ),
        (
            "a byte too long",
            vec![0, 4, 0, 1],
            Malformed::Oversize(0x0004_0001),
        ),
        ("no id", framed(3, b""), Malformed::Cut),
        (
            "path beyond",
            framed(13, &[0, 0, 0, 1, 0, 0, 0, 9, b'x']),
            Malformed::Cut,
        ),
        (
            "trailing",
            sized(&[strings(13, 1, &[b"/x"]), vec![0]].concat()),
            Malformed::Trailing,
        ),
        ("unknown type", framed(21, &[0; 8]), Malformed::Kind(21)),
        ("a reply", framed(101, &[0; 16]), Malformed::Kind(101)),
        ("type 0", framed(0, &[0; 8]), Malformed::Kind(0)),
        ("VERSION", version(&[]), Malformed::Kind(2)),
        ("INIT again", init(), Malformed::OutOfPhase),
        (
            "open flags",
            sized(&open(1, b"/x", 0x40)),
            Malformed::Flags(0x40),
        ),
        (
            "attribute flags",
            sized(&[strings(9, 1, &[b"/x"]), attributes(16, &[])].concat()),
            Malformed::Flags(16),
        ),
        (
            "attributes claimed",
            sized(
                &[
                    strings(9, 1, &[b"/x"]),
                    attributes(0x8000_0000, &[u32::MAX]),
                ]
                .concat(),
            ),
            Malformed::Cut,
        ),
    ];
    for (name, bytes, malformed) in cases {
        assert_eq!(from_client(&bytes), Err(malformed), "{name}");
    }
    let mut client = SftpClient::ready();
    client.send(&strings(17, 1, &[b"/x"]));
    client
        .tap
        .from_client(sized(&strings(17, 1, &[b"/y"])).into());
    assert_eq!(client.tap.next_request(), Err(Malformed::RepeatedId(1)));
    let mut tap = Tap::new();
    tap.from_client(sized(&open(1, b"/x", 1)).into());
    assert_eq!(tap.next_request(), Err(Malformed::OutOfPhase));
    let mut tap = Tap::new();
    tap.from_client(framed(1, &2_u32.to_be_bytes()).into());
    assert_eq!(tap.next_request(), Err(Malformed::Version(2)));
    let long = vec![b'a'; 5000];
    assert!(matches!(
        from_client(&sized(&strings(13, 1, &[&long]))),
        Ok(Some(Ask::Refuse {
            status: Status::NoSuchFile,
            ..
        }))
    ));
}

#[test]
fn malformed_packets_of_a_server() {
    let cases: Vec<(&str, Vec<u8>, Malformed)> = vec![
        ("a request", sized(&open(1, b"/x", 1)), Malformed::Kind(3)),
        ("VERSION again", version(&[]), Malformed::OutOfPhase),
        ("nobody asked", status_ok(77), Malformed::UnknownId(77)),
        (
            "data for an open",
            sized(&strings(103, 1, &[b"x"])),
            Malformed::Mismatched(1),
        ),
        (
            "a handle for a stat",
            sized(&strings(102, 3, &[b"h"])),
            Malformed::Mismatched(3),
        ),
        (
            "a long handle",
            sized(&strings(102, 1, &[&[0; 257]])),
            Malformed::Handle,
        ),
        (
            "names claimed",
            sized(&[strings(104, 2, &[]), vec![0xff; 4]].concat()),
            Malformed::Cut,
        ),
        ("status cut", sized(&strings(101, 1, &[])), Malformed::Cut),
        (
            "trailing",
            sized(&[strings(102, 1, &[b"h"]), vec![0]].concat()),
            Malformed::Trailing,
        ),
    ];
    for (name, bytes, malformed) in cases {
        assert_eq!(from_server(&bytes), Err(malformed), "{name}");
    }
    let mut client = SftpClient::ready();
    client.opened(1, b"/a", 1, b"h");
    client.send(&open(2, b"/b", 1));
    client
        .tap
        .from_server(sized(&strings(102, 2, &[b"h"])).into());
    assert_eq!(client.tap.next_reply(), Err(Malformed::Handle));
    let mut tap = Tap::new();
    tap.from_server(version(&[]).into());
    assert_eq!(tap.next_reply(), Err(Malformed::OutOfPhase));
    let mut tap = Tap::new();
    tap.from_client(init().into());
    tap.next_request().unwrap();
    tap.from_server(framed(2, &6_u32.to_be_bytes()).into());
    assert_eq!(tap.next_reply(), Err(Malformed::Version(6)));
}

/// Every packet with its last bytes missing, but with a length that says so: refused, never read beyond.
#[test]
fn packets_cut_short() {
    for (name, bytes) in shapes::packets::stream() {
        for length in 1..bytes.len() - 5 {
            let body = &bytes[5..5 + length];
            let ask = from_client(&framed(bytes[4], body));
            let refused = matches!(ask, Err(Malformed::Cut) | Ok(Some(Ask::Refuse { .. })));
            assert!(refused, "{name} cut to {length}: {ask:?}");
        }
    }
}
