//! The way for fuzz targets into what is private otherwise. Compiled by cargo-fuzz only.

use std::path::Path;

use durable::Fs;

/// Reads and writes back the tombstones of a data folder.
pub fn tombstones(fs: &dyn Fs, dir: &Path) {
    if let Ok(found) = crate::tombstone::load(fs, dir) {
        crate::tombstone::save(fs, dir, &found).expect("memory does not fail");
        let again = crate::tombstone::load(fs, dir).expect("what was written reads");
        assert_eq!(again, found);
    }
}
