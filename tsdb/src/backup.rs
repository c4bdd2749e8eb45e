//! Copies of a store that nobody writes to (a snapshot, or the folder of a server that is stopped), and back.
//!
//! A backup is a folder that opens as a store. Blocks are immutable, so a later backup into the same folder takes only
//! those that are new, removes those that are gone, and copies the little rest again: the log, deletions, metadata. While
//! that is under way a file `incomplete` lies in the folder, and nothing is restored from it.

use std::path::{Path, PathBuf};

use durable::{DirEntry, Fs, copy_file, link_dir, publish_dir};
use model::StoreError;

use crate::block::TMP_SUFFIX;
use crate::error::{from_durable, io};
use crate::inspect::Inspection;

const BLOCKS: &str = "blocks";

/// The file that says that a backup is not finished.
const INCOMPLETE: &str = "incomplete";

/// What belongs to a server and not to the data.
const NOT_COPIED: [&str; 2] = [BLOCKS, "snapshots"];

/// Files within the folders of a store lie no deeper.
const MAX_DEPTH: usize = 4;

/// What a backup or a restoration did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Blocks copied or linked.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blocks that were there already.
    pub kept: u64,
    /// Blocks removed, for the store has them no longer.
    pub removed: u64,
    /// Blocks that do not check out at first sight and are not in the copy, a sentence each.
    pub damage: Vec<String>,
}

/// Brings the folder `to`, made if absent, to what the store in `from` is. Blocks are linked where both lie on one disk,
/// else copied; all else is copied. The caller sees to it that nobody writes to the store.
///
/// # Errors
/// There is no store in `from`, `to` is something else than a backup, or the disk refused: the backup is incomplete until
/// another call succeeds.
pub fn backup(fs: &dyn Fs, from: &Path, to: &Path) -> Result<BackupReport, StoreError> {
    let inspection = Inspection::open(fs, from)?;
    let blocks_dir = to.join(BLOCKS);
    if fs.exists(to) && !is_empty(fs, to)? && !fs.exists(&blocks_dir) {
        let why = format!("{} holds something that is no backup", to.display());
        return Err(StoreError::Invalid(why));
    }
    create(fs, &blocks_dir)?;
    let mark = to.join(INCOMPLETE);
    durable::publish_file(fs, &mark, &[]).map_err(from_durable)?;
    let mut report = BackupReport {
        damage: inspection.damage.clone(),
        ..BackupReport::default()
    };
    let mut wanted = Vec::new();
    for block in &inspection.blocks {
        let name = block.meta().dir_name();
        let place = blocks_dir.join(&name);
        if is_same(fs, block.dir(), &place)? {
            report.kept += 1;
        } else {
            remove(fs, &place)?;
            let tmp = blocks_dir.join(format!("{name}{TMP_SUFFIX}"));
            remove(fs, &tmp)?;
            link_dir(fs, block.dir(), &tmp).map_err(from_durable)?;
            publish_dir(fs, &tmp, &place).map_err(from_durable)?;
            report.blocks += 1;
            report.bytes += block.meta().bytes;
        }
        wanted.push(name);
    }
    for entry in list(fs, &blocks_dir)? {
        if !wanted.contains(&entry.name) {
            remove(fs, &blocks_dir.join(&entry.name))?;
            report.removed += u64::from(!entry.name.ends_with(TMP_SUFFIX));
        }
    }
    copy_rest(fs, from, to)?;
    for dir in [&blocks_dir, to] {
        fs.sync_dir(dir).map_err(|e| io("sync", dir, e))?;
    }
    fs.remove_file(&mark).map_err(|e| io("remove", &mark, e))?;
    fs.sync_dir(to).map_err(|e| io("sync", to, e))?;
    Ok(report)
}

