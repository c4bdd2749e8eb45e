//! Opening a database: blocks first, then the log on top of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use durable::Fs;
use model::metrics::SeriesRef;
use model::{Clock, Labels, StoreError};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::{Tsdb, Upkeep, Writer};
use crate::Options;
use crate::block::{Block, TMP_SUFFIX};
use crate::error::io;
use crate::head::{Head, Index, LateSample, Series};
use crate::stats::Counters;
use crate::view::{Floor, Present};
use crate::wal::{LoggedSample, Record, Wal};

/// The end of the name of a folder that is being deleted.
pub(super) const GONE_SUFFIX: &str = ".gone";

/// What opening a database found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Records of the log replayed.
    pub records: u64,
    /// Series in the head.
    pub series: u64,
    /// Samples put into the head; those that blocks hold are not counted.
    pub samples: u64,
    /// Blocks in use.
    pub blocks: u64,
    /// What does not check out and was left aside, a sentence each, for the operator.
    pub damage: Vec<String>,
}

impl Tsdb {
    /// Opens the database in `dir`, which is created if absent. One process a folder: the caller holds the lock.
    ///
    /// # Errors
    /// The disk refused. Damage is no error: it is left aside and told in the report.
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<(Tsdb, OpenReport), StoreError> {
        let options = options.sane();
        let (blocks_dir, wal_dir) = (dir.join("blocks"), dir.join("wal"));
        fs.create_dir_all(&blocks_dir)
            .map_err(|e| io("create", &blocks_dir, e))?;
        let mut damage = Vec::new();
        let (blocks, next_block) = open_blocks(&*fs, &blocks_dir, &mut damage)?;
        let floor = blocks
            .iter()
            .map(|b| b.meta().floor)
            .max_by_key(|f| (f.batch, f.floor_ms));
        let floor = floor.unwrap_or(Floor::NONE);

        let mut replay = Replay::new(floor);
        let replayed = Wal::open(
            Arc::clone(&fs),
            &wal_dir,
            options.wal_segment_bytes,
            |segment, record| {
                replay.record(segment, record);
            },
        );
        let (wal, recovery) = replayed?;
        damage.extend(recovery.damage);
        let replay = replay.finish(&mut damage);
        let report = OpenReport {
            records: recovery.records,
            series: replay.index.len() as u64,
            samples: replay.samples,
            blocks: blocks.len() as u64,
            damage,
        };
        let head = Head {
            index: replay.index.into(),
        };
        let tsdb = Tsdb {
            fs,
            blocks_dir,
            options,
            clock,
            head: Arc::new(head),
            present: Arc::new(Mutex::new(Present::new(replay.batch, floor, blocks))),
            writer: Mutex::new(Writer {
                wal,
                attempts: 0,
                newest_ms: replay.newest_ms,
                closed: false,
            }),
            maintenance: Mutex::new(Upkeep {
                next_block,
                truncated: floor,
                corrupt: BTreeSet::new(),
            }),
            metadata: Mutex::default(),
            counters: Counters::default(),
        };
        Ok((tsdb, report))
    }
}

/// Opens all blocks, removes what earlier processes left unfinished, and gives the next free id.
fn open_blocks(
    fs: &dyn Fs,
    dir: &Path,
    damage: &mut Vec<String>,
) -> Result<(Vec<Arc<Block>>, u64), StoreError> {
    let mut blocks = Vec::new();
    let mut highest = 0;
    for entry in fs
        .list(dir)
        .map_err(|e| io("list", dir, e))?
        .into_iter()
        .filter(|e| e.is_dir)
    {
        let path = dir.join(&entry.name);
        if entry.name.ends_with(TMP_SUFFIX) || entry.name.ends_with(GONE_SUFFIX) {
            fs.remove_dir_all(&path).map_err(|e| io("remove", &path, e))?;
            continue;
        }
        // Also a damaged block's id must not be used again.
        let id = entry.name.split('_').next().and_then(|id| id.parse::<u64>().ok());
        highest = highest.max(id.unwrap_or(0));
        match Block::open(fs, &path) {
            Ok(block) => blocks.push(Arc::new(block)),
            Err(error @ StoreError::Corrupt { .. }) => damage.push(format!("block left aside: {error}")),
            Err(StoreError::Io { context, source }) if source.kind() == std::io::ErrorKind::NotFound => {
                damage.push(format!("block left aside: {context}: {source}"));
            }
            Err(error) => return Err(error),
        }
    }
    let replaced: BTreeSet<u64> = blocks
        .iter()
        .flat_map(|b| b.meta().sources.iter().copied())
        .collect();
    highest = highest.max(replaced.last().copied().unwrap_or(0));
    let (left_over, mut blocks): (Vec<_>, Vec<_>) =
        blocks.into_iter().partition(|b| replaced.contains(&b.meta().id));
    for block in left_over {
        fs.remove_dir_all(block.dir())
            .map_err(|e| io("remove", block.dir(), e))?;
    }
    blocks.sort_by_key(|b| b.meta().id);
    highest = highest.max(blocks.last().map_or(0, |b| b.meta().id));
    Ok((blocks, highest + 1))
}

