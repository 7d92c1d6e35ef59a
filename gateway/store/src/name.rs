//! What people, services, groups and targets may be called.

use std::fmt;

use crate::error::Error;

const LONGEST: usize = 63;
/// `oidc` is what a client calls itself to log in with a JWT; `gateway` is the actor of the gateway's own requests.
const RESERVED: [&str; 2] = ["oidc", "gateway"];

/// 1 to 63 of `a-z 0-9 . _ -`, beginning with a letter or digit, and not reserved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    pub fn new(text: &str) -> Result<Self, Error> {
        let mut bytes = text.bytes();
        let well_formed = text.len() <= LONGEST
            && bytes.next().is_some_and(alphanumeric)
            && bytes.all(|byte| alphanumeric(byte) || matches!(byte, b'.' | b'_' | b'-'));
        if !well_formed {
            return Err(Error::BadName(text.chars().take(LONGEST).collect()));
        }
        if RESERVED.contains(&text) {
            return Err(Error::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names() {
        for name in ["ada", "0", "a.b_c-d", "x".repeat(63).as_str()] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn bad_names() {
        let long = "x".repeat(64);
        for name in [
            "", "Ada", "-a", ".a", "a#b", "a/b", "a b", "å", "a\n", &long,
        ] {
            assert!(
                matches!(Name::new(name), Err(Error::BadName(_))),
                "{name:?}"
            );
        }
        for name in ["oidc", "gateway"] {
            assert!(matches!(Name::new(name), Err(Error::Reserved(_))), "{name}");
        }
    }
}
