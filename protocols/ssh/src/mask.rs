//! Output on its way to a client: what detectors find is hidden, in whatever pieces and colours it comes.

mod binary;
mod cells;
mod line;
mod scan;
mod screen;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gate::{Mask, Masked, Ungoverned};
use tokio::time::Instant;

pub use binary::{Binary, Unmaskable};
pub use screen::{Keep, Look, Screen};

/// How long something may be kept back: on a terminal a person waits for each letter.
const TERMINAL_PATIENCE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_millis(500);
/// What is typed comes back in pieces no longer than this, colours included, and no faster.
const ECHO: usize = 32;
const TYPED: Duration = Duration::from_millis(20);

/// One stream of output.
pub(crate) struct Stream {
    mask: Arc<Mask>,
    screen: Screen,
    terminal: bool,
    /// Files as they are.
    opaque: bool,
    /// What came is no text, and never was rewritten.
    binary: Option<Binary>,
    came: Option<Instant>,
    /// Since when something is kept back.
    since: Option<Instant>,
}

impl Stream {
    pub(crate) fn new(mask: Arc<Mask>, terminal: bool, opaque: bool) -> Self {
        Self {
            mask,
            screen: Screen::default(),
            terminal,
            opaque,
            binary: None,
            came: None,
            since: None,
        }
    }

    /// Rules may have changed, and the terminal's width: what is kept back is judged by those of now.
    pub(crate) fn refresh(&mut self, mask: &Arc<Mask>, columns: u32) {
        if !Arc::ptr_eq(&self.mask, mask) {
            self.mask = mask.clone();
        }
        self.screen.resize(usize::try_from(columns).unwrap_or(0));
    }

    /// What may pass now.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Result<Option<Masked>, Unmaskable> {
        if self.opaque {
            return Ok(Some(Masked::ungoverned(Ungoverned::Opaque, bytes)));
        }
        let now = Instant::now();
        let last = self.came.replace(now);
        if !self.mask.detects() {
            return Ok(self.unhindered(bytes));
        }
        if !self.terminal && self.binary.is_none() && Binary::begins(&bytes) {
            let kept = self.screen.take_back();
            self.binary = Some(Binary::behind(kept));
        }
        let out: Bytes = match &mut self.binary {
            Some(binary) => binary.push(&*self.mask, &bytes)?,
            None => {
                let echo = bytes.len() <= ECHO && last.is_none_or(|last| now - last >= TYPED);
                let keep = match self.terminal && echo {
                    true => Keep::Harmful,
                    false => Keep::Words,
                };
                self.screen.push(&*self.mask, &bytes, keep).into()
            }
        };
        self.timed(now, !out.is_empty());
        Ok(self.passed(out))
    }

    /// What is kept back and has waited long enough.
    pub(crate) fn flush(&mut self) -> Option<Masked> {
        if self.patience()? > Duration::ZERO {
            return None;
        }
        let out = match &mut self.binary {
            Some(binary) => binary.flush(),
            None => self.screen.give_up(&*self.mask),
        };
        self.since = None;
        self.passed(out.into())
    }

    /// What is kept back, for nothing follows.
    pub(crate) fn finish(&mut self) -> Option<Masked> {
        let out = match &mut self.binary {
            Some(binary) => binary.flush(),
            None => self.screen.finish(&*self.mask),
        };
        self.since = None;
        self.passed(out.into())
    }

    /// After so long, `flush`.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let patience = if self.terminal {
            TERMINAL_PATIENCE
        } else {
            PATIENCE
        };
        let since = self.since?;
        Some((since + patience).saturating_duration_since(Instant::now()))
    }

    /// Nothing is to be hidden: what was kept back passes too.
    fn unhindered(&mut self, bytes: Bytes) -> Option<Masked> {
        self.since = None;
        let mut kept = match &mut self.binary {
            Some(binary) => binary.flush(),
            None => self.screen.take_back(),
        };
        if kept.is_empty() {
            return Some(Masked::ungoverned(Ungoverned::Revealed, bytes));
        }
        kept.extend_from_slice(&bytes);
        Some(Masked::ungoverned(Ungoverned::Revealed, kept.into()))
    }

    /// What is kept back waits since it came: where something passed, that is now.
    fn timed(&mut self, now: Instant, passed: bool) {
        let empty = match &self.binary {
            Some(binary) => binary.is_empty(),
            None => self.screen.is_empty(),
        };
        self.since = match self.since {
            _ if empty => None,
            Some(since) if !passed => Some(since),
            Some(_) | None => Some(now),
        };
    }

    fn passed(&self, out: Bytes) -> Option<Masked> {
        (!out.is_empty()).then(|| Masked::by(&self.mask, out))
    }
}
