//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677) without I/O: the server's side, which tries several candidates
//! under one salt, and the keys that a client needs too.

pub mod end_point;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Tokens are random, so that more would protect nobody; fewer are refused by clients.
pub const ITERATIONS: NonZeroU32 = match NonZeroU32::new(4096) {
    Some(iterations) => iterations,
    None => NonZeroU32::MIN,
};

/// How many candidates are always computed, however many there are, so that time does not tell how many tokens one has.
pub const CANDIDATES: usize = 16;

/// Bytes of the salt that tokens of one identity share, real or mock.
pub const SALT: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("malformed authentication exchange: {0}")]
    Malformed(&'static str),
    #[error("channel binding failed: {0}")]
    Binding(&'static str),
    #[error("no credential fits")]
    Credential,
    #[error("no randomness")]
    Randomness,
}

/// PBKDF2 of a password: whoever holds it can log in. Nothing is shown of it.
pub struct Salted([u8; LENGTH]);

/// What is stored of a token. Neither key lets its holder log in; still nothing is shown of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub stored_key: [u8; LENGTH],
    pub server_key: [u8; LENGTH],
}

/// A client's first message and what it answers.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// client-first
    pub message: &'a [u8],
    /// The client chose SCRAM-SHA-256-PLUS.
    pub plus: bool,
    /// [`end_point::hash`] of the certificate shown, where the connection is encrypted and PLUS was offered.
    pub end_point: Option<&'a [u8]>,
}

/// An exchange after the client's first message.
pub struct Server {
    client_first_bare: String,
    server_first: String,
    nonce: String,
    binding: String,
}

impl Salted {
    /// Slow by intent: some milliseconds, off the reactor.
    pub fn of(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted = [0; LENGTH];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            salt,
            password,
            &mut salted,
        );
        Self(salted)
    }

    pub fn client_key(&self) -> [u8; LENGTH] {
        sign(&self.0, b"Client Key")
    }

    pub fn server_key(&self) -> [u8; LENGTH] {
        sign(&self.0, b"Server Key")
    }
}

impl Verifier {
    /// Slow by intent, as [`Salted::of`]. Tokens are ASCII, which SASLprep leaves as it is.
    pub fn of(token: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let salted = Salted::of(token.as_bytes(), salt, iterations);
        Self {
            stored_key: sha256(&salted.client_key()),
            server_key: salted.server_key(),
        }
    }
}

impl Server {
    /// Yields the state and server-first. The salt is the user's or a [`mock_salt`]: the client must not see which.
    pub fn first(
        opening: &Opening<'_>,
        salt: &[u8],
        iterations: NonZeroU32,
    ) -> Result<(Self, String), Refused> {
        Self::first_with(opening, salt, iterations, &nonce()?)
    }

