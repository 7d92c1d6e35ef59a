//! What came on one side of a channel and was not passed on yet: in order, bounded, and never in the way of others.

mod owing;
mod piece;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use russh::Sig;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::siblings::Siblings;
use super::spill::{Disk, PLACE, Spill, Spilled};
use crate::config::Buffers;
pub(crate) use piece::{Killed, Piece, Size, Start, Terminal};

/// A channel that is alone on its connection may slow its sender down for so long before it spills.
const PATIENCE: Duration = Duration::from_secs(2);
/// And for so long past the limit of the file, where nothing moves. A reader may well rest so long.
const STANDSTILL: Duration = Duration::from_secs(3600);
/// What pieces without data may take beyond the memory that data may take.
const WORDS: usize = 1 << 20;
/// What a terminal sends for an interrupt.
const CTRL_C: u8 = 0x03;

/// Why nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// The channel or its connection is gone.
    Gone,
    /// More came than a channel may keep.
    Overflown,
    /// The temporary file failed.
    Broken,
}

/// Cheap to clone: one end puts in, the other takes out.
#[derive(Clone)]
pub(crate) struct Inbox(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    came: Notify,
    room: Notify,
    /// Rings for whoever waits for people: the end, or an interrupt.
    stirred: Notify,
    ended: watch::Sender<bool>,
    buffers: Buffers,
    disk: Disk,
    siblings: Siblings,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Entry>,
    memory: usize,
    spill: Option<Spill>,
    over: Option<Over>,
    /// Passed on as it comes: only then may its sender be slowed down.
    flowing: bool,
    /// What waits to be written on the connection that this comes from.
    owing: usize,
    /// Bytes that did not wait for room meanwhile.
    hurried: usize,
    interrupted: bool,
    /// The sender said that no more data comes.
    at_end: bool,
    /// Input is typed: Ctrl-C is a word of its own.
    terminal: bool,
}

enum Entry {
    Here(Piece),
    Spilled(Option<u32>, Spilled),
}

