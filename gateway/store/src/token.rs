//! The text of an access token: `cs_<id>_<secret>`, shown once and never kept.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::rand;

use crate::error::Error;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// 71 bits: public, unique.
const ID: usize = 12;
/// 190 bits.
const SECRET: usize = 32;

/// Deliberately without `Display` and `Serialize`: whoever shows it says so.
pub struct TokenText {
    id: String,
    text: String,
}

impl TokenText {
    pub(crate) fn random() -> Result<Self, Error> {
        let id = public_id()?;
        let text = format!("cs_{id}_{}", letters(SECRET)?);
        Ok(Self { id, text })
    }

    /// The public part, by which a token is listed and revoked.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole token: for the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        let digest = digest::digest(&digest::SHA256, self.text.as_bytes());
        hash.copy_from_slice(digest.as_ref());
        hash
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenText")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What a credential is listed and revoked by.
pub(crate) fn public_id() -> Result<String, Error> {
    letters(ID)
}

/// Letters and digits, each as likely as the other.
fn letters(count: usize) -> Result<String, Error> {
    let mut text = String::with_capacity(count);
    let mut bytes = [0; 64];
    while text.len() < count {
        rand::fill(&mut bytes).map_err(|_| Error::Unavailable("no randomness".into()))?;
        let drawn = bytes.iter().filter_map(|byte| {
            // 248 is the highest multiple of 62 that fits: above it some letters would come more often.
            (*byte < 248)
                .then(|| ALPHABET.get(usize::from(*byte % 62)).copied())
                .flatten()
        });
        text.extend(drawn.take(count - text.len()).map(char::from));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn shape() {
        let token = TokenText::random().unwrap();
        let parts: Vec<&str> = token.expose().split('_').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!((parts[0], parts[1]), ("cs", token.id()));
        assert_eq!((parts[1].len(), parts[2].len()), (ID, SECRET));
        assert!(
            token
                .expose()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        );
    }

    #[test]
    fn shows_nothing() {
        let token = TokenText::random().unwrap();
        let secret = token.expose().rsplit('_').next().unwrap();
        assert!(!format!("{token:?}").contains(secret));
    }

    #[test]
    fn draws_every_letter_and_never_twice_the_same() {
        let drawn: Vec<String> = (0..200).map(|_| letters(SECRET).unwrap()).collect();
        let letters: BTreeSet<char> = drawn.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(letters.len(), 62);
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 200);
    }
}
