//! The way of a batch: applied to memory, its records enqueued meanwhile, written with those of others, shown.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, NewSeries, RefSample, Rejected, SeriesRef,
};
use model::{SeriesKey, StoreError};

use super::{Generation, Tsdb};
use crate::head::Bounds;

/// Batches are refused once what is not flushed takes so many times what makes a flush due: flushing does not keep up,
/// or the disk is full.
pub(super) const HARD_BOUND: u64 = 4;

impl Tsdb {
    /// Applies a batch by `apply` (generation, batch number, bounds, report; the earliest time of what it stored), and
    /// returns once it is safe and shows.
    fn take(
        &self,
        apply: impl FnOnce(&Generation, u64, &Bounds, &mut AppendReport) -> Option<i64>,
    ) -> Result<AppendReport, StoreError> {
        let now_ms = self.clock.now_ms();
        let mut report = AppendReport::default();
        let (generation, batch, position) = {
            let active = self.active.read();
            self.admit(&active)?;
            let mut batch = self.present.begin();
            let bounds = Bounds::new(self.newest_ms(), now_ms, &self.options);
            batch.reaches_back_to(apply(&active, batch.number, &bounds, &mut report));
            // Everything up to here, not only the records of this batch: a repetition has none, and counts on those
            // of the batch it repeats.
            (Arc::clone(&active), batch, active.position())
        };
        self.note_newest(generation.memtable.newest_ms());
        let committed = generation.commit(position, self.options.fsync);
        batch.show();
        generation.memtable.set_sealable(self.present.settled());
        if let Err(error) = committed {
            self.note_poison(&generation);
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            return Err(error);
        }
        for (_, reason) in &report.rejected {
            self.counters.reject(*reason);
        }
        Ok(report)
    }

    /// Whether a batch may begin.
    fn admit(&self, active: &Generation) -> Result<(), StoreError> {
        let refuse = |error| {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            Err(error)
        };
        if self.closed.load(Ordering::SeqCst) {
            return refuse(StoreError::ReadOnly("the database is closed".into()));
        }
        if let Err(error) = self.check_poison().and_then(|()| active.check()) {
            return refuse(error);
        }
        let log_bytes = active.position() + self.frozen_log_bytes.load(Ordering::Relaxed);
        let bytes = active.memtable.bytes() + self.frozen_bytes.load(Ordering::Relaxed);
        if log_bytes > self.flush_log_bytes().saturating_mul(HARD_BOUND)
            || bytes > self.flush_bytes().saturating_mul(HARD_BOUND)
        {
            let why = "too much waits to be flushed; the disk is slow or full";
            return refuse(StoreError::ReadOnly(why.into()));
        }
        Ok(())
    }
}

impl MetricSink for Tsdb {
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        self.table.find(keys, refs);
    }

    fn create(&self, series: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        self.table.create(series, refs);
        for reason in refs.iter().filter_map(|made| made.as_ref().err()) {
            self.counters.reject(*reason);
        }
    }

    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
        self.take(|generation, batch, bounds, report| {
            let mut log = |record: &[u8], kind| generation.enqueue(kind, record);
            generation
                .memtable
                .append(batch, samples, bounds, &mut log, report)
        })
    }

    fn append_histograms(&self, rows: &[HistogramRow]) -> Result<AppendReport, StoreError> {
        self.take(|generation, batch, bounds, report| {
            let mut log = |record: &[u8], kind| generation.enqueue(kind, record);
            let memtable = &generation.memtable;
            memtable.append_histograms(batch, rows, bounds, &mut log, report)
        })
    }

    fn set_metadata(&self, family: &str, metadata: &Metadata) {
        self.families.set(family, metadata);
    }
}
