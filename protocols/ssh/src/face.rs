//! The client's side of one session channel: output that the gate let through, and lines of the gateway's own.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use russh::ChannelWriteHalf;
use russh::server::{Handle, Msg};
use tokio::sync::Notify;

use crate::answers;
use crate::channel::inbox::{Inbox, Killed};

const STDERR: u32 = 1;
/// What closes its output mostly ends, and its status follows at once.
const STATUS_WITHIN: Duration = Duration::from_secs(1);

/// A failure to write means that the client is gone: whoever reads its side is told so.
pub(crate) struct Face {
    write: ChannelWriteHalf<Msg>,
    /// What the client sends, which is not slowed down while it is written to.
    client: Inbox,
    handle: Handle,
    /// A terminal has one stream, and nobody cooks its lines.
    terminal: AtomicBool,
    /// How wide the terminal is.
    columns: AtomicU32,
    ended: AtomicBool,
    output_over: Notify,
}

impl Face {
    pub(crate) fn new(write: ChannelWriteHalf<Msg>, client: Inbox, handle: Handle) -> Self {
        Self {
            write,
            client,
            handle,
            terminal: AtomicBool::new(false),
            columns: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            output_over: Notify::new(),
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal.load(Ordering::Relaxed)
    }

    pub(crate) fn columns(&self) -> u32 {
        self.columns.load(Ordering::Relaxed)
    }

    pub(crate) fn is_wide(&self, columns: u32) {
        self.columns.store(columns, Ordering::Relaxed);
    }

    pub(crate) fn becomes_terminal(&self) {
        self.terminal.store(true, Ordering::Relaxed);
    }

    /// A line of the gateway's own.
    pub(crate) async fn say(&self, text: &str) {
        if self.is_terminal() {
            self.data(None, answers::terminal_line(text).into()).await;
        } else {
            self.data(Some(STDERR), answers::line(text).into()).await;
        }
    }

    /// Output; waits while the client does not read.
    pub(crate) async fn data(&self, code: Option<u32>, bytes: Bytes) {
        let writing = async {
            match code {
                None => self.write.data_bytes(bytes).await,
                Some(code) => self.write.extended_data_bytes(code, bytes).await,
            }
        };
        let _ = self.client.beside(writing).await;
    }

    pub(crate) async fn status(&self, status: u32) {
        let _ = self.client.beside(self.write.exit_status(status)).await;
    }

    pub(crate) async fn killed(&self, killed: Killed) {
        let Killed {
            signal,
            core_dumped,
        } = killed;
        let (id, nothing) = (self.write.id(), String::new());
        let sent =
            self.handle
                .exit_signal_request(id, signal, core_dumped, nothing.clone(), nothing);
        let _ = self.client.beside(sent).await;
    }

    /// The target sends no more output. The client is told when the channel ends, behind the status: a client that has
    /// sent its own end closes the channel at this word, and the library then closes it at once, the status unsaid.
    pub(crate) fn output_is_over(&self) {
        self.output_over.notify_one();
    }

    /// Tells a client that still sends and may wait for the end of output to stop. Runs as a task of the channel's.
    pub(crate) async fn tell_of_the_end(&self) {
        self.output_over.notified().await;
        tokio::time::sleep(STATUS_WITHIN).await;
        if !self.client.is_at_end() {
            self.eof().await;
        }
    }

    /// Said once.
    pub(crate) async fn eof(&self) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            let _ = self.client.beside(self.write.eof()).await;
        }
    }

    pub(crate) async fn close(&self) {
        let _ = self.write.close().await;
    }
}
