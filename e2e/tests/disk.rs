//! The disk under the audit log is full: within a second everything is refused, reads too, the session lives on, and
//! when there is space again it goes on as before.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use e2e::psql::Psql;
use e2e::stand::{Options, Stand};
use e2e::trail;

/// What the log cannot be written for.
const REFUSED: &str = "58000";
const WITHIN: Duration = Duration::from_secs(1);

/// A file system of its own, of some megabytes; taken down when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs"])
            .arg(path);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(path.to_owned()))
    }

    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("ballast")).unwrap();
        // at last byte by byte: no space for even one more page
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn clear(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

/// Statements of every kind until one is refused, then all of them; returns how long it took.
fn all_refused(psql: &mut Psql) -> Duration {
    let began = Instant::now();
    let mut number = 0;
    while psql
        .ask("SELECT name FROM items WHERE id = 1;")
        .unwrap()
        .sqlstate()
        != Some(REFUSED)
    {
        number += 1;
        assert!(
            began.elapsed() < WITHIN,
            "{number} statements went through without a record"
        );
    }
    let took = began.elapsed();
    for statement in [
        "SELECT 1;",
        "INSERT INTO items (name, cents) VALUES ('unrecorded', 1);",
        "DELETE FROM items WHERE name = 'unrecorded';",
    ] {
        let asked = Instant::now();
        let answer = psql.ask(statement).unwrap();
        assert_eq!(answer.sqlstate(), Some(REFUSED), "{statement} {answer:?}");
        assert!(
            asked.elapsed() < WITHIN,
            "{statement} waited {:?}",
            asked.elapsed()
        );
    }
    took
}

/// Waits until the log takes records again, on the same session.
fn passes_again(psql: &mut Psql) {
    let mut last = None;
    let passed = e2e::watchdog::until("statements pass again", || {
        let answer = last.insert(psql.ask("SELECT 'it passes';")?);
        Ok((answer.out.trim() == "it passes").then_some(()))
    });
    assert!(passed.is_ok(), "{last:?}");
    let answer = psql
        .ask("INSERT INTO items (name, cents) VALUES ('recorded', 1);")
        .unwrap();
    assert_eq!(answer.sqlstate(), None, "{answer:?}");
}

/// The log holds, nothing ran in between, and the session was one and the same.
fn holds(stand: &mut Stand, log: &Path) {
    let names = stand
        .postgres
        .sql("SELECT name FROM items WHERE cents = 1")
        .unwrap();
    assert_eq!(names.trim(), "recorded");
    stand.gateway.end().unwrap();
    let proof = trail::proof(stand.gateway.place(), log).unwrap();
    assert_eq!(proof["counts"]["open"], 0, "{proof}");
    let entries = trail::entries_of(stand.gateway.place(), log).unwrap();
    let inserted = entries.iter().filter(|entry| {
        trail::text(entry, "verdict") == "allow"
            && entry["actions"].to_string().contains("postgres.insert")
    });
    assert_eq!(inserted.count(), 1);
}

/// Needs the right to mount; who has it not is served by the test below, and by the recorder's own over its sink.
#[test]
fn a_full_disk_refuses_everything_and_space_heals_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small");
    let Some(disk) = SmallDisk::mount(&path) else {
        println!("nothing can be mounted here: only the limit on files is tested");
        return;
    };
    let log = path.join("audit");
    let edit =
        |text: String| text.replace("audit: audit\n", &format!("audit: {}\n", log.display()));
    let home = folder.path().join("stand");
    let mut options = Options::in_folder(&home);
    options.edit = &edit;
    let mut stand = Stand::start(&options, &|| false).unwrap();
    let mut psql = stand.ada("disk").unwrap();
    disk.fill();
    let took = all_refused(&mut psql);
    println!("refused after {took:?}");
    disk.clear();
    passes_again(&mut psql);
    psql.quit().unwrap();
    holds(&mut stand, &log);
}

/// No file of the gateway may grow any more: a full disk that needs no rights.
#[test]
fn a_log_that_cannot_grow_refuses_everything_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::in_folder(folder.path());
    // without this the limit would kill the process, which no full disk does
    let wrapper = folder.path().join("countersign");
    let binary = e2e::binary::countersign().unwrap();
    let script = format!(
        "#!/bin/sh\ntrap '' XFSZ\nexec '{}' \"$@\"\n",
        binary.display()
    );
    let draft = folder.path().join("draft");
    std::fs::write(&draft, script).unwrap();
    // by another process: what this one holds open for writing, a child that is being started holds too, and cannot run
    let mut install = std::process::Command::new("install");
    install.args(["-m", "700"]).arg(&draft).arg(&wrapper);
    assert!(install.status().unwrap().success());
    options.binary = Some(wrapper);
    let mut stand = Stand::start(&options, &|| false).unwrap();
    let mut psql = stand.ada("disk").unwrap();
    limit(&stand, "1");
    let took = all_refused(&mut psql);
    println!("refused after {took:?}");
    limit(&stand, "unlimited");
    passes_again(&mut psql);
    psql.quit().unwrap();
    let log = trail::folder(stand.gateway.place());
    holds(&mut stand, &log);
}

/// The most bytes that a file of the running gateway may have; only the soft limit, so that it can be taken back.
fn limit(stand: &Stand, bytes: &str) {
    let set = Command::new("prlimit")
        .args(["--pid", &stand.gateway.id().to_string()])
        .arg(format!("--fsize={bytes}:"))
        .status()
        .unwrap();
    assert!(set.success());
}
