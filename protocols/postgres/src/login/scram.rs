//! SCRAM-SHA-256 towards a server, without I/O: four steps, each of which consumes the one before.
//!
//! `Client::begin` -> client-first -> `Client::challenge` -> `Challenge::prove` (slow: off the reactor) -> client-final ->
//! `Expected::check`: the server has proved that it knows the password too.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use aws_lc_rs::constant_time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use gate::scram::{BINDING, LENGTH, Salted, exclusive_or, nonce, sha256, sign};

/// A server that plays foul, or that cannot be logged in to in this way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    #[error("the server offers no SCRAM-SHA-256")]
    Mechanism,
    #[error("malformed authentication exchange: {0}")]
    Malformed(&'static str),
    #[error("the server asks for {0} iterations, which is not between 4096 and 100000")]
    Iterations(u32),
    #[error("the server refused: `{0}`")]
    Refused(String),
    #[error("the server does not know the password")]
    Signature,
    #[error("no randomness")]
    Randomness,
}

pub struct Client {
    mechanism: &'static str,
    /// The channel binding flag and its data.
    header: Vec<u8>,
    nonce: String,
}

/// A server's challenge, found sound.
pub struct Challenge {
    header: Vec<u8>,
    nonce: String,
    server_first: String,
    salt: Vec<u8>,
    iterations: NonZeroU32,
    client_first_bare: String,
}

/// What the server must answer.
pub struct Expected {
    signature: [u8; LENGTH],
}

impl Client {
    /// `offered`: names of mechanisms; `end_point`: hash of the server's certificate where the connection is encrypted.
    pub fn begin<'m>(
        offered: impl IntoIterator<Item = &'m [u8]>,
        end_point: Option<&[u8]>,
    ) -> Result<Self, Failed> {
        Self::begin_with(offered, end_point, nonce().map_err(|_| Failed::Randomness)?)
    }

    fn begin_with<'m>(
        offered: impl IntoIterator<Item = &'m [u8]>,
        end_point: Option<&[u8]>,
        nonce: String,
    ) -> Result<Self, Failed> {
        let (mut plain, mut plus) = (false, false);
        for mechanism in offered {
            plain |= mechanism == PLAIN.as_bytes();
            plus |= mechanism == PLUS.as_bytes();
        }
        let (mechanism, header) = match (end_point, plus, plain) {
            (Some(hash), true, _) => (PLUS, [BINDING.as_bytes(), b",,", hash].concat()),
            // tells a server that did offer it that someone took it out
            (Some(_), false, true) => (PLAIN, b"y,,".to_vec()),
            (None, _, true) => (PLAIN, b"n,,".to_vec()),
            (Some(_) | None, _, false) => return Err(Failed::Mechanism),
        };
        Ok(Self {
            mechanism,
            header,
            nonce,
        })
    }

    pub fn mechanism(&self) -> &'static str {
        self.mechanism
    }

    /// The user is that of the StartupMessage.
    pub fn client_first(&self) -> String {
        let flag = match self.mechanism {
            PLUS => BINDING,
            _ if self.header.starts_with(b"y") => "y",
            _ => "n",
        };
        format!("{flag},,{}", self.client_first_bare())
    }

    fn client_first_bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }

    /// Takes server-first.
    pub fn challenge(self, server_first: &[u8]) -> Result<Challenge, Failed> {
        let text = text(server_first)?;
        let mut attributes = text.split(',');
        // also refuses `m=`, mandatory extensions
        let nonce = attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix("r="));
        let nonce = nonce.filter(|nonce| {
            nonce.len() <= LONGEST_NONCE && nonce.bytes().all(|byte| byte.is_ascii_graphic())
        });
        let nonce = nonce.ok_or(Failed::Malformed("no usable nonce"))?;
        if nonce.strip_prefix(&self.nonce).is_none_or(str::is_empty) {
            return Err(Failed::Malformed("the nonce is not an answer to ours"));
        }
        let salt = attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix("s="));
        let salt = salt
            .filter(|salt| salt.len() <= LONGEST_SALT)
            .and_then(|salt| BASE64.decode(salt).ok());
        let salt = salt
            .filter(|salt| !salt.is_empty())
            .ok_or(Failed::Malformed("no usable salt"))?;
        let iterations = attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix("i="));
        let iterations: u32 = iterations
            .and_then(|count| count.parse().ok())
            .ok_or(Failed::Malformed("no count of iterations"))?;
        let iterations = NonZeroU32::new(iterations)
            .filter(|count| ITERATIONS.contains(&count.get()))
            .ok_or(Failed::Iterations(iterations))?;
        Ok(Challenge {
            client_first_bare: self.client_first_bare(),
            header: self.header,
            nonce: nonce.to_owned(),
            server_first: text.to_owned(),
            salt,
            iterations,
        })
    }
}

impl Challenge {
    /// Yields client-final. Takes up to a tenth of a second: run it off the reactor.
    pub fn prove(self, password: &str) -> (String, Expected) {
        let prepared = stringprep::saslprep(password);
        // as in PostgreSQL: what cannot be prepared is taken as it is
        let password = prepared.as_deref().unwrap_or(password);
        let salted = Salted::of(password.as_bytes(), &self.salt, self.iterations);
        let without_proof = format!("c={},r={}", BASE64.encode(&self.header), self.nonce);
        let message = format!(
            "{},{},{without_proof}",
            self.client_first_bare, self.server_first
        );
        let client_key = salted.client_key();
        let signature = sign(&sha256(&client_key), message.as_bytes());
        let proof = BASE64.encode(exclusive_or(&client_key, &signature));
        let expected = Expected {
            signature: sign(&salted.server_key(), message.as_bytes()),
        };
        (format!("{without_proof},p={proof}"), expected)
    }
}

