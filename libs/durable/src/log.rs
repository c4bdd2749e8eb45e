//! An append-only log in numbered segments of frames: what was acknowledged, in order.
//!
//! A store appends a batch as frames in one write; when the call returns the batch survives a kill of the
//! process, and after [`Log::sync`] a loss of power. Once a store has the same data elsewhere it drops whole
//! segments from the front. Cost: one `write` a batch, 9 bytes a record. Format: docs/format/log.md.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::frame::{self, Frame};
use crate::{DurableError, Fs, WriteFile};

/// The first bytes of every segment: magic and version.
pub(crate) const MAGIC: &[u8; 8] = b"MHLOG\x00\x00\x01";

/// How a log behaves.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// A segment that has grown to this many bytes is closed and the next one begun.
    pub segment_bytes: u64,
}

impl Default for LogOptions {
    fn default() -> Self {
        LogOptions {
            segment_bytes: 64 << 20,
        }
    }
}

/// What opening a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Records replayed.
    pub records: u64,
    /// Bytes of them, frames included.
    pub bytes: u64,
    /// What did not check out, a sentence for each damaged segment, for the operator to read. The tail of the
    /// last segment was cut off at the last good record; a damaged older segment was read up to the damage; a last
    /// segment that is no segment at all was renamed to end in `.unknown`.
    pub damage: Vec<String>,
}

/// A log open for appending. One owner; callers share it behind a lock of their own.
pub struct Log {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    options: LogOptions,
    segment: u64,
    segment_len: u64,
    file: Box<dyn WriteFile>,
    buffer: Vec<u8>,
    poisoned: Option<Arc<str>>,
}

impl Log {
    /// Opens the log in `dir` (created if absent), hands every good record in order to `replay` with the number of
    /// its segment, cuts a torn tail, and is ready to append.
    ///
    /// # Errors
    /// The disk refused. Damaged records are no error: see [`Recovery::damage`].
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        options: LogOptions,
        mut replay: impl FnMut(u64, Frame<'_>),
    ) -> Result<(Log, Recovery), DurableError> {
        fs.create_dir_all(dir)
            .map_err(|e| DurableError::io("create", dir, e))?;
        let segments = list_segments(&*fs, dir)?;
        let mut recovery = Recovery::default();
        let mut tail = None;
        for (i, &segment) in segments.iter().enumerate() {
            let path = segment_path(dir, segment);
            let bytes = fs.read(&path).map_err(|e| DurableError::io("read", &path, e))?;
            let (good, why) = replay_segment(segment, &bytes, &mut recovery, &mut replay);
            let last = i + 1 == segments.len();
            if let Some(why) = why {
                let left = bytes.len() - good;
                let what = match good {
                    0 if last => "set aside as .unknown",
                    _ if last => "cut off",
                    _ => "skipped",
                };
                recovery.damage.push(format!(
                    "{}: {why} at byte {good}, {left} bytes {what}",
                    path.display()
                ));
            }
            if last && good == 0 && bytes.len() >= MAGIC.len() {
                // Perhaps a segment of a newer version: never to be written to, nor to be lost.
                let aside = dir.join(format!("{segment:010}.log.unknown"));
                fs.rename(&path, &aside)
                    .map_err(|e| DurableError::io("rename", &path, e))?;
                tail = Some((segment + 1, 0));
            } else if last {
                if good < bytes.len() {
                    fs.truncate(&path, good as u64)
                        .map_err(|e| DurableError::io("truncate", &path, e))?;
                }
                tail = Some((segment, good as u64));
            }
        }
        let (segment, segment_len) = tail.unwrap_or((1, 0));
        let log = Self::start(fs, dir, options, segment, segment_len)?;
        Ok((log, recovery))
    }

    fn start(
        fs: Arc<dyn Fs>,
        dir: &Path,
        options: LogOptions,
        segment: u64,
        segment_len: u64,
    ) -> Result<Log, DurableError> {
        let (file, segment_len) = open_segment(&*fs, dir, segment, segment_len)?;
        let dir = dir.to_owned();
        Ok(Log {
            fs,
            dir,
            options,
            segment,
            segment_len,
            file,
            buffer: Vec::new(),
            poisoned: None,
        })
    }

    /// Hands every good record of one segment to `each`, while the log may be open. A segment that was dropped has none.
    /// Memory: the segment.
    ///
    /// # Errors
    /// The disk refused. Damage is no error: what is behind it is left out.
    pub fn read_segment(
        fs: &dyn Fs,
        dir: &Path,
        segment: u64,
        mut each: impl FnMut(Frame<'_>),
    ) -> Result<(), DurableError> {
        let path = segment_path(dir, segment);
        let bytes = match fs.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(DurableError::io("read", &path, error)),
        };
        replay_segment(segment, &bytes, &mut Recovery::default(), &mut |_, frame| {
            each(frame)
        });
        Ok(())
    }

    /// Appends records `(kind, payload)` in one write, all or none. Returns the segment they are in.
    ///
    /// # Errors
    /// The disk refused (nothing was appended; after a full disk the call can be tried again), a record is too
    /// large, or the log is poisoned.
    pub fn append<'a>(
        &mut self,
        records: impl IntoIterator<Item = (u8, &'a [u8])>,
    ) -> Result<u64, DurableError> {
        self.check_poison()?;
        if self.segment_len >= self.options.segment_bytes {
            self.rotate()?;
        }
        self.buffer.clear();
        for (kind, payload) in records {
            if payload.len() > frame::MAX_PAYLOAD {
                return Err(DurableError::TooLarge {
                    len: payload.len(),
                    limit: frame::MAX_PAYLOAD,
                });
            }
            frame::encode(kind, payload, &mut self.buffer);
        }
        if let Err(error) = self.file.write_all(&self.buffer) {
            let path = segment_path(&self.dir, self.segment);
            self.undo(&path)?;
            return Err(DurableError::io("write", &path, error));
        }
        self.segment_len += self.buffer.len() as u64;
        Ok(self.segment)
    }

