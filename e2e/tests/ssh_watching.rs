//! With real ssh: how sessions are watched, paused and ended, and how one of several terminals is played.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{ErrorKind, Read, Write};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use e2e::archive::{Archive, of_kind};
use e2e::packets::{INIT, STAT, answered, greeted, packet};
use e2e::ports;
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;
use e2e::terminal::Terminal;
use e2e::watchdog::until;
use e2e::ways::{connected, echo};
use serde_json::Value;

static ARCHIVE: LazyLock<Archive> = LazyLock::new(|| Archive::start(&["ssh.cedar"]).unwrap());

fn stand() -> &'static Stand {
    ARCHIVE.stand()
}

fn ground() -> &'static Ground {
    ARCHIVE.ground().unwrap()
}

fn ssh(options: &[&str], words: &[&str]) -> Command {
    ground().ssh(&stand().people.ada, options, words).unwrap()
}

fn session(what: &str) -> String {
    ARCHIVE.session(what).unwrap()
}

fn sessions(token: &str, words: &[&str]) -> Command {
    ARCHIVE.sessions(token, words)
}

fn admin(words: &[&str]) -> Output {
    ARCHIVE.admin(words).unwrap()
}

fn recorded(session: &str) -> Vec<Value> {
    ARCHIVE.recorded(session).unwrap()
}

