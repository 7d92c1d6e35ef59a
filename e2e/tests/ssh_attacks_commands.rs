//! With real ssh and sftp: ways to have something done that rules do not allow, and proof that nothing was done.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
use std::process::Output;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ssh::{Client, FOREIGN, Ground, run, text};
use e2e::stand::Stand;

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh.cedar", "ssh-attacks.cedar"]).unwrap());

/// Somebody who may look, and put files into folders that are called `inbox`.
static RHEA: LazyLock<String> = LazyLock::new(|| stand().newcomer("rhea", "readers").unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

/// One connection for many commands.
struct Shared {
    options: Vec<String>,
    _master: Client,
}

impl Shared {
    fn open(yard: &Path) -> Self {
        let path = format!("ControlPath={}", yard.join("control").display());
        let options: Vec<String> = [
            "-o",
            &path,
            "-o",
            "ControlMaster=auto",
            "-o",
            "ControlPersist=no",
        ]
        .map(str::to_owned)
        .to_vec();
        let words: Vec<&str> = options.iter().map(String::as_str).collect();
        // looks at its input until that ends
        let mut master = ground()
            .ssh(&RHEA, &words, &["grep", "--line-buffered", "."])
            .unwrap();
        let mut master = Client::start(&mut master).unwrap();
        master.say(b"ready\n").unwrap();
        master.printed("ready").unwrap();
        Self {
            options,
            _master: master,
        }
    }

    fn run(&self, command: &str) -> Output {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        run(&mut ground().ssh(&RHEA, &options, &[command]).unwrap()).unwrap()
    }
}

/// `FILE` must not come to be in `FOLDER`.
const ATTACKS: &[&str] = &[
    "ls; touch FILE",
    "ls && touch FILE",
    "true || touch FILE; false || touch FILE",
    "ls & touch FILE",
    "ls\ntouch FILE",
    "ls | tee FILE",
    "ls > FILE",
    ": > FILE",
    "ls >> FILE 2>&1",
    "ls 1<> FILE",
    "ls $(touch FILE)",
    "ls `touch FILE`",
    "ls \"$(touch FILE)\"",
    "ls <(touch FILE)",
    "ls ${X:-$(touch FILE)}",
    "echo $((`touch FILE`0))",
    "cat <<E\n$(touch FILE)\nE",
    "cat <<'E' | sh\ntouch FILE\nE",
    "sh -c 'touch FILE'",
    "bash -c 'touch FILE'",
    "bash -c \"ls; touch FILE\"",
    "sh -c \"sh -c 'touch FILE'\"",
    "env touch FILE",
    "env -i sh -c 'touch FILE'",
    "env -S 'touch FILE'",
    "timeout 5 touch FILE",
    "nice -n 1 touch FILE",
    "nohup touch FILE",
    "setsid touch FILE",
    "stdbuf -o0 touch FILE",
    "command touch FILE",
    "exec touch FILE",
    "builtin eval touch FILE",
    "eval 'touch FILE'",
    "busybox touch FILE",
    "find FOLDER -maxdepth 0 -exec touch FILE ;",
    "find FOLDER -maxdepth 0 -exec touch FILE \\;",
    "find FOLDER -maxdepth 0 -fprint FILE",
    "echo FILE | xargs touch",
    "ls # a comment\ntouch FILE",
    "ls #\r\ntouch FILE",
    "echo dG91Y2ggRgo= | base64 -d | sh; echo touch FILE | sh",
    "echo 'touch FILE' | sh",
    "echo 'touch FILE' | bash -s",
    "t\"ou\"ch FILE",
    "\\touch FILE",
    "'touch' FILE",
    "$'\\x74ouch' FILE",
    "X=touch; $X FILE",
    "{ touch FILE; }",
    "(touch FILE)",
    "! touch FILE",
    "if true; then touch FILE; fi",
    "while true; do touch FILE; break; done",
    "case x in x) touch FILE;; esac",
    "ls() { touch FILE; }; ls",
    "alias ls='touch FILE'\nls",
    "trap 'touch FILE' EXIT; ls",
    "PATH=FOLDER:$PATH ls",
    "FOLDER/ls",
    "cd FOLDER; ./ls",
    "LD_PRELOAD=FOLDER/ls ls",
    "BASH_ENV=FOLDER/ls bash -c ls",
    "awk 'BEGIN { system(\"touch FILE\") }'",
    "sed -n '1w FILE' FOLDER/ls",
    "sort -o FILE FOLDER/ls",
    "git log --output=FILE",
    "git -c core.pager='touch FILE' -p log",
    "tar -cf FILE FOLDER/ls",
    "tar -cf /dev/null FOLDER/ls --checkpoint=1 --checkpoint-action=exec='touch FILE'",
    "python3 -c 'open(\"FILE\", \"w\")'",
    "perl -e 'open(X, \">FILE\")'",
    "dd of=FILE < FOLDER/ls",
    "cp FOLDER/ls FILE",
    "ln -s FOLDER/ls FILE",
    "curl -o FILE file://FOLDER/ls",
    "less -o FILE FOLDER/ls",
    "man -P 'touch FILE' ls",
    "script -c 'touch FILE' /dev/null",
    "ssh-keygen -q -t ed25519 -N '' -f FILE",
    "sudo touch FILE",
    "su -c 'touch FILE'",
    "watch -n 9 -g touch FILE",
    "flock FOLDER touch FILE",
    "sh FOLDER/ls",
    ". FOLDER/ls",
    "source FOLDER/ls",
    "vim -es -c 'w! FILE' -c q FOLDER/ls",
    "exec > FILE; ls",
    "printf x | dd of=FILE",
    "ls\u{a0};touch FILE",
    "ls\u{1}; touch FILE",
];

#[test]
fn a_command_is_never_judged_by_its_first_word() {
    let yard = ground().yard("first-word").unwrap();
    let file = yard.join("pwned");
    let program = yard.join("ls");
    std::fs::write(&program, format!("#!/bin/sh\n: > {}\n", file.display())).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, executable).unwrap();
    let shared = Shared::open(&yard);
    for attack in ATTACKS {
        let command = attack
            .replace("FILE", file.to_str().unwrap())
            .replace("FOLDER", yard.to_str().unwrap());
        let ran = shared.run(&command);
        assert_eq!(ran.status.code(), Some(126), "{attack:?}: {ran:?}");
        assert!(
            text(&ran.stderr).contains("countersign: denied"),
            "{attack:?}: {ran:?}"
        );
        assert!(!file.exists(), "{attack:?} was run");
    }
    for allowed in [
        "ls FOLDER",
        "ls FOLDER | sort -r",
        "cat FOLDER/ls; id",
        "sh -c 'ls FOLDER'",
        "timeout 5 grep x FOLDER/ls || true",
    ] {
        let ran = shared.run(&allowed.replace("FOLDER", yard.to_str().unwrap()));
        assert!(ran.status.success(), "{allowed:?}: {ran:?}");
    }
}

