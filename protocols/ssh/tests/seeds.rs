//! The crafted inputs as seeds of the fuzz targets: written anew with `WRITE_SEEDS=1`, else compared with what lies there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use std::path::Path;

#[test]
fn seeds_are_the_crafted_inputs() {
    let targets = [
        ("ssh_command", shapes::commands::commands()),
        ("ssh_sftp", shapes::packets::conversations()),
    ];
    for (target, seeds) in targets {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/seeds")
            .join(target);
        if std::env::var_os("WRITE_SEEDS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            for (name, bytes) in &seeds {
                std::fs::write(folder.join(name), bytes).unwrap();
            }
        }
        for (name, bytes) in &seeds {
            let kept = std::fs::read(folder.join(name))
                .unwrap_or_else(|error| panic!("{target}/{name}: {error}"));
            assert_eq!(&kept, bytes, "{target}/{name}");
        }
        let held = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(held, seeds.len(), "{target} holds what is no seed");
    }
}
