//! Crafted messages: the malformed shapes that decoders of this protocol have been broken with, and sound ones beside them.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(clippy::too_many_lines, reason = "tables")]

pub mod statements;

/// A message: its type, its length, its body.
pub fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    declared(tag, body.len() as i32 + 4, body)
}

/// A message whose length says something of its own.
pub fn declared(tag: u8, length: i32, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// A packet without a type byte.
pub fn packet(body: &[u8]) -> Vec<u8> {
    [&(body.len() as i32 + 4).to_be_bytes()[..], body].concat()
}

pub fn startup(version: u32, body: &[u8]) -> Vec<u8> {
    packet(&[&version.to_be_bytes()[..], body].concat())
}

pub const SSL: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
pub const GSSENC: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];
pub const V3: u32 = 3 << 16;

/// Bytes of a client after login: each holds a message that must be refused.
pub fn malformed_frontend() -> Vec<(&'static str, Vec<u8>)> {
    let drop = frame(b'Q', b"DROP TABLE t\0");
    vec![
        (
            "query-holds-a-second-query",
            frame(b'Q', &[&b"SELECT 1\0"[..], &drop].concat()),
        ),
        (
            "query-text-beyond-its-length",
            declared(b'Q', 12, b"SELECT 1;DROP TABLE t\0"),
        ),
        ("query-without-nul", frame(b'Q', b"SELECT 1")),
        ("query-empty-body", frame(b'Q', b"")),
        ("query-inner-nul", frame(b'Q', b"SELECT 1\0 --\0")),
        ("query-trailing-byte", frame(b'Q', b"SELECT 1\0\0")),
        ("query-not-utf8", frame(b'Q', b"SELECT '\xe9'\0")),
        ("query-length-0", declared(b'Q', 0, b"")),
        ("query-length-3", declared(b'Q', 3, b"")),
        ("query-length-negative", declared(b'Q', -1, b"SELECT 1\0")),
        (
            "query-length-minimum",
            declared(b'Q', i32::MIN, b"SELECT 1\0"),
        ),
        (
            "query-length-maximum",
            declared(b'Q', i32::MAX, b"SELECT 1\0"),
        ),
        ("sync-with-body", frame(b'S', b"0123456789")),
        ("sync-length-3", declared(b'S', 3, b"")),
        ("flush-with-body", frame(b'H', b"\0")),
        ("terminate-with-body", frame(b'X', b"x")),
        (
            "bytes-after-terminate",
            [frame(b'X', b""), drop.clone()].concat(),
        ),
        ("parse-name-alone", frame(b'P', b"s\0")),
        ("parse-without-types", frame(b'P', b"s\0SELECT 1\0")),
        (
            "parse-types-cut",
            frame(b'P', b"s\0SELECT $1\0\0\x02\0\0\0\x17"),
        ),
        (
            "parse-types-claimed",
            frame(b'P', b"s\0SELECT $1\0\xff\xff"),
        ),
        (
            "parse-trailing-bytes",
            frame(b'P', b"s\0SELECT 1\0\0\0DROP TABLE t\0"),
        ),
        (
            "parse-name-too-long",
            frame(b'P', &[&[b'n'; 64][..], b"\0SELECT 1\0\0\0"].concat()),
        ),
        ("bind-empty", frame(b'B', b"")),
        ("bind-names-alone", frame(b'B', b"p\0s\0")),
        ("bind-formats-cut", frame(b'B', b"p\0s\0\0\x02\0\0")),
        (
            "bind-format-unknown",
            frame(b'B', b"p\0s\0\0\x01\0\x02\0\0\0\0"),
        ),
        (
            "bind-formats-do-not-fit",
            frame(b'B', b"p\0s\0\0\x02\0\0\0\0\0\x01\0\0\0\x01x\0\0"),
        ),
        (
            "bind-parameters-claimed",
            frame(b'B', b"p\0s\0\0\0\xff\xff\0\0"),
        ),
        (
            "bind-parameter-beyond-frame",
            frame(b'B', b"p\0s\0\0\0\0\x01\0\0\x40\0x\0\0"),
        ),
        (
            "bind-parameter-length-negative",
            frame(b'B', b"p\0s\0\0\0\0\x01\xff\xff\xff\xfe\0\0"),
        ),
        (
            "bind-without-result-formats",
            frame(b'B', b"p\0s\0\0\0\0\0"),
        ),
        ("bind-trailing-bytes", frame(b'B', b"p\0s\0\0\0\0\0\0\0x")),
        ("describe-without-name", frame(b'D', b"S")),
        ("describe-unknown-kind", frame(b'D', b"Xs\0")),
        ("execute-cut", frame(b'E', b"p\0\0\0")),
        ("execute-without-nul", frame(b'E', b"portal")),
        ("execute-trailing-bytes", frame(b'E', b"p\0\0\0\0\0\0")),
        ("close-empty", frame(b'C', b"")),
        (
            "close-over-small-limit",
            frame(b'C', &[&b"S"[..], &[b'n'; 20_000], b"\0"].concat()),
        ),
        (
            "function-call-cut",
            frame(b'F', b"\0\0\0\x01\0\0\0\x01\0\0\0\x04ab"),
        ),
        ("copy-data-out-of-phase", frame(b'd', b"1\n")),
        ("copy-data-length-3", declared(b'd', 3, b"")),
        ("password-out-of-phase", frame(b'p', b"secret\0")),
        ("password-length-2", declared(b'p', 2, b"")),
        ("unknown-type", frame(b'z', b"")),
        ("nul-type", vec![0, 0, 0, 8, 0, 0, 0, 0]),
        ("startup-after-login", startup(V3, b"user\0eve\0\0")),
        (
            "cancel-after-login",
            packet(&[CANCEL, &[0, 0, 0, 7, 1, 2, 3, 4]].concat()),
        ),
    ]
}

