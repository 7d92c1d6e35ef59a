//! The crafted messages as seeds of the fuzz targets: written anew with `WRITE_SEEDS=1`, else compared with what lies there.
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
fn seeds_are_the_crafted_messages() {
    let targets = [
        (
            "postgres_frontend",
            [shapes::malformed_frontend(), shapes::sound_frontend()].concat(),
        ),
        (
            "postgres_backend",
            [shapes::malformed_backend(), shapes::sound_backend()].concat(),
        ),
        (
            "postgres_startup",
            [shapes::malformed_startup(), shapes::sound_startup()].concat(),
        ),
        ("postgres_decode", shapes::statements::statements()),
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
        assert_eq!(
            std::fs::read_dir(&folder).unwrap().count(),
            seeds.len(),
            "{target} holds what is no seed"
        );
    }
}
