//! `masthead tsdb backup` and `restore`: copies of the series store, from disk to disk.

use std::path::{Component, Path, PathBuf};

use durable::{DirLock, RealFs};
use tsdb::backup::BackupReport;

use super::folder::{lock, metrics};
use super::list::human_bytes;
use crate::flags::tsdb_tool::Storage;

/// Backs up a snapshot, beside a server or not, or the folder of a server that does not run.
///
/// # Errors
/// There is no such store, a server runs on it, or a disk refuses.
pub(super) fn backup(storage: &Storage, snapshot: Option<&str>, to: &Path) -> Result<(), String> {
    let (from, _lock) = source(storage, snapshot)?;
    let report = tsdb::backup::backup(&RealFs, &from, to).map_err(|e| e.to_string())?;
    for damage in &report.damage {
        eprintln!("masthead: {damage}");
    }
    tell(&report, to);
    match report.damage.len() {
        0 => Ok(()),
        n => Err(format!("{n} damaged blocks are not in the backup")),
    }
}

/// Fills a data folder's place of the series from a backup or a snapshot.
///
/// # Errors
/// It is not empty, a server runs on it, the backup is not whole, or a disk refuses.
pub(super) fn restore(storage: &Storage, from: &Path) -> Result<(), String> {
    let _lock = lock(storage, "restore into an empty folder")?;
    let to = metrics(storage);
    let report = tsdb::backup::restore(&RealFs, from, &to).map_err(|e| e.to_string())?;
    tell(&report, &to);
    Ok(())
}

fn source(storage: &Storage, snapshot: Option<&str>) -> Result<(PathBuf, Option<DirLock>), String> {
    let dir = metrics(storage);
    // Before a lock makes a folder of what is perhaps mistyped.
    if !dir.is_dir() {
        return Err(format!("there are no metrics in {}", storage.path.display()));
    }
    let Some(name) = snapshot else {
        let lock = lock(storage, "take a snapshot and give --snapshot")?;
        return Ok((dir, Some(lock)));
    };
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) => Ok((dir.join("snapshots").join(name), None)),
        _ => Err(format!("{name:?} is no name of a snapshot")),
    }
}

fn tell(report: &BackupReport, to: &Path) {
    println!(
        "{}: {} blocks of {} copied, {} there already, {} removed",
        to.display(),
        report.blocks,
        human_bytes(report.bytes),
        report.kept,
        report.removed
    );
}
