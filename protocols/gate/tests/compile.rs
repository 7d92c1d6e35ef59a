//! What must not compile: each file has the one error that its `.stderr` shows. The way that must compile is a
//! module here, so that the cases only need checking, not building.

#[path = "compile/the_whole_way.rs"]
mod the_whole_way;

#[test]
fn only_the_gate_opens_the_door() {
    trybuild::TestCases::new().compile_fail("tests/compile/fail/*.rs");
}

#[test]
fn the_whole_way_compiles() {
    let _ = the_whole_way::run::<gate::testing::fake::Fake, tokio::io::DuplexStream>;
}
