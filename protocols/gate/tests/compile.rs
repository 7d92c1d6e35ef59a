//! What must not compile: each file has the one error that its `.stderr` shows.

#[test]
fn only_the_gate_opens_the_door() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile/pass/*.rs");
    cases.compile_fail("tests/compile/fail/*.rs");
}
