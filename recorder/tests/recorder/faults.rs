//! A full, failing or hanging disk: refusal within the deadline, nothing lost, and recovery by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use recorder::entry::Verdict;
use recorder::sink::fault::{Fault, Faulty};
use recorder::{Audit, Durability, Unwritable};

use crate::fixture::{Folder, allowed, close, decided, impatient, outcome, whole_request};

/// Tries until the log takes an entry again: the recorder finds out by itself.
fn until_writable(audit: &Audit, number: u64) {
    let begun = Instant::now();
    while audit
        .append(decided(number, Verdict::Deny), Durability::Synced)
        .wait()
        .is_err()
    {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the disk is back, the log is not"
        );
        std::thread::yield_now();
    }
    audit.healthy().unwrap();
}

fn refused_within_a_second(
    audit: &Audit,
    number: u64,
    durability: Durability,
    what: &str,
) -> Unwritable {
    let begun = Instant::now();
    let reason = audit
        .append(allowed(number), durability)
        .wait()
        .unwrap_err();
    println!("{what}: refused after {:?}: {reason}", begun.elapsed());
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{what}: {:?}",
        begun.elapsed()
    );
    reason
}

#[test]
fn a_full_disk_refuses_what_is_new_and_still_takes_outcomes() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let (audit, _) = folder.open_on(Arc::new(disk.clone()));
    audit.append(allowed(1), Durability::Synced).wait().unwrap();
    audit.append(allowed(2), Durability::Synced).wait().unwrap();
    disk.set(Fault::Full { left: 100 });
    assert_eq!(
        refused_within_a_second(&audit, 3, Durability::Written, "full disk"),
        Unwritable::Full
    );
    assert_eq!(audit.healthy(), Err(Unwritable::Full));
    assert_eq!(
        refused_within_a_second(&audit, 4, Durability::Written, "full disk, known"),
        Unwritable::Full
    );
    // into the space of the reserve
    audit
        .append(outcome(1), Durability::Written)
        .wait()
        .unwrap();
    assert_eq!(
        audit.append(outcome(3), Durability::Written).wait(),
        Err(Unwritable::NoIntent)
    );
    let left = folder.copy();
    disk.set(Fault::None);
    until_writable(&audit, 5);
    audit
        .append(outcome(2), Durability::Written)
        .wait()
        .unwrap();
    close(audit);
    let report = folder.verify();
    assert_eq!(
        (report.bad, report.counts.allowed, report.counts.open),
        (None, 2, 0)
    );
    // killed while it was full
    let (audit, recovered) = left.open();
    assert_eq!((recovered.closed_unknown, recovered.torn_bytes), (1, 0));
    close(audit);
    assert_eq!(left.verify().counts.unknown, 1);
}

#[test]
fn a_failing_write_refuses_and_leaves_no_half_entry() {
    for after in [0, 1, 15, 16, 100] {
        let folder = Folder::new();
        let disk = Faulty::default();
        let (audit, _) = folder.open_on(Arc::new(disk.clone()));
        whole_request(&audit, 1);
        audit
            .append(allowed(2), Durability::Written)
            .wait()
            .unwrap();
        disk.set(Fault::WriteFails { after });
        let reason = refused_within_a_second(&audit, 3, Durability::Written, "EIO");
        assert!(matches!(reason, Unwritable::Broken(_)), "{reason:?}");
        drop(audit.append(outcome(2), Durability::Written));
        disk.set(Fault::None);
        until_writable(&audit, 4);
        close(audit);
        let report = folder.verify();
        assert_eq!((report.bad, report.torn_bytes), (None, 0));
        assert_eq!(
            (
                report.counts.decided,
                report.counts.outcomes,
                report.counts.open
            ),
            (3, 2, 0)
        );
    }
}

#[test]
fn short_writes_go_on_where_they_stopped() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let (audit, _) = folder.open_on(Arc::new(disk.clone()));
    disk.set(Fault::Short { most: 7 });
    (0..50).for_each(|number| whole_request(&audit, number));
    close(audit);
    let report = folder.verify();
    assert_eq!((report.bad, report.counts.outcomes), (None, 50));
}

