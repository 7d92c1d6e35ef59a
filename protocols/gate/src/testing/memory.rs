//! A ledger in memory: the same promises as the store's, checked by the same suite and by the model checker.

use std::collections::BTreeMap;

use policy::approval::State;

use crate::ledger::{
    ApprovalId, Binding, Boxed, Ended, Filter, Ledger, LedgerError, Question, Row,
};
use crate::sync::{Mutex, locked};

#[derive(Default)]
pub struct MemoryLedger {
    rows: Mutex<BTreeMap<ApprovalId, Row>>,
}

impl Ledger for MemoryLedger {
    fn ask(&self, question: Question, cap: usize) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            let mut rows = locked(&self.rows);
            let open = rows
                .values()
                .filter(|row| row.question.asker.name == question.asker.name)
                .filter(|row| row.question.state == State::Asked)
                .count();
            if open >= cap {
                return Err(LedgerError::TooMany {
                    asker: question.asker.name,
                    open,
                });
            }
            let id = ApprovalId(rows.keys().last().map_or(1, |last| last.0 + 1));
            let row = Row {
                id,
                version: 1,
                question,
            };
            rows.insert(id, row.clone());
            Ok(row)
        })
    }

    fn read(&self, id: ApprovalId) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            locked(&self.rows)
                .get(&id)
                .cloned()
                .ok_or(LedgerError::Unknown(id))
        })
    }

    fn list(&self, filter: Filter) -> Boxed<'_, Result<Vec<Row>, LedgerError>> {
        Box::pin(async move {
            let rows = locked(&self.rows);
            let wanted = rows
                .values()
                .rev()
                .filter(|row| wanted(row, &filter))
                .cloned();
            Ok(if filter.limit == 0 {
                wanted.collect()
            } else {
                wanted.take(filter.limit).collect()
            })
        })
    }

    fn swap(&self, row: Row) -> Boxed<'_, Result<Row, LedgerError>> {
        Box::pin(async move {
            let mut rows = locked(&self.rows);
            let kept = rows.get_mut(&row.id).ok_or(LedgerError::Unknown(row.id))?;
            if kept.version != row.version {
                return Err(LedgerError::Stale(row.id));
            }
            *kept = Row {
                version: row.version + 1,
                ..row
            };
            Ok(kept.clone())
        })
    }

    fn withdraw_orphans(&self, holder: &str, at: i64) -> Boxed<'_, Result<usize, LedgerError>> {
        let holder = holder.to_owned();
        Box::pin(async move {
            let mut rows = locked(&self.rows);
            let orphans = rows.values_mut().filter(|row| orphaned(row, &holder));
            let mut count = 0;
            for row in orphans {
                row.question.state = State::Withdrawn;
                row.question.ended = Some(Ended {
                    at,
                    by: None,
                    why: Some("gateway gone".into()),
                });
                row.version += 1;
                count += 1;
            }
            Ok(count)
        })
    }
}

fn wanted(row: &Row, filter: &Filter) -> bool {
    filter.state.is_none_or(|state| row.question.state == state)
        && filter
            .asker
            .as_ref()
            .is_none_or(|asker| row.question.asker.name == *asker)
        && filter
            .digest
            .is_none_or(|digest| row.question.digest == digest)
}

fn orphaned(row: &Row, holder: &str) -> bool {
    row.question.holder != holder
        && matches!(row.question.binding, Binding::Session(_))
        && matches!(row.question.state, State::Asked | State::Granted)
}
