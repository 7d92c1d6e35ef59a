//! A task that panics ends its own session, without a hang, and no other; what it was about is in the log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use e2e::lasting::edited;
use e2e::psql::{Login, Psql};
use e2e::ssh::{Client, Ground};
use e2e::stand::Stand;
use gate::failpoint::{PANIC, Step};

/// A stand of its own: what panics is told to the whole gateway.
struct Scene {
    stand: Stand,
    ground: Ground,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ground = Ground::prepare(folder.path()).unwrap();
        let edit = |text: String| ground.configured(&text);
        let stand = edited(&folder.path().join("stand"), &["ssh.cedar"], &edit).unwrap();
        Self {
            stand,
            ground,
            _folder: folder,
        }
    }

    fn ssh(&self, options: &[&str], words: &[&str]) -> Client {
        let ada = &self.stand.people.ada;
        Client::start(&mut self.ground.ssh(ada, options, words).unwrap()).unwrap()
    }

    fn psql(&self) -> Psql {
        let login = Login::of("ada", &self.stand.people.ada, "panics");
        Psql::open(self.stand.place(), &login).unwrap()
    }

    fn arm(&self, step: Step) {
        let told = format!("{PANIC}{}", step.name());
        std::fs::write(self.stand.place().last_step(), told).unwrap();
    }

    /// Where the gateway says that something panicked.
    fn diagnostics(&self) -> String {
        std::fs::read_to_string(&self.stand.place().diagnostics).unwrap()
    }

    fn is_armed(&self) -> bool {
        self.stand.place().last_step().exists()
    }
}

const STEPS: [Step; 6] = [
    Step::Read,
    Step::Judged,
    Step::Intended,
    Step::Forwarded,
    Step::Masked,
    Step::Taped,
];

#[test]
fn a_panic_ends_one_session_only() {
    let scene = Scene::open();
    let mut beside = scene.psql();
    let mut far = scene.ssh(&[], &["cat"]);
    far.say(b"ready\n").unwrap();
    far.printed("ready").unwrap();
    for step in STEPS {
        let name = step.name();
        let mut victim = scene.psql();
        scene.arm(step);
        victim.say("SELECT 1;").unwrap();
        let status = victim.ended().unwrap();
        assert!(!scene.is_armed(), "no statement came to `{name}`");
        assert!(!status.success(), "{name}: {status:?}");
        scene.arm(step);
        let mut victim = scene.ssh(&[], &["echo begun; sleep 60"]);
        let ended = victim.end();
        let (status, _, told) =
            ended.unwrap_or_else(|error| panic!("{name}: {error}\n{}", scene.diagnostics()));
        assert!(!scene.is_armed(), "no command came to `{name}`");
        assert!(!status.success(), "{name}: {told}");
        // the sessions beside it did not notice
        assert_eq!(beside.ask("SELECT 'still';").unwrap().sqlstate(), None);
        far.say(format!("{name}\n").as_bytes()).unwrap();
        far.printed(&name).unwrap();
    }
    let (status, _, _) = far.end().unwrap();
    assert!(status.success());
    scene.stand.verified().unwrap();
}

/// One that asks people about a file is a task beside its channel.
#[test]
fn a_question_that_panics_does_not_hang_its_channel() {
    let scene = Scene::open();
    let yard = scene.ground.yard("panics").unwrap();
    let file = yard.join("kept");
    std::fs::write(&file, "kept").unwrap();
    scene.arm(Step::Consumed);
    let ada = &scene.stand.people.ada;
    let mut sftp = scene.ground.program("sftp", ada).unwrap();
    sftp.args(["-q", "-P", &scene.ground.port.to_string()])
        .arg("box@127.0.0.1");
    let mut client = Client::start(&mut sftp).unwrap();
    client
        .say(format!("rm {}\n", file.display()).as_bytes())
        .unwrap();
    let id = client.asked().unwrap();
    // the vote counts, whatever becomes of it
    scene.stand.approve(&scene.stand.people.grace, id).unwrap();
    let (status, _, told) = client.end().unwrap();
    assert!(!scene.is_armed());
    assert!(!status.success(), "{told}");
    assert!(file.exists());
    assert_eq!(scene.stand.state(id).unwrap(), "used");
    scene.stand.verified().unwrap();
}
