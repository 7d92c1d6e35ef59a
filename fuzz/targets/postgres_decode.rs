//! Statements: whatever a client writes is decoded or unclear, on the stack that the gateway gives its decoders.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol_postgres::decode::analyse;

fuzz_target!(|text: &str| {
    let text = text.to_owned();
    let decoder = std::thread::Builder::new().stack_size(64 << 20).spawn(move || {
        let Ok(analysis) = analyse(&text) else { return };
        assert!(!analysis.statements.is_empty());
        assert_eq!(Ok(analysis), analyse(&text), "the same text means the same");
    });
    decoder.expect("a thread").join().expect("no panic");
});
