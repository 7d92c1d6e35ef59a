//! Goldens of what requests ask for; `UPDATE_GOLDENS=1` writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use protocol_ssh::decode::{Command, command, other_shell};
use protocol_ssh::words::{self, Forward, Signs, VERBS};
use shapes::described;
use shapes::packets::{SftpClient, attributes, handle, open};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decode")
}

fn golden(name: &str, found: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (kept, found)) in kept.lines().zip(found.lines()).enumerate() {
        assert_eq!(kept, found, "{name}, line {}", line + 1);
    }
    assert_eq!(kept.lines().count(), found.lines().count(), "{name}");
}

/// Command lines of a file, parted by lines of `----`.
fn texts(name: &str) -> Vec<String> {
    let file = std::fs::read_to_string(folder().join(name)).unwrap();
    file.split("\n----\n")
        .map(|text| text.trim_matches('\n').to_owned())
        .filter(|text| !text.is_empty())
        .collect()
}

fn told(command: &Command) -> String {
    described(&words::exec(command, "deploy"))
}

fn compare(name: &str) {
    let mut found = String::new();
    for text in texts(&format!("{name}.txt")) {
        writeln!(found, "{text}\n{}", told(&command(text.as_bytes()))).unwrap();
    }
    golden(&format!("{name}.golden"), &found);
}

#[test]
fn programs() {
    compare("programs");
}

#[test]
fn wrappers() {
    compare("wrappers");
}

#[test]
fn traps() {
    compare("traps");
}

#[test]
fn tools() {
    compare("tools");
}

/// What admins, Ansible, git, rsync and deploy scripts send: at most 15 % may be opaque.
#[test]
fn everyday_commands_are_understood() {
    let file = std::fs::read_to_string(folder().join("everyday.txt")).unwrap();
    let lines: Vec<&str> = file
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert_eq!(lines.len(), 200);
    let (mut found, mut opaque) = (String::new(), Vec::new());
    for line in &lines {
        let command = command(line.as_bytes());
        writeln!(found, "{line}\n{}", told(&command)).unwrap();
        if command.opaque() {
            opaque.push(*line);
        }
    }
    golden("everyday.golden", &found);
    println!(
        "{} of {} everyday commands are opaque:",
        opaque.len(),
        lines.len()
    );
    for line in &opaque {
        println!("  {line}");
    }
    assert!(
        opaque.len() * 100 <= lines.len() * 15,
        "{} are opaque",
        opaque.len()
    );
}

#[test]
fn bytes_that_are_no_text() {
    let mut found = String::new();
    let cases: [(&str, Vec<u8>); 9] = [
        ("nul", b"ls\0rm x".to_vec()),
        ("carriage return", b"ls\rrm x".to_vec()),
        ("not UTF-8", b"ls \xff".to_vec()),
        ("64 KiB", vec![b'a'; 65537]),
        (
            "nested",
            [vec![b'('; 65], b"ls".to_vec(), vec![b')'; 65]].concat(),
        ),
        ("foreign blank", "ls\u{a0}-la".into()),
        ("escape", b"echo \x1b[2J".to_vec()),
        ("descriptor", b"ls 99999999999>x".to_vec()),
        ("empty", b" \n ".to_vec()),
    ];
    for (name, bytes) in cases {
        let command = command(&bytes);
        assert!(command.opaque(), "{name}");
        writeln!(
            found,
            "{name}\n{}",
            described(&words::exec(&command, "deploy"))
        )
        .unwrap();
    }
    let fish = other_shell(b"ls");
    writeln!(found, "another shell\n{}", told(&fish)).unwrap();
    golden("bytes.golden", &found);
}

#[test]
fn channels_and_forwards() {
    let mut found = String::new();
    let mut tell = |name: &str, operations| {
        writeln!(found, "{name}\n{}", described(&operations)).unwrap();
    };
    tell("shell", words::shell("deploy"));
    tell("subsystem sftp", words::subsystem("sftp", "deploy"));
    tell("subsystem netconf", words::subsystem("netconf", "deploy"));
    tell("agent", words::agent());
    tell("x11", words::x11());
    for name in ["LANG", "LC_ALL", "GIT_PROTOCOL"] {
        tell(&format!("env {name}"), words::environment([name]));
    }
    tell("socket", words::socket("/run/docker.sock"));
    let hosts = [
        "db.internal",
        "DB.Internal.",
        "10.0.0.5",
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "::1",
        "[::1]",
        "::ffff:10.0.0.5",
        "0.0.0.0",
        "fe80::1%eth0",
        "a.localhost",
        "1.2.3.4.5",
        "256.1",
    ];
    for host in hosts {
        tell(
            &format!("forward to {host}"),
            words::forward(Forward::Local, host, 5432),
        );
    }
    golden("channels.golden", &found);
}

