//! Servers that lie: whatever one sends, the client is told in native words and in time, nobody else is harmed, and no
//! value passes unmasked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

use std::time::{Duration, Instant};

use e2e::fake_postgres::{Fake, Speech, When, message, messages};
use e2e::people::token;
use e2e::stand::{Options, Stand};
use e2e::wire::{Wire, text};

const POLICY: &str = r#"
@id("engineers")
permit (
  principal in Group::"engineers",
  action in [Action::"connect", Action::"read", Action::"write", Action::"unknown"],
  resource
);
"#;

/// No answer of the gateway's takes longer, whatever the server does.
const IN_TIME: Duration = Duration::from_secs(5);
/// What a server may keep the gateway busy with, at most.
const LARGEST: u64 = 64 << 20;

struct Scene {
    stand: Stand,
    fake: Fake,
    token: String,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("chosen");
        std::fs::create_dir_all(&policies).unwrap();
        std::fs::write(policies.join("servers.cedar"), POLICY).unwrap();
        let fake = Fake::listen(folder.path()).unwrap();
        let targets = fake.targets();
        let edit = |text: String| text.replacen("targets:\n", &targets, 1);
        let mut options = Options::in_folder(folder.path());
        options.policies = Some(&policies);
        options.edit = &edit;
        let stand = Stand::start(&options, &|| false).unwrap();
        let token = token(stand.place(), &stand.people.admin, "ada").unwrap();
        Self {
            stand,
            fake,
            token,
            _folder: folder,
        }
    }

    fn login(&self, target: &str) -> anyhow::Result<Wire> {
        Wire::login_at(self.stand.place(), "ada", &self.token, target)
    }

    /// What a client hears of a server that says this while it logs in.
    fn refused(&self, target: &str, when: When, bytes: Vec<u8>, what: &str) {
        self.fake.says(Some(Speech { when, bytes }));
        let started = Instant::now();
        let heard = match self.login(target) {
            Ok(_) => panic!("{what}: it is let in"),
            Err(error) => format!("{error:#}"),
        };
        assert!(
            started.elapsed() < IN_TIME,
            "{what}: {:?}",
            started.elapsed()
        );
        assert!(heard.contains("SFATAL"), "{what}: {heard}");
        assert!(heard.contains("C58000"), "{what}: {heard}");
        assert!(!heard.contains(&self.token), "{what}: {heard}");
    }

    /// What a client hears of a server that answers a query so.
    fn answered(&self, bytes: Vec<u8>) -> String {
        self.fake.says(Some(Speech {
            when: When::Query,
            bytes,
        }));
        let mut wire = self.login("fake").unwrap();
        let started = Instant::now();
        wire.query("SELECT 'asked'").unwrap();
        let heard = match wire.answer(b'Z') {
            Ok(heard) => text(&heard),
            Err(error) => format!("{error:#}"),
        };
        match started.elapsed() < IN_TIME {
            true => heard,
            false => format!("late: {heard}"),
        }
    }

    /// What is wrong with how a lie is answered.
    fn broken(&self, bytes: Vec<u8>, what: &str) -> Option<String> {
        let heard = self.answered(bytes);
        let told = heard.contains("SFATAL") && heard.contains("C58000");
        let secrets = ["4111111111111111", "mary.anning@"];
        let leaks = secrets.iter().any(|secret| heard.contains(secret));
        (!told || leaks || heard.starts_with("late")).then(|| format!("{what}: {heard}"))
    }

    /// The honest are served still, by the same process.
    fn serves(&mut self) {
        assert!(self.stand.gateway.ended().unwrap().is_none());
        let mut wire = self.login("shop").unwrap();
        let heard = wire.query("SELECT 'alive'").unwrap().answer(b'Z').unwrap();
        assert!(text(&heard).contains("alive"));
    }

    fn memory(&self) -> u64 {
        let file = format!("/proc/{}/status", self.stand.gateway.id());
        let status = std::fs::read_to_string(file).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kilobytes.parse::<u64>().unwrap() << 10
    }
}

/// One text column of no table.
const DESCRIBED: &[u8] = b"\0\x01c\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";

fn length_only(tag: u8, length: u32) -> Vec<u8> {
    [&[tag][..], &length.to_be_bytes()].concat()
}

fn settings_without_end() -> Vec<u8> {
    let report = |number: u32| format!("setting_{number}\0{}\0", "x".repeat(200));
    let reports = (0..50_000).map(|number| message(b'S', report(number).as_bytes()));
    reports.flatten().collect()
}

/// A login without a password, of a server that reports a setting.
fn reporting(setting: &[u8]) -> Vec<u8> {
    messages(&[
        (b'R', &[0, 0, 0, 0]),
        (b'S', setting),
        (b'K', &[0; 8]),
        (b'Z', b"I"),
    ])
}

