//! What is told of a program beside its output: the terminal, how it ended, and lines that seem to have been entered.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gate::Underway;
use gate::told::{self, Lines, Moment};
use gate::words::visible;
use russh::Sig;

use crate::channel::inbox::Size;
use crate::channel::relay::Manner;
use crate::running::Running;

/// Both directions of one channel write it.
pub(crate) struct Account {
    /// Of a terminal.
    lines: Option<Mutex<Lines>>,
}

impl Account {
    /// Says first what the recording of the output rests on.
    pub(crate) fn open(underway: &Underway, manner: &Manner) -> Self {
        if let Some(size) = manner.terminal {
            underway.tell(Moment::Terminal(told(size)));
        } else if manner.copies {
            underway.keep_figures();
        }
        let lines = manner.terminal.map(|_| Mutex::new(Lines::new()));
        Self { lines }
    }

    /// Input is not kept; only that there was some, and where its lines end.
    pub(crate) fn typed(&self, bytes: &[u8]) {
        if let Some(mut lines) = self.lines() {
            lines.typed(bytes);
        }
    }

    pub(crate) fn shown(&self, running: &Running, bytes: &[u8]) {
        let found = self.lines().map(|mut lines| lines.shown(bytes));
        for line in found.unwrap_or_default() {
            running.tell(Moment::Advisory(line));
        }
    }

    pub(crate) fn resized(&self, running: &Running, size: Size) {
        if self.lines.is_some() {
            running.tell(Moment::Resized(told(size)));
        }
    }

    pub(crate) fn exited(&self, running: &Running, status: u32) {
        running.tell(Moment::Exited(status));
    }

    pub(crate) fn signalled(&self, running: &Running, name: String) {
        running.tell(Moment::Signalled(name));
    }

    fn lines(&self) -> Option<MutexGuard<'_, Lines>> {
        let lines = self.lines.as_ref()?;
        Some(lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// As it is recorded.
pub(crate) fn name(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => visible(name),
        known => format!("{known:?}"),
    }
}

fn told(size: Size) -> told::Size {
    told::Size {
        columns: size.columns,
        rows: size.rows,
    }
}
