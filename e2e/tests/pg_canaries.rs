//! Thousands of statements that try to see what is hidden: not a piece of a planted value comes out, in any encoding, in
//! any message or recording; who may see them sees every one; and what touches nothing hidden passes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::canaries::{Letter, Row, Scanner};
use e2e::chance::Chance;
use e2e::curious::{Script, harmless, scripts};
use e2e::direct::{Direct, sqlstate};
use e2e::driver::Driver;
use e2e::people::token;
use e2e::ports;
use e2e::stand::{Options, Stand};
use e2e::tap::Tap;
use e2e::vault;
use e2e::wire::{Message, Wire};

/// Scripts of a run; `COUNTERSIGN_SCRIPTS` asks for more.
const SCRIPTS: usize = 1000;

struct Scene {
    stand: Stand,
    tap: Tap,
    mole: String,
    seer: String,
    folder: tempfile::TempDir,
}

/// What one script was answered.
struct Answer {
    bytes: Vec<u8>,
    /// The same without what changes from session to session.
    settled: Vec<u8>,
    failed: Option<String>,
    /// What the session ended with.
    ended: Option<String>,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("chosen");
        std::fs::create_dir_all(&policies).unwrap();
        std::fs::write(policies.join("vault.cedar"), vault::POLICY).unwrap();
        let [plain] = ports::free().unwrap();
        let tap = Tap::before(plain).unwrap();
        let listener = format!(
            "listeners:\n  - address: 127.0.0.1:{plain}\n    postgres: {{ allow_plaintext: true }}"
        );
        let edit = |text: String| {
            let text = text.replacen("listeners:", &listener, 1);
            text.replacen("  classes:\n", vault::CLASSES, 1)
        };
        let mut options = Options::in_folder(folder.path());
        options.policies = Some(&policies);
        options.edit = &edit;
        let stand = Stand::start(&options, &|| false).unwrap();
        stand.postgres.sql(vault::MADE).unwrap();
        let person = |name: &str, groups: &str| {
            let (place, admin) = (stand.place(), &stand.people.admin);
            place
                .cli(admin, &["user", "add", name, "--groups", groups])
                .unwrap();
            token(place, admin, name).unwrap()
        };
        let (mole, seer) = (person("mole", "moles"), person("seer", "moles,seers"));
        Self {
            tap,
            mole,
            seer,
            stand,
            folder,
        }
    }

    fn plant(&self, rows: &[Row], letters: &[Letter]) {
        let text = vault::planted(rows, letters);
        self.stand.postgres.sql(&text).unwrap();
    }

    /// Each script on one session; a session that ends for it fails the test.
    fn run(&self, (name, token): (&str, &str), scripts: &[Script]) -> Vec<Answer> {
        let started = Instant::now();
        let mut wire = Wire::login(self.stand.place(), name, token).unwrap();
        let mut answers = Vec::new();
        for script in scripts {
            let answer = answer(&mut wire, script);
            if answer.ended.is_some() {
                wire = Wire::login(self.stand.place(), name, token).unwrap();
            }
            answers.push(answer);
        }
        let passed = answers.iter().filter(|one| one.failed.is_none()).count();
        let (all, took) = (answers.len(), started.elapsed());
        eprintln!("{name}: {passed} of {all} scripts pass, in {took:.1?}");
        answers
    }

    /// Results in binary, as drivers ask for them.
    fn drive(&self, scripts: &[Script]) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let driver = Driver::connect_plainly(self.tap.port(), "mole", &self.mole)
                .await
                .unwrap();
            for script in scripts.iter().filter(|script| script.steps.len() == 1) {
                let text = &script.steps[0];
                if !text.starts_with("COPY") {
                    // refused or not: what comes over the wire is looked at
                    drop(driver.client.query(text, &[]).await);
                }
            }
            driver.client.simple_query("SELECT 1").await.unwrap();
            driver.close().await.unwrap();
        });
    }

    /// Every recorded session as people and as programs read it, its answers decoded.
    fn replayed(&self, whose: &str) -> Vec<u8> {
        let (place, admin) = (self.stand.place(), &self.stand.people.admin);
        let listed = ["--output", "json", "sessions", "list", "--all"];
        let listed = place.cli(admin, &listed).unwrap();
        let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
        let mut told = Vec::new();
        let mut sessions = 0;
        for session in &listed {
            if !session.to_string().contains(whose) {
                continue;
            }
            sessions += 1;
            let id = session["id"].as_str().unwrap();
            let replay = ["--output", "ndjson", "sessions", "replay", id];
            let events = place.cli(admin, &replay).unwrap();
            for event in events.lines() {
                let event: serde_json::Value = serde_json::from_str(event).unwrap();
                let bytes = event["bytes"].as_str().map(|text| STANDARD.decode(text));
                told.extend(bytes.into_iter().flatten().flatten());
                told.push(b'\n');
                told.extend(event.to_string().into_bytes());
            }
            let shown = place.cli(admin, &["sessions", "replay", id]).unwrap();
            told.extend(shown.into_bytes());
        }
        assert!(sessions > 0, "no session of {whose}");
        told
    }
}

