//! Where the log's bytes go: a real disk, or its twin that fails on command.

pub mod disk;
pub mod fault;

use std::io;
use std::path::Path;
use std::sync::Arc;

/// A folder on something that can fail, fill up or hang. Every call may block; none is made on the reactor.
pub trait Sink: Send + Sync + 'static {
    /// Makes a new file; one of that name is replaced.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn SinkFile>>;
    /// Gives a file its name for good: after this the entry of the folder survives a loss of power.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Sets space aside under this name, or fails with `StorageFull`.
    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()>;
    /// Removes a file; one that is not there is no error.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// A file that is only appended to.
pub trait SinkFile: Send + Sync {
    /// Appends some of the bytes and says how many.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Returns when all that was written would survive a loss of power.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file; the next write goes there.
    fn truncate(&self, length: u64) -> io::Result<()>;
}

/// Appends all of the bytes; a short write goes on where it stopped.
pub(crate) fn write_all(file: &dyn SinkFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
