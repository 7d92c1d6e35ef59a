//! Waits for what other programs do, never longer than a watchdog allows, and tells how long it took.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::process::pause;

/// Whatever a story waits for comes within this.
pub const WATCHDOG: Duration = Duration::from_secs(10);

/// Looks until there is something to see; the error names what never came.
pub fn until<T>(
    what: &str,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look()? {
            tell(what, started.elapsed());
            return Ok(found);
        }
        if started.elapsed() > WATCHDOG {
            bail!("{what}: not within {WATCHDOG:?}");
        }
        pause();
    }
}

/// Says on standard error how long something took.
pub fn tell(what: &str, took: Duration) {
    // without anybody to hear it the story goes on
    drop(writeln!(std::io::stderr(), "{what}: after {took:.3?}"));
}
