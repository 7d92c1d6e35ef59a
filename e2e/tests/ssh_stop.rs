//! A gateway that is stopped ends SSH connections in its own time: idle ones, running ones, and those that wait for people.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use e2e::lasting::edited;
use e2e::ssh::{Client, Ground};

#[test]
fn a_stop_ends_what_is_idle_what_runs_and_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::prepare(folder.path()).unwrap();
    let edit = |text: String| ground.configured(&text);
    let mut stand = edited(&folder.path().join("stand"), &["ssh.cedar"], &edit).unwrap();
    let ada = stand.people.ada.clone();
    let start = |options: &[&str], words: &[&str]| {
        Client::start(&mut ground.ssh(&ada, options, words).unwrap()).unwrap()
    };
    let yard = ground.yard("stop").unwrap();
    let kept = yard.join("kept");
    std::fs::write(&kept, "x").unwrap();
    let mut idle = start(&["-v", "-N"], &[]);
    idle.told("Entering interactive session").unwrap();
    let mut running = start(&[], &["echo begun; sleep 60"]);
    running.printed("begun").unwrap();
    let mut waiting = start(&[], &["rm", kept.to_str().unwrap()]);
    waiting.asked().unwrap();
    // fails where it has to be killed
    let status = stand.gateway.end().unwrap();
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
    for client in [&mut idle, &mut running, &mut waiting] {
        let (status, _, err) = client.end().unwrap();
        assert!(!status.success(), "{err}");
    }
    assert!(kept.exists());
}
