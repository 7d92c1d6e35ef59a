//! With real ssh: who gets in and where to, what is hidden and recorded, and how sessions end and share a connection.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ports;
use e2e::ssh::{Client, Ground, IMPOSTOR, run, text};
use e2e::sshd::key_pair;
use e2e::stand::Stand;
use e2e::watchdog::until;
use serde_json::Value;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::with_ssh(&["ssh.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

fn ssh(words: &[&str]) -> Command {
    ground().ssh(&stand().people.ada, &[], words).unwrap()
}

#[test]
fn a_registered_key_is_its_owner_until_it_is_removed() {
    let yard = ground().yard("keys").unwrap();
    key_pair(&yard, "id").unwrap();
    let (private, public) = (yard.join("id"), yard.join("id.pub"));
    let with_key = || {
        let mut command = Command::new("ssh");
        let known = ground().program("ssh", "none").unwrap();
        let known: Vec<_> = known.get_args().take(6).map(ToOwned::to_owned).collect();
        command
            .args(known)
            .args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"])
            .arg(&private)
            .args([
                "-p",
                &ground().port.to_string(),
                "-l",
                "box",
                "127.0.0.1",
                "echo in",
            ]);
        run(&mut command).unwrap()
    };
    let admin = &stand().people.admin;
    let place = stand().place();
    assert_eq!(with_key().status.code(), Some(255), "nobody's key got in");
    let public = public.to_str().unwrap();
    let added = [
        "--output", "json", "user", "key", "add", "ada", "--file", public,
    ];
    let added: Value = serde_json::from_str(&place.cli(admin, &added).unwrap()).unwrap();
    let id = added["id"].as_str().unwrap();
    let ran = with_key();
    assert_eq!(text(&ran.stdout), "in\n", "{ran:?}");
    assert_eq!(stand().decided_about("echo in").unwrap()["as"], "user:ada");
    place.cli(admin, &["user", "key", "remove", id]).unwrap();
    assert_eq!(with_key().status.code(), Some(255), "a removed key got in");
}

#[test]
fn another_host_key_than_the_pinned_one_is_refused() {
    let mut command = ground().program("ssh", &stand().people.ada).unwrap();
    command
        .args([
            "-p",
            &ground().port.to_string(),
            "-l",
            IMPOSTOR,
            "127.0.0.1",
        ])
        .arg("true");
    let ran = run(&mut command).unwrap();
    assert_eq!(ran.status.code(), Some(126), "{ran:?}");
    let said = text(&ran.stderr);
    assert!(said.contains("which is not pinned"), "{said}");
    assert!(said.contains("SHA256:"), "{said}");
}

#[test]
fn a_stranger_to_the_target_is_told_no_more_than_that() {
    let grace = &stand().people.grace;
    let ran = run(&mut ground().ssh(grace, &[], &["true"]).unwrap()).unwrap();
    assert_eq!(ran.status.code(), Some(126), "{ran:?}");
    let said = text(&ran.stderr);
    assert!(
        said.contains("you may not connect to `box`, or there is no such target"),
        "{said}"
    );
}

#[test]
fn what_detectors_find_is_hidden_also_in_pieces() {
    let whole = run(&mut ssh(&["echo card 4111111111111111 end"])).unwrap();
    assert!(whole.status.success(), "{whole:?}");
    let shown = text(&whole.stdout);
    assert!(!shown.contains("4111111111111111"), "{shown}");
    assert!(
        shown.starts_with("card ") && shown.ends_with(" end\n"),
        "{shown}"
    );
    let pieces = run(&mut ssh(&[
        "printf 'card 41111111'; sleep 0.2; echo 11111111 end >&1",
    ]))
    .unwrap();
    assert_eq!(text(&pieces.stdout), shown, "{pieces:?}");
    let error = run(&mut ssh(&["echo card 4111111111111111 end >&2"])).unwrap();
    assert!(
        !text(&error.stderr).contains("4111111111111111"),
        "{error:?}"
    );
}

#[test]
fn a_session_is_recorded_as_it_was_seen() {
    let ran = run(&mut ssh(&["echo to-be-replayed 4111111111111111"])).unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let session = stand().decided_about("to-be-replayed").unwrap()["session"]
        .as_str()
        .unwrap()
        .to_owned();
    let admin = &stand().people.admin;
    let replayed = until("the recording is sealed", || {
        let answer = stand()
            .place()
            .command(admin, &["sessions", "replay", &session])
            .output()?;
        Ok(answer.status.success().then(|| text(&answer.stdout)))
    })
    .unwrap();
    assert!(replayed.contains("echo to-be-replayed"), "{replayed}");
    assert!(!replayed.contains("4111111111111111"), "{replayed}");
    assert_eq!(stand().verified().unwrap()["good"], true);
}

#[test]
fn a_killed_session_ends_with_a_reason() {
    let mut client = Client::start(&mut ssh(&["echo begun; sleep 60"])).unwrap();
    client.printed("begun").unwrap();
    let session = stand().decided_about("echo begun; sleep 60").unwrap()["session"]
        .as_str()
        .unwrap()
        .to_owned();
    let admin = &stand().people.admin;
    stand()
        .place()
        .cli(admin, &["sessions", "kill", &session])
        .unwrap();
    let (status, _, err) = client.end().unwrap();
    assert!(!status.success());
    assert!(err.contains("ended by an administrator"), "{err}");
}

/// What `policy explain` says of ada and a sample at `box`.
fn explained(sample: &str) -> Value {
    let place = stand().place();
    let input = format!("{{\"as\":\"user:ada\",\"target\":\"box\",\"request\":{sample}}}\n");
    let mut command = place.command(
        &stand().people.admin,
        &["policy", "explain", "--output", "json", "-"],
    );
    let line = e2e::process::fed(&mut command, &input).unwrap();
    serde_json::from_str(line.lines().next().unwrap()).unwrap()
}

#[test]
fn what_would_be_said_is_what_is_said() {
    for (sample, verdict, action) in [
        ("\"uptime\"", "allow", "ssh.exec_read"),
        ("{\"exec\":\"rm /tmp/x\"}", "hold", "ssh.exec_write"),
        ("{\"shell\":true}", "hold", "ssh.shell"),
        (
            "{\"sftp\":{\"op\":\"read\",\"path\":\"/srv/secret\"}}",
            "deny",
            "ssh.sftp_read",
        ),
        (
            "{\"sftp\":{\"op\":\"remove\",\"path\":\"/srv/x\"}}",
            "hold",
            "ssh.sftp_remove",
        ),
        (
            "{\"forward\":{\"host\":\"192.0.2.1\",\"port\":80}}",
            "deny",
            "ssh.forward_local",
        ),
    ] {
        let answer = explained(sample);
        assert_eq!(answer["verdict"], verdict, "{answer}");
        assert_eq!(answer["operations"][0]["action"], action, "{answer}");
    }
    // and a command has the digest that its approval would show
    let ran = run(&mut ssh(&["echo compared"])).unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(
        stand().decided_about("echo compared").unwrap()["digest"],
        explained("\"echo compared\"")["digest"]
    );
}

#[test]
fn every_way_in_is_explained_as_it_is_judged() {
    let ada = &stand().people.ada;
    let (own, shop) = (ground().sshd.port(), stand().postgres.port());
    // where a target listens, whichever way it is spelled
    for (at, told) in [
        (format!("127.0.0.1:{own}"), "`box` listens there"),
        (format!("0x7f000001:{shop}"), "`shop` listens there"),
    ] {
        let (host, port) = at.split_once(':').unwrap();
        let sample = format!("{{\"forward\":{{\"host\":\"{host}\",\"port\":{port}}}}}");
        let answer = explained(&sample);
        assert_eq!(answer["unclear"]["message"], told, "{answer}");
        run(&mut ground().ssh(ada, &["-W", &at], &[]).unwrap()).unwrap();
        let decided = stand().decided_about(&format!("forward to {at}")).unwrap();
        for field in ["verdict", "reason"] {
            assert_eq!(answer[field], decided[field], "{answer} {decided}");
        }
    }
    for (sample, code) in [
        ("{\"forward\":{\"socket\":\"/run/../x\"}}", "climbs"),
        ("{\"forward\":{\"host\":\"box\",\"port\":22}}", "jump"),
        ("{\"env\":\"LD_PRELOAD\"}", "variable"),
    ] {
        let answer = explained(sample);
        assert_eq!(answer["unclear"]["code"], code, "{answer}");
        assert_eq!(answer["verdict"], "deny", "{answer}");
    }
    // a pager is one only on a terminal
    for (sample, opaque) in [
        ("{\"exec\":\"git log\"}", false),
        ("{\"exec\":\"git log\",\"terminal\":true}", true),
    ] {
        let answer = explained(sample);
        let found = &answer["operations"][0]["attributes"]["opaque"];
        assert_eq!(*found, opaque, "{answer}");
    }
}

#[test]
fn what_is_explained_has_the_digest_that_its_approval_would_show() {
    let ada = &stand().people.ada;
    let run = |options: &[&str], words: &[&str]| {
        run(ground()
            .ssh(ada, options, words)
            .unwrap()
            .env("LC_NAME", "xx"))
        .unwrap();
    };
    run(&["-tt"], &["echo in a terminal"]);
    run(&["-W", "192.0.2.1:80"], &[]);
    run(&["-R", "127.0.0.1:7777:127.0.0.1:1"], &["true"]);
    run(&["-o", "SendEnv=LC_NAME"], &["true"]);
    for (what, sample) in [
        (
            "echo in a terminal",
            "{\"exec\":\"echo in a terminal\",\"terminal\":true}",
        ),
        (
            "forward to 192.0.2.1:80",
            "{\"forward\":{\"host\":\"192.0.2.1\",\"port\":80}}",
        ),
        (
            "listen at 127.0.0.1:7777",
            "{\"forward\":{\"host\":\"127.0.0.1\",\"port\":7777,\"listens\":true}}",
        ),
        ("set LC_NAME=xx", "{\"env\":\"LC_NAME\",\"value\":\"xx\"}"),
    ] {
        let decided = stand().decided_about(what).unwrap();
        assert_eq!(decided["digest"], explained(sample)["digest"], "{what}");
    }
}

#[test]
fn variables_pass_by_a_list() {
    let mut command = ground()
        .ssh(
            &stand().people.ada,
            &[
                "-o",
                "SendEnv=LC_NAME EVIL",
                "-o",
                "SendEnv=COUNTERSIGN_REASON",
            ],
            &["echo $LC_NAME,$EVIL,$COUNTERSIGN_REASON"],
        )
        .unwrap();
    command
        .env("LC_NAME", "xx")
        .env("EVIL", "yes")
        .env("COUNTERSIGN_REASON", "because");
    let ran = run(&mut command).unwrap();
    assert_eq!(text(&ran.stdout), "xx,,\n", "{ran:?}");
}

#[test]
fn a_second_start_on_one_channel_and_other_ways_in_are_refused() {
    // agent, display and listening at the target are not on offer
    let ada = &stand().people.ada;
    let [port] = ports::free().unwrap();
    let remote = format!("127.0.0.1:{port}:127.0.0.1:1");
    let options = ["-o", "ExitOnForwardFailure=yes", "-R", &remote];
    let ran = run(&mut ground().ssh(ada, &options, &["true"]).unwrap()).unwrap();
    assert!(!ran.status.success(), "{ran:?}");
    let ran = run(&mut ground()
        .ssh(
            ada,
            &["-A", "-X"],
            &["echo ${SSH_AUTH_SOCK:-none} ${DISPLAY:-none}"],
        )
        .unwrap())
    .unwrap();
    assert_eq!(text(&ran.stdout), "none none\n", "{ran:?}");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test is a client of ssh's own port"
)]
fn a_tunnel_that_nobody_reads_stops_no_other() {
    const MUCH: usize = 24 << 20;
    let source = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let from = source.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in source.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                // ends early where the tunnel is closed
                drop(stream.write_all(&vec![7; MUCH]));
            });
        }
    });
    let [port] = ports::free().unwrap();
    let forward = format!("127.0.0.1:{port}:127.0.0.1:{from}");
    let ada = &stand().people.ada;
    let _tunnel =
        Client::start(&mut ground().ssh(ada, &["-N", "-L", &forward], &[]).unwrap()).unwrap();
    let open = || {
        until("the tunnel is open", || {
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())
        })
        .unwrap()
    };
    let mut stalled = open();
    let mut first = [0; 1];
    stalled.read_exact(&mut first).unwrap();
    let mut read = Vec::new();
    open().read_to_end(&mut read).unwrap();
    assert_eq!(read.len(), MUCH);
    // and the one that waited has lost nothing
    let mut rest = Vec::new();
    stalled.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len() + 1, MUCH);
}
