//! Large outputs: that chance finds nothing in binary ones, and how fast text passes.

use gate::words::How;
use protocol_ssh::mask::{Binary, Keep, Screen};

use crate::masking;

/// What a generator yields that repeats late.
fn noise(length: usize, mut state: u64) -> Vec<u8> {
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn chance_ends_no_binary_output() {
    let look = masking(How::Last4);
    let bytes = noise(8 << 20, 7);
    let mut binary = Binary::default();
    let mut out = Vec::new();
    for piece in bytes.chunks(32 << 10) {
        out.extend(binary.push(&look, piece).unwrap());
    }
    out.extend(binary.flush());
    assert!(out == bytes, "it was changed");
}

/// Nanoseconds that this thread was on a processor.
fn busy() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn how_fast_it_is() {
    let look = masking(How::Last4);
    let line =
        "Nov 21 10:00:00 web1 sshd[4211]: Accepted publickey for deploy from 10.0.0.7 port 51234\n";
    let colours =
        "\x1b[0m\x1b[01;34mfolder\x1b[0m  \x1b[01;32mprogram\x1b[0m  file.txt  1234 Nov 21 10:00\n";
    let megabytes = if cfg!(debug_assertions) { 2 } else { 64 };
    for (name, unit) in [
        ("lines", line),
        ("colours", colours),
        ("one line", "word, 1234; "),
        ("one word", "aGVsbG8"),
        ("coloured, one line", "\x1b[1mword\x1b[m 1234; "),
    ] {
        let text = unit.repeat((megabytes << 20) / unit.len());
        let begun = busy();
        let mut screen = Screen::default();
        let mut passed = 0;
        for piece in text.as_bytes().chunks(32 << 10) {
            passed += screen.push(&look, piece, Keep::Words).len();
        }
        passed += screen.finish(&look).len();
        assert_eq!(passed, text.len());
        let seconds = (busy() - begun) as f64 / 1e9;
        println!(
            "{name}: {:.0} MB/s of one core",
            text.len() as f64 / 1e6 / seconds
        );
    }
}
