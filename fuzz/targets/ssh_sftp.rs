//! Both sides of an SFTP channel: packets are exactly what was declared, in whatever pieces they come, and pass unchanged.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use protocol_ssh::decode::sftp::{Ask, Malformed, Tap};
use protocol_ssh::words;

fuzz_target!(|data: &[u8]| {
    // the first byte says how the pieces are cut, each piece begins with its side
    let Some((&piece, data)) = data.split_first() else {
        return;
    };
    let whole = talk(data, usize::from(piece).max(2), usize::MAX);
    let pieces = talk(data, usize::from(piece).max(2), 3);
    assert_eq!(whole, pieces);
});

/// What passes on each side, up to where the stream is no SFTP.
fn talk(data: &[u8], turn: usize, piece: usize) -> (Vec<Bytes>, Vec<Bytes>, Option<Malformed>) {
    let mut tap = Tap::new();
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for (number, turn) in data.chunks(turn).enumerate() {
        for bytes in turn.chunks(piece.min(turn.len().max(1))) {
            let bytes = Bytes::copy_from_slice(bytes);
            let done = match number % 2 {
                0 => client(&mut tap, bytes, &mut up),
                _ => server(&mut tap, bytes, &mut down),
            };
            if let Err(malformed) = done {
                return (up, down, Some(malformed));
            }
        }
    }
    (up, down, None)
}

fn client(tap: &mut Tap, bytes: Bytes, up: &mut Vec<Bytes>) -> Result<(), Malformed> {
    tap.from_client(bytes);
    while let Some(packet) = tap.next_request()? {
        let declared = u32::from_be_bytes(packet.bytes[..4].try_into().expect("four bytes"));
        assert_eq!(packet.bytes.len(), declared as usize + 4);
        if let Ask::Judge(request) = &packet.ask {
            assert!(!words::sftp(request, "login").is_empty());
        }
        up.push(packet.bytes);
    }
    Ok(())
}

fn server(tap: &mut Tap, bytes: Bytes, down: &mut Vec<Bytes>) -> Result<(), Malformed> {
    tap.from_server(bytes);
    while let Some(reply) = tap.next_reply()? {
        down.push(reply.bytes);
    }
    Ok(())
}
