//! Approvals on disk: one row each, changed by compare-and-set in one UPDATE.

use gate::ledger::{ApprovalId, Binding, Boxed, Filter, Ledger, LedgerError, Question, Row};
use policy::approval::State;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::error::Error;
use crate::open::{Store, Touches};
use crate::sessions;

impl Ledger for Store {
    fn ask(&self, question: Question, cap: usize) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            self.shared
                .change(Touches::Rest, move |connection| {
                    Box::pin(async move { ask(connection, question, cap).await })
                })
                .await
                .unwrap_or_else(|error| Err(unavailable(error)))
        })
    }

    fn read(&self, id: ApprovalId) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            let key = key(id)?;
            let row = sqlx::query_as::<_, Kept>(
                "SELECT id, version, question FROM approval WHERE id = ?",
            )
            .bind(key)
            .fetch_optional(&self.shared.readers);
            let kept = self.shared.read(row).await.map_err(unavailable)?;
            row_of(kept.ok_or(LedgerError::Unknown(id))?).map_err(unavailable)
        })
    }

    fn list(&self, filter: Filter) -> Boxed<'_, Result<Vec<Row>, LedgerError>> {
        Box::pin(async move {
            let mut query = listing(&filter).map_err(unavailable)?;
            let rows = query
                .build_query_as::<Kept>()
                .fetch_all(&self.shared.readers);
            let kept = self.shared.read(rows).await.map_err(unavailable)?;
            kept.into_iter()
                .map(row_of)
                .collect::<Result<_, _>>()
                .map_err(unavailable)
        })
    }

    fn swap(&self, row: Row) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            self.shared
                .change(Touches::Rest, move |connection| {
                    Box::pin(async move { swap(connection, row).await })
                })
                .await
                .unwrap_or_else(|error| Err(unavailable(error)))
        })
    }

    fn withdraw_orphans(&self, holder: &str, at: i64) -> Boxed<'_, Result<usize, LedgerError>> {
        let holder = holder.to_owned();
        Box::pin(async move {
            self.shared
                .change(Touches::Rest, move |connection| {
                    Box::pin(async move { withdraw_orphans(connection, holder, at).await })
                })
                .await
                .map_err(unavailable)
        })
    }
}

/// id, version, question
type Kept = (i64, i64, String);

/// The inner error is the asker's, the outer the store's.
async fn ask(
    connection: &mut SqliteConnection,
    question: Question,
    cap: usize,
) -> Result<Result<Row, LedgerError>, Error> {
    let open: i64 =
        sqlx::query_scalar("SELECT count(*) FROM approval WHERE state = ? AND asker = ?")
            .bind(State::Asked.as_str())
            .bind(&question.asker.name)
            .fetch_one(&mut *connection)
            .await?;
    let open = usize::try_from(open).unwrap_or(usize::MAX);
    if open >= cap {
        return Ok(Err(LedgerError::TooMany {
            asker: question.asker.name,
            open,
        }));
    }
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO approval (version, state, digest, asker, holder, bound, question)
         VALUES (1, ?, ?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(question.state.as_str())
    .bind(question.digest.to_string())
    .bind(&question.asker.name)
    .bind(&question.holder)
    .bind(bound(&question.binding))
    .bind(text(&question)?)
    .fetch_one(connection)
    .await?;
    let id = u64::try_from(id).map_err(|_| Error::Corrupt("an approval's number".into()))?;
    Ok(Ok(Row {
        id: ApprovalId(id),
        version: 1,
        question,
    }))
}

async fn swap(
    connection: &mut SqliteConnection,
    row: Row,
) -> Result<Result<Row, LedgerError>, Error> {
    let Ok(id) = key(row.id) else {
        return Ok(Err(LedgerError::Unknown(row.id)));
    };
    let Ok(version) = i64::try_from(row.version) else {
        return Ok(Err(LedgerError::Stale(row.id)));
    };
    let question = &row.question;
    let swapped = sqlx::query(
        "UPDATE approval SET version = version + 1, state = ?, digest = ?, asker = ?, holder = ?, bound = ?, question = ?
         WHERE id = ? AND version = ?",
    )
    .bind(question.state.as_str())
    .bind(question.digest.to_string())
    .bind(&question.asker.name)
    .bind(&question.holder)
    .bind(bound(&question.binding))
    .bind(text(question)?)
    .bind(id)
    .bind(version)
    .execute(&mut *connection)
    .await?;
    if swapped.rows_affected() == 1 {
        return Ok(Ok(Row {
            version: row.version + 1,
            ..row
        }));
    }
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM approval WHERE id = ?)")
        .bind(id)
        .fetch_one(connection)
        .await?;
    Ok(Err(if known {
        LedgerError::Stale(row.id)
    } else {
        LedgerError::Unknown(row.id)
    }))
}

/// Also closes their sessions. One statement for all rows, so that thousands of them cost no more than the start of the gateway can bear.
async fn withdraw_orphans(
    connection: &mut SqliteConnection,
    holder: String,
    at: i64,
) -> Result<usize, Error> {
    let withdrawn = sqlx::query(
        "UPDATE approval SET version = version + 1, state = ?1, question = json_set(question, '$.state', ?1,
             '$.ended', json_object('at', ?2, 'by', NULL, 'why', 'the gateway that held the client ended'))
         WHERE state IN (?3, ?4) AND bound = 'session' AND holder <> ?5",
    )
    .bind(State::Withdrawn.as_str())
    .bind(at)
    .bind(State::Asked.as_str())
    .bind(State::Granted.as_str())
    .bind(&holder)
    .execute(&mut *connection)
    .await?;
    sessions::close_orphans(connection, &holder, at).await?;
    Ok(usize::try_from(withdrawn.rows_affected()).unwrap_or(usize::MAX))
}

fn listing(filter: &Filter) -> Result<QueryBuilder<Sqlite>, Error> {
    let mut query = QueryBuilder::new("SELECT id, version, question FROM approval WHERE TRUE");
    if let Some(state) = filter.state {
        query.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(asker) = &filter.asker {
        query.push(" AND asker = ").push_bind(asker.clone());
    }
    if let Some(digest) = &filter.digest {
        query.push(" AND digest = ").push_bind(digest.to_string());
    }
    query.push(" ORDER BY id DESC");
    if filter.limit > 0 {
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        query.push(" LIMIT ").push_bind(limit);
    }
    Ok(query)
}

fn row_of((id, version, question): Kept) -> Result<Row, Error> {
    let unreadable = |what: String| Error::Corrupt(format!("approval {id}: {what}"));
    Ok(Row {
        id: ApprovalId(u64::try_from(id).map_err(|_| unreadable("its number".into()))?),
        version: u64::try_from(version).map_err(|_| unreadable("its version".into()))?,
        question: serde_json::from_str(&question).map_err(|error| unreadable(error.to_string()))?,
    })
}

fn bound(binding: &Binding) -> &'static str {
    match binding {
        Binding::Session(_) => "session",
        Binding::Identity { .. } => "identity",
    }
}

fn text(question: &Question) -> Result<String, Error> {
    serde_json::to_string(question).map_err(|error| Error::Corrupt(error.to_string()))
}

fn key(id: ApprovalId) -> Result<i64, LedgerError> {
    i64::try_from(id.0).map_err(|_| LedgerError::Unknown(id))
}

fn unavailable(error: Error) -> LedgerError {
    LedgerError::Unavailable(error.to_string())
}
