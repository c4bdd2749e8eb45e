//! Copies of finished files: by a second name where the disk allows it, byte by byte where not.

use std::io::ErrorKind;
use std::path::Path;

use crate::{DurableError, Fs};

/// What is read and written at once.
const PIECE: u64 = 1 << 20;

/// Copies a file that nobody writes to; the copy is synced, its folder is not.
///
/// # Errors
/// The disk refused; a part of the copy may be there.
pub fn copy_file(fs: &dyn Fs, from: &Path, to: &Path) -> Result<(), DurableError> {
    let source = fs.open(from).map_err(|e| DurableError::io("open", from, e))?;
    let len = source.len().map_err(|e| DurableError::io("read", from, e))?;
    let mut file = fs.create(to).map_err(|e| DurableError::io("create", to, e))?;
    let mut buffer = Vec::new();
    let mut offset = 0;
    while offset < len {
        let piece = PIECE.min(len - offset);
        buffer.resize(usize::try_from(piece).unwrap_or(0), 0);
        source
            .read_exact_at(&mut buffer, offset)
            .map_err(|e| DurableError::io("read", from, e))?;
        file.write_all(&buffer)
            .map_err(|e| DurableError::io("write", to, e))?;
        offset += piece;
    }
    file.sync().map_err(|e| DurableError::io("sync", to, e))
}

/// Creates the folder `to` with all files of `from`, which nobody writes to: linked where both lie on one disk that has
/// links, else copied. Folders within are left out. The new folder is synced, the one it lies in is not.
///
/// # Errors
/// The disk refused; a part may be there.
pub fn link_dir(fs: &dyn Fs, from: &Path, to: &Path) -> Result<(), DurableError> {
    fs.create_dir_all(to)
        .map_err(|e| DurableError::io("create", to, e))?;
    let entries = fs.list(from).map_err(|e| DurableError::io("list", from, e))?;
    for entry in entries.iter().filter(|entry| !entry.is_dir) {
        let (old, new) = (from.join(&entry.name), to.join(&entry.name));
        match fs.hard_link(&old, &new) {
            Ok(()) => {}
            Err(e) if is_not_possible(e.kind()) => copy_file(fs, &old, &new)?,
            Err(e) => return Err(DurableError::io("link", &new, e)),
        }
    }
    fs.sync_dir(to).map_err(|e| DurableError::io("sync", to, e))
}

/// Whether links cannot be made here, whatever is tried: another disk, or a file system without them.
fn is_not_possible(kind: ErrorKind) -> bool {
    use ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(
        kind,
        CrossesDevices | Unsupported | PermissionDenied | TooManyLinks
    )
}

#[cfg(test)]
mod tests;
