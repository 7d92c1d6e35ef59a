//! With real ssh and sftp: what is recorded of a session, and how it is played.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use e2e::archive::{self, Archive, lines, of_kind};
use e2e::ssh::{BRIEF, Ground, run, text};
use e2e::stand::Stand;
use e2e::terminal::Terminal;
use serde_json::Value;

static ARCHIVE: LazyLock<Archive> =
    LazyLock::new(|| Archive::start(&["ssh.cedar", "recordings.cedar"]).unwrap());

fn stand() -> &'static Stand {
    ARCHIVE.stand()
}

fn ground() -> &'static Ground {
    ARCHIVE.ground().unwrap()
}

fn ssh(options: &[&str], words: &[&str]) -> Command {
    ground().ssh(&stand().people.ada, options, words).unwrap()
}

fn session(what: &str) -> String {
    ARCHIVE.session(what).unwrap()
}

fn sessions(token: &str, words: &[&str]) -> Command {
    ARCHIVE.sessions(token, words)
}

fn admin(words: &[&str]) -> Output {
    ARCHIVE.admin(words).unwrap()
}

fn recorded(session: &str) -> Vec<Value> {
    ARCHIVE.recorded(session).unwrap()
}

fn bytes(events: &[Value], kind: &str) -> Vec<u8> {
    archive::bytes(events, kind).unwrap()
}

#[test]
fn a_terminal_is_recorded_whole_and_plays_harmlessly() {
    const COMMAND: &str = "read a; stty size; head -c 100000 /dev/zero | tr '\\0' x; sleep 1; \
         printf '\\033]52;c;Y2xpcA==\\007\\033[6n\\033[31mred\\303'; printf '\\274\\033[0m'; exit 3";
    let mut terminal =
        Terminal::start(&ssh(&["-tt"], &[&format!("echo begun; {COMMAND}")])).unwrap();
    terminal.client.printed("begun").unwrap();
    terminal.resize(20, 90).unwrap();
    // the size is there before the line: both go one way
    terminal.types("\r").unwrap();
    terminal.client.printed("20 90").unwrap();
    let (status, seen, _) = terminal.client.end().unwrap();
    assert_eq!(status.code(), Some(3), "{seen}");
    assert!(seen.contains("\u{1b}]52"), "what is seen is what was sent");

    let session = session("echo begun; read a");
    told(&recorded(&session));
    let shown = cast(&session);
    plays(&session, &shown);
}

/// What the recording tells of the terminal.
fn told(events: &[Value]) {
    assert_eq!(
        (
            &of_kind(events, "terminal")[0]["columns"],
            &of_kind(events, "terminal")[0]["rows"]
        ),
        (&100.into(), &30.into())
    );
    assert_eq!(
        (
            &of_kind(events, "resized")[0]["columns"],
            &of_kind(events, "resized")[0]["rows"]
        ),
        (&90.into(), &20.into())
    );
    assert_eq!(of_kind(events, "exited")[0]["status"], 3);
    assert!(bytes(events, "reply").len() > 100_000);
    assert_eq!(
        of_kind(events, "reply_end")[0]["rest_bytes"],
        0,
        "all of it is kept"
    );
}

/// The cast: its header, its order, and what of it is shown.
fn cast(session: &str) -> String {
    let cast = admin(&["replay", session, "--format", "asciicast"]);
    let cast = lines(&text(&cast.stdout)).unwrap();
    assert_eq!(
        (&cast[0]["version"], &cast[0]["width"], &cast[0]["height"]),
        (&2.into(), &100.into(), &30.into())
    );
    assert!(
        cast[0]["timestamp"].as_u64().unwrap() > 1_700_000_000,
        "{}",
        cast[0]
    );
    assert!(
        cast[0]["title"]
            .as_str()
            .unwrap()
            .starts_with("user:ada at box: echo begun"),
        "{}",
        cast[0]
    );
    let events: Vec<(f64, String, String)> = cast[1..]
        .iter()
        .map(|line| serde_json::from_value(line.clone()).unwrap())
        .collect();
    assert!(events.iter().is_sorted_by_key(|event| event.0));
    assert!(
        events
            .iter()
            .any(|(_, code, data)| code == "r" && data == "90x20"),
        "{events:?}"
    );
    let shown: String = events
        .iter()
        .filter(|event| event.1 == "o")
        .map(|event| event.2.as_str())
        .collect();
    assert!(shown.contains("\u{1b}[31mred\u{fc}\u{1b}[0m"), "{shown:?}");
    assert!(
        !shown.contains("52;c") && !shown.contains("\u{1b}[6n"),
        "{shown:?}"
    );
    shown
}

