//! With real ssh and sftp: the gateway is killed while requests are held and a command runs; nothing runs late, no
//! question stays open, and the log is whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::PathBuf;

use e2e::lasting::edited;
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;
use e2e::trail;

/// A stand of its own: what is killed is killed for all.
struct Scene {
    stand: Stand,
    ground: Ground,
    yard: PathBuf,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ground = Ground::prepare(folder.path()).unwrap();
        let edit = |text: String| ground.configured(&text);
        let stand = edited(&folder.path().join("stand"), &["ssh.cedar"], &edit).unwrap();
        let yard = ground.yard("crash").unwrap();
        for name in ["by-command", "by-sftp"] {
            std::fs::write(yard.join(name), "x").unwrap();
        }
        Self {
            stand,
            ground,
            yard,
            _folder: folder,
        }
    }

    fn ssh(&self, options: &[&str], words: &[&str]) -> Client {
        let ada = &self.stand.people.ada;
        Client::start(&mut self.ground.ssh(ada, options, words).unwrap()).unwrap()
    }

    fn sftp(&self, line: &str) -> Client {
        let mut sftp = self.ground.program("sftp", &self.stand.people.ada).unwrap();
        sftp.args(["-q", "-P", &self.ground.port.to_string()])
            .arg("box@127.0.0.1");
        let mut client = Client::start(&mut sftp).unwrap();
        client.say(format!("{line}\n").as_bytes()).unwrap();
        client
    }

    fn path(&self, name: &str) -> String {
        self.yard.join(name).display().to_string()
    }

    fn removal(&self) -> String {
        format!("rm {}", self.path("by-command"))
    }

    /// Everything that was held, with its question: a command, a shell, a request of SFTP.
    fn held(&self) -> Vec<(Client, u64)> {
        let shell = self.ssh(&["-tt"], &[]);
        let sftp = self.sftp(&format!("rm {}", self.path("by-sftp")));
        let held = [self.ssh(&[], &[&self.removal()]), shell, sftp];
        let mut all = Vec::new();
        for mut client in held {
            let id = client.asked().unwrap();
            assert!(client.pending().unwrap());
            assert_eq!(self.stand.state(id).unwrap(), "asked");
            all.push((client, id));
        }
        all
    }

    fn nothing_ran(&self) {
        for name in ["by-command", "by-sftp"] {
            assert!(self.yard.join(name).exists(), "{name}");
        }
        assert!(!self.yard.join("typed").exists());
    }

    /// The account of what was held is closed.
    fn is_withdrawn(&self, id: u64) {
        self.stand.becomes(id, "withdrawn").unwrap();
        let end = ("hold", "gateway_ended");
        assert_eq!(self.stand.recorded(id, end).unwrap(), None);
        self.stand
            .may_not_approve(&self.stand.people.grace, id)
            .unwrap();
    }
}

#[test]
fn a_killed_gateway_runs_nothing_that_was_held_and_forgets_no_question() {
    let mut scene = Scene::open();
    let mut busy = scene.ssh(&[], &["echo begun; cat"]);
    busy.printed("begun").unwrap();
    let mut held = scene.held();
    // typed into a shell that nobody has approved
    let line = format!("touch {}\n", scene.path("typed"));
    held[1].0.say(line.as_bytes()).unwrap();
    scene.nothing_ran();

    scene.stand.gateway.kill().unwrap();
    for (client, _) in &mut held {
        let (status, _, err) = client.end().unwrap();
        assert!(!status.success(), "{err}");
    }
    let (status, _, err) = busy.end().unwrap();
    assert_eq!(status.code(), Some(255), "{err}");
    scene.nothing_ran();

    scene.stand.restart(&|| false).unwrap();
    let place = scene.stand.place();
    trail::proof(place, &trail::folder(place)).unwrap();
    for (_, id) in &held {
        scene.is_withdrawn(*id);
    }
    // what waited is not carried out by a gateway that comes back
    let ada = &scene.stand.people.ada;
    let alive = run(&mut scene.ground.ssh(ada, &[], &["echo alive"]).unwrap()).unwrap();
    assert_eq!(text(&alive.stdout), "alive\n", "{alive:?}");
    scene.nothing_ran();

    // asked anew it is another question, and this one is answered
    let mut again = scene.ssh(&[], &[&scene.removal()]);
    let anew = again.asked().unwrap();
    assert!(held.iter().all(|(_, id)| *id != anew), "{anew}");
    let grace = &scene.stand.people.grace;
    scene.stand.approve(grace, anew).unwrap();
    let (status, _, err) = again.end().unwrap();
    assert!(status.success(), "{err}");
    assert!(!scene.yard.join("by-command").exists());
    accounts(scene);
}

/// What ran when the gateway died has an outcome that nobody knows; what waited then was never let through.
fn accounts(mut scene: Scene) {
    let begun = scene.stand.decided_about("echo begun").unwrap();
    let outcome = scene.stand.outcome_of(&begun).unwrap();
    assert_eq!(outcome["outcome"], "unknown", "{outcome}");
    let entries = scene.stand.exported().unwrap();
    let removal = scene.removal();
    let of_it = entries
        .iter()
        .filter(|entry| trail::text(entry, "summary") == removal);
    let verdicts: Vec<&str> = of_it.map(|entry| trail::text(entry, "verdict")).collect();
    assert_eq!(verdicts, ["hold", "allow"]);
    scene.stand.gateway.end().unwrap();
    let report = scene.stand.verified().unwrap();
    assert_eq!(report["counts"]["open"], 0, "{report}");
}
