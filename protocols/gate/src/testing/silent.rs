//! A ledger that can fall silent: calls wait until it speaks again.

use std::sync::Arc;

use tokio::sync::watch;

use crate::ledger::{ApprovalId, Boxed, Filter, Ledger, LedgerError, Question, Row};

/// A switch in front of another ledger; clones share it.
#[derive(Clone)]
pub struct Silent {
    behind: Arc<dyn Ledger>,
    silent: watch::Sender<bool>,
}

impl Silent {
    pub fn over(behind: Arc<dyn Ledger>) -> Self {
        Self {
            behind,
            silent: watch::Sender::new(false),
        }
    }

    pub fn set(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    async fn spoken(&self) {
        let mut silent = self.silent.subscribe();
        silent.wait_for(|silent| !silent).await.unwrap();
    }
}

impl Ledger for Silent {
    fn ask(&self, question: Question, cap: usize) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            self.spoken().await;
            self.behind.ask(question, cap).await
        })
    }

    fn read(&self, id: ApprovalId) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            self.spoken().await;
            self.behind.read(id).await
        })
    }

    fn list(&self, filter: Filter) -> Boxed<'_, Result<Vec<Row>, LedgerError>> {
        Box::pin(async move {
            self.spoken().await;
            self.behind.list(filter).await
        })
    }

    fn swap(&self, row: Row) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            self.spoken().await;
            self.behind.swap(row).await
        })
    }

    fn withdraw_orphans(&self, holder: &str, at: i64) -> Boxed<'_, Result<usize, LedgerError>> {
        let holder = holder.to_owned();
        Box::pin(async move {
            self.spoken().await;
            self.behind.withdraw_orphans(&holder, at).await
        })
    }
}