fn at_login() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a length of zero", length_only(b'R', 0)),
        ("a negative length", length_only(b'R', u32::MAX)),
        ("a giant length", length_only(b'R', 0x7fff_ffff)),
        ("a giant error", length_only(b'E', 0x7fff_ffff)),
        ("an unknown message", message(b'q', b"x")),
        ("a login of another kind", message(b'R', &[0, 0, 0, 7])),
        ("an unknown login", message(b'R', &[0, 0, 9, 9])),
        (
            "mechanisms without an end",
            message(b'R', b"\0\0\0\x0aSCRAM-SHA-256"),
        ),
        ("unknown mechanisms", message(b'R', b"\0\0\0\x0aPLAIN\0\0")),
        (
            "the proof before the challenge",
            message(b'R', b"\0\0\0\x0cv=x"),
        ),
        ("rows before the login", message(b'D', b"\0\0")),
        ("an error without an end", message(b'E', b"SFATAL\0Cx")),
        ("a COPY at once", message(b'G', b"\0\0\0")),
        (
            "a login twice",
            messages(&[(b'R', &[0, 0, 0, 0]), (b'R', &[0, 0, 0, 0])]),
        ),
        (
            "a key too long",
            messages(&[(b'R', &[0, 0, 0, 0]), (b'K', &[7; 400])]),
        ),
        (
            "settings without an end",
            [message(b'R', &[0, 0, 0, 0]), settings_without_end()].concat(),
        ),
        (
            "another lexing",
            reporting(b"standard_conforming_strings\0off\0"),
        ),
        ("another encoding", reporting(b"client_encoding\0SJIS\0")),
        (
            "names of a byte a letter",
            reporting(b"server_encoding\0LATIN1\0"),
        ),
        (
            "an unknown status",
            messages(&[(b'R', &[0, 0, 0, 0]), (b'Z', b"?")]),
        ),
    ]
}