impl Inbox {
    pub(crate) fn new(buffers: Buffers, disk: Disk, siblings: Siblings) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            came: Notify::new(),
            room: Notify::new(),
            stirred: Notify::new(),
            ended: watch::Sender::new(false),
            buffers,
            disk,
            siblings,
        }))
    }

    /// Puts a piece in; `Err` where nothing more is taken.
    pub(crate) async fn put(&self, piece: Piece) -> Result<(), Over> {
        match &piece {
            Piece::Terminal(_) => self.state().terminal = true,
            Piece::Data(bytes) if self.state().terminal && bytes.contains(&CTRL_C) => {
                self.interrupt();
            }
            Piece::Signal(Sig::INT | Sig::TERM) => self.interrupt(),
            Piece::Eof => self.state().at_end = true,
            _ => {}
        }
        let length = piece.size();
        let word = !matches!(piece, Piece::Data(_) | Piece::Extended(..));
        if (word && self.has_room_for_words()) || self.has_room(length).await? {
            let mut state = self.state();
            state.memory += length;
            state.queue.push_back(Entry::Here(piece));
            drop(state);
            self.0.came.notify_one();
            return Ok(());
        }
        match piece {
            Piece::Data(bytes) => self.spill(None, bytes).await,
            Piece::Extended(code, bytes) => self.spill(Some(code), bytes).await,
            _ => Err(self.end(Over::Overflown)),
        }
    }

    /// Whether it may lie in memory. A channel that is alone and flowing waits a little for room: that is the pressure
    /// back to its sender which the window does not give.
    async fn has_room(&self, length: usize) -> Result<bool, Over> {
        let deadline = Instant::now() + PATIENCE;
        let mut owing = None;
        loop {
            let (room, joined) = (self.0.room.notified(), self.0.siblings.joined());
            tokio::pin!(room);
            room.as_mut().enable();
            let until = {
                let mut state = self.state();
                if let Some(over) = state.over {
                    return Err(over);
                }
                // one piece at least, however small the memory
                if state.memory == 0 || state.memory + length <= self.0.buffers.memory_bytes {
                    return Ok(true);
                }
                if !state.flowing || !self.0.siblings.alone() {
                    return Ok(false);
                }
                if state.owing == 0 {
                    owing = None;
                } else if owing.is_none() {
                    let Some(patience) = state.patience(length) else {
                        return Ok(false);
                    };
                    owing = Some(Instant::now() + patience);
                }
                owing.map_or(deadline, |soon| deadline.min(soon))
            };
            if timeout_at(until, either(room, joined)).await.is_err() {
                return Ok(false);
            }
        }
    }

    /// Words between the data are no bulk: they find room where data does not, up to a cap of their own.
    fn has_room_for_words(&self) -> bool {
        let state = self.state();
        state.over.is_none() && state.memory <= self.0.buffers.memory_bytes + WORDS
    }

    async fn spill(&self, code: Option<u32>, mut bytes: Bytes) -> Result<(), Over> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PLACE));
            if let Some((at, job)) = self.place(piece.len()).await? {
                if job.write(piece).await.is_err() {
                    return Err(self.end(Over::Broken));
                }
                self.state().queue.push_back(Entry::Spilled(code, at));
            } else {
                let piece = Piece::of(code, piece);
                let mut state = self.state();
                state.memory += piece.size();
                state.queue.push_back(Entry::Here(piece));
            }
            self.0.came.notify_one();
        }
        Ok(())
    }

    /// A place in the file. Past the limit a channel that is alone and flowing waits as long as something moves, and
    /// nobody joins it: it would stand still with it. Any other is over.
    /// `None` where nothing lies here any more, so that one piece may lie in memory: a file of its own it may have none.
    async fn place(&self, length: usize) -> Result<Option<(Spilled, super::spill::Job)>, Over> {
        loop {
            let (room, joined) = (self.0.room.notified(), self.0.siblings.joined());
            tokio::pin!(room);
            room.as_mut().enable();
            {
                let mut state = self.state();
                if let Some(over) = state.over {
                    return Err(over);
                }
                if state.spill.is_none() {
                    state.spill = Spill::create(self.0.buffers.spill_bytes, &self.0.disk).ok();
                }
                let Some(spill) = state.spill.as_mut() else {
                    drop(state);
                    return Err(self.end(Over::Broken));
                };
                if let Some(found) = spill.reserve(length) {
                    return Ok(Some(found));
                }
                if state.queue.is_empty() {
                    return Ok(None);
                }
                if !state.flowing || !self.0.siblings.alone() {
                    drop(state);
                    return Err(self.end(Over::Overflown));
                }
            }
            if timeout(STANDSTILL, either(room, joined)).await.is_err() {
                return Err(self.end(Over::Overflown));
            }
        }
    }

    /// The next piece; cancel-safe but for a piece of the file, which is read again.
    pub(crate) async fn next(&self) -> Result<Piece, Over> {
        loop {
            let came = self.0.came.notified();
            tokio::pin!(came);
            came.as_mut().enable();
            match self.first()? {
                Some(First::Here(piece)) => return Ok(piece),
                Some(First::There(code, at, job)) => {
                    let bytes = job.read().await.map_err(|_| self.end(Over::Broken))?;
                    self.read(at);
                    return Ok(Piece::of(code, bytes));
                }
                None => came.await,
            }
        }
    }

    fn first(&self) -> Result<Option<First>, Over> {
        let mut state = self.state();
        match state.queue.front() {
            // what came before its end is still passed on, but not what overflowed
            None => state.over.map_or(Ok(None), Err),
            Some(_) if matches!(state.over, Some(Over::Overflown | Over::Broken)) => {
                Err(state.over.unwrap_or(Over::Broken))
            }
            Some(Entry::Spilled(code, at)) => {
                let (code, at) = (*code, *at);
                let job = state.spill.as_ref().map(|spill| spill.job(at));
                Ok(job.map(|job| First::There(code, at, job)))
            }
            Some(Entry::Here(_)) => {
                let Some(Entry::Here(piece)) = state.queue.pop_front() else {
                    return Ok(None);
                };
                state.memory -= piece.size().min(state.memory);
                drop(state);
                self.0.room.notify_one();
                Ok(Some(First::Here(piece)))
            }
        }
    }

    /// A piece of the file was read: its place is free.
    fn read(&self, at: Spilled) {
        let mut state = self.state();
        state.queue.pop_front();
        if let Some(spill) = state.spill.as_mut() {
            spill.release(at);
        }
        drop(state);
        self.0.room.notify_one();
    }

    /// From now on pieces are passed on as they come.
    pub(crate) fn flow(&self) {
        self.state().flowing = true;
    }

    /// Nothing more comes; the first reason stays.
    pub(crate) fn end(&self, over: Over) -> Over {
        let first = *self.state().over.get_or_insert(over);
        self.0.came.notify_one();
        self.0.room.notify_one();
        self.0.stirred.notify_one();
        self.0.ended.send_replace(true);
        first
    }

    /// Ctrl-C or an INT signal: who waits for people gives up.
    pub(crate) fn interrupt(&self) {
        self.state().interrupted = true;
        self.0.stirred.notify_one();
    }

    /// An interrupt of before is forgotten.
    pub(crate) fn calm(&self) {
        self.state().interrupted = false;
    }

    /// Resolves when it makes no sense to wait for people any more: closed, over, or interrupted. Cancel-safe.
    pub(crate) async fn given_up(&self) {
        loop {
            let stirred = self.0.stirred.notified();
            tokio::pin!(stirred);
            stirred.as_mut().enable();
            {
                let state = self.state();
                if state.over.is_some() || state.interrupted {
                    return;
                }
            }
            stirred.await;
        }
    }

    /// Resolves when nothing more comes, whatever lies here still; for any number of those who wait. Cancel-safe.
    pub(crate) async fn gone(&self) {
        let mut ended = self.0.ended.subscribe();
        // fails only where this inbox is gone
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Resolves when it ends for another reason than that nothing more comes: whoever waits to write what it holds need
    /// not wait any more. Cancel-safe.
    pub(crate) async fn lost(&self) -> Over {
        self.gone().await;
        match self.over() {
            Some(over @ (Over::Overflown | Over::Broken)) => over,
            Some(Over::Gone) | None => std::future::pending().await,
        }
    }

    /// Whether its sender has said that no more data comes.
    pub(crate) fn is_at_end(&self) -> bool {
        self.state().at_end
    }

    pub(crate) fn over(&self) -> Option<Over> {
        self.state().over
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum First {
    Here(Piece),
    There(Option<u32>, Spilled, super::spill::Job),
}

async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! {
        () = one => {}
        () = other => {}
    }
}

#[cfg(test)]
mod tests;
