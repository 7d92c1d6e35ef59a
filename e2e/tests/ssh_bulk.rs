//! Much at once, with real clients: many small files, many bytes, several hosts. Prints how long each took.
//! `BULK_FILES`, `BULK_MIB` and `BULK_FORKS` make it more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Instant;

use e2e::lasting::Lasting;
use e2e::routes::{Route, Routes};
use e2e::watchdog::tell;

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh_clients.cedar"]).unwrap());
static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let ground = LASTING.ground.as_ref().unwrap();
    Routes::prepare(ground, &LASTING.stand, "ada").unwrap()
});

/// So many in a folder.
const SHELF: usize = 500;

fn number(name: &str, usual: usize) -> usize {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => usual,
    }
}

/// Runs a script through the gateway, which must succeed; what it printed.
fn script(folder: &Path, text: &str) -> String {
    by(Route::Target, folder, text)
}

/// The same by another way of naming the target.
fn by(route: Route, folder: &Path, text: &str) -> String {
    let mut command = Command::new("sh");
    command
        .args(["-ec", text])
        .envs(ROUTES.variables(route))
        .env("HERE", folder)
        .env("HOME", folder)
        .env_remove("SSH_AUTH_SOCK")
        .current_dir(folder);
    e2e::process::output(&mut command).unwrap()
}

/// The same, timed.
fn timed(folder: &Path, what: &str, text: &str) -> String {
    let began = Instant::now();
    let printed = script(folder, text);
    tell(what, began.elapsed());
    printed
}

/// Names, contents, modes and times of all that is in a folder, as one sum.
const SUM: &str = "sum() { (cd \"$1\"; find . -printf '%P %M %l'; find . -type f -printf '%P %s %T@\\n' | sort | cksum
    find . -type f -print0 | sort -z | xargs -0 cat | cksum) | cksum; }\n";

#[test]
fn many_files_are_the_same_behind_each_program() {
    let yard = LASTING.ground.as_ref().unwrap().yard("many").unwrap();
    let count = number("BULK_FILES", 2_000);
    for number in 0..count {
        let shelf = yard.join(format!("some/{}", number / SHELF));
        std::fs::create_dir_all(&shelf).unwrap();
        let content = format!("{number}\n").repeat(number % 300);
        std::fs::write(shelf.join(format!("file {number}")), content).unwrap();
    }
    script(&yard, "find some -exec touch -h -d @1580702706 {} +");
    let sum = |folder: &str| script(&yard, &format!("{SUM}sum {folder}"));
    let some = sum("some");
    for (program, line) in [
        ("scp up", "$SCP -qrp some $TO:$HERE/got"),
        ("scp down", "$SCP -qrp $TO:$HERE/some got"),
        (
            "sftp up",
            "printf 'put -pR some %s/got\\n' $HERE | $SFTP -q -b - $TO >/dev/null",
        ),
        (
            "sftp down",
            "printf 'get -pR %s/some got\\n' $HERE | $SFTP -q -b - $TO >/dev/null",
        ),
        ("rsync up", "rsync -a -e \"$SSH\" some/ $TO:$HERE/got/"),
        ("rsync down", "rsync -a -e \"$SSH\" $TO:$HERE/some/ got/"),
        (
            "tar down",
            "mkdir got; $SSH $TO tar -C $HERE/some -cf - . | tar -C got -xf -",
        ),
    ] {
        timed(&yard, &format!("{program}, {count} files"), line);
        assert_eq!(sum("got"), some, "{program}");
        script(&yard, "rm -rf got");
    }
    script(&yard, "rm -rf some");
}

#[test]
fn many_bytes_are_the_same_in_both_directions() {
    let yard = LASTING.ground.as_ref().unwrap().yard("much").unwrap();
    let much = number("BULK_MIB", 200);
    let make = format!("head -c {much}M /dev/urandom >some; sha256sum <some");
    let some = script(&yard, &make);
    for (program, line) in [
        ("ssh up", "$SSH $TO \"cat >$HERE/got\" <some"),
        ("ssh down", "$SSH $TO \"cat $HERE/some\" >got"),
        ("scp up", "$SCP -q some $TO:$HERE/got"),
        ("scp down", "$SCP -q $TO:$HERE/some got"),
        ("rsync up", "rsync -W -e \"$SSH\" some $TO:$HERE/got"),
        ("rsync down", "rsync -W -e \"$SSH\" $TO:$HERE/some got"),
    ] {
        timed(&yard, &format!("{program}, {much} MiB"), line);
        assert_eq!(script(&yard, "sha256sum <got; rm got"), some, "{program}");
    }
    script(&yard, "rm some");
}

/// A connection that another one carries, in many small pieces: neither direction may wait for the other.
#[test]
fn much_flows_both_ways_through_jumps() {
    let yard = LASTING.ground.as_ref().unwrap().yard("jumps").unwrap();
    let options = ROUTES.options(Route::Target);
    let line = format!(
        "head -c 40M /dev/urandom >some
         for n in 1 2; do
             (timeout 60 ssh {options} -o ProxyCommand=\"dd bs=512 status=none | ssh {options} -W %h:%p $JUMP@gateway\" \
                 $TO cat <some | cmp - some && echo same) &
         done; wait; rm some"
    );
    let began = Instant::now();
    let printed = by(Route::Jump, &yard, &line);
    tell("two jumps, 40 MiB to and fro", began.elapsed());
    assert_eq!(printed, "same\nsame\n");
}

#[test]
fn a_play_goes_to_many_hosts_at_once() {
    let yard = LASTING.ground.as_ref().unwrap().yard("play").unwrap();
    let forks = number("BULK_FORKS", 4);
    let play = format!(
        "export ANSIBLE_SSH_ARGS=\"-o ControlMaster=auto -o ControlPersist=30 ${{SSH#ssh }}\" \
         ANSIBLE_SSH_CONTROL_PATH_DIR=$HERE/cp ANSIBLE_LOCAL_TEMP=$HERE/local ANSIBLE_REMOTE_TEMP=$HERE/remote \
         ANSIBLE_NOCOLOR=1 ANSIBLE_DEPRECATION_WARNINGS=False
         for n in $(seq {forks}); do
             echo \"host$n ansible_host=gateway ansible_user=$USERNAME \
                 ansible_control_path=$HERE/cp/$n ansible_python_interpreter=/usr/bin/python3\"
         done >hosts
         mkdir cp; head -c 100000 /dev/urandom >some
         leave() {{ for socket in cp/*; do ssh -o ControlPath=$socket -O exit none 2>/dev/null || :; done; }}
         trap leave EXIT
         ansible -i hosts -f {forks} all -m copy -a \"src=some dest=$HERE/{{{{ inventory_hostname }}}}\" >copied
         ansible -i hosts -f {forks} all -o -m command -a 'echo {{{{ inventory_hostname }}}}'
         for n in $(seq {forks}); do cmp some host$n; done"
    );
    let printed = timed(&yard, &format!("ansible, {forks} forks"), &play);
    for number in 1..=forks {
        let line = format!("host{number} | CHANGED | rc=0 | (stdout) host{number}");
        assert!(printed.contains(&line), "{printed}");
    }
}
