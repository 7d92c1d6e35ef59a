//! Brings the log back after the disk was full or failed, without losing or doubling an entry.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::error::Unwritable;
use crate::frame::{self, PREFIX, SEGMENT};
use crate::writer::{Current, Layout, Trouble, Writer};

/// The longest pause between attempts.
const PAUSE: Duration = Duration::from_millis(500);

impl Writer {
    /// One attempt to bring the disk back; until it succeeds only what must be written is written.
    pub(crate) fn mend(&mut self) {
        let Some(mut trouble) = self.trouble.take() else {
            return;
        };
        match self.attempt(&mut trouble) {
            Ok(()) => self.shared.writer.set(None),
            Err(error) => {
                trouble.reason = (&error).into();
                trouble.pause = (trouble.pause * 2).min(PAUSE);
                trouble.attempts += 1;
                self.shared.writer.set(Some(trouble.reason));
                self.trouble = Some(trouble);
            }
        }
    }

    fn attempt(&mut self, trouble: &mut Trouble) -> io::Result<()> {
        while let Some(stray) = self.strays.last() {
            self.disk.sink.remove(stray)?;
            self.strays.pop();
        }
        let failed = self.shared.tail.lock().failed;
        if failed || trouble.reason != Unwritable::Full {
            self.replace_segment()?;
            trouble.cut = false;
            return self.disk.reserve();
        }
        if trouble.cut {
            self.segment.file.truncate(self.segment.length)?;
            trouble.cut = false;
        }
        self.disk.release()?;
        let result = self.write_owed();
        trouble.cut = result.is_err();
        result?;
        self.disk.reserve()
    }

    /// Writes outcomes into the space that the reserve gave back.
    fn write_owed(&mut self) -> io::Result<()> {
        let items = self.shared.queue.take_within(Duration::ZERO).items;
        let (owed, refused): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| item.role.must_be_written());
        for item in refused {
            self.shared
                .backlog
                .fetch_sub(item.payload.len(), Ordering::Relaxed);
            item.slot.settle(Err(Unwritable::Full));
        }
        self.write(owed);
        match self.trouble.take() {
            None => Ok(()),
            Some(_) => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    /// Leaves a segment that cannot be trusted any more: what is not known to be on the disk is written again, into a
    /// new file, and cut off the old one.
    fn replace_segment(&mut self) -> io::Result<()> {
        let mut tail = self.shared.tail.lock();
        let first = tail.durable + 1;
        let mut bytes = frame::header(SEGMENT, first).to_vec();
        let mut unsynced = 0;
        for (sequence, payload) in tail
            .records
            .iter()
            .filter(|(sequence, _)| *sequence >= first)
        {
            frame::put(*sequence, payload, &mut bytes);
            unsynced += PREFIX as u64 + payload.len() as u64;
        }
        drop(tail);
        if first == self.segment.first || unsynced > 0 {
            let file = self.install(first, &bytes)?;
            if first != self.segment.first {
                self.segment.file.truncate(self.segment.length - unsynced)?;
            }
            self.segment = Current {
                file,
                first,
                length: bytes.len() as u64,
            };
            tail = self.shared.tail.lock();
            tail.durable = self.next - 1;
            tail.file = self.segment.file.clone();
            tail.first = first;
            tail.failed = false;
            drop(tail);
            self.shared.sequencer.set(None);
            self.shared.tail.notify();
            return Ok(());
        }
        self.segment.file.truncate(self.segment.length)?;
        self.roll()
    }
}

impl Layout {
    fn reserve_path(&self, name: &str) -> PathBuf {
        self.settings.directory.join(name)
    }

    /// Sets the reserve aside; there must be as much again, or the next entry would need it at once.
    pub(crate) fn reserve(&self) -> io::Result<()> {
        let bytes = self.settings.reserve_bytes;
        if bytes == 0 {
            return Ok(());
        }
        self.sink.reserve(&self.reserve_path("reserve"), bytes)?;
        let probe = self.reserve_path("reserve.tmp");
        let enough = self.sink.reserve(&probe, bytes);
        self.sink.remove(&probe)?;
        enough
    }

    fn release(&self) -> io::Result<()> {
        self.sink.remove(&self.reserve_path("reserve"))
    }
}