#[test]
fn a_failed_sync_is_never_trusted_again_and_nothing_is_lost() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let (audit, _) = folder.open_on(Arc::new(disk.clone()));
    whole_request(&audit, 1);
    audit
        .append(decided(2, Verdict::Deny), Durability::Synced)
        .wait()
        .unwrap();
    disk.set(Fault::SyncHangs);
    let failing = audit.append(allowed(4), Durability::Synced);
    audit
        .append(decided(6, Verdict::Deny), Durability::Written)
        .wait()
        .unwrap();
    disk.wait_until_hanging();
    // acknowledged after its write, and not synced yet when the sync fails
    whole_request(&audit, 3);
    disk.set(Fault::SyncFails);
    let reason = failing.wait().unwrap_err();
    assert!(matches!(reason, Unwritable::Broken(_)), "{reason:?}");
    let reason = refused_within_a_second(&audit, 7, Durability::Written, "EIO of a sync");
    assert!(matches!(reason, Unwritable::Broken(_)), "{reason:?}");
    disk.set(Fault::None);
    until_writable(&audit, 5);
    disk.cut_power(0).unwrap();
    drop(audit);
    let after = folder.copy();
    let (audit, _) = after.open();
    close(audit);
    let report = after.verify();
    assert_eq!(report.bad, None);
    // 4 was written although its promise failed: its outcome is there, too
    assert_eq!(
        (
            report.counts.decided,
            report.counts.outcomes,
            report.counts.open
        ),
        (6, 3, 0)
    );
}

#[test]
fn a_hanging_write_is_refused_within_a_second_and_the_entry_closed_later() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let (audit, _) = folder.open_on(Arc::new(disk.clone()));
    audit
        .append(allowed(1), Durability::Written)
        .wait()
        .unwrap();
    disk.set(Fault::WriteHangs);
    let reason = refused_within_a_second(&audit, 2, Durability::Written, "hanging write");
    assert_eq!(reason, Unwritable::Hanging);
    assert_eq!(audit.healthy(), Err(Unwritable::Hanging));
    assert_eq!(
        refused_within_a_second(&audit, 3, Durability::Written, "hanging write, known"),
        Unwritable::Hanging
    );
    drop(audit.append(outcome(1), Durability::Written));
    disk.set(Fault::None);
    until_writable(&audit, 4);
    close(audit);
    let report = folder.verify();
    assert_eq!(report.bad, None);
    // 2 was in the write that hung: it is in the log with the outcome that the recorder wrote
    assert_eq!(
        (
            report.counts.allowed,
            report.counts.outcomes,
            report.counts.open
        ),
        (2, 2, 0)
    );
}

#[test]
fn a_hanging_sync_is_refused_within_a_second() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let (audit, _) = folder.open_on(Arc::new(disk.clone()));
    disk.set(Fault::SyncHangs);
    assert_eq!(
        refused_within_a_second(&audit, 1, Durability::Synced, "hanging sync"),
        Unwritable::Hanging
    );
    // the writer may have begun a moment later than the one who waited for it
    let refused = Instant::now();
    while audit.healthy() != Err(Unwritable::Hanging) {
        assert!(refused.elapsed() < Duration::from_secs(1));
        std::thread::yield_now();
    }
    disk.set(Fault::None);
    until_writable(&audit, 2);
    close(audit);
    let report = folder.verify();
    assert_eq!(
        (report.bad, report.counts.allowed, report.counts.outcomes),
        (None, 1, 1)
    );
}

#[test]
fn reads_are_written_while_a_sync_runs() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let (audit, _) = folder.open_on(Arc::new(disk.clone()));
    disk.set(Fault::SyncHangs);
    let waits = audit.append(allowed(1), Durability::Synced);
    disk.wait_until_hanging();
    whole_request(&audit, 2);
    disk.set(Fault::None);
    waits.wait().unwrap();
    audit
        .append(outcome(1), Durability::Written)
        .wait()
        .unwrap();
    close(audit);
}

#[tokio::test]
async fn a_hanging_disk_does_not_hold_the_reactor() {
    let mut folder = Folder::new();
    impatient(&mut folder);
    let disk = Faulty::default();
    let (audit, _) = folder.open_on(Arc::new(disk.clone()));
    disk.set(Fault::WriteHangs);
    // one thread runs all of this: would one append block it, none of the others would end
    let promises: Vec<_> = (0..100)
        .map(|number| audit.append(allowed(number), Durability::Synced))
        .collect();
    for promise in promises {
        assert_eq!(promise.await, Err(Unwritable::Hanging));
    }
    let begun = Instant::now();
    assert_eq!(audit.clone().close().await, Err(Unwritable::Hanging));
    assert!(begun.elapsed() < Duration::from_secs(1));
    disk.set(Fault::None);
}
