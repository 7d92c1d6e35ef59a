//! Both directions of one connection from one task: a queue of bytes to write, and reads, in one cancel-safe step.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::failpoint::{self, Step};

/// Small pieces are gathered into blocks of this size, so that a batch is one write.
const BLOCK: usize = 8 * 1024;
/// Room made for a read.
const READ: usize = 16 * 1024;

/// A queue that once was longer than this is told of when it has run empty, so that who held back goes on.
const TOLD: usize = 64 * 1024;

/// What a turn achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// So many bytes came in; 0 is the end of the stream.
    Read(usize),
    /// The queue is empty again.
    Written,
}

/// An I/O object with an outgoing queue.
pub struct Duplex<T> {
    io: T,
    out: VecDeque<Bytes>,
    gathering: BytesMut,
    backlog: usize,
    /// What was written may still lie in the stream's own buffer, as TLS has one.
    unflushed: bool,
    /// The queue was long since it was empty last.
    long: bool,
    /// Much came at once: what follows is read to where it stays.
    streams: bool,
}

thread_local! {
    /// What a connection that waits would else hold for itself.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

impl<T> Duplex<T> {
    pub fn new(io: T) -> Self {
        Self {
            io,
            out: VecDeque::new(),
            gathering: BytesMut::new(),
            backlog: 0,
            unflushed: false,
            long: false,
            streams: false,
        }
    }

    /// Queues bytes; nothing is written before the next `turn`.
    pub fn queue(&mut self, bytes: Bytes) {
        self.backlog += bytes.len();
        self.long |= self.backlog > TOLD;
        if bytes.len() < BLOCK / 2 {
            self.gathering.extend_from_slice(&bytes);
            if self.gathering.len() >= BLOCK {
                self.out.push_back(self.gathering.split().freeze());
            }
        } else {
            if !self.gathering.is_empty() {
                self.out.push_back(self.gathering.split().freeze());
            }
            self.out.push_back(bytes);
        }
    }

    /// Bytes queued and not yet written.
    pub fn backlog(&self) -> usize {
        self.backlog
    }

    pub fn io(&mut self) -> &mut T {
        &mut self.io
    }

    pub fn into_io(self) -> T {
        self.io
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex<T> {
    /// Writes what is queued and, if `reading`, reads into `into`. Resolves when bytes came in or when the queue ran
    /// empty; pending for ever when there is neither. Cancel-safe: what was written or read is accounted at once.
    pub async fn turn(&mut self, into: &mut BytesMut, reading: bool) -> io::Result<Turn> {
        poll_fn(|context| {
            if self.owes() && self.poll_write_queue(context)?.is_ready() {
                return Poll::Ready(Ok(Turn::Written));
            }
            self.poll_into(context, into, reading)
        })
        .await
    }

    /// As `turn`, but a queue that ran empty is told of only where nothing is read, or where it was long: else the wait
    /// for the answer begins at once. `written` is passed whenever it ran empty.
    pub async fn turn_quietly(
        &mut self,
        into: &mut BytesMut,
        reading: bool,
        written: Step,
    ) -> io::Result<Turn> {
        poll_fn(|context| {
            if self.owes() && self.poll_write_queue(context)?.is_ready() {
                failpoint::pass(written);
                if std::mem::take(&mut self.long) || !reading {
                    return Poll::Ready(Ok(Turn::Written));
                }
            }
            self.poll_into(context, into, reading)
        })
        .await
    }

    fn poll_into(
        &mut self,
        context: &mut Context<'_>,
        into: &mut BytesMut,
        reading: bool,
    ) -> Poll<io::Result<Turn>> {
        if !reading {
            return Poll::Pending;
        }
        let polled = self.poll_read(context, into);
        if polled.is_pending() && into.is_empty() {
            // who waits holds no memory
            *into = BytesMut::new();
            self.streams = false;
        }
        polled
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<io::Result<Turn>> {
        if into.capacity() - into.len() < READ && !self.streams {
            return self.poll_by_scratch(context, into);
        }
        into.reserve(READ);
        // the future of `read_buf` keeps no state between polls
        pin!(self.io.read_buf(into))
            .poll(context)
            .map_ok(Turn::Read)
    }

    /// Reads into memory of the thread and takes only what came: most reads are short, and most connections wait.
    fn poll_by_scratch(
        &mut self,
        context: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<io::Result<Turn>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer))?;
            let read = buffer.filled();
            into.extend_from_slice(read);
            self.streams = read.len() > READ / 2;
            Poll::Ready(Ok(Turn::Read(read.len())))
        })
    }

    fn poll_write_queue(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathering.is_empty() {
            self.out.push_back(self.gathering.split().freeze());
        }
        while let Some(front) = self.out.front_mut() {
            match Pin::new(&mut self.io).poll_write(context, front)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(written) => {
                    self.unflushed = true;
                    front.advance(written);
                    self.backlog = self.backlog.saturating_sub(written);
                    if front.is_empty() {
                        self.out.pop_front();
                    }
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        let flushed = Pin::new(&mut self.io).poll_flush(context)?;
        self.unflushed = flushed.is_pending();
        flushed.map(Ok)
    }

    fn owes(&self) -> bool {
        self.backlog > 0 || self.unflushed
    }

    /// Writes all that is queued.
    pub async fn flush(&mut self) -> io::Result<()> {
        if !self.owes() {
            return Ok(());
        }
        poll_fn(|context| self.poll_write_queue(context)).await
    }
}
