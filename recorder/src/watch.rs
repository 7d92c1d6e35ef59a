//! Fails promises whose deadline has passed: the one part that never touches the disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Unwritable;
use crate::shared::{Shared, lock};

/// How often the watch looks while something is being written, as a part of the deadline.
const LOOKS: u32 = 10;

#[derive(Default)]
pub(crate) struct Watch {
    asleep: AtomicBool,
    busy: Mutex<bool>,
    changed: Condvar,
}

impl Watch {
    /// Something was appended: costs one load while the watch is awake.
    pub(crate) fn call(&self) {
        if self.asleep.load(Ordering::SeqCst) {
            *lock(&self.busy) = true;
            self.changed.notify_one();
        }
    }

    /// Looks until the log has ended.
    pub(crate) fn run(shared: &Arc<Shared>) {
        let tick = (shared.deadline / LOOKS).max(Duration::from_millis(1));
        let mut quiet = 0;
        let mut closing: Option<Instant> = None;
        while !shared.ended.is_settled() {
            let now = Instant::now();
            quiet = if shared.expire(now) { 0 } else { quiet + 1 };
            if shared.queue.is_closing() && now >= *closing.get_or_insert(now + shared.deadline) {
                shared.ended.settle(Err(Unwritable::Hanging));
            }
            let busy = lock(&shared.watch.busy);
            if quiet <= LOOKS || closing.is_some() {
                drop(shared.watch.changed.wait_timeout(busy, tick));
            } else {
                shared.watch.sleep(shared, busy);
                quiet = 0;
            }
        }
    }

    fn sleep(&self, shared: &Shared, mut busy: std::sync::MutexGuard<'_, bool>) {
        *busy = false;
        self.asleep.store(true, Ordering::SeqCst);
        // an append that came before the line above did not call
        while !*busy
            && !shared.has_promises()
            && !shared.ended.is_settled()
            && !shared.queue.is_closing()
        {
            busy = self
                .changed
                .wait(busy)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    /// Fails what has waited too long; whether anything waits at all.
    fn expire(&self, now: Instant) -> bool {
        let reason = match self.healthy() {
            Err(reason) => reason,
            Ok(()) => Unwritable::Hanging,
        };
        let mut expired = Vec::new();
        self.queue.inspect(|item| {
            let due = item.slot.deadline <= now;
            if due {
                expired.push(item.slot.clone());
            }
            due
        });
        for record in lock(&self.writing)
            .iter()
            .filter(|record| record.slot.deadline <= now)
        {
            expired.push(record.slot.clone());
        }
        for (_, _, slot) in self
            .tail
            .lock()
            .waiting
            .iter()
            .take_while(|(_, _, slot)| slot.deadline <= now)
        {
            expired.push(slot.clone());
        }
        for slot in expired {
            slot.settle(Err(reason));
        }
        self.has_promises()
    }

    fn has_promises(&self) -> bool {
        !self.queue.is_empty()
            || !lock(&self.writing).is_empty()
            || !self.tail.lock().waiting.is_empty()
    }
}
