//! A log that many threads write at once: each enqueues its records, one writes for all.
//!
//! [`GroupLog::enqueue`] copies a record into memory under a short lock and gives the position behind it;
//! [`GroupLog::commit`] waits until everything up to a position is written, so that it survives a kill of the process.
//! Whoever comes first writes what all have enqueued in one call; the others find theirs written. [`GroupLog::sync`]
//! waits for the disk and holds up neither. Cost: a copy and a checksum a record, one `write` a group.
//!
//! A log is one *generation* of an owner's changes, in files `generation-segment.log`. It is only written by the
//! process that began it: after a failure, or once its content is elsewhere, the owner begins the next generation and
//! removes the old one. Format: docs/format/log.md.

mod read;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

pub use read::{Generation, generations};

use crate::frame;
use crate::log::{LogOptions, MAGIC};
use crate::{DurableError, Fs, SyncFile, WriteFile};

/// Buffers that a large group has blown up beyond this are given back.
const KEPT_BUFFER: usize = 1 << 20;

/// The system has no more file handles.
const ENFILE: i32 = 23;
/// The process has no more file handles.
const EMFILE: i32 = 24;

/// One generation of a log, open for writing. Share it behind an `Arc`.
pub struct GroupLog {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    generation: u64,
    options: LogOptions,
    queue: Mutex<Queue>,
    disk: Mutex<Disk>,
    /// All records up to here are written. Changed under `disk` only.
    written: AtomicU64,
    /// All records up to here survive a loss of power. Held while the disk is waited for.
    synced: Mutex<u64>,
}

/// What waits to be written.
#[derive(Default)]
struct Queue {
    pending: Vec<u8>,
    /// The position behind the last record.
    enqueued: u64,
    failed: Option<DurableError>,
}

/// The file being written.
struct Disk {
    file: Box<dyn WriteFile>,
    segment: u64,
    segment_len: u64,
    /// Closed segments whose bytes may not have reached the disk.
    unsynced: Vec<Box<dyn SyncFile>>,
    /// Whether a file was created since the folder was last synced.
    new_name: bool,
    spare: Vec<u8>,
}

impl GroupLog {
    /// Begins `generation` in `dir`, which must exist. A file of that name is emptied.
    ///
    /// # Errors
    /// The disk refused.
    pub fn begin(
        fs: Arc<dyn Fs>,
        dir: &Path,
        generation: u64,
        options: LogOptions,
    ) -> Result<GroupLog, DurableError> {
        let file = open_segment(&*fs, &segment_path(dir, generation, 1))?;
        let disk = Disk {
            file,
            segment: 1,
            segment_len: MAGIC.len() as u64,
            unsynced: Vec::new(),
            new_name: true,
            spare: Vec::new(),
        };
        Ok(GroupLog {
            fs,
            dir: dir.to_owned(),
            generation,
            options,
            queue: Mutex::default(),
            disk: Mutex::new(disk),
            written: AtomicU64::new(0),
            synced: Mutex::new(0),
        })
    }

    /// Puts a record behind all others and gives the position behind it. Never fails: of a log that takes no more,
    /// [`commit`](Self::commit) says so.
    pub fn enqueue(&self, kind: u8, payload: &[u8]) -> u64 {
        let mut queue = self.queue.lock();
        queue.enqueued += (frame::HEADER_LEN + payload.len()) as u64;
        if payload.len() > frame::MAX_PAYLOAD {
            queue.fail(DurableError::TooLarge {
                len: payload.len(),
                limit: frame::MAX_PAYLOAD,
            });
        } else if queue.failed.is_none() {
            frame::encode(kind, payload, &mut queue.pending);
        }
        queue.enqueued
    }

    /// The position behind everything enqueued so far.
    pub fn enqueued(&self) -> u64 {
        self.queue.lock().enqueued
    }

    /// Waits until everything up to `position` is written.
    ///
    /// # Errors
    /// The disk refused: this log takes no more, and what of the records not committed is in it is not known.
    pub fn commit(&self, position: u64) -> Result<(), DurableError> {
        if self.written.load(Ordering::Acquire) >= position {
            return Ok(());
        }
        let mut disk = self.disk.lock();
        if self.written.load(Ordering::Acquire) >= position {
            return Ok(());
        }
        let mut group = std::mem::take(&mut disk.spare);
        let until = {
            let mut queue = self.queue.lock();
            queue.check()?;
            std::mem::swap(&mut group, &mut queue.pending);
            queue.enqueued
        };
        if let Err(error) = self.write(&mut disk, &group) {
            self.queue.lock().fail(error.clone());
            return Err(error);
        }
        if group.capacity() <= KEPT_BUFFER {
            group.clear();
            disk.spare = group;
        }
        self.written.store(until, Ordering::Release);
        Ok(())
    }

