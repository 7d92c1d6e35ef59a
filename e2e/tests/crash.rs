//! The gateway is killed again and again under load: nothing ran that the audit log does not hold, nothing that a
//! client was told is missing from it, and every request has exactly one end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use e2e::driver::Driver;
use e2e::gateway::Place;
use e2e::stand::{Options, Stand};
use e2e::trail::{self, text};
use serde_json::{Value, json};
use tokio_postgres::SimpleQueryMessage;

const CLIENTS: usize = 4;
/// Kills in every run of the tests; `KILLS` overrides.
const KILLS: usize = 40;
const READY_WITHIN: Duration = Duration::from_secs(3);

/// pgbench's numbers lie above all that the clients ask for.
const PGBENCH_FROM: u64 = 1_000_000_000_000;

/// Random numbers as fast as it goes; which of them were answered pgbench does not say.
const SCRIPT: &str = "\\set n random(1000000000000, 9000000000000000000)
INSERT INTO numbers VALUES (:n);
";

/// What the clients share.
struct Load {
    place: Place,
    token: String,
    next: AtomicU64,
    over: AtomicBool,
}

fn statement(number: u64) -> String {
    format!("INSERT INTO numbers VALUES ({number})")
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_ran_unrecorded() {
    let kills = std::env::var("KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut stand = Stand::start(&Options::in_folder(folder.path()), &|| false).unwrap();
    stand
        .postgres
        .sql("CREATE TABLE numbers (n bigint PRIMARY KEY)")
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let load = Arc::new(Load {
        place: stand.gateway.place().clone(),
        token: stand.people.ada.clone(),
        next: AtomicU64::new(1),
        over: AtomicBool::new(false),
    });
    let pgbench = keep_benching(load.clone(), folder.path());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| runtime.spawn(keep_inserting(load.clone())))
        .collect();

    let slowest = kill_again_and_again(&mut stand, &load, kills);
    run_for_a_while(&load, kills);
    load.over.store(true, Ordering::SeqCst);
    let told: Vec<u64> = runtime.block_on(async {
        let mut told = Vec::new();
        for client in clients {
            told.extend(client.await.unwrap());
        }
        told
    });
    pgbench.join().unwrap();
    let asked = load.next.load(Ordering::SeqCst);
    println!(
        "{kills} kills, {asked} statements asked, {} answered; ready {slowest:?} after a kill at worst",
        told.len()
    );
    assert!(told.len() > kills, "there was no load");

    let rows = stand.postgres.sql("SELECT n FROM numbers").unwrap();
    let rows: BTreeSet<u64> = rows.lines().map(|line| line.parse().unwrap()).collect();
    stand.gateway.end().unwrap();
    let proof = trail::proof(stand.gateway.place(), &trail::folder(stand.gateway.place())).unwrap();
    assert_eq!(proof["counts"]["open"], 0, "a request has no end: {proof}");
    let benched: Vec<u64> = rows.range(PGBENCH_FROM..).copied().collect();
    println!("{} of the rows are pgbench's", benched.len());
    assert!(benched.len() > kills, "pgbench did nothing");
    let log = Log::read(stand.gateway.place(), (1..asked).chain(benched).collect());
    println!("{} rows; the log: {}", rows.len(), proof["counts"]);
    log.holds(&rows, &told.iter().copied().collect());
}

/// The longest that it took to be ready again.
fn kill_again_and_again(stand: &mut Stand, load: &Load, kills: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    for kill in 0..kills {
        run_for_a_while(load, kill);
        stand.gateway.kill().unwrap();
        let killed = Instant::now();
        stand.restart(&|| false).unwrap();
        let ready = killed.elapsed();
        slowest = slowest.max(ready);
        assert!(
            ready < READY_WITHIN,
            "ready only {ready:?} after kill {kill}"
        );
        trail::proof(stand.gateway.place(), &trail::folder(stand.gateway.place())).unwrap();
    }
    slowest
}

/// Lets some statements pass, more and fewer, so that a kill hits every moment of a statement's life.
fn run_for_a_while(load: &Load, seed: usize) {
    let random = RandomState::new().hash_one(seed);
    let until = load.next.load(Ordering::SeqCst) + CLIENTS as u64 + random % 60;
    let patience = Instant::now() + Duration::from_secs(20);
    while load.next.load(Ordering::SeqCst) < until {
        assert!(Instant::now() < patience, "the clients get nothing done");
        std::thread::yield_now();
        e2e::process::pause();
    }
    // the kill falls between two looks, not upon one
    let spin = Instant::now() + Duration::from_micros(random % 20_000);
    while Instant::now() < spin {
        std::hint::spin_loop();
    }
}

/// Runs pgbench as often as it takes: it ends with its connections.
fn keep_benching(load: Arc<Load>, folder: &Path) -> JoinHandle<()> {
    let script = folder.join("numbers.pgbench");
    std::fs::write(&script, SCRIPT).unwrap();
    std::thread::spawn(move || {
        while !load.over.load(Ordering::SeqCst) {
            let mut command = Command::new("pgbench");
            command
                .args(["--no-vacuum", "--client=2", "--jobs=1", "--time=1"])
                .args(["--host=localhost", "--username=ada"])
                .args(["--port", &load.place.ports.postgres.to_string()])
                .arg("--file")
                .arg(&script)
                .arg("shop")
                .env("PGPASSWORD", &load.token)
                .env("PGSSLMODE", "verify-full")
                .env("PGSSLROOTCERT", load.place.authority())
                .env("PGCONNECT_TIMEOUT", "10");
            // its end says nothing: the gateway is killed under it
            command.output().unwrap();
        }
    })
}

/// Inserts numbers of its own, one statement at a time, over as many connections as it takes; returns those that the
/// gateway said are done.
async fn keep_inserting(load: Arc<Load>) -> Vec<u64> {
    let mut told = Vec::new();
    while !load.over.load(Ordering::SeqCst) {
        let Ok(driver) = Driver::connect(&load.place, "ada", &load.token).await else {
            tokio::time::sleep(e2e::process::TICK).await;
            continue;
        };
        while !load.over.load(Ordering::SeqCst) {
            let number = load.next.fetch_add(1, Ordering::SeqCst);
            let Ok(answer) = driver.client.simple_query(&statement(number)).await else {
                break;
            };
            if answer
                .iter()
                .any(|message| matches!(message, SimpleQueryMessage::CommandComplete(1)))
            {
                told.push(number);
            }
        }
    }
    told
}

/// The audit log by statement.
struct Log {
    /// Requests that were let through, by digest.
    allowed: HashMap<String, Vec<String>>,
    /// Outcomes by request.
    outcomes: BTreeMap<String, Vec<String>>,
    digests: BTreeMap<u64, String>,
}

impl Log {
    fn read(place: &Place, numbers: Vec<u64>) -> Self {
        let requests: Vec<Value> = numbers
            .iter()
            .map(|number| match number {
                // pgbench keeps the semicolon
                PGBENCH_FROM.. => json!(format!("{};", statement(*number))),
                _ => json!(statement(*number)),
            })
            .collect();
        let explained = trail::explain(place, "user:ada", &requests).unwrap();
        let digests = numbers.iter().zip(&explained);
        let mut log = Self {
            allowed: HashMap::new(),
            outcomes: BTreeMap::new(),
            digests: digests
                .map(|(number, one)| (*number, text(one, "digest").to_owned()))
                .collect(),
        };
        for entry in trail::entries(place).unwrap() {
            let request = text(&entry, "request").to_owned();
            match text(&entry, "entry") {
                "decided" if text(&entry, "verdict") == "allow" => {
                    log.allowed
                        .entry(text(&entry, "digest").to_owned())
                        .or_default()
                        .push(request);
                }
                "outcome" => log
                    .outcomes
                    .entry(request)
                    .or_default()
                    .push(text(&entry, "outcome").to_owned()),
                _ => {}
            }
        }
        log
    }

    /// Each row and each answer has its request in the log, with one end that does not contradict it.
    fn holds(&self, rows: &BTreeSet<u64>, told: &BTreeSet<u64>) {
        assert!(
            told.is_subset(rows),
            "told of rows that are not there: {:?}",
            told.difference(rows)
        );
        let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, digest) in &self.digests {
            let requests = self
                .allowed
                .get(digest)
                .map_or(&[] as &[String], Vec::as_slice);
            assert!(
                requests.len() <= 1,
                "{number} was let through {} times",
                requests.len()
            );
            let ran = rows.contains(number);
            let Some(request) = requests.first() else {
                assert!(
                    !ran,
                    "{number} is in the table, and nothing in the log says who asked"
                );
                continue;
            };
            let [end] = self
                .outcomes
                .get(request)
                .map_or(&[] as &[String], Vec::as_slice)
            else {
                panic!(
                    "{number} has not exactly one end: {:?}",
                    self.outcomes.get(request)
                );
            };
            *ends.entry(end).or_default() += 1;
            match end.as_str() {
                "completed" => assert!(ran, "{number} is said to be done, and is not there"),
                "unknown" => {}
                other => assert!(!ran, "{number} is said to be `{other}`, and is there"),
            }
        }
        println!("ends: {ends:?}");
        assert!(
            ends.get("unknown").is_some_and(|count| *count > 0),
            "no kill hit a statement under way: {ends:?}"
        );
    }
}
