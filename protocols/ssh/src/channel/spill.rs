//! What a channel's memory has no room for: an unlinked temporary file, encrypted with a key that only this value knows.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::Bytes;

/// Plain bytes that a place in the file holds at most: longer pieces take several places.
pub(crate) const PLACE: usize = 32 * 1024;
const TAG: usize = 16;

/// Places that all files of a listener may have together; cheap to clone.
#[derive(Clone)]
pub(crate) struct Disk(Arc<AtomicU64>);

impl Disk {
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Arc::new(AtomicU64::new((bytes / PLACE) as u64)))
    }

    fn take(&self) -> bool {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        taken.is_ok()
    }

    fn give_back(&self, places: u64) {
        self.0.fetch_add(places, Ordering::Relaxed);
    }
}

/// A file of places that are used again.
pub(crate) struct Spill {
    file: Arc<File>,
    key: Arc<LessSafeKey>,
    /// Each write has a nonce of its own.
    written: u64,
    free: Vec<u64>,
    places: u64,
    limit: u64,
    disk: Disk,
}

/// A file never shrinks: its places are free for others when it goes.
impl Drop for Spill {
    fn drop(&mut self) {
        self.disk.give_back(self.places);
    }
}

/// Where a piece lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spilled {
    place: u64,
    nonce: u64,
    length: usize,
}

/// A write or read that blocks: done on a thread of its own, away from the channel's state.
pub(crate) struct Job {
    file: Arc<File>,
    key: Arc<LessSafeKey>,
    at: Spilled,
}

impl Spill {
    pub(crate) fn create(limit: usize, disk: &Disk) -> io::Result<Self> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| failed())?;
        let key = UnboundKey::new(&AES_256_GCM, &secret).map_err(|_| failed())?;
        Ok(Self {
            file: Arc::new(unlinked()?),
            key: Arc::new(LessSafeKey::new(key)),
            written: 0,
            free: Vec::new(),
            places: 0,
            limit: (limit / PLACE) as u64,
            disk: disk.clone(),
        })
    }

    /// A place for a piece of at most `PLACE` bytes; `None` past the limit, or that of all files.
    pub(crate) fn reserve(&mut self, length: usize) -> Option<(Spilled, Job)> {
        if length > PLACE {
            return None;
        }
        let place = match self.free.pop() {
            Some(place) => place,
            None if self.places < self.limit && self.disk.take() => {
                self.places += 1;
                self.places - 1
            }
            None => return None,
        };
        self.written += 1;
        let at = Spilled {
            place,
            nonce: self.written,
            length,
        };
        Some((at, self.job(at)))
    }

    /// How full it is, of 1.
    pub(crate) fn filled(&self) -> f64 {
        let taken = self.places - self.free.len() as u64;
        taken as f64 / self.limit.max(1) as f64
    }

    /// Takes a piece out; its place is free from now on, once the job has read it.
    pub(crate) fn job(&self, at: Spilled) -> Job {
        Job {
            file: self.file.clone(),
            key: self.key.clone(),
            at,
        }
    }

    pub(crate) fn release(&mut self, at: Spilled) {
        self.free.push(at.place);
    }
}

impl Job {
    pub(crate) async fn write(self, bytes: Bytes) -> io::Result<()> {
        blocking(move || {
            let mut sealed = bytes.to_vec();
            let nonce = self.nonce();
            self.key
                .seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)
                .map_err(|_| failed())?;
            self.file.write_all_at(&sealed, self.offset())
        })
        .await
    }

    pub(crate) async fn read(self) -> io::Result<Bytes> {
        blocking(move || {
            let mut sealed = vec![0; self.at.length + TAG];
            self.file.read_exact_at(&mut sealed, self.offset())?;
            let nonce = self.nonce();
            self.key
                .open_in_place(nonce, Aad::empty(), &mut sealed)
                .map_err(|_| failed())?;
            sealed.truncate(self.at.length);
            Ok(sealed.into())
        })
        .await
    }

    fn offset(&self) -> u64 {
        self.at.place * (PLACE + TAG) as u64
    }

    fn nonce(&self) -> Nonce {
        let mut nonce = [0; 12];
        if let Some(low) = nonce.get_mut(4..) {
            low.copy_from_slice(&self.at.nonce.to_be_bytes());
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Gone from the folder before a byte is in it: nothing is left of it when the gateway dies.
fn unlinked() -> io::Result<File> {
    let mut name = [0; 16];
    aws_lc_rs::rand::fill(&mut name).map_err(|_| failed())?;
    let name = format!("countersign-spill-{:032x}", u128::from_be_bytes(name));
    let path = std::env::temp_dir().join(name);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(failed()),
    }
}

fn failed() -> io::Error {
    io::Error::other("the spill file failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_spilled_comes_back_and_its_places_are_used_again() {
        let mut spill = Spill::create(2 * PLACE, &Disk::of(9 * PLACE)).unwrap();
        let secret = Bytes::from_static(b"a very plain secret");
        let (at, write) = spill.reserve(secret.len()).unwrap();
        write.write(secret.clone()).await.unwrap();
        let (second, write) = spill.reserve(PLACE).unwrap();
        write.write(vec![7; PLACE].into()).await.unwrap();
        assert!(spill.reserve(1).is_none(), "it is full");

        let mut raw = vec![0; secret.len()];
        spill.file.read_exact_at(&mut raw, 0).unwrap();
        assert_ne!(raw, secret, "the file holds it in the clear");
        assert_eq!(spill.job(at).read().await.unwrap(), secret);
        spill.release(at);
        let (third, write) = spill.reserve(3).unwrap();
        write.write(Bytes::from_static(b"abc")).await.unwrap();
        assert_eq!(spill.job(third).read().await.unwrap(), "abc");
        assert_eq!(spill.job(second).read().await.unwrap(), vec![7; PLACE]);
    }

    #[test]
    fn all_files_have_a_limit_together() {
        let disk = Disk::of(3 * PLACE);
        let mut one = Spill::create(8 * PLACE, &disk).unwrap();
        let mut other = Spill::create(8 * PLACE, &disk).unwrap();
        assert!(one.reserve(1).is_some());
        let (at, _) = one.reserve(1).unwrap();
        assert!(other.reserve(1).is_some());
        assert!(other.reserve(1).is_none(), "it is full");
        // what was in a file already stays its own
        one.release(at);
        assert!(other.reserve(1).is_none());
        assert!(one.reserve(1).is_some());
        drop(one);
        assert!(other.reserve(1).is_some());
        assert!(other.reserve(1).is_some());
        assert!(other.reserve(1).is_none());
    }

    #[tokio::test]
    async fn a_changed_byte_is_an_error() {
        let mut spill = Spill::create(PLACE, &Disk::of(PLACE)).unwrap();
        let (at, write) = spill.reserve(4).unwrap();
        write.write(Bytes::from_static(b"root")).await.unwrap();
        spill.file.write_all_at(b"x", 0).unwrap();
        assert!(spill.job(at).read().await.is_err());
    }
}
