//! With real ssh: what an approver is shown of each request of one connection.

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
use e2e::ssh::{Client, Ground};
use e2e::stand::Stand;

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh.cedar"]).unwrap());

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
