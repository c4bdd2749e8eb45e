//! What a scrape says of itself: `up` and its kin, under the target's labels.

use model::Labels;
use model::metrics::{MetricSink, NewSeries, RefSample, STALE_NAN, SeriesRef};

use super::batch::Batch;
use super::process::Counts;

/// One scrape's own measurements.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Report {
    pub(super) up: bool,
    pub(super) duration_seconds: f64,
    pub(super) counts: Counts,
    /// The optional ones: timeout in seconds, sample limit, bytes of the body.
    pub(super) extra: Option<(f64, u64, u64)>,
}

/// Handles of the report series of one target.
#[derive(Debug, Default)]
pub(super) struct ReportSeries {
    series: [SeriesRef; NAMES.len()],
    written: bool,
}

const NAMES: [&str; 8] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];

impl ReportSeries {
    /// Adds the report to the batch.
    pub(super) fn push(
        &mut self,
        report: &Report,
        target: &Labels,
        scrape_ms: i64,
        sink: &dyn MetricSink,
        batch: &mut Batch,
    ) {
        let counts = report.counts;
        let always = [
            f64::from(u8::from(report.up)),
            report.duration_seconds,
            counts.scraped as f64,
            counts.post_relabel as f64,
            counts.added as f64,
        ];
        let extra = report
            .extra
            .map(|(timeout, limit, size)| [timeout, limit as f64, size as f64]);
        let values: Vec<f64> = always.into_iter().chain(extra.into_iter().flatten()).collect();
        self.make(values.len(), target, scrape_ms, sink, batch);
        for (&series, value) in self.series.iter().zip(values) {
            if series != SeriesRef::UNKNOWN {
                batch.push(series, scrape_ms, value);
            }
        }
        self.written = true;
    }

    /// Has the sink make those of the first `count` series that have no handle.
    fn make(
        &mut self,
        count: usize,
        target: &Labels,
        scrape_ms: i64,
        sink: &dyn MetricSink,
        batch: &mut Batch,
    ) {
        let named = NAMES.iter().zip(&mut self.series).take(count);
        let (names, places): (Vec<&str>, Vec<&mut SeriesRef>) =
            named.filter(|(_, series)| **series == SeriesRef::UNKNOWN).unzip();
        if names.is_empty() {
            return;
        }
        let labels = |name| target.to_builder().set(model::labels::METRIC_NAME, name).build();
        let new = |name| NewSeries {
            labels: labels(name),
            timestamp_ms: scrape_ms,
        };
        let new: Vec<NewSeries> = names.into_iter().map(new).collect();
        let mut made = Vec::with_capacity(new.len());
        sink.create(&new, &mut made);
        for (place, made) in places.into_iter().zip(made) {
            match made {
                Ok(series) => *place = series,
                Err(why) => batch.rejected.push(why),
            }
        }
    }

    /// Adds samples of the report once more that went to handles which the sink has forgotten.
    pub(super) fn again(
        &mut self,
        samples: &[RefSample],
        target: &Labels,
        sink: &dyn MetricSink,
        batch: &mut Batch,
    ) {
        let place = |sample: &RefSample| self.series.iter().position(|series| *series == sample.series);
        let lost: Vec<(usize, RefSample)> = samples.iter().filter_map(|s| Some((place(s)?, *s))).collect();
        for (place, sample) in &lost {
            if let Some(series) = self.series.get_mut(*place) {
                *series = SeriesRef::UNKNOWN;
            }
            self.make(place + 1, target, sample.timestamp_ms, sink, batch);
        }
        for (place, sample) in lost {
            let series = self.series.get(place).copied().unwrap_or_default();
            if series != SeriesRef::UNKNOWN {
                batch.push(series, sample.timestamp_ms, sample.value);
            }
        }
    }

    /// Ends the report's own series, for a target that is gone.
    pub(super) fn end(&mut self, extra: bool, now_ms: i64, batch: &mut Batch) {
        if std::mem::take(&mut self.written) {
            let count = if extra { NAMES.len() } else { 5 };
            let known = self.series.iter().take(count);
            for series in known.filter(|series| **series != SeriesRef::UNKNOWN) {
                batch.push(*series, now_ms, STALE_NAN);
            }
        }
    }
}
