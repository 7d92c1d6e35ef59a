//! The one background task: writes last uses down in batches and notices changes made by another process.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::error::Error;
use crate::open::{Shared, Touches};
use crate::sessions;

const EVERY: Duration = Duration::from_secs(1);

/// Owns the task: it ends with the last clone of the store.
pub(crate) struct Keeper {
    task: AbortHandle,
}

impl Keeper {
    pub(crate) fn start(shared: &Arc<Shared>) -> Self {
        let task = tokio::spawn(keep(Arc::downgrade(shared))).abort_handle();
        Self { task }
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn keep(shared: Weak<Shared>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        for done in [shared.refresh().await, shared.flush().await] {
            if let Err(error) = done {
                tracing::warn!(%error, "the store's upkeep failed and will be tried again");
            }
        }
    }
}

impl Shared {
    /// Writes down what need not be written at once: last uses of tokens and keys, sessions opened and closed.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let alone = self.flushing.lock().await;
        let (uses, notes) = (self.directory.uses(), self.notes.oldest());
        if uses.is_empty() && notes.is_empty() {
            return Ok(());
        }
        let (written, count) = (uses.clone(), notes.len());
        self.change(Touches::Rest, |connection| {
            Box::pin(async move {
                for (credential, at) in uses {
                    // an id is a token's or a key's; certificates are not kept so long
                    for update in [
                        "UPDATE token SET last_used = max(coalesce(last_used, 0), ?) WHERE id = ?",
                        "UPDATE ssh_key SET last_used = max(coalesce(last_used, 0), ?) WHERE id = ?",
                    ] {
                        sqlx::query(update)
                            .bind(at)
                            .bind(&credential)
                            .execute(&mut *connection)
                            .await?;
                    }
                }
                for note in notes {
                    sessions::write(connection, note).await?;
                }
                Ok(())
            })
        })
        .await?;
        self.directory.written(&written);
        self.notes.written(count);
        drop(alone);
        Ok(())
    }
}