#[test]
fn what_deletes_is_held_in_every_wrapping() {
    let yard = ground().yard("wrapped").unwrap();
    let file = yard.join("kept");
    std::fs::write(&file, "x").unwrap();
    for wrapped in [
        "ls; rm FILE",
        "sh -c 'ls; rm FILE'",
        "env -i rm -f FILE",
        "\"r\"m FILE",
        "find FILE -delete",
        "ls # x\nrm FILE",
        "timeout 9 nice rm FILE",
    ] {
        let command = wrapped.replace("FILE", file.to_str().unwrap());
        let mut client = ground().ssh(&stand().people.ada, &[], &[&command]).unwrap();
        let mut client = Client::start(&mut client).unwrap();
        let id = client.asked().unwrap();
        assert!(file.exists(), "{wrapped} was run");
        stand().refuse(&stand().people.grace, id, "no").unwrap();
        let (status, _, err) = client.end().unwrap();
        assert_eq!(status.code(), Some(126), "{wrapped}: {err}");
        assert!(file.exists(), "{wrapped} was run");
    }
}

#[test]
fn a_shell_is_the_operation_whatever_is_typed_in_it() {
    let yard = ground().yard("shells").unwrap();
    let file = yard.join("typed");
    let line = format!("touch {}\nexit\n", file.display());
    for (options, words) in [
        (&["-tt"][..], &[][..]),
        (&["-T"][..], &[][..]),
        (&["-tt"][..], &["bash"][..]),
        (&["-T"][..], &["sh", "-s"][..]),
        (&["-T"][..], &["exec", "bash"][..]),
        (&["-tt"][..], &["less /etc/passwd"][..]),
    ] {
        let mut client = ground().ssh(&RHEA, options, words).unwrap();
        let mut client = Client::start(&mut client).unwrap();
        // it may be gone already
        let _ = client.say(line.as_bytes());
        let (status, out, err) = client.end().unwrap();
        assert_eq!(
            status.code(),
            Some(126),
            "{options:?} {words:?}: {out}{err}"
        );
        assert!(!file.exists(), "{options:?} {words:?}");
    }
}

#[test]
fn another_login_shell_makes_every_command_opaque() {
    let at = |target: &str| {
        let mut command = ground().program("ssh", &RHEA).unwrap();
        let port = ground().port.to_string();
        command.args(["-p", &port, "-l", target, "127.0.0.1", "id -un"]);
        run(&mut command).unwrap()
    };
    let understood = at("box");
    assert!(understood.status.success(), "{understood:?}");
    let foreign = at(FOREIGN);
    assert_eq!(foreign.status.code(), Some(126), "{foreign:?}");
    assert!(foreign.stdout.is_empty(), "{foreign:?}");
}

#[test]
fn what_hides_in_a_command_is_plain_to_who_approves_it() {
    let sue = stand().newcomer("sue", "engineers,suspects").unwrap();
    let hidden = "p\u{430}sswd \u{1b}[2K\u{1b}]0;x\u{7} \u{202e}gpj.x \u{200b}; true";
    let mut client = ground().ssh(&sue, &[], &[hidden]).unwrap();
    let client = Client::start(&mut client).unwrap();
    let id = client.asked().unwrap();
    let shown = stand()
        .place()
        .command(
            &stand().people.grace,
            &["approvals", "show", &id.to_string()],
        )
        .output()
        .unwrap();
    let shown = text(&shown.stdout);
    for escaped in [
        r"p\u{430}sswd",
        r"\u{1b}[2K",
        r"\u{7}",
        r"\u{202e}gpj",
        r"\u{200b}",
    ] {
        assert!(shown.contains(escaped), "{escaped}: {shown:?}");
    }
    let steers = |letter: char| {
        (letter.is_control() && letter != '\n' && letter != '\t')
            || "\u{202e}\u{200b}\u{430}".contains(letter)
    };
    assert!(!shown.contains(steers), "{shown:?}");
    drop(client);
    stand().becomes(id, "withdrawn").unwrap();
}
