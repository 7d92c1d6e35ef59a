//! The keys: Ed25519 that signs checkpoints, and what verifies them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::seal::sha256;

/// The key that signs checkpoints. Shows nothing of itself.
pub struct Key {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// What proves a checkpoint: 32 bytes, in files as `BEGIN PUBLIC KEY` (`openssl pkey -pubin` reads it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

/// The DER before the 32 bytes of an Ed25519 public key (RFC 8410).
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

impl Key {
    /// Makes a new key and writes it, PKCS#8 in PEM, mode 0600; the file must not exist.
    pub fn generate(path: &Path) -> Result<Self, Error> {
        let pair =
            Ed25519KeyPair::generate().map_err(|_| Error::Cryptography("no key could be made"))?;
        let document = pair
            .to_pkcs8v1()
            .map_err(|_| Error::Cryptography("a key could not be encoded"))?;
        write_secret(path, pem(PRIVATE, document.as_ref()).as_bytes())?;
        Ok(Self::new(pair))
    }

    /// Reads a key: PKCS#8 in PEM or DER, or the bare 32 bytes of its seed. Nobody else may read the file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let wrong = |reason| Error::Key {
            path: path.to_owned(),
            reason,
        };
        let bytes = read_secret(path)?;
        let pair = match std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| unpem(PRIVATE, text))
        {
            Some(document) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document),
            None if bytes.len() == 32 => Ed25519KeyPair::from_seed_unchecked(&bytes),
            None => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes),
        };
        pair.map(Self::new).map_err(|_| wrong("not an Ed25519 key"))
    }

    fn new(pair: Ed25519KeyPair) -> Self {
        let mut public = [0; 32];
        // an Ed25519 public key is always 32 bytes
        if let Some(bytes) = pair.public_key().as_ref().first_chunk() {
            public = *bytes;
        }
        Self {
            pair,
            public: PublicKey(public),
        }
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A secret of the same gateway for another purpose: nobody without the key can tell it.
    pub fn derive(&self, purpose: &str) -> [u8; 64] {
        self.sign(format!("countersign derive/1\n{purpose}").as_bytes())
    }

    pub(crate) fn sign(&self, statement: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        if let Some(bytes) = self.pair.sign(statement).as_ref().first_chunk() {
            signature = *bytes;
        }
        signature
    }
}

impl PublicKey {
    /// Reads `BEGIN PUBLIC KEY`.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let wrong = || Error::Key {
            path: path.to_owned(),
            reason: "not an Ed25519 public key",
        };
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        let document = unpem(PUBLIC, &text).ok_or_else(wrong)?;
        let bytes = document.strip_prefix(&SPKI).ok_or_else(wrong)?;
        bytes.try_into().map(Self).map_err(|_| wrong())
    }

    /// Writes `BEGIN PUBLIC KEY`.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        fs::write(path, self.to_pem()).map_err(Error::io(path))
    }

    pub fn to_pem(&self) -> String {
        pem(PUBLIC, &[&SPKI[..], &self.0].concat()).to_string()
    }

    /// The first 8 bytes of the SHA-256 of the 32 bytes.
    pub fn id(&self) -> [u8; 8] {
        let mut id = [0; 8];
        if let Some(head) = sha256(&self.0).first_chunk() {
            id = *head;
        }
        id
    }

    pub(crate) fn verifies(&self, statement: &[u8], signature: &[u8; 64]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(statement, signature)
            .is_ok()
    }
}

/// Writes a file that only its owner reads; it must not exist.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io(path))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(Error::io(path))
}

/// Reads a file that nobody but its owner may read.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let about = fs::metadata(path).map_err(Error::io(path))?;
    if about.permissions().mode() & 0o077 != 0 {
        return Err(Error::Key {
            path: path.to_owned(),
            reason: "others may read it; its mode must be 0600",
        });
    }
    fs::read(path).map(Zeroizing::new).map_err(Error::io(path))
}

fn pem(label: &str, document: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(document));
    let mut text = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

fn unpem(label: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body = text
        .trim()
        .strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let body = body.strip_suffix(&format!("-----END {label}-----"))?;
    let body: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new)
}