#[test]
fn a_server_that_lies_at_login_is_left() {
    let mut scene = Scene::open();
    let before = scene.memory();
    for (what, bytes) in at_login() {
        scene.refused("fake", When::Startup, bytes, what);
    }
    let salt = "s=c2FsdHNhbHRzYWx0c2FsdA==";
    let nonce = "n".repeat(100_000);
    for (what, challenge) in [
        (
            "absurdly many iterations",
            format!("r={{nonce}}x,{salt},i=2147483647"),
        ),
        (
            "more than a number holds",
            format!("r={{nonce}}x,{salt},i=99999999999999999999"),
        ),
        ("many iterations", format!("r={{nonce}}x,{salt},i=10000000")),
        ("no iterations", format!("r={{nonce}}x,{salt},i=0")),
        ("few iterations", format!("r={{nonce}}x,{salt},i=1")),
        ("iterations in words", format!("r={{nonce}}x,{salt},i=many")),
        ("another's nonce", format!("r=another,{salt},i=4096")),
        ("our nonce alone", format!("r={{nonce}},{salt},i=4096")),
        ("a long nonce", format!("r={{nonce}}{nonce},{salt},i=4096")),
        ("a salt that is none", "r={nonce}x,s=*,i=4096".to_owned()),
        ("an extension", format!("m=x,r={{nonce}}x,{salt},i=4096")),
        ("nothing", String::new()),
        ("not UTF-8", "\u{fffd}".to_owned()),
    ] {
        scene.refused("fake", When::Challenge, challenge.into_bytes(), what);
    }
    for (what, bytes) in [
        (
            "a wrong signature",
            message(
                b'R',
                b"\0\0\0\x0cv=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            ),
        ),
        ("no signature", message(b'R', &[0, 0, 0, 0])),
        (
            "a second challenge",
            message(b'R', b"\0\0\0\x0br=x,s=x,i=1"),
        ),
        (
            "an error of its own",
            message(b'R', b"\0\0\0\x0ce=other\x1b[31m-error"),
        ),
    ] {
        scene.refused("fake", When::Proof, bytes, what);
    }
    let grown = scene.memory().saturating_sub(before);
    assert!(grown < LARGEST, "{grown} bytes more");
    scene.serves();
}

#[test]
fn a_server_without_encryption_is_left() {
    let mut scene = Scene::open();
    for (what, bytes) in [
        ("none", &b"N"[..]),
        ("an error", b"E"),
        ("more than the answer", b"SR\0\0\0\x08\0\0\0\0"),
        ("two answers", b"SS"),
        ("a login at once", b"R\0\0\0\x08\0\0\0\0"),
        ("no handshake", b"SHTTP/1.1 400 Bad Request\r\n\r\n"),
    ] {
        scene.refused("faketcp", When::Encryption, bytes.to_vec(), what);
    }
    scene.serves();
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of lies")]
fn a_server_that_breaks_the_protocol_is_left() {
    let mut scene = Scene::open();
    // an honest one first
    scene.fake.says(None);
    let mut wire = scene.login("fake").unwrap();
    wire.query("SELECT 'asked'").unwrap();
    assert!(text(&wire.answer(b'Z').unwrap()).contains("SELECT 0"));
    let before = scene.memory();
    let row = |body: &[u8]| [message(b'T', DESCRIBED), message(b'D', body)].concat();
    let card = b"\0\0\0\x104111111111111111";
    let mut wrong = Vec::new();
    for (what, bytes) in [
        ("a row of fewer values", row(b"\0\0")),
        (
            "a row of more values",
            row(&[b"\0\x02", &card[..], card].concat()),
        ),
        ("a count without values", row(b"\0\x01")),
        (
            "a value beyond the row",
            row(b"\0\x01\0\0\0\xff4111111111111111"),
        ),
        (
            "a value of a negative length",
            row(b"\0\x01\xff\xff\xff\xfe4111111111111111"),
        ),
        (
            "a giant value",
            row(b"\0\x01\x7f\xff\xff\xff4111111111111111"),
        ),
        (
            "bytes behind the values",
            row(&[b"\0\x01", &card[..], b"mary.anning@example.com"].concat()),
        ),
        (
            "a row that nobody described",
            message(b'D', &[b"\0\x01", &card[..]].concat()),
        ),
        ("a row of length three", length_only(b'D', 3)),
        ("columns that are not there", message(b'T', b"\xff\xffc\0")),
        ("a description cut short", message(b'T', b"\0\x01c\0\0\0")),
        ("a giant description", length_only(b'T', 0x7fff_ffff)),
        ("a giant error", length_only(b'E', 0x7fff_ffff)),
        (
            "an error without an end",
            message(b'E', b"SERROR\0M4111111111111111"),
        ),
        (
            "a notice without an end",
            message(b'N', b"SNOTICE\0M4111111111111111"),
        ),
        (
            "a notification cut short",
            message(b'A', b"\0\0\0\x01heard"),
        ),
        (
            "a report without a value",
            message(b'S', b"application_name\0"),
        ),
        ("an unknown message", message(b'q', b"4111111111111111")),
        ("a login", message(b'R', &[0, 0, 0, 0])),
        ("a key", message(b'K', &[0; 8])),
        ("a stream both ways", message(b'W', b"\0\0\0")),
        ("the result of a function", message(b'V', &card[..])),
        ("a binding that nobody asked for", message(b'2', b"")),
        ("a portal that nobody asked for", message(b's', b"")),
        ("an unknown status", message(b'Z', b"?")),
        (
            "another lexing",
            message(b'S', b"standard_conforming_strings\0off\0"),
        ),
        (
            "another encoding",
            message(b'S', b"client_encoding\0SJIS\0"),
        ),
        ("a negotiation", message(b'v', b"\0\0\0\0\0\0\0\0")),
    ] {
        wrong.extend(scene.broken(bytes, what));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let grown = scene.memory().saturating_sub(before);
    assert!(grown < LARGEST, "{grown} bytes more");
    scene.serves();
}

#[test]
fn what_comes_unasked_is_masked_or_ends_the_session() {
    let mut scene = Scene::open();
    let told = messages(&[
        (
            b'N',
            b"SNOTICE\0VNOTICE\0C00000\0Mto 4111111111111111\0Dmary.anning@example.com\0\0",
        ),
        (b'A', b"\0\0\0\x01heard\0of mary.anning@example.com\0"),
        (b'S', b"application_name\0mary.anning@example.com\0"),
        (b'C', b"SELECT 0\0"),
        (b'Z', b"I"),
    ]);
    let heard = scene.answered(told);
    assert!(
        heard.contains("heard") && heard.contains("SELECT 0"),
        "{heard}"
    );
    for planted in ["4111111111111111", "mary.anning"] {
        assert!(!heard.contains(planted), "{heard}");
    }
    // an answer to what was never asked: it must not be taken for the next one's
    let twice = messages(&[
        (b'C', b"SELECT 0\0"),
        (b'Z', b"I"),
        (b'C', b"SELECT 1\0"),
        (b'Z', b"I"),
    ]);
    scene.fake.says(Some(Speech {
        when: When::Query,
        bytes: twice,
    }));
    let mut wire = scene.login("fake").unwrap();
    wire.query("SELECT 'asked'").unwrap();
    wire.answer(b'Z').unwrap();
    let ended = wire.until(b'Z').unwrap_err();
    assert!(format!("{ended:#}").contains("SFATAL"), "{ended:#}");
    scene.serves();
}