pub fn sound_frontend() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("query", frame(b'Q', b"SELECT 1\0")),
        ("query-empty", frame(b'Q', b"\0")),
        ("pipeline", pipeline()),
        (
            "parse-with-types",
            frame(b'P', b"s\0SELECT $1::text\0\0\x01\0\0\0\x19"),
        ),
        (
            "bind-null-and-binary",
            frame(
                b'B',
                b"\0s\0\0\x02\0\0\0\x01\0\x02\xff\xff\xff\xff\0\0\0\x04\0\0\0\x2a\0\x01\0\x01",
            ),
        ),
        (
            "function-call",
            frame(b'F', b"\0\0\x05\x14\0\0\0\x01\0\0\0\x011\0\0"),
        ),
        ("terminate", frame(b'X', b"")),
    ]
}

pub fn pipeline() -> Vec<u8> {
    [
        frame(b'P', b"\0SELECT $1\0\0\0"),
        frame(b'B', b"\0\0\0\0\0\x01\0\0\0\x011\0\0"),
        frame(b'D', b"P\0"),
        frame(b'E', b"\0\0\0\0\0"),
        frame(b'C', b"Ss\0"),
        frame(b'H', b""),
        frame(b'S', b""),
    ]
    .concat()
}

/// First packets that must be refused.
pub fn malformed_startup() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (
            "startup-after-ssl-request",
            [
                SSL,
                &startup(V3, b"user\0attacker\0\0"),
                &frame(b'Q', b"DROP TABLE t\0"),
            ]
            .concat(),
        ),
        (
            "startup-after-gssenc-request",
            [GSSENC, &startup(V3, b"user\0attacker\0\0")].concat(),
        ),
        ("one-byte-after-ssl-request", [SSL, b"\x16"].concat()),
        (
            "ssl-request-with-body",
            packet(&[0x04, 0xd2, 0x16, 0x2f, 0]),
        ),
        ("length-0", vec![0, 0, 0, 0]),
        ("length-7", vec![0, 0, 0, 7, 0, 3, 0]),
        ("length-negative", vec![0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0]),
        ("length-10001", vec![0, 0, 0x27, 0x11, 0, 3, 0, 0]),
        ("no-terminator", startup(V3, b"user\0ada\0")),
        ("no-parameters-no-terminator", startup(V3, b"")),
        ("value-missing", startup(V3, b"user\0")),
        ("value-without-nul", startup(V3, b"user\0ada")),
        (
            "bytes-after-terminator",
            startup(V3, b"user\0ada\0\0database\0shop\0\0"),
        ),
        ("parameter-twice", startup(V3, b"user\0ada\0user\0root\0\0")),
        ("not-utf8", startup(V3, b"user\0\xff\xfe\0\0")),
        (
            "cancel-key-of-3",
            packet(&[CANCEL, &[0, 0, 0, 7, 1, 2, 3]].concat()),
        ),
        (
            "cancel-key-of-257",
            packet(&[CANCEL, &[0, 0, 0, 7], &[1; 257]].concat()),
        ),
        ("cancel-without-key", packet(CANCEL)),
        (
            "bytes-after-cancel",
            [
                packet(&[CANCEL, &[0, 0, 0, 7, 1, 2, 3, 4]].concat()),
                vec![0],
            ]
            .concat(),
        ),
    ]
}

pub fn sound_startup() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("ssl", SSL.to_vec()),
        ("gssenc", GSSENC.to_vec()),
        (
            "cancel",
            packet(&[CANCEL, &[0, 0, 0, 7, 1, 2, 3, 4]].concat()),
        ),
        (
            "psql",
            startup(
                V3,
                b"user\0ada\0database\0shop\0application_name\0psql\0client_encoding\0UTF8\0\0",
            ),
        ),
        (
            "grease",
            startup(
                V3 | 9999,
                b"user\0ada\0_pq_.test_protocol_negotiation\0\0\0",
            ),
        ),
        (
            "options",
            startup(
                V3,
                b"user\0ada#owner\0options\0-c search_path=a\\ b -ccountersign.reason=why\0\0",
            ),
        ),
        ("version-2", startup(2 << 16, b"ada")),
        ("direct-tls", vec![0x16, 3, 1, 2, 0, 1, 0]),
    ]
}

