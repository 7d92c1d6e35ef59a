//! A route without its rule, or a handler without the proof of it, does not compile.

#[test]
fn no_way_around() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/door/ruled.rs");
    cases.compile_fail("tests/door/without_*.rs");
    cases.compile_fail("tests/door/with_*.rs");
}
