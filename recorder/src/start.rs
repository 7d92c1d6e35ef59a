//! Starts a log: recovery, the first segment, the outcomes of what was left open, the threads.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::appended::{Appended, Slot};
use crate::audit::{Durability, Settings};
use crate::entry::OutcomeKind;
use crate::error::Error;
use crate::id::RequestId;
use crate::keys::Key;
use crate::queue::{Item, Queue};
use crate::recover::{Recovered, claim, recover};
use crate::segments::{self, LOG};
use crate::sequencer::Sequencer;
use crate::shared::{Health, Shared, Tail, Unsynced, now};
use crate::sink::Sink;
use crate::watch::Watch;
use crate::writer::{Current, Layout, Writer, install, segment_head};

/// Longer than any log lives: the promise that the log has ended has no deadline before it is closed.
const LIFETIME: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

pub(crate) fn start(
    settings: Settings,
    sink: Arc<dyn Sink>,
) -> Result<(Arc<Shared>, Recovered), Error> {
    let key = Key::load(&settings.key_file)?;
    let lock = claim(&settings.directory)?;
    let found = recover(&settings.directory, key.public())?;
    let disk = Layout {
        sink: sink.clone(),
        settings: settings.clone(),
    };
    disk.reserve().map_err(Error::io(&settings.directory))?;
    let (payload, bytes) = segment_head(found.next, found.open.clone());
    let path = segments::path(&settings.directory, found.next, LOG);
    let file = install(&*sink, &path, &bytes).map_err(Error::io(&path))?;
    let shared = Arc::new(Shared {
        queue: Queue::default(),
        writing: Mutex::default(),
        tail: Tail::new(Unsynced {
            file: file.clone(),
            first: found.next,
            last: found.next,
            durable: found.next,
            records: VecDeque::from([(found.next, payload.clone())]),
            waiting: VecDeque::new(),
            oldest: Some(Instant::now()),
            urgent: false,
            failed: false,
            closing: false,
            wakes: Instant::now(),
        }),
        writer: Health::new(),
        sequencer: Health::new(),
        watch: Watch::default(),
        backlog: AtomicUsize::new(payload.len()),
        latest: Mutex::new(found.recovered.checkpoint.clone()),
        ended: Slot::new(Instant::now() + LIFETIME),
        deadline: settings.write_deadline,
    });
    let writer = Writer {
        shared: shared.clone(),
        disk,
        segment: Current {
            file,
            first: found.next,
            length: bytes.len() as u64,
        },
        next: found.next + 1,
        open: found.open.iter().copied().collect(),
        trouble: None,
        strays: Vec::new(),
    };
    let sequencer = Sequencer::new(shared.clone(), sink, settings.clone(), key, found.unsealed);
    let owed = owe_unknown(&shared, found.open);
    spawn("audit-writer", &settings, move || writer.run())?;
    spawn("audit-sequencer", &settings, move || sequencer.run(lock))?;
    let watched = shared.clone();
    spawn("audit-watch", &settings, move || Watch::run(&watched))?;
    if let Some(last) = owed {
        last.wait()?;
    }
    Ok((shared, found.recovered))
}

/// Queues the outcome `unknown` for every open intent, ahead of everything else; the promise of the last one.
fn owe_unknown(shared: &Arc<Shared>, open: BTreeSet<RequestId>) -> Option<Appended> {
    let mut last = None;
    for request in open {
        let slot = Slot::new(Instant::now() + shared.deadline);
        let mut item = Item::closing(request, OutcomeKind::Unknown, slot.clone(), now());
        item.durability = Durability::Synced;
        shared
            .backlog
            .fetch_add(item.payload.len(), Ordering::Relaxed);
        shared.queue.owe(item);
        last = Some(Appended::new(slot, shared.clone()));
    }
    last
}

fn spawn(
    name: &str,
    settings: &Settings,
    run: impl FnOnce() + Send + 'static,
) -> Result<(), Error> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(Error::io(&settings.directory))
}
