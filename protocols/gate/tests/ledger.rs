//! The ledger in memory keeps what every ledger must.
#![allow(clippy::unwrap_used, reason = "tests")]

use gate::testing::MemoryLedger;
use gate::testing::ledger::conform;

#[tokio::test]
async fn the_ledger_in_memory_conforms() {
    conform(async || MemoryLedger::default()).await;
}
