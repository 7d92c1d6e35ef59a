//! Any flipped, cut, swapped or dropped byte before the last checkpoint is named.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use recorder::entry::Verdict;
use recorder::keys::PublicKey;
use recorder::verify::{Bad, Report, verify};
use recorder::{Checkpoint, Durability};

use crate::fixture::{Folder, allowed, close, copy_files, decided, other_kinds, whole_request};

/// A sealed log of several segments, checkpoints and starts.
pub(crate) fn sealed() -> Folder {
    let mut folder = Folder::new();
    folder.settings.segment_bytes = 2500;
    for start in 0..3 {
        let (audit, _) = folder.open();
        (0..15).for_each(|number| whole_request(&audit, start * 100 + number));
        close(audit);
        let (audit, _) = folder.open();
        for entry in other_kinds() {
            audit.append(entry, Durability::Synced).wait().unwrap();
        }
        audit
            .append(
                decided(start * 100 + 50, Verdict::Deny),
                Durability::Written,
            )
            .wait()
            .unwrap();
        audit
            .append(
                decided(start * 100 + 51, Verdict::Hold),
                Durability::Written,
            )
            .wait()
            .unwrap();
        audit
            .append(allowed(start * 100 + 60), Durability::Written)
            .wait()
            .unwrap();
        let killed = folder.copy();
        close(audit);
        folder = killed;
    }
    // the last start closes what the kill left open, and so does nobody for what comes after
    let (audit, recovered) = folder.open();
    assert_eq!(recovered.closed_unknown, 1);
    audit
        .append(allowed(999), Durability::Written)
        .wait()
        .unwrap();
    close(audit);
    let report = folder.verify();
    assert_eq!((report.bad, report.sealed), (None, report.entries));
    assert!(report.checkpoints >= 3);
    assert_eq!((report.counts.unknown, report.counts.open), (3, 1));
    folder
}

/// One way to change a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Flip { place: usize, bits: u8 },
    Drop { place: usize },
    Insert { place: usize, byte: u8 },
    Swap { place: usize, other: usize },
    Cut { length: usize },
    Zero { place: usize, count: usize },
}

impl Change {
    /// The changed contents, and the first place that differs; `None` when nothing does.
    pub(crate) fn apply(self, bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
        let mut changed = bytes.to_vec();
        let count = bytes.len();
        match self {
            Self::Flip { place, bits } => changed[place % count] ^= bits,
            Self::Drop { place } => {
                changed.remove(place % count);
            }
            Self::Insert { place, byte } => changed.insert(place % count, byte),
            Self::Swap { place, other } => changed.swap(place % count, other % count),
            Self::Cut { length } => changed.truncate(length % count),
            Self::Zero {
                place,
                count: zeros,
            } => {
                let from = place % count;
                changed[from..(from + 1 + zeros % 64).min(count)].fill(0);
            }
        }
        let first = changed.iter().zip(bytes).position(|(new, old)| new != old);
        let first = first.or((changed.len() != count).then_some(changed.len().min(count)))?;
        Some((changed, first))
    }
}

pub(crate) fn changes() -> impl Strategy<Value = Change> {
    let place = any::<usize>;
    prop_oneof![
        (place(), 1..=255_u8).prop_map(|(place, bits)| Change::Flip { place, bits }),
        place().prop_map(|place| Change::Drop { place }),
        (place(), any::<u8>()).prop_map(|(place, byte)| Change::Insert { place, byte }),
        (place(), place()).prop_map(|(place, other)| Change::Swap { place, other }),
        place().prop_map(|length| Change::Cut { length }),
        (place(), place()).prop_map(|(place, count)| Change::Zero { place, count }),
    ]
}

/// The sequence of the entry in which this byte of a segment lies.
fn entry_at(bytes: &[u8], place: usize) -> u64 {
    let number = |from: usize, count: usize| {
        bytes[from..from + count]
            .iter()
            .fold(0, |n, b| n << 8 | u64::from(*b))
    };
    let (mut offset, mut sequence) = (20, number(8, 8));
    while offset < bytes.len() {
        let end = offset + 16 + number(offset, 4) as usize;
        if place < end {
            return sequence;
        }
        (offset, sequence) = (end, sequence + 1);
    }
    sequence
}

struct Original {
    folder: Folder,
    logs: Vec<PathBuf>,
    seals: Vec<PathBuf>,
    kept: Checkpoint,
    public: PublicKey,
}

impl Original {
    fn new() -> Self {
        let folder = sealed();
        let (logs, seals, public) = (
            folder.files("log"),
            folder.files("seal"),
            folder.public.clone(),
        );
        let kept = folder.verify().last.unwrap();
        Self {
            folder,
            logs,
            seals,
            kept,
            public,
        }
    }

    fn changed(&self, path: &Path, contents: Option<&[u8]>) -> Option<Bad> {
        self.report(path, contents).bad
    }

