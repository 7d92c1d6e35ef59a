//! Bytes of an audit log: an entry is decoded only from the very bytes that encoding it makes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use recorder::entry::decode;

fuzz_target!(|data: &[u8]| {
    if let Ok(entry) = decode(data) {
        assert_eq!(entry.encode(), data);
    }
});
