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
use e2e::ssh::{Client, Ground, run};
use e2e::stand::Stand;
use e2e::watchdog::until;

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

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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
fn sftp_moves_files_but_not_those_that_are_denied() {
    let yard = ground().yard("sftp").unwrap();
    let (own, far) = (yard.join("own"), yard.join("far"));
    std::fs::create_dir_all(&own).unwrap();
    std::fs::create_dir_all(&far).unwrap();
    std::fs::write(own.join("up"), "upwards").unwrap();
    std::fs::write(far.join("down"), "downwards").unwrap();
    std::fs::write(far.join("secret"), "hush").unwrap();
    let batch = yard.join("batch");
    let lines = format!(
        "put {own}/up {far}/up\nget {far}/down {own}/down\n-get {far}/secret {own}/secret\n-put {own}/up {far}/secret2\nls {far}\n",
        own = own.display(),
        far = far.display()
    );
    std::fs::write(&batch, lines).unwrap();
    let mut command = ground().program("sftp", &stand().people.ada).unwrap();
    command
        .args(["-o", "BatchMode=no", "-P", &ground().port.to_string(), "-b"])
        .arg(&batch)
        .arg("box@127.0.0.1");
    let ran = run(&mut command).unwrap();
    assert!(ran.status.success(), "{ran:?}");
    holds(&far.join("up"), "upwards");
    holds(&own.join("down"), "downwards");
    assert!(!own.join("secret").exists() || std::fs::read(own.join("secret")).unwrap().is_empty());
    assert!(!far.join("secret2").exists());
    assert!(
        text(&ran.stderr).contains("denied by policy \"box-secrets\""),
        "{ran:?}"
    );
}

#[test]
fn a_held_removal_by_sftp_stops_no_other_request() {
    let yard = ground().yard("sftp-held").unwrap();
    let doomed = yard.join("doomed");
    std::fs::write(&doomed, "x").unwrap();
    let mut command = ground().program("sftp", &stand().people.ada).unwrap();
    command
        .args(["-q", "-P", &ground().port.to_string()])
        .arg("box@127.0.0.1");
    let mut client = Client::start(&mut command).unwrap();
    client
        .say(format!("rm {}\n", doomed.display()).as_bytes())
        .unwrap();
    let id = client.asked().unwrap();
    assert!(doomed.exists());
    stand().approve(&stand().people.grace, id).unwrap();
    until("the file is removed", || {
        Ok((!doomed.exists()).then_some(()))
    })
    .unwrap();
    client.say(b"bye\n").unwrap();
    let (status, _, err) = client.end().unwrap();
    assert!(status.success(), "{err}");
}

/// A packet of SFTP: kind, id, and strings.
fn packet(kind: u8, id: u32, strings: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![kind];
    body.extend(id.to_be_bytes());
    for string in strings {
        body.extend(u32::try_from(string.len()).unwrap().to_be_bytes());
        body.extend(*string);
    }
    let mut whole = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    whole.extend(body);
    whole
}

/// The ids of the answers that have come, in order; the first packet is the version.
fn answered(bytes: &[u8]) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut rest = bytes;
    while rest.len() >= 4 {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        if rest.len() < 4 + length {
            break;
        }
        if rest[4] != 2 {
            ids.push(u32::from_be_bytes(rest[5..9].try_into().unwrap()));
        }
        rest = &rest[4 + length..];
    }
    ids
}

#[test]
fn requests_behind_a_held_one_are_answered_first() {
    const INIT: u8 = 1;
    const REMOVE: u8 = 13;
    const STAT: u8 = 17;
    let yard = ground().yard("sftp-pipelined").unwrap();
    let (doomed, other) = (yard.join("doomed"), yard.join("other"));
    std::fs::write(&doomed, "x").unwrap();
    std::fs::write(&other, "x").unwrap();
    let ada = &stand().people.ada;
    let mut command = ground().ssh(ada, &["-s"], &["sftp"]).unwrap();
    let mut client = Client::start(&mut command).unwrap();
    client.say(&packet(INIT, 3, &[])).unwrap();
    let path = |path: &Path| path.to_str().unwrap().as_bytes().to_vec();
    client.say(&packet(REMOVE, 1, &[&path(&doomed)])).unwrap();
    client.say(&packet(STAT, 2, &[&path(&other)])).unwrap();
    client
        .say(&packet(STAT, 3, &[&path(&yard.join("none"))]))
        .unwrap();
    let id = client.asked().unwrap();
    until("the others are answered", || {
        Ok((answered(&client.bytes()) == [2, 3]).then_some(()))
    })
    .unwrap();
    assert!(doomed.exists());
    stand().approve(&stand().people.grace, id).unwrap();
    until("the held one is answered", || {
        Ok((answered(&client.bytes()) == [2, 3, 1]).then_some(()))
    })
    .unwrap();
    assert!(!doomed.exists());
}

#[test]
fn scp_copies_both_ways() {
    let yard = ground().yard("scp").unwrap();
    let (here, there, back) = (yard.join("here"), yard.join("there"), yard.join("back"));
    let content = "a line of some length\n".repeat(50_000);
    std::fs::write(&here, &content).unwrap();
    let scp = |from: &str, to: &str| {
        let mut command = ground().program("scp", &stand().people.ada).unwrap();
        command.args(["-P", &ground().port.to_string(), from, to]);
        run(&mut command).unwrap()
    };
    let far = format!("box@127.0.0.1:{}", there.display());
    let up = scp(here.to_str().unwrap(), &far);
    assert!(up.status.success(), "{up:?}");
    assert!(std::fs::read_to_string(&there).unwrap() == content);
    let down = scp(&far, back.to_str().unwrap());
    assert!(down.status.success(), "{down:?}");
    assert!(std::fs::read_to_string(&back).unwrap() == content);
}

#[test]
fn a_tunnel_leads_where_it_may() {
    let ada = &stand().people.ada;
    // the target's own port, reached through it: its greeting comes back
    let to = format!("127.0.0.1:{}", ground().sshd.port());
    let tunnel = Client::start(&mut ground().ssh(ada, &["-W", &to], &[]).unwrap()).unwrap();
    tunnel.printed("SSH-2.0-OpenSSH").unwrap();
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
