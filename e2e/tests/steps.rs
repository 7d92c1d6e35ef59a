//! The gateway dies at every step of an operation's life, one after the other: what outlives it is whole, and true.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

use std::os::unix::process::ExitStatusExt;

use e2e::gateway::LAST_STEP;
use e2e::psql::{Login, Psql};
use e2e::stand::{Options, Stand};
use e2e::story::asked;
use e2e::trail::{self, text};
use e2e::watchdog::until;
use gate::failpoint::{Step, VARIABLE};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// What of the operation must be found after the gateway died at a step.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    /// Nothing was decided, and nothing ran.
    Nothing,
    /// A question, which nobody waits for any more, and nothing ran.
    Question(&'static str),
    /// A denial.
    Denial,
    /// An intent with an end that nobody knows; whether it ran may be open.
    Intent { ran: Option<bool> },
    /// An intent whose end nobody waits for: it may be known, or not.
    Done,
}

fn left(step: Step) -> Left {
    match step {
        Step::Accepted
        | Step::Negotiated
        | Step::LoggedIn
        | Step::Opened
        | Step::Reached
        | Step::Read
        | Step::Registered
        | Step::Judged => Left::Nothing,
        Step::Asked => Left::Question("withdrawn"),
        Step::Consumed => Left::Question("used"),
        Step::Denied => Left::Denial,
        Step::Intended | Step::Forwarded => Left::Intent { ran: Some(false) },
        Step::Sent => Left::Intent { ran: None },
        Step::Replied | Step::Masked | Step::Taped => Left::Intent { ran: Some(true) },
        Step::Concluded | Step::Answered | Step::Sealed => Left::Done,
    }
}

/// A statement of its own for each step.
fn statement(step: Step) -> String {
    let number = step as u32;
    match step {
        Step::Asked | Step::Consumed => format!("DELETE FROM steps_{number};"),
        Step::Denied => format!("CREATE ROLE step_{number};"),
        _ => format!("INSERT INTO steps VALUES ({number});"),
    }
}

struct Scene {
    stand: Stand,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stand = Stand::start(&Options::in_folder(folder.path()), &|| false).unwrap();
        stand
            .postgres
            .sql("CREATE TABLE steps (n int PRIMARY KEY)")
            .unwrap();
        for step in [Step::Asked, Step::Consumed] {
            stand.table(&format!("steps_{}", step as u32)).unwrap();
        }
        Self {
            stand,
            _folder: folder,
        }
    }

    fn arm(&self, step: Step) {
        std::fs::write(self.stand.place().last_step(), step.name()).unwrap();
    }

    /// Lets the gateway die at a step of a statement's life; what psql was told of it.
    fn die(&mut self, step: Step) -> String {
        let place = self.stand.place().clone();
        let login = Login::of("ada", &self.stand.people.ada, "steps");
        let mut approved = None;
        let mut psql = if Step::Read as u32 > step as u32 {
            self.arm(step);
            Psql::start(&place, &login).unwrap()
        } else {
            let psql = Psql::open(&place, &login).unwrap();
            if !matches!(step, Step::Consumed | Step::Answered | Step::Sealed) {
                self.arm(step);
            }
            psql
        };
        if step == Step::Answered {
            self.arm_while_it_runs(&mut psql);
        } else {
            psql.say(&statement(step)).unwrap();
        }
        if step == Step::Consumed {
            let id = asked(&psql).unwrap();
            self.arm(step);
            approved = Some(self.stand.approve(&self.stand.people.grace, id));
        }
        if step == Step::Sealed {
            psql.answer().unwrap();
            self.arm(step);
            psql.quit().unwrap();
        }
        let gateway = &mut self.stand.gateway;
        let died = until(&format!("the gateway dies at `{}`", step.name()), || {
            gateway.ended()
        });
        assert_eq!(died.unwrap().signal(), Some(9));
        if let Some(approved) = approved {
            // the vote may have been answered or not, but it was there
            println!("the vote: {}", approved.is_ok());
        }
        if step == Step::Answered {
            // it has what it asked for, and does not look at its connection before the next statement
            psql.answer().unwrap();
            psql.quit().unwrap();
        } else {
            psql.ended().unwrap();
        }
        std::fs::remove_file(place.last_step()).unwrap();
        psql.output()
    }

    /// The gateway may be at this step of the answer before still: the server stands still until it is armed for its own.
    fn arm_while_it_runs(&self, psql: &mut Psql) {
        let backend = psql.ask("SELECT pg_backend_pid();").unwrap().out;
        let backend = Pid::from_raw(backend.trim().parse().unwrap()).unwrap();
        let stopped = Stopped::stop(backend);
        psql.say(&statement(Step::Answered)).unwrap();
        let intended = until("the statement is on its way", || {
            let (decided, _) = self.account(Step::Answered);
            Ok((!decided.is_empty()).then_some(()))
        });
        self.arm(Step::Answered);
        drop(stopped);
        intended.unwrap();
    }

    fn ran(&self, step: Step) -> bool {
        let number = step as u32;
        let count = match step {
            Step::Asked | Step::Consumed => {
                format!("SELECT count(*) = 0 FROM steps_{number}")
            }
            Step::Denied => {
                format!("SELECT count(*) > 0 FROM pg_roles WHERE rolname = 'step_{number}'")
            }
            _ => format!("SELECT count(*) > 0 FROM steps WHERE n = {number}"),
        };
        self.stand.postgres.sql(&count).unwrap().trim() == "t"
    }

    /// What the log holds of a step's statement: its decisions, and their outcomes.
    fn account(&self, step: Step) -> (Vec<Value>, Vec<String>) {
        let place = self.stand.place();
        let explained = trail::explain(place, "user:ada", &[json!(statement(step))]).unwrap();
        let digest = text(&explained[0], "digest").to_owned();
        let entries = trail::entries(place).unwrap();
        let decided: Vec<Value> = entries
            .iter()
            .filter(|one| text(one, "entry") == "decided" && text(one, "digest") == digest)
            .cloned()
            .collect();
        let ends = entries.iter().filter(|one| {
            text(one, "entry") == "outcome"
                && decided
                    .iter()
                    .any(|decided| decided["request"] == one["request"])
        });
        (
            decided.clone(),
            ends.map(|one| text(one, "outcome").to_owned()).collect(),
        )
    }
}

