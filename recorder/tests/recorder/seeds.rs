//! Entries as seeds of the fuzz target: written anew with `WRITE_SEEDS=1`, else compared with what lies there.

use std::path::Path;

use recorder::Entry;
use recorder::entry::{Boot, Verdict};

use crate::fixture::{decided, outcome};

#[test]
fn seeds_are_entries() {
    let boot = Boot {
        boot: [1; 16],
        version: "0.1.0".to_owned(),
        revision: "r1".to_owned(),
        at: 1,
    };
    let seeds = [
        ("boot", Entry::Boot(boot)),
        ("allowed", decided(1, Verdict::Allow)),
        ("denied", decided(2, Verdict::Deny)),
        ("outcome", outcome(1)),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/audit_entry");
    for (name, entry) in seeds {
        let bytes = entry.encode();
        if std::env::var_os("WRITE_SEEDS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(name), &bytes).unwrap();
        }
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), bytes, "{name}");
    }
}
