//! A database as of one moment, in a folder of its own beside it: hard links, so it costs no room until blocks go.

use std::path::{Path, PathBuf};

use durable::{Fs, copy_file, link_dir, publish_dir};
use model::StoreError;

use super::Tsdb;
use crate::error::{from_durable, io};
use crate::tombstone;

/// The folder of snapshots within the data folder.
const SNAPSHOTS: &str = "snapshots";

/// The end of the name of one that is being made.
const TMP_SUFFIX: &str = ".tmp";

impl Tsdb {
    /// Makes a snapshot below `snapshots/NAME` and gives its path: all blocks, what is deleted of them, and metadata. It
    /// opens as a database of its own. What is in memory is flushed first, or left out with `skip_head`. Batches and
    /// queries go on meanwhile; what is acknowledged before the call is in it.
    ///
    /// # Errors
    /// The name is no name of a folder or taken, the log is still being replayed, or the disk refused; nothing of that
    /// name is there then.
    pub fn snapshot_to(&self, name: &str, skip_head: bool) -> Result<PathBuf, StoreError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(StoreError::Invalid(format!("{name:?} is no name for a snapshot")));
        }
        let dir = self.dir.join(SNAPSHOTS);
        let (tmp, path) = (dir.join(format!("{name}{TMP_SUFFIX}")), dir.join(name));
        // Blocks must not go while they are linked.
        let mut upkeep = self.maintenance.lock();
        if self.fs.exists(&path) {
            return Err(StoreError::Invalid(format!("there is a snapshot {name} already")));
        }
        self.forget_log(&mut upkeep)?;
        if !skip_head {
            self.flush_all(&mut upkeep)?;
        }
        let made = self.link_all(&tmp).and_then(|()| {
            publish_dir(&*self.fs, &tmp, &path).map_err(from_durable)?;
            self.fs.sync_dir(&self.dir).map_err(|e| io("sync", &self.dir, e))
        });
        if let Err(error) = made {
            for left in [&tmp, &path] {
                let _ = self.fs.remove_dir_all(left);
            }
            return Err(error);
        }
        Ok(path)
    }

    fn link_all(&self, tmp: &Path) -> Result<(), StoreError> {
        let fs = &*self.fs;
        remove(fs, tmp)?;
        let blocks_dir = tmp.join("blocks");
        fs.create_dir_all(&blocks_dir)
            .map_err(|e| io("create", &blocks_dir, e))?;
        let view = self.present.view();
        for block in view.blocks.iter() {
            let name = block.meta().dir_name();
            link_dir(fs, block.dir(), &blocks_dir.join(name)).map_err(from_durable)?;
        }
        fs.sync_dir(&blocks_dir).map_err(|e| io("sync", &blocks_dir, e))?;
        tombstone::save(fs, tmp, &view.tombstones)?;
        self.families.save()?;
        let metadata = self.dir.join("metadata");
        if fs.exists(&metadata) {
            copy_file(fs, &metadata, &tmp.join("metadata")).map_err(from_durable)?;
        }
        Ok(())
    }
}

/// Removes the snapshots that a crash left unfinished.
pub(super) fn remove_unfinished(fs: &dyn Fs, dir: &Path) -> Result<(), StoreError> {
    let dir = dir.join(SNAPSHOTS);
    if !fs.exists(&dir) {
        return Ok(());
    }
    let entries = fs.list(&dir).map_err(|e| io("list", &dir, e))?;
    for entry in entries.iter().filter(|e| e.name.ends_with(TMP_SUFFIX)) {
        remove(fs, &dir.join(&entry.name))?;
    }
    Ok(())
}

fn remove(fs: &dyn Fs, dir: &Path) -> Result<(), StoreError> {
    match fs.exists(dir) {
        true => fs.remove_dir_all(dir).map_err(|e| io("remove", dir, e)),
        false => Ok(()),
    }
}