/// A process that stands still, until this is dropped.
struct Stopped(Pid);

impl Stopped {
    fn stop(process: Pid) -> Self {
        kill_process(process, Signal::STOP).unwrap();
        Self(process)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // it may be gone already
        let _ = kill_process(self.0, Signal::CONT);
    }
}

#[test]
fn whatever_the_step_what_outlives_the_gateway_is_true() {
    assert_eq!(LAST_STEP, VARIABLE);
    let mut scene = Scene::open();
    for step in Step::ALL {
        let told = scene.die(step);
        scene.stand.restart(&|| false).unwrap();
        trail::proof(scene.stand.place(), &trail::folder(scene.stand.place())).unwrap();
        let ran = scene.ran(step);
        let (decided, ends) = scene.account(step);
        let found = format!("{step:?}: ran: {ran}, told: {told:?}, {decided:?}, {ends:?}");
        println!("{step:?}: ran: {ran}, ends: {ends:?}");
        let verdicts: Vec<&str> = decided.iter().map(|one| text(one, "verdict")).collect();
        assert!(ran || !told.contains("INSERT 0 1"), "{found}");
        match left(step) {
            Left::Nothing => {
                assert!(!ran && decided.is_empty(), "{found}");
            }
            Left::Question(state) => {
                assert!(!ran && ends.is_empty(), "{found}");
                let listed = scene.stand.place().cli(
                    &scene.stand.people.admin,
                    &["--output", "json", "approvals", "list", "--state", "all"],
                );
                let listed: Vec<Value> = serde_json::from_str(&listed.unwrap()).unwrap();
                let newest = listed.iter().max_by_key(|one| one["id"].as_u64()).unwrap();
                assert_eq!(newest["state"], state, "{found}");
                // a question that was taken back is a request that ended; one that was used let nothing through
                let expected: &[&str] = if state == "withdrawn" { &["hold"] } else { &[] };
                assert_eq!(verdicts, expected, "{found}");
            }
            Left::Denial => {
                assert!(!ran && ends.is_empty(), "{found}");
                assert_eq!(verdicts, ["deny"], "{found}");
            }
            Left::Intent { ran: expected } => {
                assert!(expected.is_none_or(|expected| expected == ran), "{found}");
                assert_eq!(verdicts, ["allow"], "{found}");
                assert_eq!(ends, ["unknown"], "{found}");
            }
            Left::Done => {
                assert!(ran, "{found}");
                assert_eq!(verdicts, ["allow"], "{found}");
                assert!(ends == ["completed"] || ends == ["unknown"], "{found}");
            }
        }
    }
    scene.stand.gateway.end().unwrap();
    let report = scene.stand.verified().unwrap();
    assert_eq!(report["counts"]["open"], 0, "{report}");
}
