//! Exemplars on disk: a log in segments, each of which can be read by itself, bounded by bytes and age.
//!
//! What comes in is judged by the newest exemplar of its series, which is all that memory holds (some 80 bytes a series
//! that has exemplars), and appended in one `write` a batch. A query reads the segments that overlap its range from
//! front to back, 4 MiB at a time, and skips what it does not want by lengths; at the default bound of 64 MiB that is a
//! few ten milliseconds in the worst case, and nothing is spent on an index that is rarely asked. Opening replays the
//! segments to know the newest again. Format: docs/format/exemplars.md.

mod record;
mod rules;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::frame::{Frame, HEADER_LEN};
use durable::{Fs, Log, LogOptions};
use model::exemplar::{
    ExemplarReport, ExemplarRow, ExemplarSink, ExemplarStore, RejectedExemplar, SeriesExemplars,
};
use model::{Exemplar, Labels, Matcher, SeriesKey, StoreError};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::error::from_durable;
use record::{Batch, Entry};
use rules::{Newest, Verdict};

/// The bytes are divided over so many segments; the oldest one goes at a time.
const SEGMENTS: u64 = 16;

/// Exemplars of so many series are taken at most at a time.
const MAX_SERIES: usize = 1_000_000;

/// From so many series on, those without exemplars in the newest two segments are forgotten when a segment is closed.
const FORGET_FROM: usize = 10_000;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExemplarOptions {
    /// Bytes on disk.
    pub max_bytes: u64,
    /// Exemplars this far behind the clock are deleted, a segment at a time.
    pub max_age_ms: i64,
}

impl Default for ExemplarOptions {
    fn default() -> Self {
        ExemplarOptions {
            max_bytes: 64 << 20,
            max_age_ms: crate::options::DEFAULT_RETENTION_MS,
        }
    }
}

/// Figures of the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExemplarStats {
    /// Exemplars appended since the process began.
    pub appended: u64,
    /// Of those, the ones that came too late.
    pub out_of_order: u64,
    /// Series whose newest exemplar is known.
    pub series: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// The store of exemplars. Share it behind an `Arc`.
pub struct Exemplars {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    options: ExemplarOptions,
    state: Mutex<State>,
}

struct State {
    log: Log,
    /// The last one is being written.
    segments: VecDeque<Segment>,
    newest: FxHashMap<SeriesKey, Newest>,
    appended: u64,
    out_of_order: u64,
}

/// What is known of a segment without reading it.
#[derive(Debug, Clone, Copy)]
struct Segment {
    number: u64,
    /// The times in it; `min_ms` above `max_ms` where it is empty.
    min_ms: i64,
    max_ms: i64,
    bytes: u64,
    /// Series it defines: the next one's number.
    series: u32,
}

impl Segment {
    fn new(number: u64) -> Segment {
        Segment {
            number,
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            bytes: 0,
            series: 0,
        }
    }

    fn cover(&mut self, timestamp_ms: i64) {
        self.min_ms = self.min_ms.min(timestamp_ms);
        self.max_ms = self.max_ms.max(timestamp_ms);
    }
}

impl Exemplars {
    /// Opens the store in `dir`, which is created if absent. Damage of the log is told to the operator and what lies
    /// behind it left out.
    ///
    /// # Errors
    /// The disk refused.
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, options: ExemplarOptions) -> Result<Exemplars, StoreError> {
        let state = State::open(&fs, dir)?;
        Ok(Exemplars {
            fs,
            dir: dir.to_owned(),
            options,
            state: Mutex::new(state),
        })
    }

    /// Deletes what is too old by the clock, and opens the log anew where a failure of the disk has made it unsafe to go
    /// on writing. To be called now and then.
    ///
    /// # Errors
    /// The disk refused; the next call tries again.
    pub fn maintain(&self, now_ms: i64) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.log.poisoned().is_some() {
            *state = State {
                appended: state.appended,
                out_of_order: state.out_of_order,
                ..State::open(&self.fs, &self.dir)?
            };
        }
        let max_age_ms = self.options.max_age_ms.max(0);
        let ripe_ms = now_ms.saturating_sub(max_age_ms / SEGMENTS as i64);
        if state.segments.back().is_some_and(|last| last.min_ms < ripe_ms) {
            state.close_segment()?;
        }
        let oldest_ms = now_ms.saturating_sub(max_age_ms);
        state.drop_while(|segments| segments.front().is_some_and(|first| first.max_ms < oldest_ms))
    }

    /// Waits until everything appended survives a loss of power.
    ///
    /// # Errors
    /// The disk failed; the store takes no more until [`maintain`](Self::maintain) has succeeded.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.state.lock().log.sync().map_err(from_durable)
    }

    /// Figures of now.
    pub fn stats(&self) -> ExemplarStats {
        let state = self.state.lock();
        ExemplarStats {
            appended: state.appended,
            out_of_order: state.out_of_order,
            series: state.newest.len() as u64,
            bytes: state.bytes(),
        }
    }
}

