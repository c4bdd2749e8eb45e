//! What several targets share.

use std::path::Path;

use durable::{Fs, MemoryFs};

/// Pieces of an input, each behind its length in two bytes; the last one may be cut short.
pub fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_first_chunk::<2>()?;
        let len = usize::from(u16::from_le_bytes(*len)).min(rest.len());
        let (piece, rest) = rest.split_at(len);
        bytes = rest;
        Some(piece)
    })
}

/// Writes a file, and the folder it lies in.
pub fn put(fs: &MemoryFs, path: impl AsRef<Path>, bytes: &[u8]) {
    let path = path.as_ref();
    let parent = path.parent().expect("a file lies in a folder");
    fs.create_dir_all(parent).expect("memory does not fail");
    let mut file = fs.create(path).expect("memory does not fail");
    file.write_all(bytes).expect("memory does not fail");
}

#[cfg(feature = "tsdb")]
pub mod blocks;
