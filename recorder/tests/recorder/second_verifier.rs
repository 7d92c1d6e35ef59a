//! The verifier written in Python from docs/audit-format.md alone agrees with ours, on good logs and broken ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use recorder::Checkpoint;
use recorder::verify::{Report, verify};

use crate::fixture::{Folder, close, copy_files, whole_request};
use crate::tampering::{changes, sealed};

/// One log for both to look at.
struct Vector {
    directory: PathBuf,
    since: Option<PathBuf>,
}

fn ours(vector: &Vector, folder: &Folder) -> String {
    let since: Option<Checkpoint> = vector
        .since
        .as_ref()
        .map(|path| fs::read_to_string(path).unwrap().parse().unwrap());
    line(&verify(&vector.directory, &folder.public, since.as_ref()).unwrap())
}

/// What both print of a log: the first bad entry, and the figures where there is none.
fn line(report: &Report) -> String {
    match &report.bad {
        Some(bad) => format!("bad {}", bad.sequence),
        None => {
            let counts = report.counts;
            format!(
                "good entries={} sealed={} checkpoints={} torn={} decided={} allowed={} refused={} outcomes={} unknown={} open={}",
                report.entries,
                report.sealed,
                report.checkpoints,
                report.torn_bytes,
                counts.decided,
                counts.allowed,
                counts.refused,
                counts.outcomes,
                counts.unknown,
                counts.open
            )
        }
    }
}

/// One run for all vectors: `--batch` reads a folder and a checkpoint (or `-`) a line.
fn theirs(vectors: &[Vector], folder: &Folder, work: &Path) -> Vec<String> {
    let key = work.join("public.pem");
    folder.public.write(&key).unwrap();
    let list = work.join("batch");
    let lines = vectors.iter().map(|vector| {
        let since = vector
            .since
            .as_ref()
            .map_or("-".to_owned(), |path| path.display().to_string());
        format!("{}\t{since}\n", vector.directory.display())
    });
    fs::write(&list, lines.collect::<String>()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifier/verify_audit.py");
    let output = Command::new("python3")
        .arg(script)
        .arg("--key")
        .arg(key)
        .arg("--batch")
        .arg(list)
        .output();
    let output = output.expect("the second verifier needs python3");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The same log with entries that no checkpoint covers, cut at many places.
fn unsealed_tails(folder: &Folder, work: &Path) -> Vec<Vector> {
    let grown = folder.copy();
    let (audit, _) = grown.open();
    (2000..2003).for_each(|number| whole_request(&audit, number));
    let killed = grown.copy();
    close(audit);
    let last = killed.files("log").pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    let vector = |cut: usize| {
        let directory = work.join(format!("tail-{cut}"));
        copy_files(killed.directory(), &directory);
        fs::write(directory.join(last.file_name().unwrap()), &bytes[..cut]).unwrap();
        Vector {
            directory,
            since: None,
        }
    };
    (0..bytes.len()).step_by(41).map(vector).collect()
}

#[test]
fn both_verifiers_say_the_same() {
    let folder = sealed();
    let work = tempfile::tempdir().unwrap();
    let kept = work.path().join("kept");
    fs::write(&kept, folder.verify().last.unwrap().to_string()).unwrap();
    let mut vectors = vec![
        Vector {
            directory: folder.directory().to_owned(),
            since: None,
        },
        Vector {
            directory: folder.directory().to_owned(),
            since: Some(kept.clone()),
        },
    ];
    vectors.extend(unsealed_tails(&folder, work.path()));
    let files: Vec<_> = folder
        .files("log")
        .into_iter()
        .chain(folder.files("seal"))
        .collect();
    let mut runner = TestRunner::deterministic();
    for number in 0..300 {
        let directory = work.path().join(format!("{number}"));
        copy_files(folder.directory(), &directory);
        let file = &files[number % files.len()];
        let path = directory.join(file.file_name().unwrap());
        if number >= 290 {
            fs::remove_file(path).unwrap();
        } else {
            let change = changes().new_tree(&mut runner).unwrap().current();
            let bytes = fs::read(&path).unwrap();
            fs::write(
                path,
                change.apply(&bytes).map_or(bytes, |(changed, _)| changed),
            )
            .unwrap();
        }
        vectors.push(Vector {
            directory,
            since: (number % 2 == 0).then(|| kept.clone()),
        });
    }
    let theirs = theirs(&vectors, &folder, work.path());
    let ours: Vec<_> = vectors.iter().map(|vector| ours(vector, &folder)).collect();
    assert_eq!(theirs.len(), ours.len());
    for ((theirs, ours), vector) in theirs.iter().zip(&ours).zip(&vectors) {
        assert_eq!(theirs, ours, "{}", vector.directory.display());
    }
    assert!(ours[0].starts_with("good ") && ours[1].starts_with("good "));
    assert!(ours.iter().filter(|line| line.starts_with("bad ")).count() > 200);
}
