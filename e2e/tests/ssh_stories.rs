//! With real ssh, sftp and scp before a real sshd: what is allowed runs, what is denied does not, what is held waits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;
use e2e::ways::echo;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::with_ssh(&["ssh.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

/// `ssh` of ada's, with some words for the target's shell.
fn ssh(words: &[&str]) -> std::process::Command {
    ground().ssh(&stand().people.ada, &[], words).unwrap()
}

/// A file is there, with this in it.
fn holds(path: &Path, content: &str) {
    assert_eq!(std::fs::read_to_string(path).unwrap(), content);
}

#[test]
fn what_is_allowed_runs_with_both_streams_and_its_status() {
    let yard = ground().yard("allowed").unwrap();
    let file = yard.join("made");
    let command = format!(
        "printf done > {0}; cat {0}; echo wrong >&2; exit 7",
        file.display()
    );
    let ran = run(&mut ssh(&[&command])).unwrap();
    assert_eq!(ran.status.code(), Some(7), "{ran:?}");
    assert_eq!(text(&ran.stdout), "done");
    assert_eq!(text(&ran.stderr), "wrong\n");
    holds(&file, "done");
}

#[test]
fn standard_input_and_its_end_pass() {
    let mut client = Client::start(&mut ssh(&["sort"])).unwrap();
    client.say(b"pear\napple\n").unwrap();
    client.close_input();
    let (status, out, err) = client.end().unwrap();
    assert!(status.success(), "{err}");
    assert_eq!(out, "apple\npear\n");
}

#[test]
fn a_signal_is_told_as_one() {
    let ran = run(&mut ssh(&["kill -TERM $$"])).unwrap();
    // ssh says 255 where a command ended by a signal
    assert_eq!(ran.status.code(), Some(255), "{ran:?}");
}

#[test]
fn what_is_denied_does_not_run() {
    let yard = ground().yard("denied").unwrap();
    let pipe = yard.join("pipe");
    let ran = run(&mut ssh(&["mkfifo", pipe.to_str().unwrap()])).unwrap();
    assert_eq!(ran.status.code(), Some(126), "{ran:?}");
    let said = text(&ran.stderr);
    assert!(
        said.contains("countersign: denied by policy \"box-programs\""),
        "{said}"
    );
    assert!(!pipe.exists());
}

#[test]
fn a_wrong_token_gets_nobody_in() {
    let ran = run(&mut ground().ssh("cs_wrong_token", &[], &["true"]).unwrap()).unwrap();
    assert_eq!(ran.status.code(), Some(255), "{ran:?}");
    assert!(text(&ran.stderr).contains("Permission denied"), "{ran:?}");
}

#[test]
fn what_is_held_runs_once_it_is_approved() {
    let yard = ground().yard("approved").unwrap();
    let file = yard.join("old");
    std::fs::write(&file, "x").unwrap();
    let mut client = Client::start(&mut ssh(&["rm", file.to_str().unwrap()])).unwrap();
    let id = client.asked().unwrap();
    assert!(client.pending().unwrap());
    assert!(file.exists(), "it ran before anybody approved it");
    assert_eq!(stand().state(id).unwrap(), "asked");
    stand().approve(&stand().people.grace, id).unwrap();
    let (status, out, err) = client.end().unwrap();
    assert!(status.success(), "{out} {err}");
    assert!(!file.exists());
    let outcome = stand().recorded(id, ("allow", "approval")).unwrap();
    assert!(outcome.is_some());
}

#[test]
fn what_is_held_does_not_run_when_it_is_refused() {
    let yard = ground().yard("refused").unwrap();
    let file = yard.join("kept");
    std::fs::write(&file, "x").unwrap();
    let mut client = Client::start(&mut ssh(&["rm", file.to_str().unwrap()])).unwrap();
    let id = client.asked().unwrap();
    stand()
        .refuse(&stand().people.grace, id, "keep it")
        .unwrap();
    let (status, _, err) = client.end().unwrap();
    assert_eq!(status.code(), Some(126), "{err}");
    assert!(err.contains("was refused by grace: keep it"), "{err}");
    assert!(file.exists());
    stand().recorded(id, ("deny", "refused")).unwrap();
}

#[test]
fn a_client_that_goes_takes_its_question_with_it() {
    let yard = ground().yard("withdrawn").unwrap();
    let file = yard.join("kept");
    std::fs::write(&file, "x").unwrap();
    let mut client = Client::start(&mut ssh(&["rm", file.to_str().unwrap()])).unwrap();
    let id = client.asked().unwrap();
    assert!(client.pending().unwrap());
    drop(client);
    stand().becomes(id, "withdrawn").unwrap();
    stand().recorded(id, ("hold", "withdrawn")).unwrap();
    assert!(file.exists());
}

#[test]
fn what_was_sent_before_the_answer_is_not_lost() {
    let yard = ground().yard("early").unwrap();
    let (old, new) = (yard.join("old"), yard.join("new"));
    std::fs::write(&old, "x").unwrap();
    let command = format!("rm {}; cat > {}", old.display(), new.display());
    let mut client = Client::start(&mut ssh(&[&command])).unwrap();
    let id = client.asked().unwrap();
    // more than the memory of a channel: it has to spill
    let early = "0123456789abcdef".repeat(6 << 16);
    client.say(early.as_bytes()).unwrap();
    client.close_input();
    assert!(!new.exists());
    stand().approve(&stand().people.grace, id).unwrap();
    let (status, _, err) = client.end().unwrap();
    assert!(status.success(), "{err}");
    assert!(
        std::fs::read_to_string(&new).unwrap() == early,
        "it was changed on its way"
    );
}

#[test]
fn a_hold_outlives_keep_alives_and_stops_no_sibling() {
    let yard = ground().yard("siblings").unwrap();
    let file = yard.join("old");
    std::fs::write(&file, "x").unwrap();
    let socket = yard.join("control");
    let socket = format!("ControlPath={}", socket.display());
    let ada = &stand().people.ada;
    let options = [
        "-o",
        &socket,
        "-o",
        "ControlMaster=auto",
        "-o",
        "ControlPersist=no",
        "-o",
        "ServerAliveInterval=1",
        "-o",
        "ServerAliveCountMax=2",
    ];
    let mut held = ground()
        .ssh(ada, &options, &["rm", file.to_str().unwrap()])
        .unwrap();
    let mut held = Client::start(&mut held).unwrap();
    let id = held.asked().unwrap();
    // three times as long as the keep-alives allow a silent server, by siblings that each take a while
    for round in 0..3 {
        let words = format!("sleep 2; echo {round}");
        let ran = run(&mut ground().ssh(ada, &options, &[&words]).unwrap()).unwrap();
        assert_eq!(text(&ran.stdout), format!("{round}\n"), "{ran:?}");
        assert!(held.pending().unwrap());
    }
    stand().approve(&stand().people.grace, id).unwrap();
    let (status, _, err) = held.end().unwrap();
    assert!(status.success(), "{err}");
    assert!(!file.exists());
}

#[test]
fn a_shell_is_one_question() {
    let yard = ground().yard("shell").unwrap();
    let file = yard.join("typed");
    let ada = &stand().people.ada;
    let mut client = Client::start(&mut ground().ssh(ada, &["-tt"], &[]).unwrap()).unwrap();
    let id = client.asked().unwrap();
    stand().approve(&stand().people.heidi, id).unwrap();
    let line = format!("echo typed > {}; exit 3\n", file.display());
    client.say(line.as_bytes()).unwrap();
    let (status, out, _) = client.end().unwrap();
    assert_eq!(status.code(), Some(3), "{out}");
    holds(&file, "typed\n");
}

#[test]
fn a_tunnel_leads_where_it_may() {
    let ada = &stand().people.ada;
    let to = format!("127.0.0.1:{}", echo().unwrap());
    let mut tunnel = Client::start(&mut ground().ssh(ada, &["-W", &to], &[]).unwrap()).unwrap();
    tunnel.say(b"there and back").unwrap();
    tunnel.printed("there and back").unwrap();
    drop(tunnel);
    let refused = run(&mut ground().ssh(ada, &["-W", "192.0.2.1:80"], &[]).unwrap()).unwrap();
    assert!(!refused.status.success());
    let said = text(&refused.stderr);
    assert!(said.contains("denied by policy \"box-tunnels\""), "{said}");
}

#[test]
fn a_jump_ends_at_the_gateway() {
    let yard = ground().yard("jump").unwrap();
    let file = yard.join("made");
    let through = ground().program("ssh", &stand().people.ada).unwrap();
    // the way that `-J` takes, with the same options for both legs
    let mut outer: Vec<String> = vec!["ssh".into()];
    outer.extend(
        through
            .get_args()
            .map(|word| word.to_str().unwrap().to_owned()),
    );
    let port = ground().port.to_string();
    outer.extend(["-p", &port, "-l", "ada", "-W", "box:22", "127.0.0.1"].map(str::to_owned));
    let login = ground().sshd.login().to_owned();
    let mut command = ground().program("ssh", &stand().people.ada).unwrap();
    command
        .args(["-o", &format!("ProxyCommand={}", outer.join(" "))])
        .args(["-l", &login, "box"])
        .arg(format!("printf jumped > {}", file.display()));
    let ran = run(&mut command).unwrap();
    assert!(ran.status.success(), "{ran:?}");
    holds(&file, "jumped");
}

#[test]
fn a_user_name_may_name_the_login() {
    let login = ground().sshd.login();
    for name in [format!("{login}@box"), format!("{login}#box")] {
        let mut command = ground().program("ssh", &stand().people.ada).unwrap();
        command
            .args(["-p", &ground().port.to_string(), "-l", &name, "127.0.0.1"])
            .arg("id -un");
        let ran = run(&mut command).unwrap();
        assert_eq!(text(&ran.stdout).trim(), login, "{ran:?}");
    }
    let mut command = ground().program("ssh", &stand().people.ada).unwrap();
    command
        .args([
            "-p",
            &ground().port.to_string(),
            "-l",
            "nobody@box",
            "127.0.0.1",
        ])
        .arg("id -un");
    let ran = run(&mut command).unwrap();
    assert_eq!(ran.status.code(), Some(126), "{ran:?}");
}
