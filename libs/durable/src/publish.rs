//! All or nothing: a file or folder appears under its name whole and synced, or not at all.

use std::path::{Path, PathBuf};

use crate::{DurableError, Fs};

/// Writes `bytes` to `path` so that after a crash the old or the new content is there, never a mixture.
///
/// # Errors
/// The disk refused; the old content stands.
pub fn publish_file(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    let tmp = with_suffix(path, ".tmp");
    let mut file = fs.create(&tmp).map_err(|e| DurableError::io("create", &tmp, e))?;
    file.write_all(bytes)
        .map_err(|e| DurableError::io("write", &tmp, e))?;
    file.sync().map_err(|e| DurableError::io("sync", &tmp, e))?;
    drop(file);
    rename_synced(fs, &tmp, path)
}

/// Gives a finished folder its final name. Its files must be synced already; the folder itself is synced here.
///
/// # Errors
/// The disk refused; nothing bears the final name.
pub fn publish_dir(fs: &dyn Fs, tmp: &Path, path: &Path) -> Result<(), DurableError> {
    fs.sync_dir(tmp).map_err(|e| DurableError::io("sync", tmp, e))?;
    rename_synced(fs, tmp, path)
}

fn rename_synced(fs: &dyn Fs, from: &Path, to: &Path) -> Result<(), DurableError> {
    fs.rename(from, to)
        .map_err(|e| DurableError::io("rename", to, e))?;
    match to.parent() {
        Some(dir) => fs.sync_dir(dir).map_err(|e| DurableError::io("sync", dir, e)),
        None => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
