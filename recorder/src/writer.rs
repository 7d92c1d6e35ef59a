//! Writes entries to the segment in batches, acknowledges each batch, and makes good what the disk does wrong.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::audit::{Durability, Settings};
use crate::entry::{Entry, Segment, Sequence};
use crate::error::Unwritable;
use crate::frame::{self, HEADER, PREFIX, SEGMENT};
use crate::id::RequestId;
use crate::queue::{Item, Role};
use crate::segments::{self, LOG};
use crate::shared::{Record, Shared, lock, now};
use crate::sink::{Sink, SinkFile, write_all};

/// The first pause between attempts to bring a failed disk back.
const PAUSE: Duration = Duration::from_millis(10);
/// How often a disk in trouble is tried again when the log is being closed.
const LAST_ATTEMPTS: u32 = 3;

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) disk: Layout,
    pub(crate) segment: Current,
    pub(crate) next: Sequence,
    /// Requests that were let through and have no outcome yet, as the written log has it.
    pub(crate) open: HashSet<RequestId>,
    pub(crate) trouble: Option<Trouble>,
    /// Segments that may have got their name although the disk said no; they go before anything else is written.
    pub(crate) strays: Vec<PathBuf>,
}

/// The folder and how the log lies in it.
pub(crate) struct Layout {
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) settings: Settings,
}

/// The segment being written.
pub(crate) struct Current {
    pub(crate) file: Arc<dyn SinkFile>,
    pub(crate) first: Sequence,
    pub(crate) length: u64,
}

/// What has to be done before anything can be written.
pub(crate) struct Trouble {
    pub(crate) reason: Unwritable,
    /// Half a frame may stand at the end of the segment.
    pub(crate) cut: bool,
    pub(crate) pause: Duration,
    pub(crate) attempts: u32,
}

/// A batch in the form of the file, and how to take it back.
struct Batch {
    bytes: Vec<u8>,
    records: Vec<Record>,
    /// Changes to `open`, in order: `true` for one inserted.
    changes: Vec<(RequestId, bool)>,
}

impl Writer {
    /// Writes until the log is closed.
    pub(crate) fn run(mut self) {
        loop {
            let work = match &self.trouble {
                None => self.shared.queue.take(),
                Some(trouble) => self.shared.queue.take_within(trouble.pause),
            };
            if self.shared.tail.lock().failed && self.trouble.is_none() {
                self.fall(Unwritable::Broken(io::ErrorKind::Other), false);
            }
            if self.trouble.is_some() {
                self.refuse_what_can_be(work.items);
                self.mend();
            } else {
                self.write(work.items);
            }
            let ended = match &self.trouble {
                None => work.closing && self.shared.queue.is_empty(),
                Some(trouble) => {
                    trouble.attempts >= LAST_ATTEMPTS && self.shared.queue.is_closing()
                }
            };
            if ended {
                break;
            }
        }
        self.shared.tail.lock().closing = true;
        self.shared.tail.notify();
    }

    pub(crate) fn write(&mut self, items: Vec<Item>) {
        if self.segment.length > self.disk.settings.segment_bytes
            && let Err(error) = self.roll()
        {
            self.shared.queue.put_back(items);
            return self.fall((&error).into(), false);
        }
        let batch = self.frame(items);
        if batch.records.is_empty() {
            return;
        }
        *lock(&self.shared.writing) = batch.records;
        let file = self.segment.file.clone();
        let written = self
            .shared
            .writer
            .during(|| write_all(&*file, &batch.bytes));
        let records = std::mem::take(&mut *lock(&self.shared.writing));
        match written {
            Ok(()) => self.acknowledge(records, batch.bytes.len() as u64),
            Err(error) => self.take_back(records, batch.changes, &error),
        }
    }

    /// Gives each item its sequence; what failed meanwhile is left out, unless it must be written.
    fn frame(&mut self, items: Vec<Item>) -> Batch {
        let mut batch = Batch {
            bytes: Vec::with_capacity(items.len() * 384),
            records: Vec::new(),
            changes: Vec::new(),
        };
        for Item {
            payload,
            role,
            durability,
            slot,
        } in items
        {
            let dropped = match role {
                Role::Closes(request) => {
                    let known = self.open.remove(&request);
                    if known {
                        batch.changes.push((request, false));
                    } else {
                        slot.settle(Err(Unwritable::NoIntent));
                    }
                    !known
                }
                Role::Opens(_) | Role::Plain => slot.is_settled(),
                Role::Closing => false,
            };
            if dropped {
                self.shared
                    .backlog
                    .fetch_sub(payload.len(), Ordering::Relaxed);
                continue;
            }
            if let Role::Opens(request) = role
                && self.open.insert(request)
            {
                batch.changes.push((request, true));
            }
            let sequence = self.next + batch.records.len() as u64;
            frame::put(sequence, &payload, &mut batch.bytes);
            batch.records.push(Record {
                sequence,
                payload,
                role,
                durability,
                slot,
            });
        }
        batch
    }

