//! The file of a tape: a head with the wrapped data key, then encrypted chunks of which the last says that it is.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::TapeKey;
use crate::error::Error;
use crate::id::SessionId;

/// Magic (8), session (16), nonce of the wrapping (12), wrapped data key (32 + 16).
pub(crate) const HEAD: usize = 84;
/// Before each chunk: length of the ciphertext (4), final flag (1).
pub(crate) const PREFIX: usize = 5;
/// A chunk is written when so much is gathered; it is at most that and one event.
pub(crate) const PLAIN: usize = 64 << 10;
/// The most bytes a chunk may hold when it is unpacked.
pub(crate) const UNPACKED: usize = PLAIN + super::EVENT + 1024;

const MAGIC: &[u8; 8] = b"CSTAPE01";
const LEVEL: i32 = 3;

/// The key of one tape, and how many chunks it has covered.
pub(crate) struct Cipher {
    key: LessSafeKey,
    session: SessionId,
    count: u64,
}

fn failed() -> Error {
    Error::Cryptography("a tape could not be encrypted")
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, key)
        .map(LessSafeKey::new)
        .map_err(|_| failed())
}

/// Binds the wrapped key to its session, so that no tape passes for another's.
fn about(session: SessionId) -> Aad<Vec<u8>> {
    Aad::from([&MAGIC[..], &session.0].concat())
}

impl Cipher {
    /// A new data key, and the head of the file that holds it wrapped.
    pub(crate) fn generate(key: &TapeKey, session: SessionId) -> Result<(Self, Vec<u8>), Error> {
        let mut data = Zeroizing::new([0; 32]);
        let mut nonce = [0; 12];
        aws_lc_rs::rand::fill(&mut *data).map_err(|_| failed())?;
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| failed())?;
        let mut wrapped = Zeroizing::new(data.to_vec());
        let outer = cipher(&key.0)?;
        outer
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                about(session),
                &mut *wrapped,
            )
            .map_err(|_| failed())?;
        let head = [&MAGIC[..], &session.0, &nonce, &wrapped].concat();
        Ok((
            Self {
                key: cipher(&data)?,
                session,
                count: 0,
            },
            head,
        ))
    }

    /// Unwraps the data key of a tape.
    pub(crate) fn open(
        key: &TapeKey,
        session: SessionId,
        head: &[u8; HEAD],
    ) -> Result<Self, Error> {
        let wrong =
            || Error::Tape("its head is not that of this session's tape, or the key is another");
        let (magic, rest) = head.split_at(8);
        let (name, rest) = rest.split_at(16);
        let (nonce, wrapped) = rest.split_at(12);
        if magic != MAGIC || name != session.0 {
            return Err(wrong());
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut wrapped = Zeroizing::new(wrapped.to_vec());
        let data = cipher(&key.0)?
            .open_in_place(nonce, about(session), &mut wrapped)
            .map_err(|_| wrong())?;
        let data: &[u8; 32] = data.first_chunk().ok_or_else(wrong)?;
        Ok(Self {
            key: cipher(data)?,
            session,
            count: 0,
        })
    }

    /// The data key serves one tape, so a counter is a nonce; the last byte tells the final chunk.
    fn nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        if let Some(number) = nonce.get_mut(3..11) {
            number.copy_from_slice(&self.count.to_be_bytes());
        }
        if let Some(flag) = nonce.last_mut() {
            *flag = u8::from(last);
        }
        self.count += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    /// One chunk as it lies in the file.
    pub(crate) fn seal(&mut self, plain: &[u8], last: bool) -> Result<Vec<u8>, Error> {
        let mut packed = zstd::bulk::compress(plain, LEVEL)
            .map_err(|_| Error::Tape("it could not be compressed"))?;
        let nonce = self.nonce(last);
        self.key
            .seal_in_place_append_tag(nonce, about(self.session), &mut packed)
            .map_err(|_| failed())?;
        let mut chunk = Vec::with_capacity(PREFIX + packed.len());
        chunk.extend_from_slice(&crate::field::length(packed.len()).to_be_bytes());
        chunk.push(u8::from(last));
        chunk.extend_from_slice(&packed);
        Ok(chunk)
    }

    /// The contents of a chunk.
    pub(crate) fn open_chunk(&mut self, mut packed: Vec<u8>, last: bool) -> Result<Vec<u8>, Error> {
        let nonce = self.nonce(last);
        let plain = self
            .key
            .open_in_place(nonce, about(self.session), &mut packed);
        let plain = plain.map_err(|_| Error::Tape("a chunk was changed"))?;
        zstd::bulk::decompress(plain, UNPACKED)
            .map_err(|_| Error::Tape("a chunk cannot be unpacked"))
    }
}