    fn write(&self, disk: &mut Disk, group: &[u8]) -> Result<(), DurableError> {
        if disk.segment_len >= self.options.segment_bytes {
            self.rotate(disk)?;
        }
        if let Err(error) = disk.file.write_all(group) {
            let path = segment_path(&self.dir, self.generation, disk.segment);
            // Half a group at the end is what a reader expects of a torn write; without it there is nothing to tell.
            let _ = self.fs.truncate(&path, disk.segment_len);
            return Err(DurableError::io("write", &path, error));
        }
        disk.segment_len += group.len() as u64;
        Ok(())
    }

    fn rotate(&self, disk: &mut Disk) -> Result<(), DurableError> {
        let path = segment_path(&self.dir, self.generation, disk.segment);
        let closed = disk
            .file
            .syncer()
            .map_err(|e| DurableError::io("open", &path, e))?;
        let next = segment_path(&self.dir, self.generation, disk.segment + 1);
        disk.file = open_segment(&*self.fs, &next)?;
        disk.unsynced.push(closed);
        disk.new_name = true;
        disk.segment += 1;
        disk.segment_len = MAGIC.len() as u64;
        Ok(())
    }

    /// Waits until everything committed survives a loss of power. Others enqueue and commit meanwhile. That a write
    /// failed since is no hindrance.
    ///
    /// # Errors
    /// The disk failed, now or earlier: what it holds is unknown from there on, and this log takes no more. Or the
    /// process is out of file handles: the same call can succeed later.
    pub fn sync(&self) -> Result<(), DurableError> {
        let mut synced = self.synced.lock();
        if let Err(error @ DurableError::Poisoned(_)) = self.check() {
            return Err(error);
        }
        let (files, new_name, until) = {
            let mut disk = self.disk.lock();
            let until = self.written.load(Ordering::Acquire);
            if until <= *synced {
                return Ok(());
            }
            let path = segment_path(&self.dir, self.generation, disk.segment);
            // Nothing is asked of the disk yet: that there are no handles to be had says nothing of what it holds.
            let current = disk
                .file
                .syncer()
                .map_err(|e| DurableError::io("open", &path, e))?;
            let mut files = std::mem::take(&mut disk.unsynced);
            files.push(current);
            (files, std::mem::take(&mut disk.new_name), until)
        };
        files
            .iter()
            .try_for_each(|file| file.sync())
            .map_err(|e| self.poison(format!("sync {}: {e}", self.dir.display())))?;
        if new_name && let Err(error) = self.fs.sync_dir(&self.dir) {
            if !is_out_of_handles(&error) {
                return Err(self.poison(format!("sync {}: {error}", self.dir.display())));
            }
            self.disk.lock().new_name = true;
            return Err(DurableError::io("open", &self.dir, error));
        }
        *synced = until;
        Ok(())
    }

    /// Commits and syncs up to `position`: what is acknowledged after this survives a loss of power. Of several
    /// threads one syncs for all.
    ///
    /// # Errors
    /// As for [`commit`](Self::commit) and [`sync`](Self::sync).
    pub fn commit_synced(&self, position: u64) -> Result<(), DurableError> {
        self.commit(position)?;
        let synced = *self.synced.lock();
        if synced >= position {
            return Ok(());
        }
        self.sync()
    }

    fn poison(&self, why: String) -> DurableError {
        let error = DurableError::Poisoned(why.into());
        self.queue.lock().fail(error.clone());
        error
    }

    /// Fails if the log takes no more.
    ///
    /// # Errors
    /// What it was that failed.
    pub fn check(&self) -> Result<(), DurableError> {
        self.queue.lock().check()
    }

    /// The number of this generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl Queue {
    /// The first failure is the one to tell, but one that leaves the disk's content unknown outweighs it.
    fn fail(&mut self, error: DurableError) {
        let worse = matches!(error, DurableError::Poisoned(_));
        if self.failed.is_none() || worse {
            self.failed = Some(error);
        }
        self.pending = Vec::new();
    }

    fn check(&self) -> Result<(), DurableError> {
        self.failed.clone().map_or(Ok(()), Err)
    }
}

/// Whether the process or the system has no more handles: the call was not even tried.
fn is_out_of_handles(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

fn open_segment(fs: &dyn Fs, path: &Path) -> Result<Box<dyn WriteFile>, DurableError> {
    let mut file = fs.create(path).map_err(|e| DurableError::io("create", path, e))?;
    file.write_all(MAGIC)
        .map_err(|e| DurableError::io("write", path, e))?;
    Ok(file)
}

fn segment_path(dir: &Path, generation: u64, segment: u64) -> PathBuf {
    dir.join(format!("{generation:010}-{segment:05}.log"))
}

#[cfg(test)]
mod tests;
