//! With real ssh: values are hidden however programs print them, and all else passes as it is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;
use e2e::watchdog::until;

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::with_ssh(&["ssh.cedar"]).unwrap());

const CARD: &str = "4111111111111111";

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

fn ssh(options: &[&str], words: &[&str]) -> Command {
    ground().ssh(&stand().people.ada, options, words).unwrap()
}

#[test]
fn a_terminal_shows_no_value_however_it_is_printed() {
    for (printed, seen) in [
        (
            r"\033[31m4111\033[1m1111\033[0m11111111\033[m end\n",
            "\x1b[31m****\x1b[1m****\x1b[0m****1111\x1b[m end",
        ),
        (
            r"4\b4\b41\b111111111111\b1111 end\n",
            "*\x08*\x08**\x08***********1\x081111 end",
        ),
        (
            r"x\r4111 1111\033[C1111 1111\033[K end\n",
            "*\r**** ****\x1b[C**** 1111\x1b[K end",
        ),
        (
            r"\033[5;70H41111111\033[6;1H11111111 end\n",
            "\x1b[5;70H********\x1b[6;1H****1111 end",
        ),
        (
            r"to \033[1mada@\033[0mexample.com end\n",
            "to \x1b[1m<email>\x1b[0m end",
        ),
    ] {
        let ran = run(&mut ssh(&["-tt"], &[&format!("printf '{printed}'")])).unwrap();
        let out = text(&ran.stdout);
        assert!(out.contains(seen), "{printed}: {out:?}");
    }
}

#[test]
fn in_pieces_no_more_than_what_is_harmless_is_seen() {
    let drips = "for d in 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1; do printf $d; sleep 0.1; done; echo";
    let ran = run(&mut ssh(&["-tt"], &[drips])).unwrap();
    let out = text(&ran.stdout);
    assert!(out.starts_with("411111******"), "{out:?}");
    // without a terminal nobody waits for letters
    let pieces = "printf 411111; sleep 0.1; printf 11111; sleep 0.1; printf '11111, \\303'; sleep 0.1; printf '\\274 x'";
    let ran = run(&mut ssh(&[], &[pieces])).unwrap();
    assert_eq!(text(&ran.stdout), "************1111, \u{fc} x");
}

#[test]
fn what_is_typed_comes_back() {
    let mut client = Client::start(&mut ssh(&["-tt"], &["cat"])).unwrap();
    client.say(b"41").unwrap();
    client.printed("41").unwrap();
    client.say(b"1111").unwrap();
    client.printed("411111").unwrap();
    // from here on it might be a card
    client.say(b"1").unwrap();
    client.printed("411111*").unwrap();
    client.say(b"2 no card\n").unwrap();
    client.printed("no card").unwrap();
    client.say(b"\x04").unwrap();
    let (status, out, err) = client.end().unwrap();
    assert!(status.success(), "{err}");
    // the second time by cat, which prints it at once
    assert!(out.contains("41111112 no card"), "{out:?}");
}

#[test]
fn what_holds_no_value_passes_as_it_is() {
    for command in [
        "printf 1234567890",
        "printf 'ada@web1'",
        "printf 'a\\r\\033[Kb\\t12345678901234'; exit 7",
    ] {
        let ran = run(&mut ssh(&[], &[command])).unwrap();
        let direct = run(Command::new("sh").args(["-c", command])).unwrap();
        assert_eq!(text(&ran.stdout), text(&direct.stdout), "{command}");
        assert_eq!(ran.status.code(), direct.status.code(), "{command}");
    }
}

#[test]
fn the_two_streams_are_masked_apart() {
    let ran = run(&mut ssh(&[], &["printf 41111111; printf 11111111 >&2"])).unwrap();
    assert_eq!(
        (text(&ran.stdout), text(&ran.stderr)),
        ("41111111".to_owned(), "11111111".to_owned())
    );
}

