//! With real ssh: what an approver is shown of each request of one connection, and how far the answer goes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh.cedar", "ssh_questions.cedar"]).unwrap());

const CARD: &str = "4111111111111111";

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

/// One of several clients of one connection; the first opens it.
fn shared(yard: &Path, words: &[&str]) -> Command {
    let socket = format!("ControlPath={}", yard.join("c").display());
    let options = [
        "-o",
        &socket,
        "-o",
        "ControlMaster=auto",
        "-o",
        "ControlPersist=no",
        "-o",
        "SendEnv=COUNTERSIGN_REASON LC_NAME",
    ];
    let ada = &stand().people.ada;
    ground().ssh(ada, &options, words).unwrap()
}

fn because(yard: &Path, reason: &str, words: &[&str]) -> Command {
    let mut command = shared(yard, words);
    command.env("COUNTERSIGN_REASON", reason);
    command
}

#[test]
fn each_channel_has_its_own_reason() {
    let yard = ground().yard("reasons").unwrap();
    let doomed = |name: &str| {
        std::fs::write(yard.join(name), "x").unwrap();
        format!("rm {}", yard.join(name).display())
    };
    let reason = |id: u64| stand().question(id).unwrap()["reason"].clone();
    let mut first = Client::start(&mut because(&yard, "CHG-1: disk", &[&doomed("one")])).unwrap();
    let asked = first.asked().unwrap();
    assert_eq!(reason(asked), "CHG-1: disk");
    let second = Client::start(&mut because(&yard, "CHG-2: log", &[&doomed("two")])).unwrap();
    assert_eq!(reason(second.asked().unwrap()), "CHG-2: log");
    // who says nothing has what the connection began with
    let third = Client::start(&mut shared(&yard, &[&doomed("three")])).unwrap();
    assert_eq!(reason(third.asked().unwrap()), "CHG-1: disk");
    // a request of a file session has its channel's
    let mut sftp = Client::start(&mut because(&yard, "CHG-4: file", &["-s", "sftp"])).unwrap();
    let path = yard.join("one");
    let remove = [path.to_str().unwrap().as_bytes()];
    sftp.say(&e2e::packets::packet(e2e::packets::INIT, 3, &[]).unwrap())
        .unwrap();
    sftp.say(&e2e::packets::packet(e2e::packets::REMOVE, 1, &remove).unwrap())
        .unwrap();
    assert_eq!(reason(sftp.asked().unwrap()), "CHG-4: file");
    // and a rule reads each one's own
    for (said, code) in [("CHG-3: sum", 0), ("for fun", 126)] {
        let ran = run(&mut because(&yard, said, &["factor", "12"])).unwrap();
        assert_eq!(ran.status.code(), Some(code), "{said}: {ran:?}");
    }
    let ran = run(&mut shared(&yard, &["factor", "12"])).unwrap();
    assert_eq!(text(&ran.stdout), "12: 2 2 3\n", "{ran:?}");
    drop((second, third, sftp));
    stand().refuse(&stand().people.grace, asked, "no").unwrap();
    first.end().unwrap();
}

#[test]
fn values_in_notes_are_masked() {
    let yard = ground().yard("notes").unwrap();
    let file = yard.join("kept");
    std::fs::write(&file, "x").unwrap();
    let mut command = shared(&yard, &["rm", file.to_str().unwrap()]);
    let mut client = Client::start(command.env("LC_NAME", CARD)).unwrap();
    let question = stand().question(client.asked().unwrap()).unwrap();
    assert!(!question.to_string().contains(CARD), "{question}");
    let notes = question["notes"].to_string();
    assert!(notes.contains("LC_NAME="), "{question}");
    assert_eq!(question["redacted"][0], "payment-card", "{question}");
    assert!(client.pending().unwrap());
}

#[test]
fn approval_of_one_covers_no_other() {
    let yard = ground().yard("alike").unwrap();
    let file = yard.join("old");
    let line = format!("rm {}", file.display());
    std::fs::write(&file, "x").unwrap();
    let start = || Client::start(&mut shared(&yard, &[&line])).unwrap();
    let first = start();
    let asked = first.asked().unwrap();
    let mut second = start();
    let again = second.asked().unwrap();
    assert_ne!(asked, again, "two requests have one question");
    stand().approve(&stand().people.grace, asked).unwrap();
    // the first is the connection's own client, which stays for the others
    e2e::watchdog::until("the first has run", || Ok((!file.exists()).then_some(()))).unwrap();
    std::fs::write(&file, "x").unwrap();
    // neither one that waited beside it, nor one that comes after it
    let mut third = start();
    let once_more = third.asked().unwrap();
    assert!(once_more != asked && once_more != again);
    for (client, id) in [(&mut second, again), (&mut third, once_more)] {
        assert_eq!(stand().state(id).unwrap(), "asked");
        assert!(client.pending().unwrap());
    }
    assert!(file.exists(), "what was not approved ran");
    stand().refuse(&stand().people.grace, again, "no").unwrap();
    let (status, _, said) = second.end().unwrap();
    assert_eq!(status.code(), Some(126), "{said}");
    assert!(file.exists());
}
