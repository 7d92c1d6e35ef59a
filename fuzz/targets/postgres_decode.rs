//! Statements: whatever a client writes is decoded or unclear, on the stack that the gateway gives its decoders, and like
//! the others that one analysis would serve.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol_postgres::decode::{DIGIT, analyse, likeness};

fuzz_target!(|text: &str| {
    let text = text.to_owned();
    let decoder = std::thread::Builder::new().stack_size(64 << 20).spawn(move || {
        let Ok(analysis) = analyse(&text) else { return };
        assert!(!analysis.statements.is_empty());
        let again = analyse(&text);
        assert_eq!(Ok(&analysis), again.as_ref(), "the same text means the same");
        let Some(like) = likeness(&text) else { return };
        for digit in ["1", "9"] {
            let other = like.replace(DIGIT, digit);
            assert_eq!(likeness(&other).as_ref(), Some(&like), "{other}");
            assert_eq!(Ok(&analysis), analyse(&other).as_ref(), "{other}");
        }
    });
    decoder.expect("a thread").join().expect("no panic");
});