/// Copies the backup or snapshot in `from` to the folder `to`, which is absent or empty, all or nothing.
///
/// # Errors
/// There is no complete store in `from`, one of its blocks does not check out, `to` holds something, or the disk refused.
pub fn restore(fs: &dyn Fs, from: &Path, to: &Path) -> Result<BackupReport, StoreError> {
    let refused = |why: String| Err(StoreError::Invalid(why));
    if fs.exists(to) && !is_empty(fs, to)? {
        return refused(format!("{} is not empty", to.display()));
    }
    if fs.exists(&from.join(INCOMPLETE)) {
        return refused(format!("the backup in {} is not complete", from.display()));
    }
    let inspection = Inspection::open(fs, from)?;
    if let Some(damage) = inspection.damage.first() {
        return refused(format!("the backup is damaged: {damage}"));
    }
    let mut name = to.as_os_str().to_owned();
    name.push(TMP_SUFFIX);
    let tmp = PathBuf::from(name);
    remove(fs, &tmp)?;
    create(fs, &tmp.join(BLOCKS))?;
    let mut report = BackupReport::default();
    for block in &inspection.blocks {
        let place = tmp.join(BLOCKS).join(block.meta().dir_name());
        // Never linked: what happens to the store from now on must not happen to the backup.
        copy_dir(fs, block.dir(), &place, MAX_DEPTH)?;
        report.blocks += 1;
        report.bytes += block.meta().bytes;
    }
    copy_rest(fs, from, &tmp)?;
    let blocks_dir = tmp.join(BLOCKS);
    fs.sync_dir(&blocks_dir).map_err(|e| io("sync", &blocks_dir, e))?;
    remove(fs, to)?;
    publish_dir(fs, &tmp, to).map_err(from_durable)?;
    Ok(report)
}

/// Makes everything but the blocks in `to` what it is in `from`.
fn copy_rest(fs: &dyn Fs, from: &Path, to: &Path) -> Result<(), StoreError> {
    let belongs = |e: &DirEntry| {
        !NOT_COPIED.contains(&e.name.as_str()) && e.name != INCOMPLETE && !e.name.ends_with(TMP_SUFFIX)
    };
    for entry in list(fs, to)?.iter().filter(|e| belongs(e)) {
        remove(fs, &to.join(&entry.name))?;
    }
    for entry in list(fs, from)?.iter().filter(|e| belongs(e)) {
        let (old, new) = (from.join(&entry.name), to.join(&entry.name));
        match entry.is_dir {
            true => copy_dir(fs, &old, &new, MAX_DEPTH)?,
            false => copy_file(fs, &old, &new).map_err(from_durable)?,
        }
    }
    Ok(())
}

fn copy_dir(fs: &dyn Fs, from: &Path, to: &Path, depth: usize) -> Result<(), StoreError> {
    create(fs, to)?;
    for entry in list(fs, from)? {
        let (old, new) = (from.join(&entry.name), to.join(&entry.name));
        match entry.is_dir {
            false => copy_file(fs, &old, &new).map_err(from_durable)?,
            true if depth > 0 => copy_dir(fs, &old, &new, depth - 1)?,
            true => {
                let why = format!("{} lies too deep for a store", old.display());
                return Err(StoreError::Invalid(why));
            }
        }
    }
    fs.sync_dir(to).map_err(|e| io("sync", to, e))
}

/// Whether a block is there already: the same files of the same lengths, and the same bytes of the smallest, `meta`, which
/// has a checksum and says where everything lies in the others.
fn is_same(fs: &dyn Fs, block: &Path, place: &Path) -> Result<bool, StoreError> {
    if !fs.exists(place) {
        return Ok(false);
    }
    let entries = list(fs, block)?;
    if entries != list(fs, place)? {
        return Ok(false);
    }
    let meta = |dir: &Path| {
        let path = dir.join("meta");
        fs.read(&path).map_err(|e| io("read", &path, e))
    };
    Ok(meta(block)? == meta(place)?)
}

fn is_empty(fs: &dyn Fs, dir: &Path) -> Result<bool, StoreError> {
    Ok(list(fs, dir)?.is_empty())
}

fn list(fs: &dyn Fs, dir: &Path) -> Result<Vec<DirEntry>, StoreError> {
    fs.list(dir).map_err(|e| io("list", dir, e))
}

fn create(fs: &dyn Fs, dir: &Path) -> Result<(), StoreError> {
    fs.create_dir_all(dir).map_err(|e| io("create", dir, e))
}

fn remove(fs: &dyn Fs, path: &Path) -> Result<(), StoreError> {
    if !fs.exists(path) {
        return Ok(());
    }
    // A folder or a file: only listing tells.
    match fs.list(path) {
        Ok(_) => fs.remove_dir_all(path),
        Err(_) => fs.remove_file(path),
    }
    .map_err(|e| io("remove", path, e))
}

#[cfg(test)]
mod tests;
