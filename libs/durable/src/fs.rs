//! The file system, as narrow as the stores need it.

mod faulty;
mod memory;
mod real;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use faulty::FaultyFs;
pub use memory::MemoryFs;
pub use real::RealFs;

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The last part of the path.
    pub name: String,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Bytes, 0 for a folder.
    pub len: u64,
}

/// A file open for writing at its end.
pub trait WriteFile: Send {
    /// Appends all of `bytes`. When this returns they survive a kill of the process, not yet a loss of power.
    ///
    /// # Errors
    /// The disk refused; a part of `bytes` may be in the file.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until everything written survives a loss of power.
    ///
    /// # Errors
    /// The disk failed; what it holds is unknown.
    fn sync(&mut self) -> io::Result<()>;

    /// A second hold on the file, by which one thread can sync while another writes on.
    ///
    /// # Errors
    /// The operating system gives no more handles.
    fn syncer(&self) -> io::Result<Box<dyn SyncFile>>;
}

/// A hold on a file that can do nothing but wait for the disk.
pub trait SyncFile: Send + Sync {
    /// Waits until everything written before the call survives a loss of power.
    ///
    /// # Errors
    /// The disk failed; what it holds is unknown.
    fn sync(&self) -> io::Result<()>;
}

/// A file open for reading at any offset, from several threads at once.
pub trait ReadFile: Send + Sync {
    /// Fills `buf` from `offset` on.
    ///
    /// # Errors
    /// The disk failed, or the file ends before `buf` is full (`UnexpectedEof`).
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// The disk failed.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file holds nothing.
    ///
    /// # Errors
    /// The disk failed.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }
}

/// A file system. Paths are whole; every error is the operating system's.
#[allow(clippy::missing_errors_doc)] // each fails as its POSIX namesake does
pub trait Fs: Send + Sync {
    /// Creates a file, or empties it.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Opens a file to go on at its end; creates it if absent.
    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Opens a file to read.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>>;
    /// Reads a whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }
    /// Cuts a file to `len` bytes and syncs it.
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()>;
    /// Renames a file or folder over whatever bears the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name in a folder that is there, on the same disk; nothing may bear that name yet. Content and
    /// space are shared, so neither name's file may be written to any more.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with all it holds.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Creates a folder and its parents; an existing one is fine.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// What a folder holds, sorted by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    /// Waits until creations, renames and removals in a folder survive a loss of power.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Whether there is a file or folder.
    fn exists(&self, path: &Path) -> bool;
}
