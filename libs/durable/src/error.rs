//! What can go wrong with bytes on disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why bytes could not be kept or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DurableError {
    /// The operating system refused; nothing was half done.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried: `open`, `write`, `sync`, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: Arc<io::Error>,
    },
    /// An fsync failed earlier. What the disk holds is unknown from there on, so nothing is written any more;
    /// reading goes on.
    #[error("not written since an earlier failure: {0}")]
    Poisoned(Arc<str>),
    /// A record is larger than any reader would accept.
    #[error("record of {len} bytes exceeds the limit of {limit}")]
    TooLarge {
        /// Its size.
        len: usize,
        /// The bound.
        limit: usize,
    },
}

impl DurableError {
    /// Wraps an operating system error with what was tried on what.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        DurableError::Io {
            action,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    /// Whether the disk is full: space freed, the same call can succeed.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, DurableError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}