impl Expected {
    /// Takes server-final. Only after this may AuthenticationOk be believed.
    pub fn check(self, server_final: &[u8]) -> Result<(), Failed> {
        let text = text(server_final)?;
        if let Some(error) = text.strip_prefix("e=") {
            return Err(Failed::Refused(
                error
                    .chars()
                    .filter(|character| !character.is_control())
                    .take(63)
                    .collect(),
            ));
        }
        let verifier = text
            .strip_prefix("v=")
            .and_then(|verifier| verifier.split(',').next());
        let signature = verifier
            .and_then(|verifier| BASE64.decode(verifier).ok())
            .ok_or(Failed::Malformed("no signature"))?;
        constant_time::verify_slices_are_equal(&signature, &self.signature)
            .map_err(|_| Failed::Signature)
    }
}

const PLAIN: &str = "SCRAM-SHA-256";
const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// Fewer make a stolen exchange cheap to guess from, more keep our threads busy.
const ITERATIONS: RangeInclusive<u32> = 4096..=100_000;
const LONGEST_NONCE: usize = 512;
const LONGEST_SALT: usize = 1024;

fn text(message: &[u8]) -> Result<&str, Failed> {
    std::str::from_utf8(message).map_err(|_| Failed::Malformed("not UTF-8"))
}

#[cfg(test)]
mod tests {
    use gate::scram::{ITERATIONS as FEWEST, Opening, Server, Verifier};

    use super::*;

    const OFFERED: [&[u8]; 1] = [b"SCRAM-SHA-256"];
    const BOTH: [&[u8]; 2] = [b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"];
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";

    fn client() -> Client {
        Client::begin_with(OFFERED, None, NONCE.to_owned()).unwrap()
    }

    fn first(iterations: &str) -> String {
        format!("r={NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={iterations}")
    }

    #[test]
    fn agrees_with_our_server() {
        for (offered, end_point, plus) in [
            (&OFFERED[..], None, false),
            (&BOTH[..], None, false),
            (&BOTH[..], Some(&b"hash"[..]), true),
        ] {
            let client = Client::begin(offered.iter().copied(), end_point).unwrap();
            let salt = b"0123456789abcdef";
            let message = client.client_first();
            let opening = Opening {
                message: message.as_bytes(),
                plus,
                end_point,
            };
            let (server, server_first) = Server::first(&opening, salt, FEWEST).unwrap();
            let challenge = client.challenge(server_first.as_bytes()).unwrap();
            let (client_final, expected) = challenge.prove("pencil");
            let verifier = Verifier::of("pencil", salt, FEWEST);
            let (_, server_final) = server.last(client_final.as_bytes(), &[verifier]).unwrap();
            assert_eq!(expected.check(server_final.as_bytes()), Ok(()));
        }
    }

    #[test]
    fn chooses_binding_where_both_can() {
        let begin = |offered: &[&'static [u8]], end_point| {
            Client::begin(offered.iter().copied(), end_point).map(|client| client.client_first())
        };
        assert!(begin(&OFFERED, None).unwrap().starts_with("n,,n=,r="));
        assert!(begin(&OFFERED, Some(b"h")).unwrap().starts_with("y,,n=,r="));
        assert!(
            begin(&BOTH, Some(b"h"))
                .unwrap()
                .starts_with("p=tls-server-end-point,,n=,r=")
        );
        assert_eq!(begin(&[b"SCRAM-SHA-1"], None), Err(Failed::Mechanism));
        assert_eq!(
            begin(&[b"SCRAM-SHA-256-PLUS"], None),
            Err(Failed::Mechanism)
        );
    }

    #[test]
    fn refuses_absurd_challenges() {
        assert!(client().challenge(first("4096").as_bytes()).is_ok());
        for (iterations, error) in [
            ("4095", 4095),
            ("0", 0),
            ("100001", 100_001),
            ("4294967295", u32::MAX),
        ] {
            assert_eq!(
                client().challenge(first(iterations).as_bytes()).err(),
                Some(Failed::Iterations(error))
            );
        }
        let sound = first("4096");
        let bad = [
            first("4294967296"),
            first("-1"),
            sound.replace("r=rO", "r=RO"),
            format!("r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
            format!("m=x,{sound}"),
            sound.replace("s=W22Z", "s=***"),
            sound.replace("W22ZaJ0SNY7soEsUEjb6gQ==", ""),
            sound.replace("k0,", &format!("{},", "k".repeat(600))),
            String::new(),
        ];
        for bad in bad {
            assert!(client().challenge(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_server_must_prove_itself() {
        let expected = || {
            client()
                .challenge(first("4096").as_bytes())
                .unwrap()
                .prove("pencil")
                .1
        };
        assert_eq!(
            expected().check(b"e=other-error"),
            Err(Failed::Refused("other-error".to_owned()))
        );
        assert_eq!(
            expected().check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
            Err(Failed::Signature)
        );
        for bad in [&b""[..], b"v", b"v=", b"v=!!", b"x=6rri", b"\xff"] {
            assert!(expected().check(bad).is_err());
        }
    }
}