    /// The batch is in the file: keeps the promises that asked for no more, and hands all to the sequencer.
    fn acknowledge(&mut self, records: Vec<Record>, bytes: u64) {
        self.segment.length += bytes;
        self.next += records.len() as u64;
        for record in records
            .iter()
            .filter(|record| record.durability != Durability::Synced)
        {
            let kept = record.slot.settle(Ok(record.sequence));
            if let (false, Role::Opens(request)) = (kept, record.role) {
                self.shared.owe_not_sent(request);
            }
        }
        let mut tail = self.shared.tail.lock();
        let oldest = *tail.oldest.get_or_insert_with(Instant::now);
        tail.last = self.next - 1;
        for Record {
            sequence,
            payload,
            role,
            durability,
            slot,
        } in records
        {
            tail.records.push_back((sequence, payload));
            if durability == Durability::Synced {
                tail.waiting.push_back((sequence, role, slot));
                tail.urgent = true;
            }
        }
        if tail.urgent || tail.wakes > oldest + self.disk.settings.sync_lag {
            tail.wakes = oldest;
            drop(tail);
            self.shared.tail.notify();
        }
    }

    /// The batch is not in the file, or not whole: cuts it off, fails what may fail, keeps what must be written.
    fn take_back(
        &mut self,
        records: Vec<Record>,
        changes: Vec<(RequestId, bool)>,
        error: &io::Error,
    ) {
        for (request, inserted) in changes.into_iter().rev() {
            if inserted {
                self.open.remove(&request);
            } else {
                self.open.insert(request);
            }
        }
        self.fall(error.into(), true);
        let items = records.into_iter().map(|record| Item {
            payload: record.payload,
            role: record.role,
            durability: record.durability,
            slot: record.slot,
        });
        self.refuse_what_can_be(items.collect());
    }

    pub(crate) fn fall(&mut self, reason: Unwritable, cut: bool) {
        self.shared.writer.set(Some(reason));
        self.trouble = Some(Trouble {
            reason,
            cut,
            pause: PAUSE,
            attempts: 0,
        });
    }

    fn refuse_what_can_be(&self, items: Vec<Item>) {
        let reason = self
            .trouble
            .as_ref()
            .map_or(Unwritable::Hanging, |trouble| trouble.reason);
        let (kept, refused): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| item.role.must_be_written());
        self.shared.queue.put_back(kept);
        for item in refused {
            self.shared
                .backlog
                .fetch_sub(item.payload.len(), Ordering::Relaxed);
            item.slot.settle(Err(reason));
        }
    }

    /// Begins a new segment after the one that is full.
    pub(crate) fn roll(&mut self) -> io::Result<()> {
        self.shared.writer.during(|| self.segment.file.sync())?;
        let mut open: BTreeSet<RequestId> = BTreeSet::new();
        open.extend(&self.open);
        let (payload, bytes) = segment_head(self.next, open);
        let file = self.install(self.next, &bytes)?;
        self.segment = Current {
            file,
            first: self.next,
            length: bytes.len() as u64,
        };
        let mut tail = self.shared.tail.lock();
        tail.durable = self.next;
        tail.last = self.next;
        tail.file = self.segment.file.clone();
        tail.first = self.next;
        tail.oldest.get_or_insert_with(Instant::now);
        self.shared
            .backlog
            .fetch_add(payload.len(), Ordering::Relaxed);
        tail.records.push_back((self.next, payload));
        drop(tail);
        self.next += 1;
        Ok(())
    }

    /// Writes a whole segment file; the one in use is replaced in one step when it has the same name.
    pub(crate) fn install(
        &mut self,
        first: Sequence,
        bytes: &[u8],
    ) -> io::Result<Arc<dyn SinkFile>> {
        let path = segments::path(&self.disk.settings.directory, first, LOG);
        let installed = self
            .shared
            .writer
            .during(|| install(&*self.disk.sink, &path, bytes));
        if installed.is_err() && first != self.segment.first {
            self.strays.push(path);
        }
        installed
    }
}

/// The first bytes of a segment, and the payload of its first entry.
pub(crate) fn segment_head(first: Sequence, open: BTreeSet<RequestId>) -> (Vec<u8>, Vec<u8>) {
    let payload = Entry::Segment(Segment {
        open: open.into_iter().collect(),
        at: now(),
    })
    .encode();
    let mut bytes = Vec::with_capacity(HEADER + PREFIX + payload.len());
    bytes.extend_from_slice(&frame::header(SEGMENT, first));
    frame::put(first, &payload, &mut bytes);
    (payload, bytes)
}

/// Writes a whole file under another name and gives it its own when it is on the disk.
pub(crate) fn install(sink: &dyn Sink, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn SinkFile>> {
    let draft = path.with_extension("tmp");
    let file = sink.create(&draft)?;
    write_all(&*file, bytes)?;
    file.sync()?;
    sink.rename(&draft, path)?;
    Ok(file)
}
