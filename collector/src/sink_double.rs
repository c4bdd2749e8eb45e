//! A sink that keeps what it is given, for the tests of those who bring samples.

use std::sync::Arc;

use model::exemplar::{ExemplarReport, ExemplarRow, ExemplarSink};
use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, NewSeries, RefSample, Rejected, SeriesRef, is_stale_nan,
};
use model::{Histogram, Labels, SeriesKey, SeriesRegistry, StoreError};
use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(crate) struct SinkDouble {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    series: SeriesRegistry,
    /// How many handles were given out before everything was forgotten the last time.
    forgotten: u64,
    samples: Vec<(Labels, i64, f64)>,
    histograms: Vec<(Labels, i64, Arc<Histogram>)>,
    exemplars: Vec<ExemplarRow>,
    metadata: Vec<(String, Metadata)>,
    created: usize,
    reject: Option<Rejected>,
}

impl SinkDouble {
    /// What was stored since the last call, as `series value@time`.
    pub(crate) fn take(&self) -> Vec<String> {
        let samples = std::mem::take(&mut self.state.lock().samples);
        let shown = |(labels, at, value): (Labels, i64, f64)| {
            if is_stale_nan(value) {
                format!("{labels} stale@{at}")
            } else {
                format!("{labels} {value}@{at}")
            }
        };
        samples.into_iter().map(shown).collect()
    }

    /// The native histograms stored since the last call.
    pub(crate) fn take_histograms(&self) -> Vec<(Labels, i64, Arc<Histogram>)> {
        std::mem::take(&mut self.state.lock().histograms)
    }

    /// The exemplars stored since the last call.
    pub(crate) fn take_exemplars(&self) -> Vec<ExemplarRow> {
        std::mem::take(&mut self.state.lock().exemplars)
    }

    pub(crate) fn take_metadata(&self) -> Vec<(String, Metadata)> {
        std::mem::take(&mut self.state.lock().metadata)
    }

    /// How many series it was asked to make since the last call.
    pub(crate) fn take_created(&self) -> usize {
        std::mem::take(&mut self.state.lock().created)
    }

    /// Makes every handle given out so far mean nothing.
    pub(crate) fn forget(&self) {
        let mut state = self.state.lock();
        state.forgotten += 1_000_000;
        state.series = SeriesRegistry::default();
    }

    /// Refuses every sample from now on.
    pub(crate) fn reject(&self, why: Rejected) {
        self.state.lock().reject = Some(why);
    }
}

impl MetricSink for SinkDouble {
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        let state = self.state.lock();
        state.series.find(keys, refs);
        for series in refs.iter_mut().filter(|series| **series != SeriesRef::UNKNOWN) {
            series.0 += state.forgotten;
        }
    }

    fn create(&self, new: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        let mut state = self.state.lock();
        state.series.create(new, refs);
        state.created += new.len();
        for series in refs.iter_mut().flatten() {
            series.0 += state.forgotten;
        }
    }

    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
        let mut state = self.state.lock();
        let mut report = AppendReport::default();
        for (i, sample) in samples.iter().enumerate() {
            let handle = SeriesRef(sample.series.0.wrapping_sub(state.forgotten));
            match (state.series.labels(handle).cloned(), state.reject) {
                (None, _) => report.rejected.push((i, Rejected::UnknownSeries)),
                (Some(_), Some(why)) => report.rejected.push((i, why)),
                (Some(labels), None) => {
                    state.samples.push((labels, sample.timestamp_ms, sample.value));
                    report.stored += 1;
                }
            }
        }
        Ok(report)
    }

    fn append_histograms(&self, rows: &[HistogramRow]) -> Result<AppendReport, StoreError> {
        let mut state = self.state.lock();
        let mut report = AppendReport::default();
        for (i, row) in rows.iter().enumerate() {
            let handle = SeriesRef(row.series.0.wrapping_sub(state.forgotten));
            match (state.series.labels(handle).cloned(), state.reject) {
                (None, _) => report.rejected.push((i, Rejected::UnknownSeries)),
                (Some(_), Some(why)) => report.rejected.push((i, why)),
                (Some(labels), None) => {
                    let histogram = Arc::clone(&row.histogram);
                    state.histograms.push((labels, row.timestamp_ms, histogram));
                    report.stored += 1;
                }
            }
        }
        Ok(report)
    }

    fn set_metadata(&self, family: &str, metadata: &Metadata) {
        let entry = (family.to_owned(), metadata.clone());
        self.state.lock().metadata.push(entry);
    }
}

impl ExemplarSink for SinkDouble {
    fn append_exemplars(&self, rows: &[ExemplarRow]) -> Result<ExemplarReport, StoreError> {
        self.state.lock().exemplars.extend_from_slice(rows);
        Ok(ExemplarReport {
            stored: rows.len(),
            ..ExemplarReport::default()
        })
    }
}