#[test]
fn a_session_is_watched_paused_resumed_and_ended() {
    let yard = ground().yard("paused").unwrap();
    let file = yard.join("heard");
    let command = format!("echo watch-me; tee {}", file.display());
    let mut terminal = Terminal::start(&ssh(&["-tt"], &[&command])).unwrap();
    terminal.client.printed("watch-me").unwrap();
    let session = session("echo watch-me");
    let mut watch =
        Client::start(&mut sessions(&stand().people.admin, &["watch", &session])).unwrap();
    watch.printed("watch-me").unwrap();
    let begun = Instant::now();
    terminal.types("seen at once\r").unwrap();
    watch.printed("seen at once").unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );

    let ada = run(&mut sessions(&stand().people.ada, &["pause", &session])).unwrap();
    assert_eq!(ada.status.code(), Some(5), "{ada:?}");
    let paused = admin(&["pause", &session, "--seconds", "60"]);
    assert!(paused.status.success(), "{paused:?}");
    terminal.client.printed("paused by user:admin").unwrap();
    assert_eq!(
        admin(&["pause", &session]).status.code(),
        Some(7),
        "paused already"
    );
    terminal.types("while it was paused\r").unwrap();
    // more than the way there and back takes
    watch.printed("paused by user:admin").unwrap();
    let shown = admin(&["show", &session, "--output", "json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["paused_by"], "user:admin", "{shown}");
    let heard = || std::fs::read_to_string(&file).unwrap_or_default();
    assert!(!heard().contains("while it was paused"), "{}", heard());
    assert!(!text(&terminal.client.bytes()).contains("while it was paused"));

    let resumed = admin(&["resume", &session]);
    assert!(resumed.status.success(), "{resumed:?}");
    terminal.client.printed("the session goes on").unwrap();
    terminal.client.printed("while it was paused").unwrap();
    until("the target heard it", || {
        Ok(heard().contains("while it was paused").then_some(()))
    })
    .unwrap();
    assert_eq!(
        admin(&["resume", &session]).status.code(),
        Some(6),
        "not paused any more"
    );

    assert!(admin(&["kill", &session]).status.success());
    terminal
        .client
        .printed("ended by an administrator")
        .unwrap();
    let (status, looked, err) = watch.end().unwrap();
    assert!(status.success(), "{looked} {err}");
    tells_of_the_pause(&session);
}

fn tells_of_the_pause(session: &str) {
    let told = recorded(session);
    let notices = of_kind(&told, "notice");
    let notices: Vec<&str> = notices
        .iter()
        .map(|event| event["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        notices,
        ["paused by user:admin for 60 s", "resumed by user:admin"]
    );
}

#[test]
fn a_pause_that_nobody_ends_ends_the_session() {
    let mut client = Client::start(&mut ssh(
        &[],
        &["echo begun-to-be-paused; while echo more; do sleep 0.05; done"],
    ))
    .unwrap();
    client.printed("begun-to-be-paused").unwrap();
    let session = session("echo begun-to-be-paused");
    assert!(
        admin(&["pause", &session, "--seconds", "1"])
            .status
            .success()
    );
    client.told("paused by user:admin").unwrap();
    let came = client.bytes().len();
    let (status, printed, err) = client.end().unwrap();
    assert!(
        !status.success() && err.contains("ended by an administrator"),
        "{err}"
    );
    assert!(printed.len() <= came + 64, "{} after {came}", printed.len());
    let missing = admin(&["pause", &session]);
    assert_eq!(missing.status.code(), Some(6), "{missing:?}");
}

#[test]
fn files_and_tunnels_stand_still_while_their_session_is_paused() {
    let yard = ground().yard("still").unwrap();
    let [port] = ports::free().unwrap();
    let far = echo().unwrap();
    let tunnel = format!("127.0.0.1:{port}:127.0.0.1:{far}");
    let mut sftp = Client::start(&mut ssh(&["-L", &tunnel, "-s"], &["sftp"])).unwrap();
    sftp.say(&packet(INIT, 3, &[]).unwrap()).unwrap();
    until(
        "SFTP has begun",
        || Ok(greeted(&sftp.bytes()).then_some(())),
    )
    .unwrap();
    let mut tunnel = connected(port).unwrap();
    let mut came = [0; 6];
    tunnel.write_all(b"before").unwrap();
    tunnel.read_exact(&mut came).unwrap();
    let session = session(&format!("forward to 127.0.0.1:{far}"));
    assert!(admin(&["pause", &session]).status.success());
    sftp.told("paused by user:admin").unwrap();

    let path = yard.display().to_string();
    sftp.say(&packet(STAT, 1, &[path.as_bytes()]).unwrap())
        .unwrap();
    tunnel.write_all(b"paused").unwrap();
    // more than the way there and back takes
    assert!(admin(&["show", &session]).status.success());
    assert!(answered(&sftp.bytes()).unwrap().is_empty());
    tunnel.set_nonblocking(true).unwrap();
    let silent = tunnel.read(&mut came).unwrap_err();
    assert_eq!(silent.kind(), ErrorKind::WouldBlock);

    tunnel.set_nonblocking(false).unwrap();
    assert!(admin(&["resume", &session]).status.success());
    tunnel.read_exact(&mut came).unwrap();
    assert_eq!(&came, b"paused");
    until("the request is answered", || {
        Ok((!answered(&sftp.bytes())?.is_empty()).then_some(()))
    })
    .unwrap();
}

#[test]
fn of_several_terminals_one_is_chosen() {
    let yard = ground().yard("several").unwrap();
    let path = yard.join("c").display().to_string();
    let shared = ["-tt", "-S", &path];
    let first = "echo first-of-two; read a";
    let options = [&["-M"] as &[&str], &shared].concat();
    let mut terminal = Terminal::start(&ssh(&options, &[first])).unwrap();
    terminal.client.printed("first-of-two").unwrap();
    let ran = run(&mut ssh(&shared, &["echo second-of-two"])).unwrap();
    assert!(text(&ran.stdout).contains("second-of-two"), "{ran:?}");
    terminal.types("\r").unwrap();
    terminal.client.end().unwrap();

    let session = session(first);
    let events = recorded(&session);
    assert_eq!(of_kind(&events, "terminal").len(), 2, "{events:?}");
    let several = admin(&["replay", &session]);
    assert_eq!(several.status.code(), Some(7), "{several:?}");
    let second = of_kind(&events, "statement")
        .into_iter()
        .find(|event| event["text"].as_str().unwrap().contains("second-of-two"));
    let second = second.unwrap()["request"].as_str().unwrap();
    assert!(text(&several.stderr).contains(second), "{several:?}");
    let played = text(&admin(&["replay", &session, "--request", second]).stdout);
    assert!(played.contains("second-of-two"), "{played}");
    assert!(!played.contains("first-of-two"), "{played}");
}
