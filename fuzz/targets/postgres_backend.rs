//! A server's bytes: read exactly, masked without ever changing the shape of a row, and nothing planted gets through.
#![no_main]

use std::borrow::Cow;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use protocol_postgres::mask::fields::{
    scrub_fields, scrub_notification, scrub_parameter, withhold,
};
use protocol_postgres::mask::{Hide, RowMask, Rule};
use protocol_postgres::wire::Malformed;
use protocol_postgres::wire::backend::{Authentication, Backend, mechanisms};
use protocol_postgres::wire::frame::{BackendFrame, Frame, Large, Limits, next_backend, pass_rows};

fuzz_target!(|data: &[u8]| {
    let whole = frames(data, data.len().max(1));
    assert_eq!(whole, frames(data, 3));
    let (run, rows) = pass_rows(&mut BytesMut::from(data));
    assert_eq!(
        rows as usize,
        frames(&run, run.len().max(1)).expect("rows").len()
    );
    let mut masks = Vec::new();
    for frame in whole.unwrap_or_default() {
        read(&frame, &mut masks);
    }
});

/// Small limits, so that large messages come too.
const LIMITS: Limits = Limits {
    before_login: 10_000,
    frame: 4096,
    small: 1024,
    reply: 4096,
};

fn frames(data: &[u8], piece: usize) -> Result<Vec<Frame>, Malformed> {
    let (mut buffer, mut frames, mut large) = (BytesMut::new(), Vec::new(), None::<Large>);
    for piece in data.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            if let Some(rest) = &mut large {
                rest.take(&mut buffer);
                if rest.remaining() > 0 {
                    break;
                }
            }
            large = match next_backend(&mut buffer, &LIMITS)? {
                Some(BackendFrame::Large(rest)) => Some(rest),
                Some(BackendFrame::Whole(frame)) => {
                    frames.push(frame);
                    None
                }
                None => break,
            };
        }
    }
    Ok(frames)
}

fn read(frame: &Frame, masks: &mut Vec<Masked>) {
    let Ok(message) = Backend::read(frame) else {
        return;
    };
    match message {
        Backend::RowDescription(description) => {
            assert_eq!(description.iter().count(), description.len());
            masks.clear();
            for rule in [Rule::Detect, Rule::Class("planted".to_owned()), Rule::Whole] {
                let rules = description
                    .iter()
                    .map(|column| (rule.clone(), column.type_oid, column.binary));
                let readable = description
                    .iter()
                    .map(|column| match column.binary {
                        true => TEXTS.contains(&column.type_oid),
                        false => !SPEECHLESS.contains(&column.type_oid),
                    })
                    .collect();
                let mask = RowMask::new(rules);
                masks.push(Masked { mask, readable });
            }
        }
        Backend::DataRow(values) => {
            assert_eq!(values.iter().count(), values.len());
            masks.iter().for_each(|mask| rewrite(mask, frame));
        }
        Backend::ErrorResponse(_) | Backend::NoticeResponse(_) => {
            for drop_detail in [false, true] {
                let scrubbed =
                    whole(&scrub_fields(frame, &detect, drop_detail).expect("a sound report"));
                let (Ok(Backend::ErrorResponse(fields)) | Ok(Backend::NoticeResponse(fields))) =
                    Backend::read(&scrubbed)
                else {
                    panic!("no report")
                };
                assert!(fields.iter().all(|(_, text)| detect(text).is_none()));
                assert!(!drop_detail || fields.field(b'D').or(fields.field(b'W')).is_none());
            }
            let withheld = whole(&withhold(frame).expect("a sound report"));
            let (Ok(Backend::ErrorResponse(fields)) | Ok(Backend::NoticeResponse(fields))) = Backend::read(&withheld)
            else {
                panic!("no report")
            };
            assert!(fields.iter().all(|(code, _)| b"SVCMPFLR".contains(&code)));
        }
        Backend::NotificationResponse { .. } => {
            assert!(
                Backend::read(&whole(
                    &scrub_notification(frame, &detect).expect("a sound notification")
                ))
                .is_ok()
            );
        }
        Backend::ParameterStatus { .. } => {
            if let Some(scrubbed) = scrub_parameter(frame, &detect).expect("a sound report") {
                assert!(Backend::read(&whole(&scrubbed)).is_ok());
            }
        }
        Backend::Authentication(Authentication::Sasl { mechanisms: list }) => {
            assert!(mechanisms(list).count() <= list.len())
        }
        Backend::NegotiateProtocolVersion(negotiated) => {
            assert_eq!(negotiated.names().count(), negotiated.unknown as usize)
        }
        _ => {}
    }
}

/// The rules of one result, and for each column whether its bytes can be text.
struct Masked {
    mask: RowMask,
    readable: Vec<bool>,
}

const TEXTS: [u32; 4] = [19, 25, 1042, 1043];

/// Whose text format a server fills with numbers and dates only: no detector looks for letters in it.
const SPEECHLESS: [u32; 26] = [
    700, 701, 1700, 1021, 1022, 1231, 3906, 4532, 600, 601, 602, 603, 604, 628, 718, 16, 1082, 1083, 1266, 1114, 1184,
    1186, 2950, 829, 774, 2278,
];

fn rewrite(masked: &Masked, frame: &Frame) {
    let mut out = BytesMut::new();
    let hide = Hide {
        detect: &detect,
        mask: &|_, _| Some(b"hidden".to_vec()),
    };
    if masked
        .mask
        .rewrite_row(frame.bytes(), hide, &mut out)
        .is_err()
    {
        assert!(out.is_empty());
        return;
    }
    let row = whole(&out);
    let Ok(Backend::DataRow(values)) = Backend::read(&row) else {
        panic!("no row")
    };
    assert_eq!(values.len(), masked.readable.len());
    assert!(values.iter().zip(&masked.readable).all(|(value, readable)| !readable || value.is_none_or(|value| detect(value).is_none())));
}

fn whole(bytes: &[u8]) -> Frame {
    match next_backend(&mut BytesMut::from(bytes), &Limits::default()) {
        Ok(Some(BackendFrame::Whole(frame))) => frame,
        other => panic!("{other:?}"),
    }
}

/// Stands in for detectors: hides every `@`.
fn detect(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    text.contains(&b'@').then(|| {
        Cow::Owned(
            text.iter()
                .map(|byte| if *byte == b'@' { b'*' } else { *byte })
                .collect(),
        )
    })
}
