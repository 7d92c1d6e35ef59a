//! Output of any kind, in any pieces: nothing is left behind, and what holds no value is not changed.
#![no_main]

use gate::words::{DataClass, Detector, How, Masking};
use libfuzzer_sys::fuzz_target;
use protocol_ssh::mask::{Binary, Keep, Look, Screen};

fuzz_target!(|data: &[u8]| {
    let Some((&[piece, width, waits], data)) = data.split_first_chunk::<3>() else {
        return;
    };
    let class = |name: &str, detector, how| DataClass {
        name: name.to_owned(),
        columns: Vec::new(),
        detectors: vec![detector],
        how,
    };
    let look = Masking::new(vec![
        class("payment-card", Detector::PaymentCard, How::Last4),
        class("email", Detector::Email, How::Redact),
    ])
    .expect("classes");
    // nothing in it that could become a value
    let plain =
        data.iter().filter(|byte| byte.is_ascii_digit()).count() < 13 && !data.contains(&b'@');
    let repeats = data.windows(2).any(|two| two == b"\x1b[") && data.contains(&b'b');
    let (mut screen, mut out) = (Screen::default(), Vec::new());
    screen.resize(usize::from(width));
    for (number, bytes) in data.chunks(usize::from(piece).max(1)).enumerate() {
        let keep = if number % 2 == 0 {
            Keep::Words
        } else {
            Keep::Harmful
        };
        out.extend(screen.push(&look, bytes, keep));
        if waits > 0 && number % usize::from(waits) == 0 && !plain {
            out.extend(screen.give_up(&look));
            assert!(screen.is_empty());
        }
    }
    out.extend(screen.finish(&look));
    assert!(screen.is_empty());
    if plain && !repeats {
        assert_eq!(out, data);
    }
    binary(&look, data, usize::from(piece).max(1));
});

/// What passes is what came, from its beginning on.
fn binary(look: &impl Look, data: &[u8], piece: usize) {
    let (mut binary, mut out) = (Binary::default(), Vec::new());
    for bytes in data.chunks(piece) {
        match binary.push(look, bytes) {
            Ok(passed) => out.extend(passed),
            Err(_) => {
                assert!(data.starts_with(&out));
                return;
            }
        }
    }
    out.extend(binary.flush());
    assert_eq!(out, data);
}