fn answer(wire: &mut Wire, script: &Script) -> Answer {
    let mut messages: Vec<Message> = Vec::new();
    let mut ended = None;
    if script.hasty {
        for step in &script.steps {
            wire.query(step).unwrap();
        }
        wire.send().unwrap();
    }
    for step in &script.steps {
        let heard = match script.binary {
            true => {
                wire.parse("", step).unwrap();
                wire.bind_binary("", "").unwrap().execute("").unwrap();
                wire.sync().answer(b'Z')
            }
            false if script.hasty => wire.until(b'Z'),
            false => wire.query(step).unwrap().answer(b'Z'),
        };
        match heard {
            Ok(heard) => messages.extend(heard),
            Err(error) => {
                ended = Some(format!("{step}: {error:#}"));
                break;
            }
        }
    }
    let within = script
        .steps
        .first()
        .is_some_and(|step| step.starts_with("BEGIN"));
    if within && ended.is_none() {
        // an error in one text keeps its end from being run
        for left in ["ROLLBACK", "DEALLOCATE ALL"] {
            wire.query(left).unwrap().answer(b'Z').unwrap();
        }
    }
    let mut settled = Vec::new();
    for (tag, body) in &messages {
        let own = sqlstate(&[(*tag, body.clone())]);
        match (*tag, own.as_deref()) {
            // a refusal of the gateway's has a number of its own
            (b'E', Some(code @ ("0A000" | "42501"))) => settled.extend(code.bytes()),
            (b'A', _) => settled.extend(&body[4..]),
            // a table that was made for it has another oid each time
            (b'T', _) => {}
            _ => settled.extend(body),
        }
        settled.push(*tag);
    }
    Answer {
        failed: ended.clone().or_else(|| sqlstate(&messages)),
        ended,
        bytes: messages.into_iter().flat_map(|(_, body)| body).collect(),
        settled,
    }
}

fn planted(chance: &mut Chance) -> (Vec<Row>, Vec<Letter>) {
    let rows = (0..vault::ROWS + 2).map(|_| Row::random(chance)).collect();
    let letters = (0..vault::ROWS).map(|_| Letter::random(chance)).collect();
    (rows, letters)
}

fn finds_none(scanner: &Scanner, what: &str, bytes: &[u8]) -> Option<String> {
    let found = scanner.find(bytes);
    let first = found.first()?;
    let from = first.at.saturating_sub(60);
    let around = &bytes[from..bytes.len().min(first.at + 60)];
    let around = String::from_utf8_lossy(around).into_owned();
    Some(format!("{what}\n    {}: {around:?}", first.form))
}

/// Whatever is sent, the session lives on.
fn none_ends(answers: &[Answer]) {
    let ended: Vec<&str> = answers
        .iter()
        .filter_map(|answer| answer.ended.as_deref())
        .collect();
    assert!(
        ended.is_empty(),
        "{} end:\n{}",
        ended.len(),
        ended.join("\n")
    );
}

fn none_leak(scanner: &Scanner, what: &str, scripts: &[Script], answers: &[Answer]) {
    let pairs = scripts.iter().zip(answers);
    let leaks = pairs.filter_map(|(script, answer)| {
        finds_none(scanner, &script.steps.join(" ;; "), &answer.bytes)
    });
    let mut leaks: Vec<String> = leaks.collect();
    let count = leaks.len();
    leaks.truncate(40);
    assert!(
        leaks.is_empty(),
        "{what}: {count} of {} scripts leak:\n{}",
        scripts.len(),
        leaks.join("\n")
    );
}

/// Looks into every file of a folder; returns how many there were.
fn scan(scanner: &Scanner, folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += scan(scanner, &path);
        } else if path.is_file() {
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            let leak = finds_none(scanner, &path.display().to_string(), &bytes);
            assert_eq!(leak, None);
        }
    }
    files
}

