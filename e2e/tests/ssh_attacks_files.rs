//! With real sftp and scp: ways to get at files that rules do not allow, and proof that nothing was done.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;
use e2e::watchdog::until;

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

/// A batch of sftp's commands; each may fail.
fn sftp(yard: &Path, lines: &str) -> String {
    let batch = yard.join("batch");
    let lines: String = lines
        .lines()
        .map(|line| format!("-{}\n", line.trim()))
        .collect();
    std::fs::write(&batch, lines).unwrap();
    let mut command = ground().program("sftp", &RHEA).unwrap();
    command
        .args(["-o", "BatchMode=no", "-P", &ground().port.to_string(), "-b"])
        .arg(&batch)
        .arg("box@127.0.0.1");
    let ran = run(&mut command).unwrap();
    format!("{}{}", text(&ran.stdout), text(&ran.stderr))
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn files_get_nowhere_but_where_they_may() {
    let yard = ground().yard("files").unwrap();
    let (inbox, outside) = (yard.join("inbox"), yard.join("outside"));
    std::fs::create_dir_all(&inbox).unwrap();
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(yard.join("own"), "mine").unwrap();
    std::fs::write(outside.join("theirs"), "theirs").unwrap();
    let y = yard.display();
    let said = sftp(
        &yard,
        &format!(
            "put {y}/own {y}/inbox/welcome
             put {y}/own {y}/outside/plain
             put {y}/own {y}/inbox/../outside/climbed
             put {y}/own {y}/inbox/./../outside/climbed2
             put {y}/own {y}/outside/inbox
             put {y}/own {y}/outside/theirs
             symlink {y}/outside {y}/inbox/way
             ln -s {y}/outside {y}/inbox/way
             ln {y}/outside/theirs {y}/inbox/same
             rename {y}/inbox/welcome {y}/outside/moved
             rename -l {y}/inbox/welcome {y}/outside/moved
             cp {y}/outside/theirs {y}/outside/copied
             rm {y}/outside/theirs
             mkdir {y}/outside/new
             chmod 777 {y}/outside/theirs"
        ),
    );
    assert!(said.contains("countersign"), "{said}");
    assert_eq!(names(&outside), [outside.join("theirs")], "{said}");
    assert_eq!(names(&inbox), [inbox.join("welcome")], "{said}");
    assert_eq!(
        std::fs::read_to_string(outside.join("theirs")).unwrap(),
        "theirs"
    );
    assert_eq!(
        std::fs::read_to_string(inbox.join("welcome")).unwrap(),
        "mine"
    );
}

const INIT: u8 = 1;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const FSETSTAT: u8 = 10;
const EXTENDED: u8 = 200;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const PERMISSION_DENIED: u32 = 3;
const FAILURE: u32 = 4;
const UNSUPPORTED: u32 = 8;

fn string(bytes: &[u8]) -> Vec<u8> {
    let mut string = u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    string.extend(bytes);
    string
}

fn packet(kind: u8, body: &[&[u8]]) -> Vec<u8> {
    let mut packet = vec![kind];
    packet.extend(body.concat());
    string(&packet)
}

/// The answer to a request, without its id, once it came.
fn answer(client: &Client, id: u32) -> (u8, Vec<u8>) {
    until("it is answered", || {
        let bytes = client.bytes();
        let mut rest = bytes.as_slice();
        while rest.len() >= 4 {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            let Some(packet) = rest.get(4..4 + length) else {
                break;
            };
            if packet[0] != 2 && packet[1..5] == id.to_be_bytes() {
                return Ok(Some((packet[0], packet[5..].to_vec())));
            }
            rest = &rest[4 + length..];
        }
        Ok(None)
    })
    .unwrap()
}

fn code((kind, body): &(u8, Vec<u8>)) -> u32 {
    assert_eq!(*kind, STATUS, "{body:?}");
    u32::from_be_bytes(body[..4].try_into().unwrap())
}

#[test]
fn a_handle_covers_no_more_than_its_open() {
    let yard = ground().yard("handles").unwrap();
    let file = yard.join("theirs");
    std::fs::write(&file, "theirs").unwrap();
    let mut client = Client::start(&mut ground().ssh(&RHEA, &["-s"], &["sftp"]).unwrap()).unwrap();
    let path = string(file.to_str().unwrap().as_bytes());
    let (reads, none, four) = (
        1_u32.to_be_bytes(),
        0_u32.to_be_bytes(),
        4_u32.to_be_bytes(),
    );
    let id = |id: u32| id.to_be_bytes();
    client.say(&packet(INIT, &[&id(3)])).unwrap();
    client
        .say(&packet(OPEN, &[&id(1), &path, &reads, &none]))
        .unwrap();
    let (kind, handle) = answer(&client, 1);
    assert_eq!(kind, HANDLE);
    let start = 0_u64.to_be_bytes();
    // by a handle for reading nothing is written, and what changes the file is asked anew
    client
        .say(&packet(
            WRITE,
            &[&id(2), &handle, &start, &string(b"pwned")],
        ))
        .unwrap();
    client
        .say(&packet(
            FSETSTAT,
            &[&id(3), &handle, &reads, &0_u64.to_be_bytes()],
        ))
        .unwrap();
    assert_ne!(code(&answer(&client, 2)), 0);
    assert_eq!(code(&answer(&client, 3)), PERMISSION_DENIED);
    client.say(&packet(CLOSE, &[&id(4), &handle])).unwrap();
    assert_eq!(code(&answer(&client, 4)), 0);
    // a closed one, one that the client made up, and what this gateway does not know
    client
        .say(&packet(READ, &[&id(5), &handle, &start, &four]))
        .unwrap();
    client
        .say(&packet(
            WRITE,
            &[&id(6), &string(&[0, 0, 0, 9]), &start, &string(b"pwned")],
        ))
        .unwrap();
    client
        .say(&packet(
            EXTENDED,
            &[&id(7), &string(b"run@example.org"), &path],
        ))
        .unwrap();
    assert_eq!(code(&answer(&client, 5)), FAILURE);
    assert_eq!(code(&answer(&client, 6)), FAILURE);
    assert_eq!(code(&answer(&client, 7)), UNSUPPORTED);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "theirs");
}

#[test]
fn a_copying_tool_is_judged_by_its_path_too() {
    let yard = ground().yard("tools").unwrap();
    let (own, there) = (yard.join("own"), yard.join("there"));
    std::fs::write(&own, "mine").unwrap();
    let port = ground().port.to_string();
    let far = format!("box@127.0.0.1:{}", there.display());
    for options in [&[][..], &["-O"][..]] {
        let mut command: Command = ground().program("scp", &RHEA).unwrap();
        command
            .args(options)
            .args(["-P", &port])
            .arg(&own)
            .arg(&far);
        let ran = run(&mut command).unwrap();
        assert!(!ran.status.success(), "{options:?}: {ran:?}");
        assert!(!there.exists(), "{options:?}");
    }
    for server in [
        "scp -t FOLDER",
        "rsync --server -logDtpre.iLsfxCIvu . FOLDER",
        "git-receive-pack 'FOLDER'",
        "scp -t -- FOLDER;touch FOLDER",
    ] {
        let command = server.replace("FOLDER", there.to_str().unwrap());
        let ran = run(&mut ground().ssh(&RHEA, &[], &[&command]).unwrap()).unwrap();
        assert_eq!(ran.status.code(), Some(126), "{server}: {ran:?}");
        assert!(!there.exists(), "{server}");
    }
}
