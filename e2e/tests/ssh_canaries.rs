//! With real ssh, sftp and scp: e-mails and card numbers that detectors know, planted in commands, variables and output,
//! are in nothing that the gateway keeps or tells. Who may see them in output sees them all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::sync::LazyLock;

use e2e::archive::Archive;
use e2e::canaries::{Letter, Scanner};
use e2e::chance::Chance;
use e2e::kept::{Kept, everything, files, recording, sessions_of};
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;

static ARCHIVE: LazyLock<Archive> = LazyLock::new(|| Archive::start(&["ssh.cedar"]).unwrap());

fn stand() -> &'static Stand {
    ARCHIVE.stand()
}

fn ground() -> &'static Ground {
    ARCHIVE.ground().unwrap()
}

/// Values of one test, and what finds them.
struct Planted {
    email: String,
    card: String,
    scanner: Scanner,
}

impl Planted {
    /// The tests share a stand: others for each of them.
    fn new(test: usize) -> Self {
        let mut chance = Chance::of_this_run();
        let mut letters = std::iter::repeat_with(|| Letter::random(&mut chance));
        let letter = letters.nth(test).unwrap();
        // as the name of a resource is written
        let encoded = Letter {
            email: letter.email.replace('@', "%40"),
            card: letter.card.clone(),
        };
        let scanner = Scanner::over(&[], &[letter.clone(), encoded]);
        let Letter { email, card } = letter;
        Self {
            email,
            card,
            scanner,
        }
    }

    /// Both of them stand in it.
    fn are_in(&self, bytes: &[u8]) -> bool {
        self.scanner
            .seen(bytes)
            .is_superset(&BTreeSet::from([0, 1]))
    }

    /// What holds any of them.
    fn found(&self, kept: &[Kept]) -> Vec<String> {
        let mut found = Vec::new();
        for one in kept {
            if let Some(first) = self.scanner.find(&one.bytes).first() {
                found.push(one.around(first.at));
            }
        }
        found
    }

    fn are_nowhere(&self, kept: &[Kept]) {
        // files of log, store and recordings, and what is told of them
        assert!(kept.len() > 15, "only {} were looked at", kept.len());
        let found = self.found(kept);
        assert!(
            found.is_empty(),
            "{} and {} are in {} of {}:\n{}",
            self.email,
            self.card,
            found.len(),
            kept.len(),
            found.join("\n")
        );
    }
}

fn ssh(token: &str, options: &[&str], command: &str) -> Command {
    ground().ssh(token, options, &[command]).unwrap()
}

/// What a client printed and said.
fn told(ran: Output) -> Kept {
    Kept::new(
        "what the client was told",
        [ran.stdout, ran.stderr].concat(),
    )
}

/// Something that waits, as people see it meanwhile; then it is answered. Also what its client was told.
fn held(command: &mut Command, approve: bool) -> [Kept; 2] {
    let mut client = Client::start(command).unwrap();
    let id = client.asked().unwrap();
    let grace = &stand().people.grace;
    let number = id.to_string();
    let shown = stand().place().cli(grace, &["approvals", "show", &number]);
    if approve {
        stand().approve(grace, id).unwrap();
    } else {
        stand().refuse(grace, id, "no").unwrap();
    }
    let (status, out, err) = client.end().unwrap();
    let expected = if approve { Some(0) } else { Some(126) };
    assert_eq!(status.code(), expected, "{out} {err}");
    [
        Kept::new("what an approver is shown", shown.unwrap()),
        Kept::new("what the client was told", out + &err),
    ]
}

