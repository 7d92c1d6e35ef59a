//! With real sftp, scp, ssh and git: files pass byte for byte, each request is judged, and one that is held stops no other.

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
use e2e::packets::{self, INIT, REMOVE, STAT};
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;
use e2e::watchdog::until;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::with_ssh(&["ssh.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

/// A file is there, with this in it.
fn holds(path: &Path, content: &str) {
    assert_eq!(std::fs::read_to_string(path).unwrap(), content);
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
fn a_file_that_grows_too_long_gets_no_further() {
    const MOST: u64 = 3_000_000;
    let yard = ground().yard("sized-files").unwrap();
    let (own, far) = (yard.join("own"), yard.join("sized"));
    std::fs::create_dir_all(&own).unwrap();
    std::fs::create_dir_all(&far).unwrap();
    let long = vec![b'x'; 8_000_000];
    for folder in [&own, &far] {
        std::fs::write(folder.join("short"), &long[..2_900_000]).unwrap();
        std::fs::write(folder.join("long"), &long).unwrap();
    }
    let batch = yard.join("batch");
    let lines = format!(
        "put {own}/short {far}/put-short\nget {far}/short {own}/got-short\n-put {own}/long {far}/put-long\n-get {far}/long {own}/got-long\nget {far}/short {own}/again\n",
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
    for short in [
        far.join("put-short"),
        own.join("got-short"),
        own.join("again"),
    ] {
        assert_eq!(std::fs::metadata(short).unwrap().len(), 2_900_000);
    }
    for long in [far.join("put-long"), own.join("got-long")] {
        let length = std::fs::metadata(&long).map_or(0, |found| found.len());
        assert!(
            length < MOST + (1 << 20) + (64 << 15),
            "{long:?} has {length} bytes"
        );
    }
    let refusals = text(&ran.stderr)
        .matches("denied by policy \"box-sizes\"")
        .count();
    assert_eq!(refusals, 2, "told once for each file: {ran:?}");
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

/// The ids of the answers that have come, in order.
fn answered(bytes: &[u8]) -> Vec<u32> {
    let answers = packets::answered(bytes).unwrap();
    answers.iter().map(|answer| answer.id).collect()
}

#[test]
fn requests_behind_a_held_one_are_answered_first() {
    let yard = ground().yard("sftp-pipelined").unwrap();
    let (doomed, other) = (yard.join("doomed"), yard.join("other"));
    std::fs::write(&doomed, "x").unwrap();
    std::fs::write(&other, "x").unwrap();
    let ada = &stand().people.ada;
    let mut command = ground().ssh(ada, &["-s"], &["sftp"]).unwrap();
    let mut client = Client::start(&mut command).unwrap();
    client.say(&packets::packet(INIT, 3, &[]).unwrap()).unwrap();
    let path = |path: &Path| path.to_str().unwrap().as_bytes().to_vec();
    client
        .say(&packets::packet(REMOVE, 1, &[&path(&doomed)]).unwrap())
        .unwrap();
    client
        .say(&packets::packet(STAT, 2, &[&path(&other)]).unwrap())
        .unwrap();
    client
        .say(&packets::packet(STAT, 3, &[&path(&yard.join("none"))]).unwrap())
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
fn bulk_passes_byte_for_byte() {
    let yard = ground().yard("bulk").unwrap();
    let (there, back) = (yard.join("there"), yard.join("back"));
    // nothing that compresses or repeats by blocks
    let mut state = 1_u64;
    let bulk: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    })
    .take(48 << 20)
    .collect();
    // by somebody who may see everything: detectors find values in any bytes
    let iris = stand().newcomer("iris", "engineers,seers").unwrap();
    let ssh = |options: &[&str], command: &str| ground().ssh(&iris, options, &[command]).unwrap();
    let mut up = Client::start(&mut ssh(&[], &format!("cat > {}", there.display()))).unwrap();
    up.say(&bulk).unwrap();
    let (status, _, err) = up.end().unwrap();
    assert!(status.success(), "{err}");
    assert!(
        std::fs::read(&there).unwrap() == bulk,
        "changed on its way up"
    );
    for options in [&["-C"][..], &["-o", "RekeyLimit=4M"][..]] {
        let mut down = ssh(options, &format!("cat {}", there.display()));
        down.stdout(std::fs::File::create(&back).unwrap());
        assert!(down.status().unwrap().success());
        assert!(
            std::fs::read(&back).unwrap() == bulk,
            "changed on its way down"
        );
    }
}

#[test]
fn git_fetches_and_pushes_what_is_there() {
    let yard = ground().yard("git").unwrap();
    let (there, here) = (yard.join("there.git"), yard.join("here"));
    let known = ground().program("ssh", &stand().people.ada).unwrap();
    let mut words: Vec<String> = vec!["ssh".into()];
    words.extend(
        known
            .get_args()
            .map(|word| word.to_str().unwrap().to_owned()),
    );
    words.extend(["-p".into(), ground().port.to_string()]);
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .args([
                "-c",
                "user.name=ada",
                "-c",
                "user.email=ada@localhost",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(arguments)
            .env("GIT_SSH_COMMAND", words.join(" "))
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in known.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let ran = run(&mut command).unwrap();
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
        text(&ran.stdout)
    };
    let (there, here) = (there.to_str().unwrap(), here.to_str().unwrap());
    git(&["init", "--quiet", "--bare", there]);
    let from = format!("ssh://box@127.0.0.1{there}");
    git(&["clone", "--quiet", &from, here]);
    // what a detector would find is content of a file here
    std::fs::write(
        format!("{here}/cards"),
        "4111111111111111 ada@example.org\n",
    )
    .unwrap();
    git(&["-C", here, "add", "cards"]);
    git(&["-C", here, "commit", "--quiet", "-m", "Add cards"]);
    git(&["-C", here, "push", "--quiet", "origin", "HEAD:main"]);
    let head = git(&["-C", here, "rev-parse", "HEAD"]);
    assert_eq!(git(&["-C", there, "rev-parse", "main"]), head);
    assert!(git(&["ls-remote", &from]).contains(head.trim()));
    assert_eq!(
        stand().decided_about("git-receive-pack").unwrap()["verdict"],
        "allow"
    );
}
