//! Kills and losses of power: nothing acknowledged is lost, and what was open is closed as `unknown`.

use std::sync::Arc;

use recorder::entry::{Entry, OutcomeKind, Verdict};
use recorder::export::entries;
use recorder::sink::disk::Disk;
use recorder::sink::fault::Faulty;
use recorder::{Durability, Error, RequestId};

use crate::fixture::{Folder, allowed, close, decided, outcome, request, whole_request};

fn decisions(folder: &Folder) -> Vec<RequestId> {
    let found = entries(folder.directory()).unwrap().map(Result::unwrap);
    let decisions = found.filter_map(|(_, entry)| match entry {
        Entry::Decided(decided) => Some(decided.request),
        _ => None,
    });
    decisions.collect()
}

#[test]
fn a_kill_after_any_step_loses_nothing_acknowledged() {
    let mut folder = Folder::new();
    folder.settings.segment_bytes = 2000;
    let (audit, _) = folder.open();
    let mut open = Vec::new();
    for number in 0..40 {
        audit
            .append(allowed(number), Durability::Written)
            .wait()
            .unwrap();
        open.push(number);
        if number % 3 == 0 {
            audit
                .append(outcome(number), Durability::Written)
                .wait()
                .unwrap();
            open.pop();
        }
        let killed = folder.copy();
        let (after, recovered) = killed.open();
        assert_eq!(
            recovered.closed_unknown,
            open.len() as u64,
            "after {number}"
        );
        close(after);
        assert_eq!(
            decisions(&killed),
            (0..=number).map(request).collect::<Vec<_>>()
        );
        let report = killed.verify();
        assert_eq!(
            (report.bad, report.counts.open),
            (None, 0),
            "after {number}"
        );
        assert_eq!(report.counts.unknown, open.len() as u64);
    }
    close(audit);
}

#[test]
fn a_kill_within_any_byte_of_an_entry_leaves_the_entries_before_it() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    whole_request(&audit, 1);
    let before = folder.copy();
    audit
        .append(allowed(2), Durability::Written)
        .wait()
        .unwrap();
    let after = folder.copy();
    close(audit);
    let whole = std::fs::read(&after.files("log")[0]).unwrap();
    let start = std::fs::metadata(&before.files("log")[0]).unwrap().len() as usize;
    assert!(start < whole.len());
    for cut in start..whole.len() {
        let torn = before.copy();
        std::fs::write(&torn.files("log")[0], &whole[..cut]).unwrap();
        let (audit, recovered) = torn.open();
        assert_eq!(
            (recovered.torn_bytes, recovered.closed_unknown),
            ((cut - start) as u64, 0)
        );
        close(audit);
        let report = torn.verify();
        assert_eq!(
            (report.bad, report.counts.decided, report.torn_bytes),
            (None, 1, 0)
        );
        assert_eq!(torn.files("torn").len(), usize::from(cut > start));
    }
}

#[test]
fn a_loss_of_power_keeps_what_was_synced() {
    for torn in [0, 1, 20, 150, 400, 100_000] {
        let mut folder = Folder::new();
        folder.settings.segment_bytes = 3000;
        let disk = Faulty::default();
        let (audit, _) = folder.open_on(Arc::new(disk.clone()));
        for number in 0..30 {
            audit
                .append(allowed(number), Durability::Synced)
                .wait()
                .unwrap();
        }
        whole_request(&audit, 30);
        disk.cut_power(torn).unwrap();
        let after = folder.copy();
        drop(audit);
        let (audit, recovered) = after.open();
        assert!(recovered.closed_unknown >= 30);
        close(audit);
        assert_eq!(
            decisions(&after)[..30],
            (0..30).map(request).collect::<Vec<_>>()
        );
        let report = after.verify();
        assert_eq!((report.bad, report.counts.open), (None, 0));
    }
}