impl ExemplarSink for Exemplars {
    fn append_exemplars(&self, rows: &[ExemplarRow]) -> Result<ExemplarReport, StoreError> {
        let mut state = self.state.lock();
        let segment_bytes = self.options.max_bytes / SEGMENTS;
        if state
            .segments
            .back()
            .is_some_and(|last| last.bytes >= segment_bytes)
        {
            state.close_segment()?;
            let closed_bytes = self.options.max_bytes.saturating_sub(segment_bytes);
            state.drop_while(|segments| segments.iter().map(|s| s.bytes).sum::<u64>() > closed_bytes)?;
        }
        state.append(rows)
    }
}

impl State {
    /// Opens the log and replays it.
    fn open(fs: &Arc<dyn Fs>, dir: &Path) -> Result<State, StoreError> {
        let mut replay = Replay::default();
        // Segments are closed here and not by the log, because each defines the series it names.
        let endless = LogOptions {
            segment_bytes: u64::MAX,
        };
        let opened = Log::open(Arc::clone(fs), dir, endless, |number, frame| {
            replay.take(number, frame);
        });
        let (log, recovery) = opened.map_err(from_durable)?;
        for damage in &recovery.damage {
            tracing::warn!(%damage, "exemplars: part of the log could not be read");
        }
        if replay
            .segments
            .back()
            .is_none_or(|last| last.number != log.segment())
        {
            replay.segments.push_back(Segment::new(log.segment()));
        }
        Ok(State {
            log,
            segments: replay.segments,
            newest: replay.newest,
            appended: 0,
            out_of_order: 0,
        })
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn append(&mut self, rows: &[ExemplarRow]) -> Result<ExemplarReport, StoreError> {
        let mut report = ExemplarReport::default();
        let Some(&(mut segment)) = self.segments.back() else {
            return Ok(report);
        };
        // What the batch changes takes effect once it is written.
        let mut changed: FxHashMap<SeriesKey, Newest> = HashMap::default();
        let mut batch = Batch::default();
        let mut scratch = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            let key = SeriesKey::of(&row.series, &mut scratch);
            let known = changed.get(&key).or_else(|| self.newest.get(&key)).copied();
            match rules::judge(row, known.as_ref()) {
                Verdict::Store => {}
                Verdict::Repeated => {
                    report.repeated += 1;
                    continue;
                }
                Verdict::Rejected(reason) => {
                    report.rejected.push((i, reason));
                    continue;
                }
            }
            if known.is_none() && self.newest.len() + changed.len() >= MAX_SERIES {
                report.rejected.push((i, RejectedExemplar::SeriesLimit));
                continue;
            }
            let defined = known.filter(|newest| newest.segment == segment.number);
            let id = defined.map_or(segment.series, |newest| newest.id);
            if defined.is_none() {
                batch.define(&row.series);
                segment.series += 1;
            }
            batch.push(id, row);
            segment.cover(row.exemplar.timestamp_ms);
            changed.insert(key, Newest::of(row, segment.number, id));
            report.stored += 1;
        }
        let records = batch.finish();
        if !records.is_empty() {
            let written = records.iter().map(|(kind, payload)| (*kind, payload.as_slice()));
            self.log.append(written).map_err(from_durable)?;
            segment.bytes += records
                .iter()
                .map(|(_, p)| (HEADER_LEN + p.len()) as u64)
                .sum::<u64>();
        }
        if let Some(last) = self.segments.back_mut() {
            *last = segment;
        }
        self.newest.extend(changed);
        self.appended += report.stored as u64;
        let late = report
            .rejected
            .iter()
            .filter(|(_, why)| *why == RejectedExemplar::OutOfOrder);
        self.out_of_order += late.count() as u64;
        Ok(report)
    }

    fn close_segment(&mut self) -> Result<(), StoreError> {
        let number = self.log.rotate().map_err(from_durable)?;
        self.segments.push_back(Segment::new(number));
        if self.newest.len() > FORGET_FROM {
            self.newest.retain(|_, newest| newest.segment + 2 >= number);
        }
        Ok(())
    }