#[test]
fn listening_and_signatures() {
    let mut found = String::new();
    let mut tell = |name: &str, operations| {
        writeln!(found, "{name}\n{}", described(&operations)).unwrap();
    };
    for host in [
        "",
        "*",
        "0.0.0.0",
        "::",
        "localhost",
        "127.0.0.1",
        "10.0.0.5",
    ] {
        tell(
            &format!("listen at {host}"),
            words::forward(Forward::Remote, host, 0),
        );
    }
    tell("listen at a socket", words::listening("/run/app.sock"));
    for path in [
        "//run/./docker.sock",
        "/run/docker.sock/",
        "run/app.sock",
        "/tmp/../run/docker.sock",
        "/",
    ] {
        tell(&format!("socket {path}"), words::socket(path));
    }
    let login = Signs::Login {
        user: "git".into(),
        service: "ssh-connection".into(),
    };
    let file = Signs::File {
        namespace: "git".into(),
    };
    for (name, signs) in [("login", login), ("file", file), ("other", Signs::Other)] {
        tell(
            &format!("signature of a {name}"),
            words::agent_sign("SHA256:x", &signs),
        );
    }
    golden("ways.golden", &found);
}

#[test]
#[expect(clippy::too_many_lines, reason = "names every packet")]
fn files() {
    let mut client = SftpClient::ready();
    client.opened(1, b"/srv/in", 1, b"h1");
    client.opened(2, b"/srv/out", 2, b"h2");
    let packets: Vec<(&str, Vec<u8>)> = vec![
        ("open to read", open(10, b"/etc/hosts", 1)),
        ("open to write", open(10, b"/tmp/x", 0x1a)),
        ("open for both", open(10, b"/tmp/x", 3)),
        ("open with no flag", open(10, b"/tmp/x", 0)),
        ("open to append", open(10, b"notes", 4)),
        ("open above home", open(10, b"../other/x", 1)),
        ("open through ..", open(10, b"/tmp/../etc/passwd", 2)),
        ("open the root", open(10, b"//.//", 1)),
        ("open not UTF-8", open(10, b"/tmp/caf\xe9\\", 2)),
        ("opendir", shapes::packets::strings(11, 10, &[b"."])),
        ("stat", shapes::packets::strings(17, 10, &[b"/tmp"])),
        ("lstat", shapes::packets::strings(7, 10, &[b"/tmp"])),
        ("readlink", shapes::packets::strings(19, 10, &[b"/tmp/l"])),
        ("realpath", shapes::packets::strings(16, 10, &[b"."])),
        ("remove", shapes::packets::strings(13, 10, &[b"/tmp/x"])),
        ("rmdir", shapes::packets::strings(15, 10, &[b"/tmp/d"])),
        (
            "rename",
            shapes::packets::strings(18, 10, &[b"/tmp/a", b"/tmp/b"]),
        ),
        (
            "symlink",
            shapes::packets::strings(20, 10, &[b"/etc/passwd", b"/tmp/l"]),
        ),
        (
            "mkdir",
            [
                shapes::packets::strings(14, 10, &[b"/tmp/d"]),
                attributes(4, &[0o700]),
            ]
            .concat(),
        ),
        (
            "setstat",
            [
                shapes::packets::strings(9, 10, &[b"/tmp/x"]),
                attributes(6, &[0, 0, 0o4755]),
            ]
            .concat(),
        ),
        (
            "fsetstat",
            [
                shapes::packets::strings(10, 10, &[b"h1"]),
                attributes(8, &[1, 2]),
            ]
            .concat(),
        ),
        (
            "posix-rename",
            shapes::packets::extended(10, "posix-rename@openssh.com", &[b"/a", b"/b"]),
        ),
        (
            "hardlink",
            shapes::packets::extended(10, "hardlink@openssh.com", &[b"/a", b"/b"]),
        ),
        (
            "statvfs",
            shapes::packets::extended(10, "statvfs@openssh.com", &[b"/a"]),
        ),
        (
            "limits",
            shapes::packets::extended(10, "limits@openssh.com", &[]),
        ),
        (
            "home",
            shapes::packets::extended(10, "home-directory", &[b"bob"]),
        ),
        (
            "names",
            shapes::packets::extended(10, "users-groups-by-id@openssh.com", &[&[0, 0, 0, 1], &[]]),
        ),
        (
            "copy",
            [
                shapes::packets::extended(10, "copy-data", &[b"h1"]),
                vec![0; 16],
                handle(b"h2"),
                vec![0; 8],
            ]
            .concat(),
        ),
    ];
    let mut found = String::new();
    for (name, packet) in packets {
        let request = client.judged(&packet);
        let operations = words::sftp(&request, "deploy");
        writeln!(found, "{name}\n{}", described(&operations)).unwrap();
    }
    golden("files.golden", &found);
    assert_eq!(
        client.tap.path(b"h1"),
        Some(&Bytes::from_static(b"/srv/in"))
    );
}

#[test]
fn the_vocabulary_declares_every_action_once_with_its_effect() {
    let declared = shapes::vocabulary();
    let mut names: Vec<&str> = declared.iter().map(|(name, ..)| name.as_str()).collect();
    let mut known: Vec<&str> = VERBS.iter().map(|verb| verb.id).collect();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    for (name, group, _) in &declared {
        let verb = VERBS.iter().find(|verb| verb.id == name).unwrap();
        assert_eq!(
            *group,
            format!("{:?}", verb.effect).to_lowercase(),
            "{name}"
        );
    }
}
