//! Names of requests and sessions, and bytes as hexadecimal text.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::field::{Field, Input};

macro_rules! ids {
    ($($(#[$note:meta])* $id:ident),*) => {$(
        $(#[$note])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $id(pub [u8; 16]);
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", u128::from_be_bytes(self.0))
            }
        }
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl From<u128> for $id {
            fn from(number: u128) -> Self {
                Self(number.to_be_bytes())
            }
        }
        impl FromStr for $id {
            type Err = Error;
            /// 32 lowercase hexadecimal digits.
            fn from_str(text: &str) -> Result<Self, Error> {
                from_hex(text).map(Self)
            }
        }
        impl Field for $id {
            fn put(&self, output: &mut Vec<u8>) {
                self.0.put(output);
            }
            fn take(input: &mut Input<'_>) -> Result<Self, Error> {
                input.array().map(Self)
            }
        }
    )*};
}
ids!(
    /// One request; must be unique over the whole log (random or time-ordered).
    RequestId,
    /// One session.
    SessionId
);

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

pub(crate) fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    const WRONG: Error = Error::Malformed("not a lowercase hexadecimal number of the right length");
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(WRONG),
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(WRONG);
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Ok(bytes)
}
