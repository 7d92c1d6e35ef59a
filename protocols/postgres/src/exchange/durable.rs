//! Which request waits for the disk: a write on its own, or the COMMIT that makes those before it lasting.

use gate::Guard;
use gate::words::Effect;

use crate::decode::{Analysis, Statement, TransactionChange};
use crate::wire::backend::Status;

/// What of a transaction may not be on the disk yet.
#[derive(Default)]
pub(super) struct Unsynced {
    /// It has writes whose records rest on its COMMIT.
    writes: bool,
    /// Its end is on its way: no COMMIT is known to guard what follows.
    over: bool,
}

impl Unsynced {
    /// The guard of what is about to be asked, where its messages alone would have this one.
    pub(super) fn guard(&mut self, guard: Guard, analysis: &Analysis) -> Guard {
        let statements = &analysis.statements;
        let changes = || statements.iter().filter_map(|one| one.after.transaction);
        let commits = changes().any(|change| {
            matches!(
                change,
                TransactionChange::Commit { .. } | TransactionChange::Prepare
            )
        });
        let ends =
            commits || changes().any(|one| matches!(one, TransactionChange::Rollback { .. }));
        let guard = match guard {
            _ if commits && self.writes => Guard::Commit,
            Guard::Guarded if self.over => Guard::Alone,
            guard => guard,
        };
        // what EXECUTE runs is named elsewhere
        let writes = |one: &Statement| one.effect() != Effect::Read || one.executes.is_some();
        self.writes |= guard == Guard::Guarded && statements.iter().any(writes);
        self.over |= ends;
        guard
    }

    /// The server is ready; `last` where nothing is on its way to it.
    pub(super) fn ready(&mut self, status: Status, last: bool) {
        if last {
            self.over = false;
            self.writes &= status != Status::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::analyse;

    fn guards(texts: &[&str]) -> Vec<Guard> {
        let mut unsynced = Unsynced::default();
        let guards = texts.iter().map(|text| {
            let analysis = analyse(text).unwrap();
            unsynced.guard(Guard::Guarded, &analysis)
        });
        guards.collect()
    }

    #[test]
    fn a_commit_waits_for_the_writes_before_it() {
        use Guard::{Commit, Guarded};
        let insert = "INSERT INTO t VALUES (1)";
        for lasting in [
            "COMMIT",
            "END",
            "COMMIT AND CHAIN",
            "PREPARE TRANSACTION 'x'",
        ] {
            assert_eq!(
                guards(&[insert, "SELECT 1", lasting]),
                [Guarded, Guarded, Commit]
            );
        }
        assert_eq!(guards(&["EXECUTE x", "COMMIT"]), [Guarded, Commit]);
        // nothing to wait for
        assert_eq!(guards(&["SELECT 1", "COMMIT"]), [Guarded, Guarded]);
        assert_eq!(guards(&[insert, "ROLLBACK"]), [Guarded, Guarded]);
    }

    #[test]
    fn what_waited_for_the_disk_itself_is_not_waited_for_again() {
        let mut unsynced = Unsynced::default();
        let insert = analyse("INSERT INTO t VALUES (1)").unwrap();
        let commit = analyse("COMMIT").unwrap();
        assert_eq!(unsynced.guard(Guard::Alone, &insert), Guard::Alone);
        assert_eq!(unsynced.guard(Guard::Alone, &commit), Guard::Alone);
        unsynced.ready(Status::Idle, true);
        unsynced.guard(Guard::Guarded, &insert);
        // an answer to what was sent before says nothing of it
        unsynced.ready(Status::Idle, false);
        assert_eq!(unsynced.guard(Guard::Alone, &commit), Guard::Commit);
        unsynced.ready(Status::InTransaction, true);
        assert_eq!(unsynced.guard(Guard::Alone, &commit), Guard::Commit);
        unsynced.ready(Status::Idle, true);
        assert_eq!(unsynced.guard(Guard::Alone, &commit), Guard::Alone);
    }

    /// Before the server has said so, the transaction is open as far as anybody can tell from its last word.
    #[test]
    fn what_follows_an_end_on_its_way_waits_for_the_disk_itself() {
        let mut unsynced = Unsynced::default();
        let insert = analyse("INSERT INTO t VALUES (1)").unwrap();
        for end in ["COMMIT", "ROLLBACK", "PREPARE TRANSACTION 'x'"] {
            let end = analyse(end).unwrap();
            let before = unsynced.guard(Guard::Guarded, &insert);
            assert_eq!(before, Guard::Guarded, "{end:?}");
            unsynced.guard(Guard::Guarded, &end);
            let behind = unsynced.guard(Guard::Guarded, &insert);
            assert_eq!(behind, Guard::Alone, "{end:?}");
            unsynced.ready(Status::Idle, true);
        }
    }
}