/// As it was shown, in the time that it took; not for everybody.
fn plays(session: &str, shown: &str) {
    let played = admin(&["replay", session]);
    assert!(played.status.success(), "{played:?}");
    assert!(text(&played.stdout).starts_with(shown), "{played:?}");
    let begun = Instant::now();
    let played = admin(&["replay", session, "--speed", "0.8"]);
    assert!(
        begun.elapsed() > Duration::from_millis(1200),
        "{:?}",
        begun.elapsed()
    );
    assert!(text(&played.stdout).starts_with(shown), "{played:?}");
    let grace = run(&mut sessions(&stand().people.grace, &["replay", session])).unwrap();
    assert_eq!(grace.status.code(), Some(5), "{grace:?}");
}

#[test]
fn a_player_in_a_terminal_keeps_the_pace_and_obeys_nothing() {
    let title = "printf '\\033]0;evil\\007'; echo in-a-terminal; sleep 1; echo later";
    let ran = run(&mut ssh(&["-tt"], &[title])).unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let session = session("echo in-a-terminal");
    recorded(&session);
    let begun = Instant::now();
    let mut player =
        Terminal::start(&sessions(&stand().people.admin, &["replay", &session])).unwrap();
    let (status, shown, _) = player.client.end().unwrap();
    assert!(
        status.success() && begun.elapsed() > Duration::from_millis(900),
        "{shown:?}"
    );
    assert!(
        shown.contains("in-a-terminal") && shown.contains("later"),
        "{shown:?}"
    );
    assert!(
        !shown.contains("evil") && shown.contains("\u{1b}[?25h"),
        "{shown:?}"
    );
}

#[test]
fn a_command_is_recorded_with_both_its_outputs_and_its_end() {
    let ran = run(&mut ssh(
        &[],
        &["echo out-words; echo error-words >&2; exit 7"],
    ))
    .unwrap();
    assert_eq!(ran.status.code(), Some(7), "{ran:?}");
    let first = session("echo out-words");
    let events = recorded(&first);
    assert_eq!(text(&bytes(&events, "reply")), "out-words\n");
    assert_eq!(text(&bytes(&events, "error_reply")), "error-words\n");
    assert_eq!(of_kind(&events, "exited")[0]["status"], 7);
    assert!(of_kind(&events, "terminal").is_empty());
    // without a terminal there is nothing to play: it is told instead
    let told = text(&admin(&["replay", &first]).stdout);
    assert!(
        told.contains("error-words") && told.contains("status=7"),
        "{told}"
    );
    let refused = admin(&["replay", &first, "--format", "asciicast"]);
    assert!(text(&refused.stderr).contains("no terminal"), "{refused:?}");

    let ran = run(&mut ssh(&[], &["echo ended-by; kill -TERM $$; sleep 5"])).unwrap();
    assert_eq!(ran.status.code(), Some(255), "{ran:?}");
    let events = recorded(&session("echo ended-by"));
    assert_eq!(of_kind(&events, "signalled")[0]["signal"], "TERM");
}

#[test]
fn of_a_target_no_more_is_recorded_than_it_says() {
    let mut command = ground().program("ssh", &stand().people.ada).unwrap();
    command.args([
        "-p",
        &ground().port.to_string(),
        "-l",
        BRIEF,
        "127.0.0.1",
        "echo said-in-brief",
    ]);
    let ran = run(&mut command).unwrap();
    assert_eq!(text(&ran.stdout), "said-in-brief\n", "{ran:?}");
    let events = recorded(&session("echo said-in-brief"));
    assert!(of_kind(&events, "reply").is_empty(), "{events:?}");
    assert_eq!(of_kind(&events, "reply_end")[0]["rest_bytes"], 14);
}