#[test]
fn an_intent_of_an_old_segment_is_closed_once() {
    let mut folder = Folder::new();
    folder.settings.segment_bytes = 1000;
    let (audit, _) = folder.open();
    audit
        .append(allowed(777), Durability::Written)
        .wait()
        .unwrap();
    (0..100).for_each(|number| whole_request(&audit, number));
    let killed = folder.copy();
    close(audit);
    for expected in [1, 0] {
        let (audit, recovered) = killed.open();
        assert_eq!(recovered.closed_unknown, expected);
        close(audit);
    }
    let unknown = entries(killed.directory())
        .unwrap()
        .filter_map(|found| match found.unwrap().1 {
            Entry::Outcome(outcome) if outcome.kind == OutcomeKind::Unknown => {
                Some(outcome.request)
            }
            _ => None,
        });
    assert_eq!(unknown.collect::<Vec<_>>(), [request(777)]);
    assert_eq!(killed.verify().bad, None);
}

#[test]
fn a_segment_that_was_being_made_does_not_matter() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    whole_request(&audit, 1);
    close(audit);
    let entries = folder.verify().entries;
    let draft = folder.directory().join(format!("{:020}.tmp", entries + 1));
    std::fs::write(&draft, b"CSAUDIT1 half a head").unwrap();
    let (audit, recovered) = folder.open();
    assert_eq!(recovered.entries, entries);
    close(audit);
    assert!(!draft.exists());
    assert_eq!(folder.verify().bad, None);
}

#[test]
fn a_segment_that_was_written_again_takes_over_from_the_old_one() {
    // a failed sync: the new segment is complete, the old one was not cut yet when the kill came
    let folder = Folder::new();
    let (audit, _) = folder.open();
    whole_request(&audit, 1);
    let early = std::fs::read(&folder.copy().files("log")[0]).unwrap();
    whole_request(&audit, 2);
    let killed = folder.copy();
    close(audit);
    let old = std::fs::read(&killed.files("log")[0]).unwrap();
    let first = 4_u64;
    let mut new = b"CSAUDIT1".to_vec();
    new.extend(first.to_be_bytes());
    new.extend(crc32fast::hash(&new).to_be_bytes());
    new.extend(&old[early.len()..]);
    std::fs::write(killed.directory().join(format!("{first:020}.log")), new).unwrap();
    let (audit, recovered) = killed.open();
    assert_eq!((recovered.entries, recovered.closed_unknown), (5, 0));
    close(audit);
    let report = killed.verify();
    assert_eq!(
        (report.bad, report.counts.decided, report.counts.outcomes),
        (None, 2, 2)
    );
}

#[test]
fn damage_that_no_crash_makes_is_refused() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    (0..20).for_each(|number| whole_request(&audit, number));
    close(audit);
    // within what a checkpoint vouches for
    let flipped = folder.copy();
    let path = &flipped.files("log")[0];
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let error = flipped.try_open_on(Arc::new(Disk)).err();
    assert!(
        matches!(
            error,
            Some(Error::Damaged {
                sequence: 2..=40,
                ..
            })
        ),
        "{error:?}"
    );
    // cut to before a checkpoint
    let cut = folder.copy();
    let path = &cut.files("log")[0];
    let length = std::fs::metadata(path).unwrap().len();
    std::fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(length - 1)
        .unwrap();
    let error = cut.try_open_on(Arc::new(Disk)).err();
    assert!(
        matches!(error, Some(Error::Damaged { sequence: 41, .. })),
        "{error:?}"
    );
    // another key
    let mut other = folder.copy();
    let stranger = Folder::new();
    other.settings.key_file = stranger.settings.key_file.clone();
    let error = other.try_open_on(Arc::new(Disk)).err();
    assert!(matches!(error, Some(Error::Damaged { .. })), "{error:?}");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    std::fs::set_permissions(
        &folder.settings.key_file,
        std::fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    assert!(matches!(
        folder.try_open_on(Arc::new(Disk)).err(),
        Some(Error::Key { .. })
    ));
}

#[test]
fn a_request_that_was_refused_owes_nothing_after_a_kill() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    audit
        .append(decided(1, Verdict::Deny), Durability::Synced)
        .wait()
        .unwrap();
    audit
        .append(decided(2, Verdict::Hold), Durability::Synced)
        .wait()
        .unwrap();
    let killed = folder.copy();
    close(audit);
    let (audit, recovered) = killed.open();
    assert_eq!(recovered.closed_unknown, 0);
    close(audit);
    assert_eq!(killed.verify().counts.refused, 2);
}
