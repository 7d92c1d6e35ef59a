//! Decoded texts: looked up by their exact bytes, decoded on threads with a deep stack on a miss.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::decode::{Analysis, Unclear, analyse};

/// The grammar's own recursion needs it; see `analyse`.
const STACK: usize = 64 << 20;
const THREADS: usize = 2;
/// Texts that may wait for a thread; more are refused.
const WAITING: usize = 256;
/// How long a text may take, waiting included.
const DEADLINE: Duration = Duration::from_secs(2);
/// Longer texts are decoded each time.
const CACHED_TEXT: usize = 64 << 10;
/// Bytes of text that are kept in all.
const CACHED: usize = 32 << 20;

/// Shared by all sessions of a listener. An analysis knows nothing of policy or session, so anybody's serves everybody.
#[derive(Clone)]
pub(crate) struct Analyses {
    kept: Arc<Mutex<Kept>>,
    work: SyncSender<Work>,
}

#[derive(Default)]
struct Kept {
    by_text: HashMap<Arc<str>, Arc<Analysis>, ahash::RandomState>,
    bytes: usize,
}

struct Work {
    text: Arc<str>,
    answer: oneshot::Sender<Result<Analysis, Unclear>>,
}

impl Analyses {
    /// Its threads end when the last clone is gone.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (work, waiting) = sync_channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..THREADS {
            let waiting = waiting.clone();
            std::thread::Builder::new()
                .name(format!("decode-{number}"))
                .stack_size(STACK)
                .spawn(move || decode(&waiting))?;
        }
        Ok(Self {
            kept: Arc::default(),
            work,
        })
    }

    pub(crate) async fn of(&self, text: &str) -> Result<Arc<Analysis>, Unclear> {
        if let Some(known) = self.known(text) {
            return Ok(known);
        }
        let text: Arc<str> = text.into();
        let (answer, decoded) = oneshot::channel();
        match self.work.try_send(Work {
            text: text.clone(),
            answer,
        }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return Err(overloaded()),
        }
        let analysis = match tokio::time::timeout(DEADLINE, decoded).await {
            Ok(Ok(analysis)) => Arc::new(analysis?),
            // the deadline, or a thread that gave up
            Ok(Err(_)) | Err(_) => return Err(overloaded()),
        };
        self.keep(text, &analysis);
        Ok(analysis)
    }

    fn known(&self, text: &str) -> Option<Arc<Analysis>> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_text
            .get(text)
            .cloned()
    }

    fn keep(&self, text: Arc<str>, analysis: &Arc<Analysis>) {
        if text.len() > CACHED_TEXT {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + text.len() > CACHED {
            *kept = Kept::default();
        }
        kept.bytes += text.len();
        kept.by_text.insert(text, analysis.clone());
    }
}

fn decode(waiting: &Mutex<Receiver<Work>>) {
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(Work { text, answer }) = next else {
            return;
        };
        let analysis =
            std::panic::catch_unwind(|| analyse(&text)).unwrap_or_else(|_| Err(overloaded()));
        // whoever asked may have gone
        let _ = answer.send(analysis);
    }
}

fn overloaded() -> Unclear {
    Unclear {
        code: "decoder",
        message: "the statement could not be decoded in time".into(),
        at: None,
    }
}