    /// Drops the oldest segments while `more` says so; never the one that is being written.
    fn drop_while(&mut self, more: impl Fn(&VecDeque<Segment>) -> bool) -> Result<(), StoreError> {
        while self.segments.len() > 1 && more(&self.segments) {
            if let Some(second) = self.segments.get(1) {
                self.log.drop_before(second.number).map_err(from_durable)?;
            }
            self.segments.pop_front();
        }
        Ok(())
    }
}

impl ExemplarStore for Exemplars {
    fn select_exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        start_ms: i64,
        end_ms: i64,
        max_exemplars: u64,
    ) -> Result<Vec<SeriesExemplars>, StoreError> {
        let overlapping: Vec<u64> = {
            let state = self.state.lock();
            let overlap = |s: &&Segment| s.min_ms <= end_ms && s.max_ms >= start_ms;
            state.segments.iter().filter(overlap).map(|s| s.number).collect()
        };
        let mut search = Search {
            selectors,
            start_ms,
            end_ms,
            found: BTreeMap::new(),
            count: 0,
        };
        for number in overlapping {
            let mut wanted = Vec::new();
            Log::read_segment(&*self.fs, &self.dir, number, |frame| {
                search.take(frame, &mut wanted)
            })
            .map_err(from_durable)?;
            if max_exemplars > 0 && search.count > max_exemplars {
                return Err(StoreError::Limit {
                    what: "exemplars",
                    limit: max_exemplars,
                });
            }
        }
        Ok(search.finish())
    }
}

/// What a query gathers on its way through the segments.
struct Search<'a> {
    selectors: &'a [Vec<Matcher>],
    start_ms: i64,
    end_ms: i64,
    found: BTreeMap<Labels, Vec<Exemplar>>,
    count: u64,
}

impl Search<'_> {
    /// Looks at one record; `wanted` has the labels of each series of the segment that is asked for. A record that
    /// checks out but says nothing known is of a newer version, and skipped.
    fn take(&mut self, frame: Frame<'_>, wanted: &mut Vec<Option<Labels>>) {
        match frame.kind {
            record::SERIES => {
                let asked = |labels: &Labels| {
                    let all = |set: &Vec<Matcher>| set.iter().all(|m| m.matches_labels(labels));
                    self.selectors.iter().any(all)
                };
                wanted.push(record::decode_series(frame.payload).ok().filter(asked));
            }
            record::EXEMPLARS => {
                for entry in record::entries(frame.payload) {
                    self.take_entry(&entry, wanted);
                }
            }
            _ => {}
        }
    }

    fn take_entry(&mut self, entry: &Entry<'_>, wanted: &[Option<Labels>]) {
        if entry.timestamp_ms < self.start_ms || entry.timestamp_ms > self.end_ms {
            return;
        }
        let Some(Some(series)) = wanted.get(entry.id as usize) else {
            return;
        };
        let Ok(exemplar) = entry.exemplar() else { return };
        self.count += 1;
        match self.found.get_mut(series) {
            Some(exemplars) => exemplars.push(exemplar),
            None => drop(self.found.insert(series.clone(), vec![exemplar])),
        }
    }

    fn finish(self) -> Vec<SeriesExemplars> {
        let series = self.found.into_iter().map(|(labels, mut exemplars)| {
            // In order already, but where a series was forgotten in between.
            exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
            exemplars.dedup();
            SeriesExemplars { labels, exemplars }
        });
        series.collect()
    }
}

/// What opening gathers from the log.
#[derive(Default)]
struct Replay {
    segments: VecDeque<Segment>,
    newest: FxHashMap<SeriesKey, Newest>,
    /// The keys of the series of the last segment.
    keys: Vec<Option<SeriesKey>>,
    scratch: Vec<u8>,
}

impl Replay {
    fn take(&mut self, number: u64, frame: Frame<'_>) {
        if self.segments.back().is_none_or(|last| last.number != number) {
            self.segments.push_back(Segment::new(number));
            self.keys.clear();
        }
        let Some(segment) = self.segments.back_mut() else {
            return;
        };
        segment.bytes += (HEADER_LEN + frame.payload.len()) as u64;
        match frame.kind {
            record::SERIES => {
                let labels = record::decode_series(frame.payload).ok();
                let key = labels.map(|labels| SeriesKey::of(&labels, &mut self.scratch));
                self.keys.push(key);
                segment.series += 1;
            }
            record::EXEMPLARS => {
                for entry in record::entries(frame.payload) {
                    segment.cover(entry.timestamp_ms);
                    if let Some(Some(key)) = self.keys.get(entry.id as usize)
                        && let Ok(newest) = Newest::of_entry(&entry, number)
                    {
                        self.newest.insert(*key, newest);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