#[test]
fn a_value_in_output_reaches_only_those_who_may_see_it() {
    let planted = Planted::new(0);
    let carla = stand().newcomer("carla", "engineers").unwrap();
    let letter = ground().yard("output").unwrap().join("letter");
    let words = format!("write to {} about {}, soon\n", planted.email, planted.card);
    std::fs::write(&letter, &words).unwrap();
    let cat = format!("cat {}", letter.display());
    let ran = run(&mut ssh(&carla, &[], &cat)).unwrap();
    let masked = format!(
        "write to <email> about ************{}, soon\n",
        &planted.card[12..]
    );
    assert_eq!(text(&ran.stdout), masked, "{ran:?}");
    let mut kept = vec![told(ran)];
    let ways: [(&[&str], String); 5] = [
        (&[], format!("{cat} >&2")),
        (&[], format!("printf '\\0\\1'; {cat}")),
        (&["-tt"], cat.clone()),
        (&["-tt"], format!("printf '\\033[1m'; {cat}; exit 3")),
        (&[], format!("{cat}; {cat} | head -n 1 >&2")),
    ];
    for (options, command) in &ways {
        let ran = run(&mut ssh(&carla, options, command)).unwrap();
        kept.push(told(ran));
    }
    kept.extend(everything(stand(), "user:carla").unwrap());
    planted.are_nowhere(&kept);

    // who may see them does, and so does the recording: what looks for them finds them
    let nora = stand().newcomer("nora", "engineers,seers").unwrap();
    let ran = run(&mut ssh(&nora, &[], &cat)).unwrap();
    assert_eq!(text(&ran.stdout), words, "{ran:?}");
    assert!(planted.are_in(&ran.stdout));
    let session = sessions_of(stand(), "user:nora").unwrap();
    let session = session.first().unwrap();
    let [recorded, _] = recording(stand(), session).unwrap();
    assert!(planted.are_in(&recorded.bytes), "{}", recorded.around(0));
    // on the disk it is encrypted
    planted.are_nowhere(&files(stand()).unwrap());
    let file = Kept::file(&letter).unwrap().unwrap();
    assert_eq!(planted.found(&[file]).len(), 1);
}

#[test]
fn a_value_in_a_command_is_kept_nowhere() {
    let planted = Planted::new(1);
    let dora = stand().newcomer("dora", "engineers").unwrap();
    let yard = ground().yard("commands").unwrap();
    let doomed = yard.join("doomed");
    std::fs::write(&doomed, "x").unwrap();
    let (email, card, y) = (&planted.email, &planted.card, yard.display());
    let ways: [(&[&str], String); 8] = [
        (
            &[],
            format!("echo told; printf '%s\\n' '{email}' {card} >/dev/null"),
        ),
        (&[], format!("echo {email} {card}")),
        (&[], format!("cat {y}/{card} {y}/{email}")),
        (&[], format!("sh -c 'echo {email}; exit 3'")),
        (&[], format!("python3 -c 'print(\"{card}\")'")),
        (&["-tt"], format!("echo {card} {email}")),
        // denied, and not understood
        (&[], format!("mkfifo {y}/{card}")),
        (&[], format!("echo {email} '{card}")),
    ];
    let mut kept = Vec::new();
    for (options, command) in &ways {
        let ran = run(&mut ssh(&dora, options, command)).unwrap();
        kept.push(told(ran));
    }
    let remove = format!("rm {}; echo {email} {card}", doomed.display());
    for approve in [false, true] {
        kept.extend(held(&mut ssh(&dora, &[], &remove), approve));
        assert_eq!(doomed.exists(), !approve);
    }
    kept.extend(everything(stand(), "user:dora").unwrap());
    planted.are_nowhere(&kept);
    // they were there, and something else stands in their place
    let decided = stand().decided_for("user:dora", "echo told").unwrap();
    let summary = decided["summary"].as_str().unwrap();
    assert!(
        summary.contains("<email:24>") && summary.contains("<payment-card:16>"),
        "{summary}"
    );
}

#[test]
fn a_value_in_a_variable_is_kept_nowhere() {
    let planted = Planted::new(4);
    let gerda = stand().newcomer("gerda", "engineers").unwrap();
    let doomed = ground().yard("variables").unwrap().join("doomed");
    std::fs::write(&doomed, "x").unwrap();
    let sends = ["-o", "SendEnv=LC_NAME LC_PAPER COUNTERSIGN_REASON"];
    let sending = |command: &str| {
        let mut ssh = ssh(&gerda, &sends, command);
        ssh.env("LC_NAME", &planted.email)
            .env("LC_PAPER", &planted.card)
            .env("COUNTERSIGN_REASON", format!("{} asked", planted.email));
        ssh
    };
    let ran = run(&mut sending("echo $LC_NAME about $LC_PAPER")).unwrap();
    let masked = format!("<email> about ************{}\n", &planted.card[12..]);
    assert_eq!(text(&ran.stdout), masked, "{ran:?}");
    let mut kept = vec![told(ran)];
    let remove = format!("rm {}", doomed.display());
    kept.extend(held(&mut sending(&remove), false));
    kept.extend(everything(stand(), "user:gerda").unwrap());
    planted.are_nowhere(&kept);
}
