//! A client's bytes: frames are exactly what was declared, in whatever pieces they come, and a substitute is always sound.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use protocol_postgres::wire::Malformed;
use protocol_postgres::wire::frame::{Frame, Limits, Phase, next_frontend};
use protocol_postgres::wire::frontend::{Frontend, SaslInitial, password, sasl_response};
use protocol_postgres::wire::substitute::Substitute;

fuzz_target!(|data: &[u8]| {
    for phase in [
        Phase::Ready,
        Phase::CopyIn,
        Phase::CopyEnded,
        Phase::Authenticating,
    ] {
        let whole = frames(data, data.len().max(1), phase);
        let pieces = frames(data, 3, phase);
        match (&whole, &pieces) {
            // what follows Terminate is seen only when it comes together with it
            (Err(Malformed::AfterTerminate), _) => {}
            _ => assert_eq!(whole, pieces),
        }
        for frame in whole.unwrap_or_default() {
            read(&frame, phase);
        }
    }
});

fn frames(data: &[u8], piece: usize, phase: Phase) -> Result<Vec<Frame>, Malformed> {
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for piece in data.chunks(piece) {
        buffer.extend_from_slice(piece);
        while let Some(frame) = next_frontend(&mut buffer, phase, &Limits::default())? {
            let declared = u32::from_be_bytes(frame.bytes()[1..5].try_into().expect("four bytes"));
            assert_eq!(frame.bytes().len(), declared as usize + 1);
            frames.push(frame);
        }
    }
    let taken: usize = frames.iter().map(|frame| frame.bytes().len()).sum();
    assert_eq!(taken + buffer.len(), data.len());
    Ok(frames)
}

fn read(frame: &Frame, phase: Phase) {
    if phase == Phase::Authenticating {
        let _ = (
            SaslInitial::read(frame),
            password(frame),
            sasl_response(frame),
        );
        return;
    }
    let Ok(message) = Frontend::read(frame) else {
        return;
    };
    if let Frontend::Bind(bind) = message {
        assert_eq!(bind.parameters.iter().count(), bind.parameters.len());
    }
    if let Frontend::Query(query) = message {
        assert_eq!(query.text.len() + 6, frame.bytes().len());
    }
    for substituted in Substitute::new([7; 16]).of(frame).expect("a sound message") {
        assert!(sound(substituted));
    }
}

fn sound(bytes: Bytes) -> bool {
    let mut buffer = BytesMut::from(&bytes[..]);
    let frame = next_frontend(&mut buffer, Phase::Ready, &Limits::default())
        .expect("sound")
        .expect("whole");
    buffer.is_empty() && Frontend::read(&frame).is_ok()
}
