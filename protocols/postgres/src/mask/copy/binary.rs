//! COPY's binary format: a header, rows like those of results, a trailer.

use super::super::Unmaskable;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Of the flags: a reader must know the upper half, of which nothing is set any more.
const CRITICAL: u32 = 0xffff_0000;
const TRAILER: [u8; 2] = [0xff, 0xff];

/// Where the header ends, once it is whole.
pub(super) fn header_end(pending: &[u8]) -> Result<Option<usize>, Unmaskable> {
    let known = pending.len().min(SIGNATURE.len());
    if pending.get(..known) != SIGNATURE.get(..known) {
        return Err(Unmaskable::Shape);
    }
    let rest = pending.get(SIGNATURE.len()..).unwrap_or_default();
    let Some((flags, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    if u32::from_be_bytes(*flags) & CRITICAL != 0 {
        return Err(Unmaskable::Shape);
    }
    let Some((extension, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let extension = u32::from_be_bytes(*extension) as usize;
    let end = SIGNATURE.len() + 8 + extension;
    Ok((rest.len() >= extension).then_some(end))
}

/// Where the first row ends, once it is whole.
pub(super) fn row_end(pending: &[u8]) -> Result<Option<usize>, Unmaskable> {
    let Some((count, _)) = pending.split_first_chunk::<2>() else {
        return Ok(None);
    };
    if *count == TRAILER {
        return Ok(Some(TRAILER.len()));
    }
    let mut end = 2;
    for _ in 0..u16::from_be_bytes(*count) {
        let Some(length) = pending.get(end..).and_then(<[u8]>::first_chunk::<4>) else {
            return Ok(None);
        };
        end += 4;
        match i32::from_be_bytes(*length) {
            -1 => {}
            length => end += usize::try_from(length).map_err(|_| Unmaskable::Shape)?,
        }
    }
    Ok((end <= pending.len()).then_some(end))
}

pub(super) fn is_trailer(row: &[u8]) -> bool {
    row == TRAILER
}
