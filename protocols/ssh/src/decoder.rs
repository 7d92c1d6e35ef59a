//! Command lines are decoded on threads of their own: deep ones need a stack that no task has.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use gate::words::Operations;
use gate::{Unclear, UnclearKind};
use tokio::sync::oneshot;

use crate::config::Shell;
use crate::{decode, words};

const THREADS: usize = 2;
/// Lines that may wait for a thread; more are not understood.
const WAITING: usize = 1024;
/// One takes a tenth of a second at most; it may have to wait for others.
const DECODES_WITHIN: Duration = Duration::from_secs(10);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Decoder(mpsc::SyncSender<Job>);

struct Job {
    line: Bytes,
    login: String,
    reader: Reader,
    answer: oneshot::Sender<Decoded>,
}

/// What reads a command line at the target.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reader {
    pub(crate) shell: Shell,
    /// There, some programs open a pager.
    pub(crate) terminal: bool,
}

/// A command line that was read.
pub(crate) struct Decoded {
    pub(crate) operations: Operations,
    /// Surely nothing but the server side of a tool that copies: what it sends is files, and judged by their paths.
    pub(crate) copies: bool,
}

impl Decoder {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..THREADS {
            let queue = queue.clone();
            std::thread::Builder::new()
                .name(format!("ssh decoder {number}"))
                .stack_size(decode::STACK)
                .spawn(move || work(&queue))?;
        }
        Ok(Self(jobs))
    }

    /// What a command line asks for; a decoder that is gone, fails or takes too long understands nothing.
    pub(crate) async fn exec(
        &self,
        line: &Bytes,
        (login, reader): (&str, Reader),
    ) -> Result<Decoded, Unclear> {
        let (answer, decoded) = oneshot::channel();
        let job = Job {
            line: line.clone(),
            login: login.to_owned(),
            reader,
            answer,
        };
        if self.0.try_send(job).is_err() {
            return Err(failed());
        }
        let decoded = tokio::time::timeout(DECODES_WITHIN, decoded).await;
        decoded.ok().and_then(Result::ok).ok_or_else(failed)
    }
}

/// Until the listener is gone. A line that makes the decoder panic is not understood, and the next one is decoded.
fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job {
            line,
            login,
            reader,
            answer,
        }) = next
        else {
            return;
        };
        // nobody waits for it any more
        if answer.is_closed() {
            continue;
        }
        let decoding = std::panic::AssertUnwindSafe(|| {
            let command = match reader.shell.is_understood() {
                true => decode::command(&line),
                false => decode::other_shell(&line),
            };
            let command = match reader.terminal {
                true => command.on_terminal(),
                false => command,
            };
            Decoded {
                operations: words::exec(&command, &login),
                copies: command.copies(),
            }
        });
        if let Ok(decoded) = std::panic::catch_unwind(decoding) {
            // nobody waits for it where the client is gone
            let _ = answer.send(decoded);
        }
    }
}

fn failed() -> Unclear {
    Unclear {
        kind: UnclearKind::Unclear,
        code: "decoder",
        message: "the command could not be understood".to_owned(),
        hint: None,
        at: None,
    }
}