    /// What a verifier says after `path` was given other contents (`None`: was removed).
    fn report(&self, path: &Path, contents: Option<&[u8]>) -> Report {
        let copy = tempfile::tempdir().unwrap();
        copy_files(self.folder.directory(), copy.path());
        let path = copy.path().join(path.file_name().unwrap());
        match contents {
            Some(contents) => fs::write(path, contents).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        verify(copy.path(), &self.public, Some(&self.kept)).unwrap()
    }
}

#[test]
fn any_change_of_a_byte_is_named() {
    let original = Original::new();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(1500));
    let strategy = (any::<prop::sample::Index>(), changes());
    let run = runner.run(&strategy, |(index, change)| {
        let path = index.get(&original.logs);
        let bytes = fs::read(path).unwrap();
        if let Some((changed, first)) = change.apply(&bytes) {
            let bad = original.changed(path, Some(&changed));
            let due = entry_at(&bytes, first);
            prop_assert_eq!(
                bad.as_ref().map(|bad| bad.sequence),
                Some(due),
                "{:?} {:?}",
                change,
                bad
            );
        }
        Ok(())
    });
    run.unwrap();
}

#[test]
fn any_change_of_a_checkpoint_is_found() {
    let original = Original::new();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(1000));
    let strategy = (any::<prop::sample::Index>(), changes());
    let run = runner.run(&strategy, |(index, change)| {
        let path = index.get(&original.seals);
        let bytes = fs::read(path).unwrap();
        if let Some((changed, _)) = change.apply(&bytes) {
            let report = original.report(path, Some(&changed));
            // half a block at the very end is what a crash leaves: then the checkpoint before it is the last one
            let shorter = changed.len() < bytes.len() && Some(path) == original.seals.last();
            let torn = shorter
                && report.sealed < original.kept.size
                && report.entries >= original.kept.size;
            prop_assert!(report.bad.is_some() || torn, "{:?}", change);
        }
        Ok(())
    });
    run.unwrap();
}

#[test]
fn a_removed_file_is_named() {
    let original = Original::new();
    for path in &original.logs {
        let first: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        assert_eq!(
            original.changed(path, None).map(|bad| bad.sequence),
            Some(first),
            "{path:?}"
        );
    }
    for path in &original.seals[..original.seals.len() - 1] {
        assert!(original.changed(path, None).is_some(), "{path:?}");
    }
}

/// Gives each frame of a segment its CRC again, as somebody does who knows the format.
fn forge(bytes: &mut [u8]) {
    let mut offset = 20;
    while offset < bytes.len() {
        let count = u32::from_be_bytes(bytes[offset..offset + 4].try_into().unwrap()) as usize;
        let mut crc = crc32fast::Hasher::new();
        crc.update(&bytes[offset..offset + 12]);
        crc.update(&bytes[offset + 16..offset + 16 + count]);
        let crc = crc.finalize().to_be_bytes();
        bytes[offset + 12..offset + 16].copy_from_slice(&crc);
        offset += 16 + count;
    }
}

#[test]
fn a_forger_who_knows_the_format_is_named_too() {
    let original = Original::new();
    let path = &original.logs[2];
    let bytes = fs::read(path).unwrap();
    // in the text of every summary: still well-formed, with true CRCs
    let places: Vec<usize> = bytes
        .windows(7)
        .enumerate()
        .filter(|(_, w)| w == b"SELECT ")
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    for place in places {
        let mut changed = bytes.clone();
        changed[place] = b'D';
        forge(&mut changed);
        let bad = original.changed(path, Some(&changed)).unwrap();
        assert_eq!(
            (bad.sequence, bad.reason.as_str()),
            (
                entry_at(&bytes, place),
                "it is not the entry that was sealed"
            )
        );
    }
}

#[test]
fn a_cut_tail_shows_against_a_kept_checkpoint_only() {
    let folder = Folder::new();
    let (audit, _) = folder.open();
    whole_request(&audit, 1);
    let early = folder.copy();
    close(audit);
    let (audit, _) = early.open();
    close(audit);
    let (audit, _) = folder.open();
    whole_request(&audit, 2);
    close(audit);
    let kept = folder.verify().last.unwrap();
    // the text form is what is kept
    let kept: Checkpoint = kept.to_string().parse().unwrap();
    assert_eq!(
        verify(folder.directory(), &folder.public, Some(&kept))
            .unwrap()
            .bad,
        None
    );
    let report = verify(early.directory(), &folder.public, Some(&kept)).unwrap();
    let bad = report.bad.unwrap();
    assert_eq!(bad.sequence, report.entries + 1);
    assert_eq!(
        verify(early.directory(), &folder.public, None).unwrap().bad,
        None
    );
    // and a checkpoint that nobody signed is no checkpoint
    let mut forged = kept;
    forged.size -= 1;
    assert!(verify(folder.directory(), &folder.public, Some(&forged)).is_err());
}
