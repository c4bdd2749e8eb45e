//! One look at all files: find them, read what is new, hand it to the sink, keep the positions.
//!
//! Blocking, and the only place of the tailer that touches the disk or the sink. Lines for which the sink has no
//! room now are kept and offered again; until it takes them, nothing further is read. Lines that it will never take
//! are left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::logs::{LogAppendReport, LogRecord, LogSink, RejectedLine};
use model::{Clock, Labels, StoreError};

use super::config::{LogFiles, LogsConfig, MATCH};
use super::file::{self, Followed};
use super::format::{Unwrapped, Unwrapper};
use super::positions::{self, FileId, Positions, PositionsError};
use crate::push::{level, service};

/// So many files are followed at most.
const MAX_FILES: usize = 4096;
/// So many lines are handed to the sink at once, about.
const MAX_BATCH: usize = 8192;
/// So many bytes of lines are handed to the sink at once, about.
const MAX_BATCH_BYTES: usize = 8 << 20;
/// So many pieces of one file are read in a round, then the next file has its turn.
const PIECES: usize = 16;
/// So long after its last byte a file that has lost its name is let go, in milliseconds: its writer may not
/// have opened the new one at once.
const ROTATED_MS: i64 = 10_000;

/// What is followed, and how far.
pub(super) struct Round {
    groups: Vec<LogFiles>,
    followed: BTreeMap<FileId, Followed>,
    batch: Batch,
    /// Lines of this round that the sink will never take, by reason.
    lost: BTreeMap<RejectedLine, u64>,
    /// What is known to be in the sink.
    positions: Positions,
    /// Whether `positions` differs from what is on disk.
    dirty: bool,
    positions_path: PathBuf,
    /// Whether files that were rotated away while nobody looked have been sought.
    recovered: bool,
    sink: Arc<dyn LogSink>,
    clock: Arc<dyn Clock>,
}

impl Round {
    pub(super) fn new(
        config: &LogsConfig,
        positions_path: PathBuf,
        sink: Arc<dyn LogSink>,
        clock: Arc<dyn Clock>,
    ) -> Result<Round, PositionsError> {
        Ok(Round {
            groups: config.files.clone(),
            followed: BTreeMap::new(),
            batch: Batch::default(),
            lost: BTreeMap::new(),
            positions: positions::load_or_set_aside(&positions_path)?,
            dirty: false,
            positions_path,
            recovered: false,
            sink,
            clock,
        })
    }

    /// Looks at all files once; whether there is more to read at once.
    pub(super) fn run(&mut self) -> bool {
        let more = self.look();
        for (why, lines) in std::mem::take(&mut self.lost) {
            let why = why.as_str();
            tracing::error!(lines, why, "log lines were refused and are lost");
        }
        more
    }

    fn look(&mut self) -> bool {
        if !self.deliver() {
            return false;
        }
        self.find();
        let more = self.read();
        let delivered = self.deliver();
        self.drop_rotated();
        self.save();
        more && delivered
    }

    /// Opens files that are new, and notes which are still there under a name that is followed.
    fn find(&mut self) {
        let now_ms = self.clock.now_ms();
        let mut seen = Vec::new();
        for group in 0..self.groups.len() {
            for path in self.groups.get(group).map(matching).unwrap_or_default() {
                self.meet(&path, group, now_ms, &mut seen);
            }
        }
        if !self.recovered {
            self.recovered = true;
            self.recover(now_ms);
        }
    }

    fn meet(&mut self, path: &Path, group: usize, now_ms: i64, seen: &mut Vec<FileId>) {
        // What cannot be looked at has gone since the pattern was expanded.
        let Ok(metadata) = std::fs::metadata(path) else {
            return;
        };
        let id = file::id(&metadata);
        // A file can have several names; the first one counts.
        if !metadata.is_file() || seen.contains(&id) {
            return;
        }
        seen.push(id);
        if let Some(followed) = self.followed.get_mut(&id) {
            followed.seen_ms = now_ms;
            path.clone_into(&mut followed.path);
        } else if self.followed.len() >= MAX_FILES {
            tracing::warn!(path = %path.display(), limit = MAX_FILES, "too many log files; not followed");
        } else {
            self.open(path, id, group, now_ms);
        }
    }