#[test]
fn a_shell_tells_the_lines_entered_and_never_what_was_not_shown() {
    let mut terminal = Terminal::start(&ssh(&["-tt"], &[])).unwrap();
    let id = terminal.client.asked().unwrap();
    stand().approve(&stand().people.grace, id).unwrap();
    // typed when the shell is there: its answer is another text than the line
    terminal.types("PS1=rea''dy:; HISTFILE=\r").unwrap();
    terminal.client.printed("ready:").unwrap();
    terminal.types("echo told-$((40+2))\r").unwrap();
    terminal.client.printed("told-42").unwrap();
    terminal
        .types("read -rsp ask$((1+1)): word; echo; echo length ${#word}\r")
        .unwrap();
    terminal.client.printed("ask2:").unwrap();
    terminal.types("hunter2\r").unwrap();
    terminal.client.printed("length 7").unwrap();
    terminal.types("exit\r").unwrap();
    terminal.client.end().unwrap();

    let events = recorded(&session("shell as"));
    let advisory = of_kind(&events, "advisory");
    let told: Vec<&str> = advisory
        .iter()
        .map(|event| event["text"].as_str().unwrap())
        .collect();
    assert!(
        told.iter()
            .any(|line| line.ends_with("echo told-$((40+2))")),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|line| line.contains("told-42")),
        "an answer is no line: {told:?}"
    );
    assert!(!format!("{events:?}").contains("hunter2"), "{told:?}");
    assert!(!text(&bytes(&events, "reply")).contains("hunter2"));
}

/// What `sha256sum` says of a file.
fn sum(path: &std::path::Path) -> String {
    let sum = run(Command::new("sha256sum").arg(path)).unwrap();
    text(&sum.stdout)
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn sftp_is_recorded_as_a_list_of_files() {
    let yard = ground().yard("listed").unwrap();
    let content: String = (0..60_000)
        .map(|number| format!("{number} of-the-content\n"))
        .collect();
    std::fs::write(yard.join("up"), &content).unwrap();
    std::fs::write(yard.join("down"), &content[..content.len() / 2]).unwrap();
    std::fs::write(
        yard.join("batch"),
        format!(
            "put {y}/up {y}/there\nget {y}/down {y}/here\n-get {y}/none {y}/nothing\n",
            y = yard.display()
        ),
    )
    .unwrap();
    let mut command = ground().program("sftp", &stand().people.ada).unwrap();
    command
        .args(["-o", "BatchMode=no", "-P", &ground().port.to_string(), "-b"])
        .arg(yard.join("batch"))
        .arg("box@127.0.0.1");
    let ran = run(&mut command).unwrap();
    assert!(ran.status.success(), "{ran:?}");

    let session = session(&format!("{}/there", yard.display()));
    let events = recorded(&session);
    let files = of_kind(&events, "file");
    let of = |name: &str| {
        let path = yard.join(name).display().to_string();
        *files
            .iter()
            .find(|file| file["path"] == path.as_str())
            .unwrap()
    };
    let (up, down) = (of("there"), of("down"));
    assert_eq!(up["written"]["bytes"], content.len());
    assert_eq!(up["written"]["sha256"], sum(&yard.join("up")));
    assert_eq!(
        (&up["read"]["bytes"], &up["closed"]),
        (&0.into(), &true.into())
    );
    assert_eq!(down["read"]["bytes"], content.len() / 2);
    assert_eq!(down["read"]["sha256"], sum(&yard.join("down")));
    assert!(
        of_kind(&events, "reply").is_empty(),
        "nothing of the files is kept"
    );
    let told = text(&admin(&["replay", &session]).stdout);
    assert!(
        told.contains(&format!("{}/there", yard.display())),
        "{told}"
    );
    assert!(
        told.contains(&format!("sha256:{}", sum(&yard.join("up")))),
        "{told}"
    );
}

#[test]
fn of_files_that_scp_copies_nothing_is_kept() {
    let yard = ground().yard("copied").unwrap();
    std::fs::write(yard.join("from"), "content-of-the-copy").unwrap();
    let mut command = ground().program("scp", &stand().people.ada).unwrap();
    let far = format!("box@127.0.0.1:{}", yard.join("from").display());
    command
        .args(["-O", "-P", &ground().port.to_string(), &far])
        .arg(yard.join("to"));
    let ran = run(&mut command).unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let events = recorded(&session("scp -f"));
    assert!(of_kind(&events, "reply").is_empty(), "{events:?}");
    assert!(of_kind(&events, "reply_end")[0]["rest_bytes"].as_u64() > Some(19));
}
