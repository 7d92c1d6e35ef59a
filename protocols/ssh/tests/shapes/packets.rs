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

/// Every kind of request, whole, as a client that has `h1` open sends it; id 10.
#[expect(clippy::too_many_lines, reason = "names every packet")]
pub fn stream() -> Vec<(&'static str, Vec<u8>)> {
    let copy = [
        extended(10, "copy-data", &[b"h1"]),
        vec![0; 16],
        handle(b"h1"),
        vec![0; 8],
    ];
    let reading = [strings(5, 10, &[b"h1"]), vec![0; 12]];
    let writing = [strings(6, 10, &[b"h1"]), vec![0; 8], handle(b"data")];
    let bodies = vec![
        ("open", open(10, b"/tmp/x", 0x1a)),
        ("close", strings(4, 10, &[b"h1"])),
        ("read", reading.concat()),
        ("write", writing.concat()),
        ("lstat", strings(7, 10, &[b"/tmp"])),
        ("fstat", strings(8, 10, &[b"h1"])),
        (
            "setstat",
            [
                strings(9, 10, &[b"/x"]),
                attributes(15, &[0, 1, 2, 3, 4, 5, 6]),
            ]
            .concat(),
        ),
        (
            "fsetstat",
            [strings(10, 10, &[b"h1"]), attributes(4, &[0o600])].concat(),
        ),
        ("opendir", strings(11, 10, &[b"/tmp"])),
        ("readdir", strings(12, 10, &[b"h1"])),
        ("remove", strings(13, 10, &[b"/tmp/x"])),
        (
            "mkdir",
            [strings(14, 10, &[b"/tmp/d"]), attributes(0, &[])].concat(),
        ),
        ("rmdir", strings(15, 10, &[b"/tmp/d"])),
        ("realpath", strings(16, 10, &[b"."])),
        ("stat", strings(17, 10, &[b"/tmp/../etc"])),
        ("rename", strings(18, 10, &[b"/a", b"/b"])),
        ("readlink", strings(19, 10, &[b"/l"])),
        ("symlink", strings(20, 10, &[b"/etc/passwd", b"/l"])),
        (
            "posix-rename",
            extended(10, "posix-rename@openssh.com", &[b"/a", b"/b"]),
        ),
        (
            "hardlink",
            extended(10, "hardlink@openssh.com", &[b"/a", b"/b"]),
        ),
        ("fsync", extended(10, "fsync@openssh.com", &[b"h1"])),
        ("statvfs", extended(10, "statvfs@openssh.com", &[b"/"])),
        ("fstatvfs", extended(10, "fstatvfs@openssh.com", &[b"h1"])),
        ("limits", extended(10, "limits@openssh.com", &[])),
        ("copy", copy.concat()),
        (
            "lsetstat",
            [
                extended(10, "lsetstat@openssh.com", &[b"/x"]),
                attributes(8, &[1, 2]),
            ]
            .concat(),
        ),
        ("home", extended(10, "home-directory", &[b"ada"])),
        (
            "names",
            extended(10, "users-groups-by-id@openssh.com", &[&[0, 0, 0, 1], &[]]),
        ),
        ("not-utf8", strings(13, 10, &[b"/tmp/caf\xe9"])),
        ("unknown-extension", extended(10, "evil@example.com", &[])),
    ];
    bodies
        .into_iter()
        .map(|(name, body)| (name, sized(&body)))
        .collect()
}

/// Conversations as the fuzz target reads them: how long a turn is, then the turns, the client's first.
pub fn conversations() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (name, packet) in stream() {
        let opens = sized(&open(1, b"/h", 3));
        let opened = sized(&strings(102, 1, &[b"h1"]));
        let answer = status_ok(10);
        let turns = [
            init(),
            version(&[("limits@openssh.com", "1")]),
            opens,
            opened,
            packet,
            answer,
        ];
        let longest = turns.iter().map(Vec::len).max().unwrap();
        let mut seed = vec![u8::try_from(longest).unwrap()];
        for turn in turns {
            // each turn is as long as the longest: a packet of nothing known ends it where there is room
            seed.extend(&turn);
            seed.resize(seed.len() + longest - turn.len(), 0);
        }
        seeds.push((name, seed));
    }
    seeds
}
