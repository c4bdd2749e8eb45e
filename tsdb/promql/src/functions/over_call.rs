//! What a function of windows is called with besides the windows, and what it may have to say about them.

use model::Starts;

use crate::annotations::Annotations;
use crate::ast::Span;
use crate::eval::Track;
use crate::histogram::FloatHistogram;
use crate::histogram::Short;

/// What a function of windows is called with besides the windows of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverCall<'a> {
    /// The scalar arguments in order, each a value a step.
    pub(crate) params: &'a [Vec<f64>],
    /// The step of the first window.
    pub(crate) first_step: usize,
    /// Where to say what is probably not meant.
    pub(crate) notes: &'a Annotations,
    /// Where the call stands.
    pub(crate) span: Span,
    /// Where its arguments stand, the range among them.
    pub(crate) arg_spans: &'a [Span],
    /// The name of the series' metric, "" where there is none.
    pub(crate) metric_name: &'a str,
    /// Whether the start timestamps of samples count, see [`EngineOptions`](crate::EngineOptions).
    pub(crate) start_timestamps: bool,
    /// How far anchored and smoothed windows reach beyond their ends, in milliseconds.
    pub(crate) lookback_ms: i64,
}

impl OverCall<'_> {
    /// The `i`th scalar argument, a value a step.
    pub(super) fn param(&self, i: usize) -> &[f64] {
        let all = self.params.get(i).map_or(&[][..], Vec::as_slice);
        all.get(self.first_step..).unwrap_or_default()
    }

    /// The start timestamps of a track, if they count and there are any.
    pub(super) fn starts<'t>(&self, track: &'t Track) -> Option<&'t Starts> {
        Some(&track.starts).filter(|starts| self.start_timestamps && !starts.is_empty())
    }

    /// Where the first argument stands: what most annotations are about.
    fn first_arg(&self) -> Span {
        self.arg_spans.first().copied().unwrap_or(self.span)
    }

    /// Where the arguments stand.
    fn all_args(&self) -> Span {
        let first = self.first_arg();
        Span {
            start: first.start,
            end: self.arg_spans.last().map_or(first.end, |last| last.end),
        }
    }

    fn warn_of_metric(&self, span: Span, text: &str) {
        self.notes.warn(span, format!("{text} {:?}", self.metric_name));
    }

    /// Floats and histograms are in one window.
    pub(super) fn warn_mixed(&self) {
        self.warn_of_metric(self.first_arg(), MIXED);
    }

    /// The two newest samples are a float and a histogram.
    pub(super) fn warn_mixed_in_args(&self) {
        self.warn_of_metric(self.all_args(), MIXED);
    }

    /// Histograms with exponential and with custom buckets are in one window.
    pub(super) fn warn_mixed_schemas(&self) {
        self.warn_of_metric(self.first_arg(), MIXED_SCHEMAS);
    }

    /// The two newest histograms have exponential and custom buckets.
    pub(super) fn warn_mixed_schemas_in_args(&self) {
        self.warn_of_metric(self.all_args(), MIXED_SCHEMAS);
    }

    /// A gauge is taken for a counter.
    pub(super) fn warn_not_counter(&self) {
        self.warn_of_metric(self.first_arg(), NOT_COUNTER);
    }

    /// One of the two newest histograms is of a gauge.
    pub(super) fn warn_not_counter_in_args(&self) {
        self.warn_of_metric(self.all_args(), NOT_COUNTER);
    }

    /// A counter is taken for a gauge.
    pub(super) fn warn_not_gauge(&self) {
        self.warn_of_metric(self.first_arg(), NOT_GAUGE);
    }

    /// One of the two newest histograms is of a counter.
    pub(super) fn warn_not_gauge_in_args(&self) {
        self.warn_of_metric(self.all_args(), NOT_GAUGE);
    }

    /// The histograms in a window of floats are left out of account.
    pub(super) fn info_histograms_ignored(&self) {
        let text = "ignored histograms in a range containing both floats and histograms for metric name";
        self.notes
            .info(self.first_arg(), format!("{text} {:?}", self.metric_name));
    }

    /// Histograms say both that there was a counter reset and that there was none.
    pub(super) fn warn_reset_collision(&self, operation: &str) {
        self.notes.warn(
            self.first_arg(),
            format!("conflicting counter resets during histogram {operation}"),
        );
    }

    /// Custom bounds of histograms differ.
    pub(super) fn info_reconciled(&self, operation: &str) {
        self.notes
            .info(self.first_arg(), format!("{RECONCILED} {operation}"));
    }

    /// Custom bounds of the two newest histograms differ.
    pub(super) fn info_reconciled_in_args(&self, operation: &str) {
        self.notes
            .info(self.all_args(), format!("{RECONCILED} {operation}"));
    }

    /// A quantile that is none.
    pub(super) fn warn_quantile(&self, q: f64) {
        self.notes.warn(self.first_arg(), bad_quantile(q));
    }

    /// In so many windows, a sample's start is before the sample that precedes it.
    pub(super) fn warn_start_overlap(&self, windows: u64) {
        let text = "sample has start time that overlaps with previous sample timestamp for metric";
        let text = format!("{text} {:?}", self.metric_name);
        self.notes.warn_times(self.first_arg(), text, windows);
    }

    /// Adds a histogram to another, and says what there is to say about it; false where there is no sum.
    pub(super) fn add(&self, to: &mut FloatHistogram, other: &FloatHistogram) -> bool {
        match to.add(other) {
            Err(_) => self.warn_mixed_schemas(),
            Ok(notes) if notes.bounds_reconciled => {
                self.info_reconciled("addition");
                return true;
            }
            Ok(_) => return true,
        }
        false
    }

    /// Subtracts a histogram from another, and says what there is to say about it; false where there is no difference.
    pub(super) fn subtract(&self, from: &mut FloatHistogram, other: &FloatHistogram) -> bool {
        match from.subtract(other) {
            Err(_) => self.warn_mixed_schemas(),
            Ok(notes) if notes.bounds_reconciled => {
                self.info_reconciled("subtraction");
                return true;
            }
            Ok(_) => return true,
        }
        false
    }
}

const MIXED: &str = "encountered a mix of histograms and floats for metric name";
const MIXED_SCHEMAS: &str =
    "vector contains a mix of histograms with exponential and custom buckets schemas for metric name";
const NOT_COUNTER: &str = "this native histogram metric is not a counter:";
const NOT_GAUGE: &str = "this native histogram metric is not a gauge:";
const RECONCILED: &str = "mismatched custom buckets were reconciled during";

/// What is said of a quantile that is not between 0 and 1.
pub(crate) fn bad_quantile(q: f64) -> String {
    format!("quantile value should be between 0 and 1, got {}", Short(q))
}