/// Bytes of a server that must be refused.
pub fn malformed_backend() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("row-length-5", declared(b'D', 5, b"\0")),
        ("row-columns-claimed", frame(b'D', b"\xff\xff")),
        (
            "row-value-beyond-frame",
            frame(b'D', b"\0\x01\x7f\xff\xff\xffx"),
        ),
        (
            "row-value-length-negative",
            frame(b'D', b"\0\x01\xff\xff\xff\xfe"),
        ),
        ("row-trailing-bytes", frame(b'D', b"\0\x01\0\0\0\x01xy")),
        ("row-fewer-values", frame(b'D', b"\0\x02\0\0\0\x01x")),
        ("description-columns-claimed", frame(b'T', b"\xff\xff")),
        ("description-cut", frame(b'T', b"\0\x01card\0\0\0\0\x01")),
        (
            "description-format-unknown",
            frame(
                b'T',
                b"\0\x01c\0\0\0\0\x01\0\x01\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\x02",
            ),
        ),
        ("error-unterminated", frame(b'E', b"SERROR\0C42501\0Mno")),
        ("error-without-last-nul", frame(b'E', b"SERROR\0")),
        ("error-empty", frame(b'E', b"")),
        ("error-trailing-bytes", frame(b'E', b"SERROR\0\0x")),
        ("notice-unterminated", frame(b'N', b"M")),
        ("status-unknown", frame(b'Z', b"X")),
        ("status-long", frame(b'Z', b"II")),
        ("key-of-3", frame(b'K', b"\0\0\0\x01abc")),
        (
            "key-of-257",
            frame(b'K', &[&[0, 0, 0, 1][..], &[7; 257]].concat()),
        ),
        (
            "parameter-status-cut",
            frame(b'S', b"client_encoding\0UTF8"),
        ),
        ("authentication-cut", frame(b'R', b"\0\0\0")),
        ("md5-salt-cut", frame(b'R', b"\0\0\0\x05ab")),
        (
            "sasl-without-end",
            frame(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0"),
        ),
        ("ok-with-body", frame(b'R', b"\0\0\0\0x")),
        ("complete-without-nul", frame(b'C', b"SELECT 1")),
        ("parse-complete-with-body", frame(b'1', b"x")),
        ("types-claimed", frame(b't', b"\xff\xff\0\0\0\x17")),
        ("copy-formats-claimed", frame(b'H', b"\0\0\x05\0\0")),
        (
            "negotiate-names-claimed",
            frame(b'v', b"\0\0\0\0\xff\xff\xff\xffa\0"),
        ),
        (
            "notification-cut",
            frame(b'A', b"\0\0\0\x01channel\0payload"),
        ),
        ("length-0", declared(b'Z', 0, b"I")),
        ("length-negative", declared(b'D', -5, b"\0\0")),
        ("error-length-maximum", declared(b'E', i32::MAX, b"S")),
        ("unknown-type", frame(b'z', b"")),
    ]
}

pub fn sound_backend() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("login", [frame(b'R', b"\0\0\0\0"), frame(b'S', b"server_version\x0015.18\0"), frame(b'K', b"\0\0\0\x07keys"), frame(b'Z', b"I")].concat()),
        ("sasl", frame(b'R', b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")),
        ("rows", rows()),
        ("error", frame(b'E', b"SERROR\0VERROR\0C23505\0Mduplicate\0DKey (email)=(ada@example.com) already exists.\0P7\0\0")),
        ("copy-out", [frame(b'H', b"\0\0\x02\0\0\0\0"), frame(b'd', b"1\tx\n"), frame(b'c', b""), frame(b'C', b"COPY 1\0")].concat()),
        ("notification", frame(b'A', b"\0\0\0\x01channel\0payload\0")),
        ("negotiate", frame(b'v', b"\0\0\0\0\0\0\0\x01_pq_.x\0")),
    ]
}

/// A result of two columns and two rows.
pub fn rows() -> Vec<u8> {
    let column = |name: &str, oid: u32| {
        [
            name.as_bytes(),
            b"\0\0\0\x40\0\0\x01",
            &oid.to_be_bytes()[..],
            b"\xff\xff\xff\xff\xff\xff\0\0",
        ]
        .concat()
    };
    [
        frame(
            b'T',
            &[&b"\0\x02"[..], &column("id", 23), &column("email", 25)].concat(),
        ),
        frame(b'D', b"\0\x02\0\0\0\x011\0\0\0\x0fada@example.com"),
        frame(b'D', b"\0\x02\0\0\0\x012\xff\xff\xff\xff"),
        frame(b'C', b"SELECT 2\0"),
        frame(b'Z', b"I"),
    ]
    .concat()
}

const CANCEL: &[u8] = &[0x04, 0xd2, 0x16, 0x2e];
