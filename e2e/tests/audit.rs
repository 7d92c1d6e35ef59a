//! The audit log of a real run proves itself to both verifiers, and whoever changes a byte of it is found out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::gateway::Place;
use e2e::stand::{Options, Stand};
use e2e::trail;
use serde_json::Value;

/// `audit verify`: the log was changed.
const CHANGED: i32 = 8;

#[test]
fn a_changed_log_is_named_and_a_true_one_convinces_a_stranger() {
    let folder = tempfile::tempdir().unwrap();
    let mut stand = Stand::start(&Options::in_folder(folder.path()), &|| false).unwrap();
    let mut psql = stand.ada("audit").unwrap();
    for number in 0..40 {
        psql.ask(&format!("SELECT name FROM items WHERE id = {number};"))
            .unwrap();
    }
    let denied = psql.ask("ALTER ROLE shop_gateway SUPERUSER;").unwrap();
    assert_eq!(denied.sqlstate(), Some("42501"));
    psql.quit().unwrap();
    // its end seals what it wrote
    stand.gateway.end().unwrap();

    let place = stand.gateway.place().clone();
    let log = trail::folder(&place);
    let proof = trail::proof(&place, &log).unwrap();
    assert_eq!(proof["counts"]["refused"], 1, "{proof}");
    assert_eq!(proof["counts"]["open"], 0, "{proof}");
    assert_eq!(proof["sealed"], proof["entries"], "{proof}");
    assert_eq!(theirs(&place, &log), line(&proof));

    for place_of_change in [0.2, 0.5, 0.9] {
        let copy = folder.path().join(format!("copy-{place_of_change}"));
        copy_files(&log, &copy);
        change(&longest(&copy), place_of_change);
        let output = trail::verify(&place, &copy).unwrap();
        assert_eq!(output.status.code(), Some(CHANGED));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let bad = report["bad"]["entry"].as_u64().unwrap();
        assert!(
            (1..=proof["entries"].as_u64().unwrap()).contains(&bad),
            "{report}"
        );
        assert_eq!(theirs(&place, &copy), format!("bad {bad}"));
    }
}

/// What the verifier that was written from the format's description says of a log.
fn theirs(place: &Place, log: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recorder/verifier/verify_audit.py");
    let list = log.with_extension("batch");
    std::fs::write(&list, format!("{}\t-\n", log.display())).unwrap();
    let output = Command::new("python3")
        .arg(script)
        .arg("--key")
        .arg(place.folder.join("keys/audit.pub"))
        .arg("--batch")
        .arg(list)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A good report in the other's words.
fn line(proof: &Value) -> String {
    let counts = &proof["counts"];
    format!(
        "good entries={} sealed={} checkpoints={} torn={} decided={} allowed={} refused={} outcomes={} unknown={} open={}",
        proof["entries"],
        proof["sealed"],
        proof["checkpoints"],
        proof["torn_bytes"],
        counts["decided"],
        counts["allowed"],
        counts["refused"],
        counts["outcomes"],
        counts["unknown"],
        counts["open"]
    )
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn longest(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let segments =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    segments
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap()
}

/// Flips a bit of the byte that stands so far into a file.
fn change(file: &Path, share: f64) {
    let mut bytes = std::fs::read(file).unwrap();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a file of some kilobytes"
    )]
    let at = (bytes.len() as f64 * share) as usize;
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}