#[test]
fn nothing_planted_comes_out() {
    let scene = Scene::open();
    let mut chance = Chance::of_this_run();
    let (rows, letters) = planted(&mut chance);
    let scanner = Scanner::over(&rows, &letters);
    scene.plant(&rows, &letters);
    let count = std::env::var("COUNTERSIGN_SCRIPTS").ok();
    let count = count.and_then(|count| count.parse().ok());
    let scripts = scripts(&mut chance, count.unwrap_or(SCRIPTS));
    // what somebody else asks at this moment, of the same role at the server
    let mut beside = Direct::as_gateway(&scene.stand).unwrap();
    let of_another = format!("SELECT id FROM vault WHERE secret = '{}'", rows[0].secret);
    beside.rows(&of_another).unwrap();

    let masked = scene.run(("mole", &scene.mole), &scripts);
    none_leak(&scanner, "what mole is told", &scripts, &masked);
    none_ends(&masked);
    let passed = masked.iter().filter(|one| one.failed.is_none()).count();
    assert!(passed * 100 >= scripts.len() * 25, "only {passed} pass");
    scene.drive(&scripts[..scripts.len() / 10]);
    let heard = scene.tap.heard();
    assert!(heard.len() > 1000);
    assert_eq!(finds_none(&scanner, "over the tap", &heard), None);
    let replayed = scene.replayed("mole");
    assert!(replayed.len() > 10_000);
    assert_eq!(finds_none(&scanner, "the recordings", &replayed), None);
    let log = scene.stand.place().cli("", &["audit", "export"]).unwrap();
    assert_eq!(finds_none(&scanner, "the audit log", log.as_bytes()), None);
    assert!(scan(&scanner, &scene.folder.path().join("gateway")) > 10);

    // who may see them sees them all, by the same statements
    let clear = scene.run(("seer", &scene.seer), &scripts);
    let succeeded = clear.iter().filter(|one| one.failed.is_none()).count();
    failures(&scripts, &clear);
    assert!(
        succeeded * 100 >= scripts.len() * 70,
        "only {succeeded} of {} succeed for who may see",
        scripts.len()
    );
    let clear: Vec<u8> = clear.into_iter().flat_map(|one| one.bytes).collect();
    let seen = scanner.seen(&clear).len();
    assert_eq!(
        seen,
        scanner.canaries(),
        "who may see does not see them all"
    );

    passes_what_is_harmless(&scene, &mut chance);
    tells_no_difference(&scene, (&scripts, &masked), (&letters, &mut chance));
}

/// Why statements fail that should not, for whoever changes the shapes.
fn failures(scripts: &[Script], answers: &[Answer]) {
    if std::env::var_os("COUNTERSIGN_SHOW").is_none() {
        return;
    }
    for (script, answer) in scripts.iter().zip(answers) {
        if let Some(code) = &answer.failed {
            eprintln!("{code} {}", script.steps.join(" ;; "));
        }
    }
}

fn passes_what_is_harmless(scene: &Scene, chance: &mut Chance) {
    let scripts = harmless(chance, 300);
    let answers = scene.run(("mole", &scene.mole), &scripts);
    failures(&scripts, &answers);
    let passed = answers.iter().filter(|one| one.failed.is_none()).count();
    assert!(
        passed * 100 >= scripts.len() * 95,
        "only {passed} of {} harmless statements pass",
        scripts.len()
    );
}

/// With other values in the vault the same statements give the same answers to who may not see them: not even by what
/// is ordered, counted or fails is anything told.
fn tells_no_difference(
    scene: &Scene,
    (scripts, before): (&[Script], &[Answer]),
    (letters, chance): (&[Letter], &mut Chance),
) {
    let (rows, _) = planted(chance);
    scene.plant(&rows, letters);
    let after = scene.run(("mole", &scene.mole), scripts);
    none_leak(
        &Scanner::over(&rows, &[]),
        "mole, once more",
        scripts,
        &after,
    );
    let mut again = Wire::login(scene.stand.place(), "mole", &scene.mole).unwrap();
    let mut differ = Vec::new();
    let triples = scripts.iter().zip(before.iter().zip(&after));
    for (script, (before, after)) in triples {
        if !script.steady || before.settled == after.settled {
            continue;
        }
        // what the gateway had just learned of the catalogue may be the difference
        let once_more = answer(&mut again, script);
        if once_more.settled != before.settled {
            let told = String::from_utf8_lossy(&after.settled).into_owned();
            let was = String::from_utf8_lossy(&before.settled).into_owned();
            differ.push(format!(
                "{}\n  {was:?}\n  {told:?}",
                script.steps.join(" ;; ")
            ));
        }
    }
    let count = differ.len();
    differ.truncate(20);
    assert!(
        differ.is_empty(),
        "{count} scripts tell one vault from another:\n{}",
        differ.join("\n")
    );
}
