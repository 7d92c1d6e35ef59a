//! Decoded texts: looked up by their exact bytes, or those of texts that mean the same, decoded on threads with a deep stack
//! on a miss.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::decode::{Analysis, Unclear, analyse, likeness};

/// The grammar's own recursion needs it; see `analyse`.
const STACK: usize = 64 << 20;
const THREADS: usize = 2;
/// Texts that may wait for a thread; more are refused.
const WAITING: usize = 256;
/// How long a text may take, waiting included.
const DEADLINE: Duration = Duration::from_secs(2);
/// Longer texts are decoded each time.
const CACHED_TEXT: usize = 64 << 10;
/// Bytes that one generation of each of the two caches may hold,
const GENERATION: usize = 8 << 20;
/// where an analysis counts for so many beside its text.
const ANALYSIS: usize = 2 << 10;
/// Texts of at most this length are decoded at once, where they came: they cannot nest deeply, and a thread of its own
/// costs more than their decoding.
const SHORT: usize = 128;

/// Shared by all sessions of a listener. An analysis knows nothing of policy or session, so anybody's serves everybody.
#[derive(Clone)]
pub(crate) struct Analyses {
    exact: Arc<Mutex<Kept<Arc<Analysis>>>>,
    /// Under their likeness.
    alike: Arc<Mutex<Kept<Likes>>>,
    work: SyncSender<Work>,
}

/// What is known of the texts of one likeness.
#[derive(Clone)]
enum Likes {
    /// This one was decoded.
    One(Arc<str>, Arc<Analysis>),
    /// Two that differ were decoded to the same, which serves all.
    All(Arc<Analysis>),
    /// Two were not: none may serve another.
    Unlike,
}

impl Likes {
    /// What is known once this one of them is decoded too.
    fn with(self, text: &Arc<str>, analysis: &Arc<Analysis>) -> Self {
        match self {
            Self::One(one, decoded) if one == *text => Self::One(one, decoded),
            Self::One(_, decoded) | Self::All(decoded) if decoded == *analysis => {
                Self::All(decoded)
            }
            Self::One(..) | Self::All(_) | Self::Unlike => Self::Unlike,
        }
    }
}

/// What was not asked for during a whole generation is forgotten with it.
struct Kept<T> {
    young: Texts<T>,
    old: Texts<T>,
    /// Of the young.
    bytes: usize,
}

type Texts<T> = HashMap<Arc<str>, T, ahash::RandomState>;

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            young: Texts::default(),
            old: Texts::default(),
            bytes: 0,
        }
    }
}

impl<T: Clone> Kept<T> {
    fn known(&mut self, text: &str) -> Option<T> {
        if let Some(analysis) = self.young.get(text) {
            return Some(analysis.clone());
        }
        let (text, analysis) = self.old.remove_entry(text)?;
        self.keep(text, &analysis);
        Some(analysis)
    }

    fn keep(&mut self, text: Arc<str>, analysis: &T) {
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
            exact: Arc::default(),
            alike: Arc::default(),
            work,
        })
    }

    pub(crate) async fn of(&self, text: &str) -> Result<Arc<Analysis>, Unclear> {
        if let Some(known) = lock(&self.exact).known(text) {
            return Ok(known);
        }
        let kept = text.len() <= CACHED_TEXT;
        let like = if kept { likeness(text) } else { None };
        if let Some(like) = &like
            && let Some(Likes::All(known)) = lock(&self.alike).known(like)
        {
            return Ok(known);
        }
        let text: Arc<str> = text.into();
        let analysis = self.decoded(&text).await?;
        if let Some(like) = like {
            let mut alike = lock(&self.alike);
            let likes = match alike.known(&like) {
                Some(likes) => likes.with(&text, &analysis),
                None => Likes::One(text.clone(), analysis.clone()),
            };
            alike.keep(like.into(), &likes);
        }
        if kept {
            lock(&self.exact).keep(text, &analysis);
        }
        Ok(analysis)
    }

    async fn decoded(&self, text: &Arc<str>) -> Result<Arc<Analysis>, Unclear> {
        if text.len() <= SHORT {
            return guarded(text).map(Arc::new);
        }
        let (answer, decoded) = oneshot::channel();
        match self.work.try_send(Work {
            text: text.clone(),
            answer,
        }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return Err(overloaded()),
        }
        match tokio::time::timeout(DEADLINE, decoded).await {
            Ok(Ok(analysis)) => analysis.map(Arc::new),
            // the deadline, or a thread that gave up
            Ok(Err(_)) | Err(_) => Err(overloaded()),
        }
    }
}

fn lock<T>(kept: &Mutex<Kept<T>>) -> std::sync::MutexGuard<'_, Kept<T>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[tokio::test]
    async fn what_two_texts_alike_mean_serves_the_others() {
        let analyses = Analyses::start().unwrap();
        let of = async |text: &str| analyses.of(text).await.unwrap();
        let first = of("SELECT a FROM t WHERE id = 42").await;
        let second = of("SELECT a FROM t WHERE id = 43").await;
        assert!(!Arc::ptr_eq(&first, &second));
        let third = of("SELECT a FROM t WHERE id = 44").await;
        assert!(Arc::ptr_eq(&first, &third));
        let other = of("SELECT b FROM t WHERE id = 44").await;
        assert_ne!(other, third);
        // longer, and so elsewhere
        let longer = of("SELECT a FROM t WHERE id = 444").await;
        assert_ne!(longer.hiding, third.hiding);
    }

    #[test]
    fn texts_that_turn_out_unlike_serve_none() {
        let (first, second): (Arc<str>, Arc<str>) = ("first".into(), "second".into());
        let analysis = |text: &str| Arc::new(guarded(text).unwrap());
        let (a, b) = (analysis("SELECT a FROM t"), analysis("SELECT b FROM t"));
        let one = || Likes::One(first.clone(), a.clone());
        // the same text proves nothing
        assert!(matches!(one().with(&first, &a), Likes::One(..)));
        let likes = one().with(&second, &a);
        assert!(matches!(&likes, Likes::All(all) if *all == a));
        let likes = likes.with(&first, &b);
        assert!(matches!(likes, Likes::Unlike));
        assert!(matches!(likes.with(&second, &a), Likes::Unlike));
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
