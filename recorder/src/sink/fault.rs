//! The disk's twin for tests: full, failing, short, hanging, or without power, on command and without root.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::disk::Disk;
use super::{Sink, SinkFile};

/// What the disk does wrong from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    #[default]
    None,
    /// This many more bytes fit; then `StorageFull`, after a short write. A removed file gives its bytes back.
    Full { left: u64 },
    /// Every write fails with EIO after so many bytes of it were written.
    WriteFails { after: usize },
    /// Syncs fail with EIO.
    SyncFails,
    /// At most so many bytes a write.
    Short { most: usize },
    /// Writes wait until another fault is set.
    WriteHangs,
    /// Syncs wait until another fault is set.
    SyncHangs,
    /// Nothing works: the power is off.
    Off,
}

/// A disk with a fault; clones share it.
#[derive(Clone, Default)]
pub struct Faulty(Arc<Twin>);

#[derive(Default)]
struct Twin {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    fault: Fault,
    files: Vec<Extent>,
    /// Calls that wait for the fault to go.
    waiting: usize,
}

impl State {
    /// The file of this name is another one from now on.
    fn forget(&mut self, path: &Path) {
        for extent in self.files.iter_mut().filter(|extent| extent.path == path) {
            extent.path.clear();
        }
    }
}

/// How long a file is, and how much of it would survive a loss of power.
struct Extent {
    path: PathBuf,
    length: u64,
    synced: u64,
}

impl Faulty {
    /// Changes the fault and wakes what hangs.
    pub fn set(&self, fault: Fault) {
        self.lock().fault = fault;
        self.0.changed.notify_all();
    }

    /// Returns when a call hangs in the disk.
    pub fn wait_until_hanging(&self) {
        let mut state = self.lock();
        while state.waiting == 0 {
            state = self
                .0
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes the power away: what was not synced is lost, but for the first `torn` bytes of it in each file.
    pub fn cut_power(&self, torn: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.fault = Fault::Off;
        for extent in &state.files {
            let length = extent.length.min(extent.synced.saturating_add(torn));
            match OpenOptions::new().write(true).open(&extent.path) {
                Ok(file) => file.set_len(length)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        drop(state);
        self.0.changed.notify_all();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the disk hangs as `hang` says, then gives the state to act on.
    fn pass(&self, hang: Fault) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        state.waiting += 1;
        while state.fault == hang {
            self.0.changed.notify_all();
            state = self
                .0
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
        if state.fault == Fault::Off {
            Err(eio())
        } else {
            Ok(state)
        }
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())
}

fn enospc() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error())
}

impl Sink for Faulty {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn SinkFile>> {
        let mut state = self.pass(Fault::WriteHangs)?;
        if matches!(state.fault, Fault::WriteFails { .. }) {
            return Err(eio());
        }
        let file = Disk.create(path)?;
        state.forget(path);
        let number = state.files.len();
        state.files.push(Extent {
            path: path.to_owned(),
            length: 0,
            synced: 0,
        });
        Ok(Arc::new(FaultyFile {
            disk: self.clone(),
            number,
            file,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.pass(Fault::WriteHangs)?;
        Disk.rename(from, to)?;
        state.forget(to);
        for extent in state.files.iter_mut().filter(|extent| extent.path == from) {
            extent.path = to.to_owned();
        }
        Ok(())
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut state = self.pass(Fault::WriteHangs)?;
        if fs::metadata(path).is_ok_and(|about| about.len() >= bytes) {
            return Ok(());
        }
        if let Fault::Full { left } = &mut state.fault {
            *left = left.checked_sub(bytes).ok_or_else(enospc)?;
        }
        Disk.reserve(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.pass(Fault::WriteHangs)?;
        let length = fs::metadata(path).map_or(0, |about| about.len());
        if let Fault::Full { left } = &mut state.fault {
            *left += length;
        }
        Disk.remove(path)
    }
}

struct FaultyFile {
    disk: Faulty,
    /// Its place in `State::files`.
    number: usize,
    file: Arc<dyn SinkFile>,
}

impl FaultyFile {
    fn append(&self, state: &mut State, bytes: &[u8]) -> io::Result<usize> {
        super::write_all(&*self.file, bytes)?;
        if let Some(extent) = state.files.get_mut(self.number) {
            extent.length += bytes.len() as u64;
        }
        Ok(bytes.len())
    }
}

impl SinkFile for FaultyFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.pass(Fault::WriteHangs)?;
        match &mut state.fault {
            Fault::Full { left } => {
                let fits = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left -= fits as u64;
                if fits == 0 {
                    return Err(enospc());
                }
                self.append(&mut state, bytes.get(..fits).unwrap_or_default())
            }
            Fault::WriteFails { after } => {
                let after = *after;
                self.append(&mut state, bytes.get(..after).unwrap_or(bytes))?;
                Err(eio())
            }
            Fault::Short { most } => {
                let most = *most;
                self.append(&mut state, bytes.get(..most).unwrap_or(bytes))
            }
            Fault::None | Fault::SyncFails | Fault::SyncHangs | Fault::WriteHangs | Fault::Off => {
                self.append(&mut state, bytes)
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        // what is written while the sync runs is not promised
        let length = self
            .disk
            .lock()
            .files
            .get(self.number)
            .map_or(0, |extent| extent.length);
        let mut state = self.disk.pass(Fault::SyncHangs)?;
        if state.fault == Fault::SyncFails {
            return Err(eio());
        }
        if let Some(extent) = state.files.get_mut(self.number) {
            extent.synced = extent.synced.max(length.min(extent.length));
        }
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.pass(Fault::WriteHangs)?;
        self.file.truncate(length)?;
        if let Some(extent) = state.files.get_mut(self.number) {
            extent.length = extent.length.min(length);
            extent.synced = extent.synced.min(length);
        }
        Ok(())
    }
}
