//! SFTP packets as clients and servers build them, and a tap to put them through.

use bytes::{BufMut, Bytes};
use protocol_ssh::decode::sftp::{Ask, Packet, Request, Tap};

/// Length and type around a body.
pub fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.put_u32(u32::try_from(body.len() + 1).unwrap());
    packet.put_u8(kind);
    packet.extend_from_slice(body);
    packet
}

/// A packet without its length: a kind, an id, strings; more may be appended before [`sized`].
pub fn strings(kind: u8, id: u32, strings: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![kind];
    body.put_u32(id);
    for string in strings {
        body.extend(handle(string));
    }
    body
}

pub fn handle(bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u32(u32::try_from(bytes.len()).unwrap());
    body.extend_from_slice(bytes);
    body
}

pub fn open(id: u32, path: &[u8], flags: u32) -> Vec<u8> {
    let mut body = strings(3, id, &[path]);
    body.put_u32(flags);
    body.put_u32(0);
    body
}

pub fn attributes(flags: u32, values: &[u32]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u32(flags);
    for value in values {
        body.put_u32(*value);
    }
    body
}

pub fn extended(id: u32, name: &str, fields: &[&[u8]]) -> Vec<u8> {
    strings(200, id, &[&[name.as_bytes()], fields].concat())
}

/// Puts the length before.
pub fn sized(body: &[u8]) -> Vec<u8> {
    framed(body[0], &body[1..])
}

pub fn init() -> Vec<u8> {
    framed(1, &3_u32.to_be_bytes())
}

pub fn version(extensions: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 3_u32.to_be_bytes().to_vec();
    for (name, value) in extensions {
        body.extend(handle(name.as_bytes()));
        body.extend(handle(value.as_bytes()));
    }
    framed(2, &body)
}

pub fn status_ok(id: u32) -> Vec<u8> {
    let mut body = strings(101, id, &[]);
    body.put_u32(0);
    body.extend(handle(b"Success"));
    body.extend(handle(b""));
    sized(&body)
}

/// A client at a tap whose server answers as it is told.
pub struct SftpClient {
    pub tap: Tap,
}

impl SftpClient {
    pub fn ready() -> Self {
        let mut tap = Tap::new();
        tap.from_client(init().into());
        tap.next_request().unwrap().unwrap();
        tap.from_server(version(&[]).into());
        tap.next_reply().unwrap().unwrap();
        Self { tap }
    }

    pub fn send(&mut self, body: &[u8]) -> Packet {
        self.tap.from_client(Bytes::from(sized(body)));
        self.tap.next_request().unwrap().expect("a whole packet")
    }

    /// What it asks for; the gateway answers it at once.
    pub fn judged(&mut self, body: &[u8]) -> Request {
        let packet = self.send(body);
        self.tap.answered(packet.id.unwrap());
        match packet.ask {
            Ask::Judge(request) => request,
            other => panic!("{other:?}"),
        }
    }

    pub fn opened(&mut self, id: u32, path: &[u8], flags: u32, name: &[u8]) {
        self.send(&open(id, path, flags));
        self.tap
            .from_server(Bytes::from(sized(&strings(102, id, &[name]))));
        self.tap.next_reply().unwrap().unwrap();
    }
}
