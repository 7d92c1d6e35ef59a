//! What the intent before each forward costs: CPU and latency per operation, in several ways, and how fast a log verifies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench"
)]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use policy::operation::Effect;
use recorder::entry::{Decided, OperationRecord, Outcome, OutcomeKind, Verdict};
use recorder::keys::Key;
use recorder::sink::disk::Disk;
use recorder::verify::verify;
use recorder::{Audit, Durability, Entry, RequestId, SessionId, Settings};
use rustix::time::{ClockId, clock_gettime};

const RUN: Duration = Duration::from_millis(1500);

/// One way to make an intent survive the end of the process.
#[derive(Clone)]
enum Way {
    /// Encodes both entries and keeps neither: what the others are compared with.
    Encode,
    /// The recorder: hand-over to its thread, one write and one wake for a batch.
    Recorder(Audit),
    /// `write()` on the reactor: a hanging disk would hang it.
    Inline(Arc<Mutex<File>>),
    /// `write()` on the reactor into memory (tmpfs), and a thread that carries it to the disk.
    Stage(Arc<Mutex<(File, Vec<u8>)>>),
}

impl Way {
    async fn intent(&self, entry: Entry) {
        match self {
            Self::Recorder(audit) => drop(audit.append(entry, Durability::Lagging).await.unwrap()),
            other => other.put(&entry.encode()),
        }
    }

    fn outcome(&self, entry: Entry) {
        match self {
            Self::Recorder(audit) => drop(audit.append(entry, Durability::Lagging)),
            other => other.put(&entry.encode()),
        }
    }

    fn put(&self, bytes: &[u8]) {
        match self {
            Self::Inline(file) => file.lock().unwrap().write_all(bytes).unwrap(),
            Self::Stage(stage) => {
                let mut stage = stage.lock().unwrap();
                stage.0.write_all(bytes).unwrap();
                stage.1.extend_from_slice(bytes);
            }
            Self::Encode | Self::Recorder(_) => {
                std::hint::black_box(bytes);
            }
        }
    }
}

fn intent(number: u128) -> Entry {
    let text = |text: &str| text.to_owned();
    Entry::Decided(Decided {
        request: RequestId::from(number),
        session: SessionId::from(7),
        actor: text("user:ada"),
        purpose: None,
        target: text("shop"),
        protocol: text("postgres"),
        digest: [7; 32],
        operations: vec![OperationRecord {
            action: text("postgres.select"),
            effect: Effect::Read,
            resource_type: text("postgres.table"),
            resource_id: text("shop/shop/public/pgbench_accounts"),
        }],
        verdict: Verdict::Allow,
        reason: text("permitted"),
        policies: vec![text("engineers-read")],
        approval: None,
        policy_revision: text("4f2d1c"),
        summary: text("SELECT abalance FROM pgbench_accounts WHERE aid = $1"),
        at: 1,
    })
}

fn outcome(number: u128) -> Entry {
    let request = RequestId::from(number);
    Entry::Outcome(Outcome {
        request,
        kind: OutcomeKind::Completed,
        rows: 1,
        bytes: 40,
        code: String::new(),
        at: 1,
    })
}

/// Stands for the rest of an operation: some microseconds of work, and a turn for the others.
async fn rest_of_it() {
    let block = [7; 4096];
    let mut crc = crc32fast::Hasher::new();
    (0..40).for_each(|_| crc.update(&block));
    std::hint::black_box(crc.finalize());
    tokio::task::yield_now().await;
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn measure(name: &str, way: &Way, tasks: u128, threads: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap();
    let (cpu_before, begun) = (cpu(), Instant::now());
    let mut latencies: Vec<Duration> = runtime.block_on(async {
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let way = way.clone();
                tokio::spawn(async move {
                    let mut latencies = Vec::new();
                    let mut number = (task + 1) << 64;
                    while begun.elapsed() < RUN {
                        number += 1;
                        let before = Instant::now();
                        way.intent(intent(number)).await;
                        latencies.push(before.elapsed());
                        rest_of_it().await;
                        way.outcome(outcome(number));
                    }
                    latencies
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in running {
            all.extend(task.await.unwrap());
        }
        all
    });
    let (elapsed, used) = (begun.elapsed(), cpu() - cpu_before);
    latencies.sort();
    let count = latencies.len();
    println!(
        "| {threads} | {tasks} | {name} | {:.0} | {:.1} | {:.1} | {:.1} |",
        count as f64 / elapsed.as_secs_f64(),
        used / count as f64,
        latencies[count / 2].as_secs_f64() * 1e6,
        latencies[count * 99 / 100].as_secs_f64() * 1e6,
    );
}

fn round(folder: &Path, tasks: u128, threads: usize) {
    measure("encode only", &Way::Encode, tasks, threads);
    let key = folder.join("key.pem");
    let public = Key::generate(&key).unwrap().public().clone();
    let directory = folder.join("audit");
    let (audit, _) = Audit::open(Settings::new(directory.clone(), key), Arc::new(Disk)).unwrap();
    measure(
        "recorder (thread, batches, chained and signed)",
        &Way::Recorder(audit.clone()),
        tasks,
        threads,
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(audit.close()).unwrap();
    if tasks == 32 {
        let before = cpu();
        let report = verify(&directory, &public, None).unwrap();
        assert!(report.is_good() && report.counts.open == 0, "{report:?}");
        println!(
            "verified {:.0} records per CPU second",
            report.entries as f64 / (cpu() - before) * 1e6
        );
    }
    let inline = Way::Inline(Arc::new(Mutex::new(
        File::create(folder.join("inline")).unwrap(),
    )));
    measure("inline write to the disk", &inline, tasks, threads);
    let memory = tempfile::tempfile_in("/dev/shm").unwrap();
    let stage = Arc::new(Mutex::new((memory, Vec::new())));
    let (carried, mut disk) = (stage.clone(), File::create(folder.join("carried")).unwrap());
    let carrier = std::thread::spawn(move || {
        while Arc::strong_count(&carried) > 1 {
            std::thread::sleep(Duration::from_millis(2));
            let bytes = std::mem::take(&mut carried.lock().unwrap().1);
            disk.write_all(&bytes).unwrap();
        }
    });
    let way = Way::Stage(stage);
    measure(
        "inline write to memory, carried by a thread",
        &way,
        tasks,
        threads,
    );
    drop(way);
    carrier.join().unwrap();
}

fn main() {
    // `cargo test --benches` only wants to know that it runs
    let rounds: &[(usize, u128)] = if std::env::args().any(|argument| argument == "--bench") {
        &[(1, 1), (1, 8), (1, 32), (2, 1), (2, 8), (2, 32)]
    } else {
        &[]
    };
    println!("| threads | tasks | way | operations/s | CPU us/operation | p50 us | p99 us |");
    for (threads, tasks) in rounds {
        round(tempfile::tempdir().unwrap().path(), *tasks, *threads);
    }
}
