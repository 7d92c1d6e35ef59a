//! With real ssh: what proves a person, what proves a target, and what the gateway proves itself with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod certificates;
mod proofs;
mod targets;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::logins::{
    CURVED, Client, Logins, MISNAMED, PLAIN, SHUT, STRANGE, VOUCHED, certify, generated,
};
use e2e::ssh::{run, text};
use e2e::sshd::key_pair;
use e2e::stand::Stand;
use e2e::watchdog::until;
use serde_json::Value;

static LASTING: LazyLock<Lasting<Logins>> =
    LazyLock::new(|| Lasting::beside(&["ssh.cedar", "logins.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn logins() -> &'static Logins {
    LASTING.ground.as_ref().unwrap()
}

/// A fresh key in a folder of its own.
fn key(name: &str) -> PathBuf {
    let folder = logins().ground.yard(name).unwrap();
    key_pair(&folder, "id").unwrap();
    folder.join("id")
}

fn public(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

/// Registers a key; returns its id.
fn register(key: &Path, person: &str) -> String {
    let public = public(key);
    let add = ["--output", "json", "user", "key", "add", person, "--file"];
    let arguments: Vec<&str> = add.into_iter().chain([public.to_str().unwrap()]).collect();
    let added = stand().place().cli(&stand().people.admin, &arguments);
    let added: Value = serde_json::from_str(&added.unwrap()).unwrap();
    added["id"].as_str().unwrap().to_owned()
}

/// The file that signs people's certificates.
fn user_authority() -> PathBuf {
    stand().place().folder.join("keys/ssh-user-ca")
}

/// Has the gateway sign a certificate for ada; returns its serial.
fn signed_by_gateway(key: &Path) -> String {
    let public = public(key);
    let arguments = ["--output", "json", "ssh-certificate", "--file"];
    let arguments: Vec<&str> = arguments
        .into_iter()
        .chain([public.to_str().unwrap()])
        .collect();
    let issued = stand().place().cli(&stand().people.ada, &arguments);
    let issued: Value = serde_json::from_str(&issued.unwrap()).unwrap();
    issued["serial"].as_str().unwrap().to_owned()
}

fn worked(ran: &Output, printed: &str) {
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(text(&ran.stdout), printed, "{ran:?}");
}

/// Not let in, by the gateway's word.
fn shut_out(ran: &Output, what: &str) {
    assert_eq!(ran.status.code(), Some(255), "{what}: {ran:?}");
    let said = text(&ran.stderr);
    assert!(said.contains("Permission denied"), "{what}: {said}");
}

/// Logged in, and told that there is no terminal.
fn no_terminal(ran: &Output) {
    let said = text(&ran.stderr);
    assert!(said.contains("PTY allocation request failed"), "{ran:?}");
}

/// Types the token where it is asked for.
fn typing(command: &mut Command, token: &str) -> Output {
    let helper = logins().ground.program("ssh", token).unwrap();
    for (name, value) in helper.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    run(command).unwrap()
}
