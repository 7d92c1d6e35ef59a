//! COPY to the client in every layout, in any pieces: the same whatever the pieces, and nothing planted gets through.
#![no_main]

use std::borrow::Cow;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use protocol_postgres::decode::{Format, Layout};
use protocol_postgres::mask::copy::CopyMask;
use protocol_postgres::mask::{Hide, RowMask, Rule, Unmaskable};

/// More columns than types there are none.
const COLUMNS: u8 = 9;

/// Stands in for detectors: hides this text.
const PLANTED: &[u8] = b"4111111111111111";

fn detect(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let found = text.windows(PLANTED.len()).any(|window| window == PLANTED);
    found.then(|| Cow::Borrowed(&b"<card>"[..]))
}

fn mask(_class: &str, _text: &[u8]) -> Option<Vec<u8>> {
    Some(b"<masked>".to_vec())
}

const HIDE: Hide<'static> = Hide {
    detect: &detect,
    mask: &mask,
};

fuzz_target!(|data: &[u8]| {
    let Some((&[layout, columns, piece], data)) = data.split_first_chunk::<3>() else {
        return;
    };
    let format = match layout & 3 {
        0 => Format::Text,
        1 => Format::Csv {
            quote: b'"',
            escape: b'"',
        },
        2 => Format::Csv {
            quote: b'"',
            escape: b'\\',
        },
        _ => Format::Binary,
    };
    let layout = Layout {
        format,
        delimiter: if layout & 4 == 0 { b'\t' } else { b',' },
        null: if layout & 8 == 0 { b"\\N".to_vec() } else { Vec::new() },
        header: false,
    };
    let types = [25, 23, 1009, 3802, 17, 1700, 16_500, 2249];
    let rules = |_| {
        let rule = match columns >> 6 {
            2 => Rule::Class("hidden".to_owned()),
            3 => Rule::Whole,
            _ => Rule::Detect,
        };
        (0..usize::from(columns % COLUMNS)).map(move |place| {
            (rule.clone(), types[place], format == Format::Binary)
        })
    };
    let whole = copied(CopyMask::new(RowMask::new(rules(())), layout.clone()), data, data.len());
    let pieces = copied(CopyMask::new(RowMask::new(rules(())), layout), data, usize::from(piece));
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole, pieces);
            let plain = format == Format::Text && !data.contains(&b'\\') && columns % COLUMNS > 0;
            assert!(!plain || detect(&whole).is_none());
        }
        (whole, pieces) => assert!(whole.is_err() && pieces.is_err()),
    }
});

fn copied(mut mask: CopyMask, data: &[u8], piece: usize) -> Result<BytesMut, Unmaskable> {
    let mut out = BytesMut::new();
    for piece in data.chunks(piece.max(1)) {
        mask.push(piece, HIDE, &mut out)?;
    }
    mask.finish(HIDE, &mut out)?;
    Ok(out)
}