/// The head as the log tells it.
struct Replay {
    index: Index,
    floor: Floor,
    batch: u64,
    newest_ms: Option<i64>,
    samples: u64,
    /// Samples whose series comes later in the log: rewritten there before the segment that introduced it went.
    orphans: FxHashMap<u64, Vec<(LoggedSample, u64)>>,
    malformed: u64,
}

impl Replay {
    fn new(floor: Floor) -> Self {
        Replay {
            index: Index::default(),
            floor,
            batch: floor.batch,
            newest_ms: None,
            samples: 0,
            orphans: FxHashMap::default(),
            malformed: 0,
        }
    }

    fn record(&mut self, segment: u64, record: Record) {
        match record {
            Record::Series(series) => {
                for (id, labels) in series {
                    self.series(SeriesRef(id), labels, segment);
                }
            }
            Record::Samples { batch, samples } => {
                self.batch = self.batch.max(batch);
                for sample in samples {
                    if !self.floor.covers(sample.timestamp_ms, batch) {
                        self.sample(sample, batch);
                    }
                }
            }
        }
    }

    fn series(&mut self, id: SeriesRef, labels: Labels, segment: u64) {
        if let Some(known) = self.index.by_ref(id) {
            known.data.lock().wal_segment = segment;
            return;
        }
        let series = Arc::new(Series::new(id, labels, segment));
        // The same labels under an older handle: the series was collected and came back.
        if let Some(previous) = self.index.by_labels(&series.labels) {
            series.data.lock().take_over(&mut previous.data.lock());
        }
        if !self.index.insert(series) {
            self.malformed += 1;
            return;
        }
        for (sample, batch) in self.orphans.remove(&id.0).unwrap_or_default() {
            self.sample(sample, batch);
        }
    }

    /// Everything in the log was accepted once: only where it goes is decided again.
    fn sample(&mut self, sample: LoggedSample, batch: u64) {
        let Some(series) = self.index.by_ref(SeriesRef(sample.series)) else {
            self.orphans
                .entry(sample.series)
                .or_default()
                .push((sample, batch));
            return;
        };
        let mut data = series.data.lock();
        let LoggedSample {
            timestamp_ms, value, ..
        } = sample;
        let newer = data.last(0).is_none_or(|(last_ms, _)| timestamp_ms > last_ms);
        if newer && timestamp_ms >= self.floor.floor_ms {
            data.push(timestamp_ms, value, batch, u64::MAX);
        } else if data.value_at(timestamp_ms).is_ok_and(|found| found.is_none()) {
            data.push_late(LateSample {
                timestamp_ms,
                value,
                batch,
            });
        } else {
            return;
        }
        self.samples += 1;
        self.newest_ms = self.newest_ms.max(Some(timestamp_ms));
    }

    fn finish(mut self, damage: &mut Vec<String>) -> Self {
        self.index.finish_replay();
        if self.malformed > 0 {
            damage.push(format!(
                "log: {} series with impossible handles, skipped",
                self.malformed
            ));
        }
        let orphans: usize = self.orphans.values().map(Vec::len).sum();
        if orphans > 0 {
            let series = self.orphans.len();
            damage.push(format!(
                "log: {orphans} samples of {series} series whose labels are lost, skipped"
            ));
        }
        self
    }
}
