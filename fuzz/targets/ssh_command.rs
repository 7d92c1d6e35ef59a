//! Command lines: whatever is sent is decoded or opaque, and what is told of it does not change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol_ssh::decode::{STACK, command};
use protocol_ssh::words::exec;

fuzz_target!(|bytes: &[u8]| {
    let bytes = bytes.to_vec();
    let decoder = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let decoded = command(&bytes);
            assert!(!decoded.leaves.is_empty());
            assert!(decoded.leaves.iter().all(|leaf| !leaf.effects.is_empty()));
            assert!(!exec(&decoded, "login").is_empty());
            assert_eq!(decoded, command(&bytes), "the same bytes mean the same");
        });
    decoder.expect("a thread").join().expect("no panic");
});
