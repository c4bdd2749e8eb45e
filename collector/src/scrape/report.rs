//! What a scrape says of itself: `up` and its kin, under the target's labels.

use model::Labels;
use model::metrics::{STALE_NAN, SeriesRef};

use super::process::{Batch, Counts};

/// One scrape's own measurements.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Report {
    pub(super) up: bool,
    pub(super) duration_seconds: f64,
    pub(super) counts: Counts,
    /// The optional ones: timeout in seconds, sample limit, bytes of the body.
    pub(super) extra: Option<(f64, u64, u64)>,
}

/// Labels and handles of the report series of one target.
#[derive(Debug)]
pub(super) struct ReportSeries {
    series: Vec<(Labels, SeriesRef)>,
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
    pub(super) fn new(target: &Labels) -> ReportSeries {
        let labels = |name: &&str| target.to_builder().set(model::labels::METRIC_NAME, name).build();
        let series = NAMES
            .iter()
            .map(|name| (labels(name), SeriesRef::UNKNOWN))
            .collect();
        ReportSeries {
            series,
            written: false,
        }
    }

    /// Adds the report behind the rows of the scrape; gives the position of the first.
    pub(super) fn push(&mut self, report: &Report, scrape_ms: i64, batch: &mut Batch) -> usize {
        let first = batch.rows.len();
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
        let values = always.into_iter().chain(extra.into_iter().flatten());
        for ((labels, series), value) in self.series.iter().zip(values) {
            batch.push(labels.clone(), *series, scrape_ms, value);
        }
        self.written = true;
        first
    }

    /// Takes the sink's handles back.
    pub(super) fn learn(&mut self, first: usize, batch: &Batch) {
        for ((_, series), row) in self.series.iter_mut().zip(batch.rows.iter().skip(first)) {
            *series = row.series;
        }
    }

    /// Ends the report's own series, for a target that is gone.
    pub(super) fn end(&mut self, extra: bool, now_ms: i64, batch: &mut Batch) {
        if std::mem::take(&mut self.written) {
            let count = if extra { NAMES.len() } else { 5 };
            for (labels, series) in self.series.iter().take(count) {
                batch.push(labels.clone(), *series, now_ms, STALE_NAN);
            }
        }
    }
}
