//! Which request waits for the disk: a write on its own, or the COMMIT that makes those before it lasting.

use gate::Guard;
use gate::words::Effect;

use crate::decode::{Analysis, TransactionChange};
use crate::wire::backend::Status;

/// Whether a COMMIT has writes before it whose records may not be on the disk yet.
#[derive(Default)]
pub(super) struct Unsynced(bool);

impl Unsynced {
    /// The guard of what is about to be asked, where its messages alone would have this one.
    pub(super) fn guard(&mut self, guard: Guard, analysis: Option<&Analysis>) -> Guard {
        let mut statements = analysis.iter().flat_map(|all| &all.statements);
        let lasting = |change| {
            matches!(
                change,
                TransactionChange::Commit { .. } | TransactionChange::Prepare
            )
        };
        if self.0
            && statements
                .clone()
                .any(|one| one.after.transaction.is_some_and(lasting))
        {
            return Guard::Commit;
        }
        // what EXECUTE runs is named elsewhere
        let writes = statements.any(|one| one.effect() != Effect::Read || one.executes.is_some());
        self.0 |= guard == Guard::Guarded && (writes || analysis.is_none());
        guard
    }

    /// The server is ready; `last` where nothing is on its way to it.
    pub(super) fn ready(&mut self, status: Status, last: bool) {
        self.0 &= status != Status::Idle || !last;
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
            unsynced.guard(Guard::Guarded, Some(&analysis))
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
        assert_eq!(unsynced.guard(Guard::Alone, Some(&insert)), Guard::Alone);
        assert_eq!(unsynced.guard(Guard::Alone, Some(&commit)), Guard::Alone);
        unsynced.guard(Guard::Guarded, Some(&insert));
        // an answer to what was sent before says nothing of it
        unsynced.ready(Status::Idle, false);
        assert_eq!(unsynced.guard(Guard::Alone, Some(&commit)), Guard::Commit);
        unsynced.ready(Status::InTransaction, true);
        assert_eq!(unsynced.guard(Guard::Alone, Some(&commit)), Guard::Commit);
        unsynced.ready(Status::Idle, true);
        assert_eq!(unsynced.guard(Guard::Alone, Some(&commit)), Guard::Alone);
    }
}
