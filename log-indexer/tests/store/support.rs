//! What the tests share: opening stores, making lines, asking for all of them.

use std::path::Path;
use std::sync::Arc;

use durable::{Fs, MemoryFs, RealFs};
use log_indexer::{IndexPlace, Logs, OpenReport, Options};
use model::logs::{Direction, LogQuery, LogRecord, LogStore};
use model::{Labels, ManualClock};

/// 2026-11-21T00:00:00Z.
pub(crate) const DAY_MS: i64 = 20_778 * 86_400_000;
pub(crate) const DAY_NS: i64 = DAY_MS * 1_000_000;
pub(crate) const HOUR_NS: i64 = 3_600_000_000_000;

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(DAY_MS + 12 * 3_600_000))
}

/// Small blocks, so that few lines make several.
pub(crate) fn options() -> Options {
    Options {
        block_bytes: 200,
        ..Options::default()
    }
}

pub(crate) fn open_disk(dir: &Path) -> (Logs, OpenReport) {
    Logs::open(Arc::new(RealFs), dir, options(), clock()).unwrap()
}

pub(crate) fn open_memory(fs: &MemoryFs) -> (Logs, OpenReport) {
    open_fs(Arc::new(fs.clone())).unwrap()
}

pub(crate) fn open_fs(fs: Arc<dyn Fs>) -> Result<(Logs, OpenReport), model::StoreError> {
    let options = Options {
        index: IndexPlace::Memory,
        ..options()
    };
    Logs::open(fs, Path::new("/logs"), options, clock())
}

pub(crate) fn stream(app: &str) -> Labels {
    Labels::from_pairs([("app", app), ("env", "test")])
}

/// A line `at` nanoseconds after the start of the day.
pub(crate) fn line(app: &str, at: i64, text: &str) -> LogRecord {
    LogRecord {
        timestamp_ns: DAY_NS + at,
        stream: stream(app),
        line: text.to_owned(),
        metadata: Labels::empty(),
        trace_id: None,
        span_id: None,
    }
}

pub(crate) fn everything() -> LogQuery {
    LogQuery {
        start_ns: i64::MIN,
        end_ns: i64::MAX,
        limit: 100_000,
        direction: Direction::Forward,
        ..LogQuery::default()
    }
}

pub(crate) fn all(logs: &Logs) -> Vec<LogRecord> {
    logs.query(&everything()).unwrap()
}

pub(crate) fn texts(logs: &Logs, query: &LogQuery) -> Vec<String> {
    logs.query(query).unwrap().into_iter().map(|r| r.line).collect()
}

/// A small generator of random numbers (xorshift64*), so that a seed names a run.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}
