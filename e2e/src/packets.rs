//! Packets of SFTP, as a client would send and read them.

use anyhow::Context;

pub const INIT: u8 = 1;
pub const REMOVE: u8 = 13;
pub const STAT: u8 = 17;
const VERSION: u8 = 2;
const STATUS: u8 = 101;

/// Kind, id, and strings.
pub fn packet(kind: u8, id: u32, strings: &[&[u8]]) -> anyhow::Result<Vec<u8>> {
    let mut body = vec![kind];
    body.extend(id.to_be_bytes());
    for string in strings {
        body.extend(u32::try_from(string.len())?.to_be_bytes());
        body.extend(*string);
    }
    let mut whole = u32::try_from(body.len())?.to_be_bytes().to_vec();
    whole.extend(body);
    Ok(whole)
}

/// An answer: the id, and the code where it is a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub id: u32,
    pub code: Option<u32>,
}

/// The answers that have come whole, in order; the version is none.
pub fn answered(bytes: &[u8]) -> anyhow::Result<Vec<Answered>> {
    let mut answers = Vec::new();
    let mut rest = bytes;
    while let Some(length) = number(rest, 0) {
        let Some(body) = rest.get(4..4 + length as usize) else {
            break;
        };
        let kind = *body.first().context("a kind")?;
        if kind != VERSION {
            let code = if kind == STATUS {
                number(body, 5)
            } else {
                None
            };
            let id = number(body, 1).context("an id")?;
            answers.push(Answered { id, code });
        }
        rest = rest.get(4 + length as usize..).unwrap_or_default();
    }
    Ok(answers)
}

/// Whether the version has come.
pub fn greeted(bytes: &[u8]) -> bool {
    bytes.get(4) == Some(&VERSION)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}