/// Bytes that no detector's pattern is likely in, and that look like a compressed file.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 5_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn binary_output_is_exact_or_ends() {
    let yard = ground().yard("binary").unwrap();
    let bulk = noise(24 << 20);
    std::fs::write(yard.join("bulk"), &bulk).unwrap();
    let cat = |name: &str| format!("cat {}", yard.join(name).display());
    let ran = run(&mut ssh(&[], &[&cat("bulk")])).unwrap();
    assert!(
        ran.stdout == bulk,
        "it was changed, or cut at {}: {}",
        ran.stdout.len(),
        text(&ran.stderr)
    );
    let mixed = [
        &bulk[..1 << 20],
        b"\0 card of theirs: 4111 1111 1111 1111\0",
        &bulk[..1 << 20],
    ]
    .concat();
    std::fs::write(yard.join("mixed"), &mixed).unwrap();
    let ran = run(&mut ssh(&[], &[&cat("mixed")])).unwrap();
    assert_eq!(ran.status.code(), Some(126), "{:?}", text(&ran.stderr));
    let said = text(&ran.stderr);
    assert!(
        said.contains("`payment-card` was found in output that is no text"),
        "{said}"
    );
    assert!(mixed.starts_with(&ran.stdout), "it was rewritten");
    assert!(!text(&ran.stdout).contains("1111"));
    // who may see it gets it
    let nora = stand().newcomer("nora", "engineers,seers").unwrap();
    let ran = run(&mut ground().ssh(&nora, &[], &[&cat("mixed")]).unwrap()).unwrap();
    assert!(ran.stdout == mixed && ran.status.success());
}

#[test]
fn an_archive_passes() {
    let yard = ground().yard("archive").unwrap();
    std::fs::create_dir_all(yard.join("in/folder")).unwrap();
    std::fs::write(yard.join("in/folder/file"), CARD).unwrap();
    std::fs::write(yard.join("in/noise"), noise(1 << 20)).unwrap();
    let command = format!("tar -C {} -cz in", yard.display());
    let ran = run(&mut ssh(&[], &[&command])).unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let packed = yard.join("packed.tgz");
    std::fs::write(&packed, &ran.stdout).unwrap();
    let ran = run(Command::new("tar")
        .arg("-xzOf")
        .arg(&packed)
        .arg("in/folder/file"))
    .unwrap();
    assert_eq!(text(&ran.stdout), CARD);
    // unpacked it is plain to see
    let command = format!("tar -C {} -c in", yard.display());
    let ran = run(&mut ssh(&[], &[&command])).unwrap();
    assert_eq!(ran.status.code(), Some(126), "{}", text(&ran.stderr));
    assert!(!text(&ran.stdout).contains(CARD));
}

#[test]
fn what_only_calls_itself_a_copy_is_masked() {
    let yard = ground().yard("impostors").unwrap();
    let plain = format!("a line with {CARD} in it\n");
    for name in ["scp", "rsync"] {
        let own = yard.join(name);
        std::fs::write(&own, format!("#!/bin/sh\nprintf '{plain}'\n")).unwrap();
        std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    }
    let folder = yard.display();
    for command in [
        format!("PATH={folder} scp -f /tmp/x"),
        format!("PATH={folder} scp -f '/tmp'/x*"),
        format!("env PATH={folder}:/bin rsync --server --sender -vlogDtpre.iLsfxC . /tmp/x"),
        format!("{folder}/scp -f /tmp/x"),
        format!("cd {folder}; ./scp -f /tmp/x"),
    ] {
        let ran = run(&mut ssh(&[], &[&command])).unwrap();
        let shown = plain.replace(CARD, "************1111");
        assert_eq!(text(&ran.stdout), shown, "{command}: {}", text(&ran.stderr));
    }
}

/// What the gateway holds in memory, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stand().gateway.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes << 10
}

#[test]
fn a_reader_that_stalls_costs_little_memory() {
    let yard = ground().yard("stalled").unwrap();
    let (big, done) = (yard.join("big"), yard.join("done"));
    let plain =
        "a line of a log, as long as such a line is, and nothing to hide in it\n".repeat(99);
    let line = format!("{plain}a line with {CARD} in it\n");
    let lines = (40 << 20) / line.len();
    std::fs::write(&big, line.repeat(lines)).unwrap();
    let socket = format!("ControlPath={}", yard.join("control").display());
    let options = [
        "-o",
        &socket,
        "-o",
        "ControlMaster=auto",
        "-o",
        "ControlPersist=no",
    ];
    // a sibling: beside it a channel is not slowed down but spilled
    let mut sibling = Client::start(&mut ssh(&options, &["cat"])).unwrap();
    sibling.say(b"hello\n").unwrap();
    sibling.printed("hello").unwrap();
    let before = memory();
    let command = format!("cat {}; echo > {}", big.display(), done.display());
    let mut stalled = ssh(&options, &[&command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the target has sent everything", || {
        Ok(done.exists().then_some(()))
    })
    .unwrap();
    let after = memory();
    assert!(after < before + (20 << 20), "{before} grew to {after}");
    let mut out = String::new();
    stalled
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    assert!(stalled.wait().unwrap().success());
    assert!(
        out == line.replace(CARD, "************1111").repeat(lines),
        "{} bytes",
        out.len()
    );
}