    fn first_with(
        opening: &Opening<'_>,
        salt: &[u8],
        iterations: NonZeroU32,
        nonce: &str,
    ) -> Result<(Self, String), Refused> {
        let text =
            std::str::from_utf8(opening.message).map_err(|_| Refused::Malformed("not UTF-8"))?;
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authorization), Some(bare)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Refused::Malformed("no channel binding flag"));
        };
        if !authorization.is_empty() {
            return Err(Refused::Malformed(
                "an authorization identity is not supported",
            ));
        }
        let bound = match (flag, opening.plus, opening.end_point) {
            ("n", false, _) | ("y", false, None) => &[][..],
            // the client believes that there is no channel binding: someone took it out of the offer
            ("y", false, Some(_)) => {
                return Err(Refused::Binding(
                    "it was offered, and the client did not see it",
                ));
            }
            (BINDING, true, Some(hash)) => hash,
            _ => return Err(Refused::Binding("it does not fit the mechanism")),
        };
        let mut attributes = bare.split(',');
        // the user is that of the StartupMessage, as in PostgreSQL; this also refuses `m=`, mandatory extensions
        if !attributes.next().is_some_and(|name| name.starts_with("n=")) {
            return Err(Refused::Malformed("no user name"));
        }
        let theirs = attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix("r="))
            .filter(|theirs| is_nonce(theirs));
        let nonce = format!(
            "{}{nonce}",
            theirs.ok_or(Refused::Malformed("no usable nonce"))?
        );
        let server_first = format!("r={nonce},s={},i={}", BASE64.encode(salt), iterations);
        let binding = BASE64.encode([flag.as_bytes(), b",,", bound].concat());
        let server = Self {
            client_first_bare: bare.to_owned(),
            server_first: server_first.clone(),
            nonce,
            binding,
        };
        Ok((server, server_first))
    }

    /// Takes client-final; yields the index of the candidate that fits, and server-final. Every candidate is tried, and at least [`CANDIDATES`] computed, so that time tells nothing.
    pub fn last(
        self,
        client_final: &[u8],
        candidates: &[Verifier],
    ) -> Result<(usize, String), Refused> {
        let text =
            std::str::from_utf8(client_final).map_err(|_| Refused::Malformed("not UTF-8"))?;
        let (without_proof, proof) = text
            .rsplit_once(",p=")
            .ok_or(Refused::Malformed("no proof"))?;
        let mut attributes = without_proof.split(',');
        if attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix("c="))
            != Some(&self.binding)
        {
            return Err(Refused::Binding("its data differ"));
        }
        if attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix("r="))
            != Some(&self.nonce)
        {
            return Err(Refused::Malformed("the nonce differs"));
        }
        let proof = BASE64
            .decode(proof)
            .ok()
            .and_then(|proof| <[u8; LENGTH]>::try_from(proof).ok());
        let proof = proof.ok_or(Refused::Malformed("a proof of the wrong shape"))?;
        let message = format!(
            "{},{},{without_proof}",
            self.client_first_bare, self.server_first
        );
        let nobody = Verifier {
            stored_key: [0; LENGTH],
            server_key: [0; LENGTH],
        };
        let padding = CANDIDATES.saturating_sub(candidates.len());
        let mut found = None;
        for (index, verifier) in candidates
            .iter()
            .chain(std::iter::repeat_n(&nobody, padding))
            .enumerate()
        {
            let fits = verifier.accepts(&proof, message.as_bytes());
            // a padding's index is out of range of the candidates
            found = if fits {
                candidates.get(index).map(|verifier| (index, verifier))
            } else {
                found
            };
        }
        let (candidate, verifier) = found.ok_or(Refused::Credential)?;
        let signature = sign(&verifier.server_key, message.as_bytes());
        Ok((candidate, format!("v={}", BASE64.encode(signature))))
    }
}

impl Verifier {
    fn accepts(&self, proof: &[u8; LENGTH], message: &[u8]) -> bool {
        let signature = sign(&self.stored_key, message);
        let client_key = exclusive_or(proof, &signature);
        constant_time::verify_slices_are_equal(&sha256(&client_key), &self.stored_key).is_ok()
    }
}

/// The salt of a user that does not exist: always the same for a name, and not to be told from a real one.
pub fn mock_salt(secret: &[u8], user: &str) -> [u8; SALT] {
    array(&sign(secret, user.as_bytes()))
}

/// 24 characters from 18 random bytes.
pub fn nonce() -> Result<String, Refused> {
    let mut bytes = [0; 18];
    rand::fill(&mut bytes).map_err(|_| Refused::Randomness)?;
    Ok(BASE64.encode(bytes))
}

/// HMAC-SHA-256.
pub fn sign(key: &[u8], message: &[u8]) -> [u8; LENGTH] {
    array(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref())
}

pub fn sha256(message: &[u8]) -> [u8; LENGTH] {
    array(digest::digest(&digest::SHA256, message).as_ref())
}

pub fn exclusive_or<const N: usize>(left: &[u8; N], right: &[u8; N]) -> [u8; N] {
    let mut result = *left;
    result
        .iter_mut()
        .zip(right)
        .for_each(|(byte, other)| *byte ^= other);
    result
}

impl fmt::Debug for Salted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salted")
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

/// Bytes of a SHA-256.
pub const LENGTH: usize = 32;
/// The one kind of channel binding that PostgreSQL's clients speak.
pub const BINDING: &str = "p=tls-server-end-point";
const LONGEST_NONCE: usize = 256;

fn is_nonce(nonce: &str) -> bool {
    (1..=LONGEST_NONCE).contains(&nonce.len()) && nonce.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The front of an algorithm's output, whose length is known and enough.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array
        .iter_mut()
        .zip(bytes)
        .for_each(|(place, byte)| *place = *byte);
    array
}