    fn open(&mut self, path: &Path, id: FileId, group: usize, now_ms: i64) {
        let Some(files) = self.groups.get(group) else {
            return;
        };
        let unwrapper = Unwrapper::new(files.format);
        match Followed::open(path, group, unwrapper, self.positions.get(&id), now_ms) {
            Ok(followed) => {
                tracing::info!(path = %path.display(), offset = followed.position().offset, "following a log file");
                self.followed.insert(id, followed);
            }
            Err(error) => tracing::warn!(path = %path.display(), %error, "a log file cannot be opened"),
        }
    }

    /// Seeks files that were renamed while nobody looked: their last lines have not been read. They lie beside
    /// their old name. What is not there any more is forgotten.
    fn recover(&mut self, now_ms: i64) {
        let lost: Vec<(FileId, PathBuf)> = self
            .positions
            .iter()
            .filter(|(id, _)| !self.followed.contains_key(id))
            .map(|(id, position)| (*id, PathBuf::from(&position.path)))
            .collect();
        for (id, old_path) in lost {
            let Some(entries) = old_path
                .parent()
                .and_then(|folder| std::fs::read_dir(folder).ok())
            else {
                continue;
            };
            let group = self.groups.iter().position(|files| is_in(files, &old_path));
            let same =
                |path: &PathBuf| std::fs::metadata(path).is_ok_and(|metadata| file::id(&metadata) == id);
            let found = entries.flatten().map(|entry| entry.path()).find(same);
            match (found, group) {
                (Some(path), Some(group)) => self.open(&path, id, group, now_ms),
                _ => {
                    self.positions.remove(&id);
                    self.dirty = true;
                }
            }
        }
    }

    fn read(&mut self) -> bool {
        let mut more = false;
        let ids: Vec<FileId> = self.followed.keys().copied().collect();
        for id in ids {
            for piece in 0..PIECES {
                if self.batch.is_full() && !self.deliver() {
                    return false;
                }
                match self.read_piece(id) {
                    Ok(true) => more |= piece + 1 == PIECES,
                    Ok(false) => break,
                    Err(error) => {
                        let gone = self.followed.remove(&id);
                        let path = gone.map(|followed| followed.path).unwrap_or_default();
                        tracing::warn!(path = %path.display(), %error, "a log file cannot be read");
                        break;
                    }
                }
            }
        }
        more
    }

    fn read_piece(&mut self, id: FileId) -> std::io::Result<bool> {
        let Some(followed) = self.followed.get_mut(&id) else {
            return Ok(false);
        };
        let Some(files) = self.groups.get(followed.group) else {
            return Ok(false);
        };
        let mut labels = StreamLabels::new(files, &followed.path);
        let (now_ms, now_ns) = (self.clock.now_ms(), self.clock.now_ns());
        followed.advance(now_ms, |line| self.batch.push(labels.record(line, now_ns)))
    }

    /// Offers the batch to the sink; whether nothing is left of it. Positions move only here.
    fn deliver(&mut self) -> bool {
        if !self.batch.records.is_empty() {
            match self.sink.append(&self.batch.records) {
                Ok(report) => self.settle(&report),
                // The store will never take these, so they must not block the ones behind them.
                Err(StoreError::Invalid(why)) => {
                    tracing::error!(
                        lines = self.batch.records.len(),
                        why,
                        "log lines were refused and are lost"
                    );
                    self.batch = Batch::default();
                }
                Err(error) => {
                    tracing::warn!(%error, "log lines wait: the store does not take them");
                    return false;
                }
            }
            if !self.batch.records.is_empty() {
                let lines = self.batch.records.len();
                tracing::warn!(lines, "log lines wait: the store has no room for their streams");
                return false;
            }
        }
        for (id, followed) in &self.followed {
            let position = followed.position();
            if self.positions.get(id) != Some(&position) {
                self.positions.insert(*id, position);
                self.dirty = true;
            }
        }
        true
    }

