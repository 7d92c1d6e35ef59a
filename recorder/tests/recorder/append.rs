//! Appending: order, concurrency, the counting rule, the encoding.

use std::sync::Arc;

use proptest::prelude::*;
use recorder::entry::{Entry, OutcomeKind, SUMMARY, Verdict, decode};
use recorder::export::{entries, export};
use recorder::sink::disk::Disk;
use recorder::{Audit, Durability, Error, Unwritable};

use crate::fixture::{
    Folder, allowed, close, decided, other_kinds, outcome, request, whole_request,
};

#[test]
fn the_order_of_calls_is_the_order_of_the_log() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    let mut promises = Vec::new();
    for number in 0..500 {
        promises.push((
            number,
            audit.append(decided(number, Verdict::Deny), Durability::Lagging),
        ));
    }
    let mut before = 0;
    for (_, promise) in promises {
        let sequence = promise.wait().unwrap();
        assert!(sequence > before);
        before = sequence;
    }
    close(audit);
    let logged: Vec<_> = entries(folder.directory())
        .unwrap()
        .filter_map(|found| match found.unwrap().1 {
            Entry::Decided(decided) => Some(decided.request),
            _ => None,
        })
        .collect();
    assert_eq!(logged, (0..500).map(request).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_append_and_every_request_is_whole() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    let tasks: Vec<_> = (0..32_u64)
        .map(|task| {
            let audit = audit.clone();
            tokio::spawn(async move {
                for step in 0..50 {
                    let number = task * 1000 + step;
                    let durability = if step % 10 == 0 {
                        Durability::Synced
                    } else {
                        Durability::Lagging
                    };
                    audit.append(allowed(number), durability).await.unwrap();
                    // nobody waits for this one
                    drop(audit.append(outcome(number), Durability::Lagging));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    audit.close().await.unwrap();
    let report = folder.verify();
    assert_eq!(report.bad, None);
    assert_eq!(
        (
            report.counts.allowed,
            report.counts.outcomes,
            report.counts.open
        ),
        (1600, 1600, 0)
    );
    assert_eq!(report.sealed, report.entries);
}

#[test]
fn an_outcome_without_an_open_intent_is_not_written() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    assert_eq!(
        audit.append(outcome(1), Durability::Written).wait(),
        Err(Unwritable::NoIntent)
    );
    audit
        .append(decided(2, Verdict::Deny), Durability::Written)
        .wait()
        .unwrap();
    assert_eq!(
        audit.append(outcome(2), Durability::Written).wait(),
        Err(Unwritable::NoIntent)
    );
    whole_request(&audit, 3);
    assert_eq!(
        audit.append(outcome(3), Durability::Written).wait(),
        Err(Unwritable::NoIntent)
    );
    close(audit);
    let report = folder.verify();
    assert_eq!((report.bad, report.counts.outcomes), (None, 1));
}

#[test]
fn segments_follow_each_other_and_each_says_what_is_open() {
    let mut folder = Folder::new();
    folder.settings.segment_bytes = 4096;
    let (audit, _) = folder.open();
    audit
        .append(allowed(9999), Durability::Written)
        .wait()
        .unwrap();
    (0..200).for_each(|number| whole_request(&audit, number));
    audit
        .append(outcome(9999), Durability::Written)
        .wait()
        .unwrap();
    close(audit);
    assert!(folder.files("log").len() > 5);
    let report = folder.verify();
    assert_eq!((report.bad, report.counts.open), (None, 0));
    assert_eq!(report.sealed, report.entries);
}

#[test]
fn one_process_at_a_time_and_a_closed_log_takes_nothing() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    let again = folder.try_open_on(Arc::new(Disk)).err();
    assert!(matches!(again, Some(Error::Locked { .. })), "{again:?}");
    let clone = audit.clone();
    close(audit);
    assert_eq!(
        clone.append(allowed(1), Durability::Written).wait(),
        Err(Unwritable::Closed)
    );
    folder.open();
}

#[test]
fn the_last_handle_that_goes_closes_the_log() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    whole_request(&audit, 1);
    drop(audit);
    // the lock is free when the threads have ended
    let path = folder.directory().join("lock");
    std::fs::File::open(path).unwrap().lock().unwrap();
    assert_eq!(folder.verify().sealed, folder.verify().entries);
}

#[test]
fn exports_say_what_was_decided_and_how_it_ended() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    whole_request(&audit, 5);
    close(audit);
    let values: Vec<_> = export(folder.directory())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(values.len(), 2);
    assert_eq!(values[0]["entry"], "decided");
    assert_eq!(values[0]["request"], request(5).to_string());
    assert_eq!(values[0]["actions"], serde_json::json!(["postgres.select"]));
    assert_eq!(
        (&values[0]["verdict"], &values[0]["effect"]),
        (&"allow".into(), &"read".into())
    );
    assert_eq!(values[0]["at"], "2027-01-15T08:00:00.000000005Z");
    assert_eq!(values[1]["outcome"], OutcomeKind::Completed.word());
}

#[test]
fn a_long_summary_is_cut_at_a_character() {
    let Entry::Decided(mut long) = allowed(1) else {
        panic!("not a decision")
    };
    long.summary = "é".repeat(SUMMARY);
    let Entry::Decided(short) = decode(&Entry::Decided(long).encode()).unwrap() else {
        panic!("not a decision")
    };
    assert_eq!(short.summary, "é".repeat(SUMMARY / 2));
}

#[test]
fn every_kind_has_one_encoding() {
    for entry in other_kinds().into_iter().chain([allowed(1), outcome(1)]) {
        let bytes = entry.clone().encode();
        assert_eq!(decode(&bytes).unwrap(), entry);
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err());
        }
        assert!(decode(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn too_large_an_entry_is_refused() {
    let folder = Folder::new();
    let (audit, _): (Audit, _) = folder.open();
    let Entry::Decided(mut large) = allowed(1) else {
        panic!("not a decision")
    };
    large.reason = "x".repeat(2 << 20);
    assert_eq!(
        audit
            .append(Entry::Decided(large), Durability::Written)
            .wait(),
        Err(Unwritable::TooLarge)
    );
    close(audit);
}

proptest! {
    #[test]
    fn bytes_decode_to_what_encodes_to_them_or_not_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(entry) = decode(&bytes) {
            prop_assert_eq!(entry.encode(), bytes);
        }
    }

    #[test]
    fn a_changed_entry_decodes_to_another_or_not_at_all(number in 0..100_u64, place in any::<usize>(), flip in 1..=255_u8) {
        let entry = allowed(number);
        let mut bytes = entry.clone().encode();
        let place = place % bytes.len();
        bytes[place] ^= flip;
        if let Ok(other) = decode(&bytes) {
            prop_assert_ne!(&other, &entry);
            prop_assert_eq!(other.encode(), bytes);
        }
    }
}
