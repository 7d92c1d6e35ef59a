//! A route without its rule, or a handler without the proof of it, does not compile; one with both is a module
//! here, so that the cases only need checking, not building.

#[path = "door/ruled.rs"]
mod ruled;

#[test]
fn no_way_around() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/door/without_*.rs");
    cases.compile_fail("tests/door/with_*.rs");
}

#[test]
fn the_ruled_way_compiles() {
    let _ = ruled::routes();
}