    /// Keeps of the batch what the sink may take later, and counts what it never will.
    fn settle(&mut self, report: &LogAppendReport) {
        let mut records: Vec<Option<LogRecord>> = std::mem::take(&mut self.batch)
            .records
            .into_iter()
            .map(Some)
            .collect();
        for &(index, why) in &report.rejected {
            if !why.may_pass() {
                *self.lost.entry(why).or_default() += 1;
            } else if let Some(record) = records.get_mut(index).and_then(Option::take) {
                self.batch.push(record);
            }
        }
    }

    /// Lets go of files that have lost their name and have not grown for a while.
    fn drop_rotated(&mut self) {
        let now_ms = self.clock.now_ms();
        let old = |since: i64| now_ms.saturating_sub(since) >= ROTATED_MS;
        let gone: Vec<FileId> = self
            .followed
            .iter()
            .filter(|(_, followed)| old(followed.seen_ms) && old(followed.grown_ms()))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            let Some(mut followed) = self.followed.remove(&id) else {
                continue;
            };
            let Some(files) = self.groups.get(followed.group) else {
                continue;
            };
            let mut labels = StreamLabels::new(files, &followed.path);
            let now_ns = self.clock.now_ns();
            followed.finish(now_ms, |line| self.batch.push(labels.record(line, now_ns)));
            if self.deliver() {
                self.positions.remove(&id);
                self.dirty = true;
            }
        }
    }

    fn save(&mut self) {
        if !self.dirty {
            return;
        }
        match positions::store(&self.positions_path, &self.positions) {
            Ok(()) => self.dirty = false,
            Err(error) => {
                tracing::error!(%error, "positions of log files are not kept; a restart repeats lines")
            }
        }
    }
}

/// The files that the patterns of a group match now.
fn matching(files: &LogFiles) -> Vec<PathBuf> {
    let expand = |pattern: &str| glob::glob_with(pattern, MATCH).into_iter().flatten().flatten();
    let all = files.paths.iter().flat_map(|pattern| expand(pattern.as_str()));
    all.filter(|path| !files.exclude.iter().any(|pattern| pattern.matches(path)))
        .collect()
}

fn is_in(files: &LogFiles, path: &Path) -> bool {
    let any = |patterns: &[super::config::Pattern]| patterns.iter().any(|pattern| pattern.matches(path));
    any(&files.paths) && !any(&files.exclude)
}

/// Lines on their way to the sink.
#[derive(Default)]
struct Batch {
    records: Vec<LogRecord>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, record: LogRecord) {
        self.bytes += record.line.len();
        self.records.push(record);
    }

    fn is_full(&self) -> bool {
        self.records.len() >= MAX_BATCH || self.bytes >= MAX_BATCH_BYTES
    }
}

/// The labels of the streams of one file, one for each output the wrapping tells apart.
struct StreamLabels {
    base: Labels,
    known: Vec<(Option<String>, Labels)>,
}

impl StreamLabels {
    fn new(files: &LogFiles, path: &Path) -> StreamLabels {
        let filename = path.to_string_lossy();
        let configured = files
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let base = Labels::from_pairs(configured.chain([("filename", &*filename)]));
        StreamLabels {
            base: service::named(&base),
            known: Vec::new(),
        }
    }

    fn record(&mut self, line: Unwrapped, now_ns: i64) -> LogRecord {
        let Unwrapped {
            timestamp_ns,
            stream,
            text,
        } = line;
        let labels = match self.known.iter().find(|(known, _)| *known == stream) {
            Some((_, labels)) => labels.clone(),
            None => {
                let labels = match &stream {
                    Some(name) => self.base.to_builder().set("stream", name).build(),
                    None => self.base.clone(),
                };
                self.known.push((stream, labels.clone()));
                labels
            }
        };
        let level = level::of_line(&text).map(|level| (level::DETECTED_LEVEL, level));
        LogRecord {
            timestamp_ns: timestamp_ns.unwrap_or(now_ns),
            stream: labels,
            line: text,
            metadata: Labels::from_pairs(level),
            trace_id: None,
            span_id: None,
        }
    }
}
