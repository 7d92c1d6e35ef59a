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
/// Bytes that one generation of the cache may hold,
const GENERATION: usize = 16 << 20;
/// where an analysis counts for so many beside its text.
const ANALYSIS: usize = 2 << 10;
/// Texts of at most this length are decoded at once, where they came: they cannot nest deeply, and a thread of its own
/// costs more than their decoding.
const SHORT: usize = 128;

/// Shared by all sessions of a listener. An analysis knows nothing of policy or session, so anybody's serves everybody.
#[derive(Clone)]
pub(crate) struct Analyses {
    kept: Arc<Mutex<Kept>>,
    work: SyncSender<Work>,
}

/// What was not asked for during a whole generation is forgotten with it.
#[derive(Default)]
struct Kept {
    young: Texts,
    old: Texts,
    /// Of the young.
    bytes: usize,
}

type Texts = HashMap<Arc<str>, Arc<Analysis>, ahash::RandomState>;

impl Kept {
    fn known(&mut self, text: &str) -> Option<Arc<Analysis>> {
        if let Some(analysis) = self.young.get(text) {
            return Some(analysis.clone());
        }
        let (text, analysis) = self.old.remove_entry(text)?;
        self.keep(text, &analysis);
        Some(analysis)
    }

    fn keep(&mut self, text: Arc<str>, analysis: &Arc<Analysis>) {
        self.bytes += text.len() + ANALYSIS;
        if self.bytes > GENERATION {
            self.bytes = text.len() + ANALYSIS;
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, analysis.clone());
    }
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
        if text.len() <= SHORT {
            let analysis = Arc::new(guarded(&text)?);
            self.keep(text, &analysis);
            return Ok(analysis);
        }
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
            .known(text)
    }

    fn keep(&self, text: Arc<str>, analysis: &Arc<Analysis>) {
        if text.len() > CACHED_TEXT {
            return;
        }
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keep(text, analysis);
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
        // whoever asked may have gone
        let _ = answer.send(guarded(&text));
    }
}

fn guarded(text: &str) -> Result<Analysis, Unclear> {
    std::panic::catch_unwind(|| analyse(text)).unwrap_or_else(|_| Err(overloaded()))
}

fn overloaded() -> Unclear {
    Unclear {
        code: "decoder",
        message: "the statement could not be decoded in time".into(),
        at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As deep as short texts go, on half of the stack that a worker has.
    #[test]
    fn short_texts_need_no_deep_stack() {
        let fill = |opening: &str, unit: &str, middle: &str, closing: &str| {
            let rest = SHORT - "SELECT ".len() - opening.len() - middle.len();
            let times = rest / (unit.len() + closing.len());
            format!(
                "SELECT {opening}{}{middle}{}",
                unit.repeat(times),
                closing.repeat(times)
            )
        };
        let texts = [
            fill("1", "+1", "", ""),
            fill("", "- ", "1", ""),
            fill("", "(", "1", ")"),
            fill("", "NOT ", "true", ""),
            fill("", "(SELECT ", "1", ")"),
            fill("1", "::a", "", ""),
            fill("", "f(", "1", ")"),
            fill("", "/*", "", "*/"),
            fill("a", "[1]", "", ""),
            fill("", "ARRAY[", "1", "]"),
        ];
        let work = move || {
            for text in texts {
                assert!(text.len() <= SHORT, "{text}");
                assert!(
                    guarded(&text).is_ok_and(|analysis| !analysis.statements.is_empty())
                        || text.contains("/*"),
                    "{text}"
                );
            }
        };
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        thread.spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn what_is_asked_for_again_outlives_a_generation() {
        let mut kept = Kept::default();
        let analysis = Arc::new(guarded("SELECT 1").unwrap());
        kept.keep("wanted".into(), &analysis);
        for number in 0..3 * GENERATION / ANALYSIS {
            kept.keep(format!("once {number}").into(), &analysis);
            if number % 1000 == 0 {
                assert!(kept.known("wanted").is_some(), "{number}");
            }
        }
        assert!(kept.known("once 0").is_none());
        assert!(kept.young.len() + kept.old.len() <= 2 * GENERATION / ANALYSIS);
    }
}
