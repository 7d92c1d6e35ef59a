//! With real ssh: while the audit log cannot be written nothing runs, and everything is refused in SSH's words, on
//! connections that stand and on new ones; when it can be written again, all goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use e2e::full_disk::{SmallDisk, limit, unkillable};
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::{Options, Stand};
use e2e::trail;
use e2e::watchdog::until;
use serde_json::Value;

const REFUSED: &str = "countersign: the gateway cannot record requests now; try again later";

/// A target, and a connection to it that several clients share.
struct Scene {
    master: Client,
    control: String,
    yard: PathBuf,
    stand: Stand,
    ground: Ground,
}

/// Which connection a client takes.
#[derive(Debug, Clone, Copy)]
enum By {
    Shared,
    Own,
}

impl Scene {
    fn open(folder: &Path, binary: Option<PathBuf>, edit: &dyn Fn(String) -> String) -> Self {
        let ground = Ground::prepare(folder).unwrap();
        let home = folder.join("stand");
        let served = |text: String| edit(ground.served(&text));
        let mut options = Options::in_folder(&home);
        options.binary = binary;
        options.edit = &served;
        let stand = Stand::start(&options, &|| false).unwrap();
        let yard = ground.yard("disk").unwrap();
        let control = format!("ControlPath={}", yard.join("control").display());
        let master = ["-o", &control, "-o", "ControlMaster=yes"];
        let mut master = ground
            .ssh(&stand.people.ada, &master, &["echo up; cat"])
            .unwrap();
        let master = Client::start(&mut master).unwrap();
        master.printed("up").unwrap();
        Self {
            master,
            control,
            yard,
            stand,
            ground,
        }
    }

    /// What comes of a command of ada's.
    fn ran(&self, by: By, options: &[&str], words: &[&str]) -> Output {
        let shared = ["-o", &self.control];
        let options = match by {
            By::Shared => [&shared[..], options].concat(),
            By::Own => options.to_vec(),
        };
        let mut ssh = self
            .ground
            .ssh(&self.stand.people.ada, &options, words)
            .unwrap();
        run(&mut ssh).unwrap()
    }

    /// What comes of one that leaves a file.
    fn marks(&self, by: By, name: &str) -> Output {
        let touch = format!("touch {}", self.yard.join(name).display());
        self.ran(by, &[], &[&touch])
    }

    fn marked(&self, name: &str) -> bool {
        self.yard.join(name).exists()
    }

    /// Commands until one is refused; those before it ran. Returns how many did.
    fn until_one_is_refused(&self) -> usize {
        let mut number = 0;
        until("a command is refused", || {
            let name = format!("mark-{number}");
            let ran = self.marks(By::Shared, &name);
            assert_eq!(ran.status.success(), self.marked(&name), "{ran:?}");
            if !ran.status.success() {
                refused(&ran, "the first");
                return Ok(Some(()));
            }
            number += 1;
            Ok(None)
        })
        .unwrap();
        number
    }

    /// Whatever is asked for, and by whichever connection.
    fn all_is_refused(&self) {
        let touch = format!("touch {}", self.yard.join("refused").display());
        let requests: [(&[&str], &[&str]); 4] = [
            (&[], &[&touch]),
            (&[], &["ls /"]),
            (&["-tt"], &["tty"]),
            (&["-s"], &["sftp"]),
        ];
        for by in [By::Shared, By::Own] {
            for (options, words) in requests {
                let ran = self.ran(by, options, words);
                refused(&ran, &format!("{by:?} {options:?} {words:?}"));
            }
        }
        assert!(!self.marked("refused"));
    }

    fn passes_again(&self, by: By) {
        let mut last = None;
        let passed = until("commands pass again", || {
            let ran = last.insert(self.marks(by, "after"));
            Ok(ran.status.success().then_some(()))
        });
        assert!(passed.is_ok() && self.marked("after"), "{last:?}");
    }

    /// The log is whole, and what ran is in it.
    fn holds(self, log: &Path) {
        let Self {
            master,
            yard,
            mut stand,
            ground,
            control: _,
        } = self;
        drop(master);
        stand.gateway.end().unwrap();
        let place = stand.gateway.place();
        let proof = trail::proof(place, log).unwrap();
        assert_eq!(proof["counts"]["open"], 0, "{proof}");
        let entries = trail::entries_of(place, log).unwrap();
        let recorded = recorded(&entries, &yard);
        let marks = std::fs::read_dir(&yard).unwrap();
        let marks = marks.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let marks: BTreeSet<String> = marks.filter(|name| name.starts_with("mark-")).collect();
        assert_eq!(recorded, marks, "{proof}");
        drop(ground);
    }
}

/// In words, with the status for what may not run, and with nothing else.
fn refused(ran: &Output, what: &str) {
    assert_eq!(ran.status.code(), Some(126), "{what}: {ran:?}");
    // a terminal has one stream
    let said = text(&ran.stdout) + &text(&ran.stderr);
    assert!(said.contains(REFUSED), "{what}: {ran:?}");
}

/// The marks that were let through and sent; those that were let through and never sent have left none.
fn recorded(entries: &[Value], yard: &Path) -> BTreeSet<String> {
    let mut recorded = BTreeSet::new();
    for decided in entries {
        let summary = trail::text(decided, "summary");
        let allowed = trail::text(decided, "verdict") == "allow";
        if !allowed || !summary.contains("/mark-") {
            continue;
        }
        let name = summary.rsplit('/').next().unwrap();
        let end = entries.iter().find(|entry| {
            trail::text(entry, "entry") == "outcome" && entry["request"] == decided["request"]
        });
        let sent = trail::text(end.unwrap(), "outcome") != "not_sent";
        assert_eq!(sent, yard.join(name).exists(), "{decided} {end:?}");
        if sent {
            recorded.insert(name.to_owned());
        }
    }
    recorded
}

/// Needs the right to mount; who has it not is served by the test below.
#[test]
fn a_full_disk_refuses_everything_and_space_heals_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small");
    let Some(disk) = SmallDisk::mount(&path).unwrap() else {
        println!("nothing can be mounted here: only the limit on files is tested");
        return;
    };
    let log = path.join("audit");
    let edit =
        |text: String| text.replace("audit: audit\n", &format!("audit: {}\n", log.display()));
    let mut scene = Scene::open(folder.path(), None, &edit);
    disk.fill().unwrap();
    let ran = scene.until_one_is_refused();
    println!("{ran} commands found room in the log");
    scene.all_is_refused();
    disk.clear().unwrap();
    scene.passes_again(By::Shared);
    scene.passes_again(By::Own);
    // what ran all along was not disturbed
    scene.master.say(b"still here\n").unwrap();
    scene.master.printed("still here").unwrap();
    scene.holds(&log);
}

/// No file of the gateway may grow any more, those of recordings neither: a full disk that needs no rights.
#[test]
fn a_log_that_cannot_grow_refuses_everything_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let binary = unkillable(folder.path()).unwrap();
    let scene = Scene::open(folder.path(), Some(binary), &|text| text);
    limit(&scene.stand, "1").unwrap();
    scene.until_one_is_refused();
    scene.all_is_refused();
    limit(&scene.stand, "unlimited").unwrap();
    // a session whose recording broke stays refused
    scene.passes_again(By::Own);
    let log = trail::folder(scene.stand.gateway.place());
    scene.holds(&log);
}
