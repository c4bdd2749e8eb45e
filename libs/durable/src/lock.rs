//! One process a data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::DurableError;

/// Holds a data folder against other processes until dropped or until the process dies.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the folder (created if absent) by an advisory lock on its file `lock`.
    ///
    /// # Errors
    /// Another process holds it, or the disk refused.
    pub fn acquire(dir: &Path) -> Result<DirLock, DurableError> {
        std::fs::create_dir_all(dir).map_err(|e| DurableError::io("create", dir, e))?;
        let path = dir.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| DurableError::io("open", &path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(DirLock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                let busy =
                    std::io::Error::new(std::io::ErrorKind::AddrInUse, "another process uses this folder");
                Err(DurableError::io("lock", &path, busy))
            }
            Err(TryLockError::Error(e)) => Err(DurableError::io("lock", &path, e)),
        }
    }
}