    /// Takes back a half-written batch; a log whose tail cannot be mended takes no more.
    fn undo(&mut self, path: &Path) -> Result<(), DurableError> {
        self.fs
            .truncate(path, self.segment_len)
            .map_err(|error| self.poison(&format!("truncate {}: {error}", path.display())))
    }

    /// Waits until everything appended survives a loss of power.
    ///
    /// # Errors
    /// The disk failed; the log is poisoned from here on.
    pub fn sync(&mut self) -> Result<(), DurableError> {
        self.check_poison()?;
        self.file.sync().map_err(|error| {
            let path = segment_path(&self.dir, self.segment);
            self.poison(&format!("sync {}: {error}", path.display()))
        })
    }

    /// Closes the segment and begins the next; gives the new one's number. All older segments are synced.
    ///
    /// # Errors
    /// The disk refused.
    pub fn rotate(&mut self) -> Result<u64, DurableError> {
        self.sync()?;
        let (file, len) = open_segment(&*self.fs, &self.dir, self.segment + 1, 0)?;
        self.file = file;
        self.segment += 1;
        self.segment_len = len;
        Ok(self.segment)
    }

    /// Removes all segments before `segment`; the one being written stays in any case.
    ///
    /// # Errors
    /// The disk refused; some segments may be gone.
    pub fn drop_before(&mut self, segment: u64) -> Result<(), DurableError> {
        for old in list_segments(&*self.fs, &self.dir)? {
            if old < segment && old != self.segment {
                let path = segment_path(&self.dir, old);
                self.fs
                    .remove_file(&path)
                    .map_err(|e| DurableError::io("remove", &path, e))?;
            }
        }
        Ok(())
    }

    /// The segment that is being written.
    pub fn segment(&self) -> u64 {
        self.segment
    }

    /// Bytes on disk over all segments.
    ///
    /// # Errors
    /// The disk refused.
    pub fn disk_bytes(&self) -> Result<u64, DurableError> {
        let entries = self
            .fs
            .list(&self.dir)
            .map_err(|e| DurableError::io("list", &self.dir, e))?;
        Ok(entries.iter().map(|entry| entry.len).sum())
    }

    /// Why the log takes no more, if it does not.
    pub fn poisoned(&self) -> Option<Arc<str>> {
        self.poisoned.clone()
    }

    fn check_poison(&self) -> Result<(), DurableError> {
        self.poisoned
            .clone()
            .map_or(Ok(()), |why| Err(DurableError::Poisoned(why)))
    }

    fn poison(&mut self, why: &str) -> DurableError {
        let why: Arc<str> = why.into();
        self.poisoned = Some(Arc::clone(&why));
        DurableError::Poisoned(why)
    }
}

/// Replays one segment; gives the length of its good part and what is wrong after it.
pub(crate) fn replay_segment(
    segment: u64,
    bytes: &[u8],
    recovery: &mut Recovery,
    replay: &mut impl FnMut(u64, Frame<'_>),
) -> (usize, Option<String>) {
    // Empty, or cut off while its first bytes were being written: there was nothing in it yet.
    if MAGIC.starts_with(bytes) && bytes.len() < MAGIC.len() {
        return (0, None);
    }
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        return (
            0,
            Some("not the start of a log segment of this version".to_owned()),
        );
    };
    let mut good = MAGIC.len();
    loop {
        match frame::decode(rest) {
            Ok(Some((record, len))) => {
                replay(segment, record);
                recovery.records += 1;
                recovery.bytes += len as u64;
                good += len;
                rest = rest.get(len..).unwrap_or_default();
            }
            Ok(None) => return (good, None),
            Err(why) => return (good, Some(why.to_string())),
        }
    }
}

fn open_segment(
    fs: &dyn Fs,
    dir: &Path,
    segment: u64,
    len: u64,
) -> Result<(Box<dyn WriteFile>, u64), DurableError> {
    let path = segment_path(dir, segment);
    if len > 0 {
        let file = fs.append(&path).map_err(|e| DurableError::io("open", &path, e))?;
        return Ok((file, len));
    }
    let mut file = fs
        .create(&path)
        .map_err(|e| DurableError::io("create", &path, e))?;
    file.write_all(MAGIC)
        .map_err(|e| DurableError::io("write", &path, e))?;
    file.sync().map_err(|e| DurableError::io("sync", &path, e))?;
    fs.sync_dir(dir).map_err(|e| DurableError::io("sync", dir, e))?;
    Ok((file, MAGIC.len() as u64))
}

fn segment_path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:010}.log"))
}

fn list_segments(fs: &dyn Fs, dir: &Path) -> Result<Vec<u64>, DurableError> {
    let entries = fs.list(dir).map_err(|e| DurableError::io("list", dir, e))?;
    let mut segments: Vec<u64> = entries
        .iter()
        .filter_map(|e| e.name.strip_suffix(".log")?.parse().ok())
        .collect();
    segments.sort_unstable();
    Ok(segments)
}

#[cfg(test)]
mod tests;
