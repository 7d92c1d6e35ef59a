//! The newest checkpoint of the audit log that was seen: a log that is shorter was cut.

use crate::error::Error;
use crate::open::{Store, Touches};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// Entries.
    pub size: u64,
    pub root: [u8; 32],
}

impl Store {
    pub async fn kept_checkpoint(&self) -> Result<Option<KeptCheckpoint>, Error> {
        let row = sqlx::query_as::<_, (i64, Vec<u8>)>("SELECT size, root FROM checkpoint")
            .fetch_optional(&self.shared.readers);
        let Some((size, root)) = self.shared.read(row).await? else {
            return Ok(None);
        };
        let unreadable = || Error::Corrupt("the kept checkpoint".into());
        Ok(Some(KeptCheckpoint {
            size: u64::try_from(size).map_err(|_| unreadable())?,
            root: root.try_into().map_err(|_| unreadable())?,
        }))
    }

    /// Keeps the longer of the two: a shorter log never replaces what is known.
    pub async fn keep_checkpoint(&self, checkpoint: KeptCheckpoint) -> Result<(), Error> {
        let size = i64::try_from(checkpoint.size).map_err(|_| Error::Corrupt("a size".into()))?;
        self.shared
            .change(Touches::Rest, move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO checkpoint (only_row, size, root) VALUES (1, ?, ?)
                         ON CONFLICT (only_row) DO UPDATE SET size = excluded.size, root = excluded.root
                         WHERE excluded.size > checkpoint.size",
                    )
                    .bind(size)
                    .bind(checkpoint.root.as_slice())
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }
}
