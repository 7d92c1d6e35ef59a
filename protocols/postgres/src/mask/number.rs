//! Numbers as the text that detectors read: what stands before the point. Decimals are measurements and averages, of which
//! some would pass for a card number by chance.

use crate::wire::reader::Reader;

/// What stands before the point.
pub(super) fn whole(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b'.').next().unwrap_or(text)
}

/// An integer of 2, 4 or 8 bytes.
pub(super) fn integer(value: &[u8], signed: bool) -> Option<String> {
    let unsigned = match value.len() {
        2 => u64::from(u16::from_be_bytes(value.try_into().ok()?)),
        4 => u64::from(u32::from_be_bytes(value.try_into().ok()?)),
        8 => u64::from_be_bytes(value.try_into().ok()?),
        _ => return None,
    };
    if !signed {
        return Some(unsigned.to_string());
    }
    Some(match value.len() {
        2 => i16::from_be_bytes(value.try_into().ok()?).to_string(),
        4 => i32::from_be_bytes(value.try_into().ok()?).to_string(),
        _ => i64::from_be_bytes(value.try_into().ok()?).to_string(),
    })
}

/// A floating-point number of 4 or 8 bytes; empty where it is no whole number.
pub(super) fn float(value: &[u8]) -> Option<String> {
    match value.len() {
        4 => Some(integral(f32::from_be_bytes(value.try_into().ok()?).into())),
        8 => Some(integral(f64::from_be_bytes(value.try_into().ok()?))),
        _ => None,
    }
}

fn integral(number: f64) -> String {
    if number.is_finite() && number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        String::new()
    }
}

/// The numbers in a literal of one or many: an array, a range, a point.
pub(super) fn within(literal: &[u8]) -> impl Iterator<Item = String> {
    let words = literal.split(|byte| b"(){}[]<>,\" ".contains(byte));
    words.map(|word| {
        let text = String::from_utf8_lossy(word);
        match text.parse::<f64>() {
            Ok(number) if text.contains(['e', 'E']) => integral(number),
            Ok(_) => String::from_utf8_lossy(whole(word)).into_owned(),
            // no number: whatever it is, it is looked into as it stands
            Err(_) => text.into_owned(),
        }
    })
}

/// A `numeric` with its decimals, as people write it.
pub(super) fn decimal(value: &[u8]) -> Option<String> {
    let mut reader = Reader::new(value);
    reader.u16().ok()?;
    let weight = reader.i16().ok()?;
    match reader.u16().ok()? {
        0xc000 => return Some("NaN".to_owned()),
        0xd000 => return Some("Infinity".to_owned()),
        0xf000 => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let scale = usize::from(reader.u16().ok()?);
    let digits = reader.remaining().as_chunks().0;
    // eight bytes may ask for 200,000 zeros
    if usize::try_from(weight).unwrap_or(0) > digits.len() + 8 || scale > 4 * (digits.len() + 8) {
        return None;
    }
    let before = numeric(value)?;
    if scale == 0 {
        return Some(before);
    }
    let mut after = String::new();
    // the first digit after the point has weight -1
    for place in (i32::from(weight) + 1..).take(scale.div_ceil(4)) {
        let digit = usize::try_from(place).ok();
        let digit = digit.and_then(|index| digits.get(index));
        let digit = digit.map_or(0, |digit| u16::from_be_bytes(*digit));
        after.push_str(&format!("{digit:04}"));
    }
    after.truncate(scale);
    Some(format!("{before}.{after}"))
}

/// Digits of base 10,000 before the point.
pub(super) fn numeric(value: &[u8]) -> Option<String> {
    const NEGATIVE: u16 = 0x4000;
    /// Not a number, and the infinities: they hold no digit.
    const SPECIAL: [u16; 3] = [0xc000, 0xd000, 0xf000];
    let mut reader = Reader::new(value);
    let count = reader.u16().ok()?;
    let weight = reader.i16().ok()?;
    let sign = reader.u16().ok()?;
    // how many decimals are shown
    reader.u16().ok()?;
    let digits: Option<Vec<u16>> = (0..count).map(|_| reader.u16().ok()).collect();
    let digits = digits.filter(|digits| digits.iter().all(|digit| *digit < 10_000))?;
    reader.end().ok()?;
    if SPECIAL.contains(&sign) {
        return Some(String::new());
    }
    let mut text = String::new();
    if sign == NEGATIVE {
        text.push('-');
    }
    let digit = |place: i32| {
        let index = usize::try_from(i32::from(weight) - place).ok();
        index
            .and_then(|index| digits.get(index))
            .copied()
            .unwrap_or(0)
    };
    text.push_str(&digit(i32::from(weight).max(0)).to_string());
    for place in (0..i32::from(weight).max(0)).rev() {
        text.push_str(&format!("{:04}", digit(place)));
    }
    Some(text)
}
