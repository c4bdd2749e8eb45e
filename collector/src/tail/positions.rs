//! How far each file has been read, kept across restarts.
//!
//! A small JSON file, replaced as a whole: written beside, synced, renamed, the folder synced. A crash leaves
//! the old or the new one, never half of one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The positions cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PositionsError {
    /// The operating system refused.
    #[error("positions of log files in {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is there, but is not what was written.
    #[error("positions of log files in {path} are not readable: {detail}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

/// What names a file while it exists, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// How far a file has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Where it was last seen; what is not UTF-8 in it is replaced.
    pub(super) path: String,
    /// Bytes from the start that the sink has taken.
    pub(super) offset: u64,
    /// Its beginning, by which a new file under a reused inode is told from the old one.
    #[serde(default)]
    pub(super) head: Head,
}

/// A checksum over the first bytes of a file. Rotators copy and rename, but the beginning of a log stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// How many bytes.
    pub(super) len: u64,
    /// xxh3 of them.
    pub(super) hash: u64,
}

/// Files by what names them.
pub(super) type Positions = BTreeMap<FileId, Position>;

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    files: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    id: FileId,
    #[serde(flatten)]
    position: Position,
}

/// As [`load`], but a file that is not readable is set aside as `….corrupt` and all logs are read anew: lines twice
/// are better than none, and better than a server that does not start.
pub(super) fn load_or_set_aside(path: &Path) -> Result<Positions, PositionsError> {
    match load(path) {
        Err(corrupt @ PositionsError::Corrupt { .. }) => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".corrupt");
            tracing::warn!(error = %corrupt, "positions set aside, all log files are read anew");
            fs::rename(path, &aside).map_err(|source| PositionsError::Io {
                path: path.to_owned(),
                source,
            })?;
            Ok(Positions::new())
        }
        read => read,
    }
}

/// Reads the positions; a file that does not exist holds none.
pub(super) fn load(path: &Path) -> Result<Positions, PositionsError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Positions::new()),
        Err(source) => {
            return Err(PositionsError::Io {
                path: path.to_owned(),
                source,
            });
        }
    };
    let corrupt = |detail: String| PositionsError::Corrupt {
        path: path.to_owned(),
        detail,
    };
    let document: Document = serde_json::from_slice(&bytes).map_err(|e| corrupt(e.to_string()))?;
    if document.version != VERSION {
        return Err(corrupt(format!("version {} is not {VERSION}", document.version)));
    }
    Ok(document
        .files
        .into_iter()
        .map(|entry| (entry.id, entry.position))
        .collect())
}

/// Replaces the positions on disk. When this returns they survive a loss of power.
pub(super) fn store(path: &Path, positions: &Positions) -> Result<(), PositionsError> {
    let files = positions
        .iter()
        .map(|(id, position)| Entry {
            id: *id,
            position: position.clone(),
        })
        .collect();
    let io_error = |source| PositionsError::Io {
        path: path.to_owned(),
        source,
    };
    let text = serde_json::to_vec(&Document {
        version: VERSION,
        files,
    })
    .map_err(|e| io_error(io::Error::other(e)))?;
    replace(path, &text).map_err(io_error)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
