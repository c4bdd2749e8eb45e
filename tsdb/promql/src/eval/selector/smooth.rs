//! `smoothed` instant selectors: the value at a step lies on the line between the samples around it.

use std::sync::Arc;

use model::histogram::CounterResetHint;
use model::metrics::{Samples, is_stale_nan};
use model::{Histogram, Labels};

use super::super::Column;
use crate::QueryError;
use crate::annotations::Annotations;
use crate::ast::Span;
use crate::histogram::{FloatHistogram, MergeNotes, MixedSchemas};

/// One series to be smoothed.
pub(super) struct Smoothing<'a> {
    pub(super) samples: &'a Samples,
    /// How far away samples count, before and after a step.
    pub(super) lookback_ms: i64,
    pub(super) notes: &'a Annotations,
    pub(super) span: Span,
    pub(super) labels: &'a dyn Fn() -> Result<Labels, QueryError>,
}

impl Smoothing<'_> {
    /// Sets the cells of the steps at these times.
    pub(super) fn fill(
        &self,
        times: impl Iterator<Item = i64>,
        column: &mut Column,
    ) -> Result<(), QueryError> {
        let floats: Vec<(i64, f64)> = {
            let all = self.samples.timestamps.iter().zip(&self.samples.values);
            all.filter(|(_, v)| !is_stale_nan(**v))
                .map(|(t, v)| (*t, *v))
                .collect()
        };
        let histograms: Vec<&(i64, Arc<Histogram>)> = self
            .samples
            .histograms
            .iter()
            .filter(|(_, h)| !h.is_stale())
            .collect();
        for (i, time) in times.enumerate() {
            let (start, end) = (
                time.saturating_sub(self.lookback_ms),
                time.saturating_add(self.lookback_ms),
            );
            let floats = between(&floats, |(t, _)| *t, start, end);
            let histograms = between(&histograms, |(t, _)| *t, start, end);
            match (floats.is_empty(), histograms.is_empty()) {
                (true, true) => {}
                (false, false) => {
                    let name = (self.labels)()?.metric_name().to_owned();
                    self.notes.warn(
                        self.span,
                        format!("encountered a mix of histograms and floats for metric name {name:?}"),
                    );
                }
                (false, true) => {
                    if let Some(value) = float_at(floats, time) {
                        column.set_float(i, value);
                    }
                }
                (true, false) => {
                    if let Some(histogram) = self.histogram_at(histograms, time)? {
                        column.set_histogram(i, Arc::new(histogram));
                    }
                }
            }
        }
        Ok(())
    }

    fn histogram_at(
        &self,
        samples: &[&(i64, Arc<Histogram>)],
        time: i64,
    ) -> Result<Option<FloatHistogram>, QueryError> {
        let after = samples.partition_point(|(t, _)| *t < time);
        let next = samples.get(after).map(|(t, h)| (*t, FloatHistogram::from(&**h)));
        let before = after.checked_sub(1).and_then(|i| samples.get(i));
        let before = before.map(|(t, h)| (*t, FloatHistogram::from(&**h)));
        Ok(match (before, next) {
            (_, Some((t, next))) if t == time => Some(next),
            (Some(before), Some(next)) => match self.between(&before, &next, time) {
                Ok(histogram) => Some(histogram),
                Err(MixedSchemas) => {
                    let name = (self.labels)()?.metric_name().to_owned();
                    self.notes.warn(
                        self.span,
                        format!(
                            "vector contains a mix of histograms with exponential and custom buckets schemas for \
                             metric name {name:?}"
                        ),
                    );
                    None
                }
            },
            (Some((_, mut before)), None) => {
                // The hint is about the sample before, not about the value.
                before.reset_hint = CounterResetHint::Unknown;
                Some(before)
            }
            (None, _) => None,
        })
    }

    fn between(
        &self,
        (t1, before): &(i64, FloatHistogram),
        (t2, next): &(i64, FloatHistogram),
        time: i64,
    ) -> Result<FloatHistogram, MixedSchemas> {
        if before.has_custom_buckets() != next.has_custom_buckets() {
            return Err(MixedSchemas);
        }
        let fraction = (time - t1) as f64 / (t2 - t1) as f64;
        let mut value = next.clone();
        let counter = !(before.is_gauge() && next.is_gauge());
        if counter && next.detect_reset(before) {
            value.multiply(fraction);
            return Ok(value);
        }
        self.note(value.subtract(before)?, "subtraction");
        value.multiply(fraction);
        self.note(value.add(before)?, "addition");
        Ok(value)
    }

    fn note(&self, notes: MergeNotes, doing: &str) {
        if notes.bounds_reconciled {
            let text = format!("mismatched custom buckets were reconciled during {doing}");
            self.notes.info(self.span, text);
        }
    }
}

/// The samples after `start` up to `end`.
fn between<T>(samples: &[T], time: impl Fn(&T) -> i64, start: i64, end: i64) -> &[T] {
    let from = samples.partition_point(|s| time(s) <= start);
    let to = samples.partition_point(|s| time(s) <= end);
    samples.get(from..to).unwrap_or_default()
}

fn float_at(samples: &[(i64, f64)], time: i64) -> Option<f64> {
    let after = samples.partition_point(|(t, _)| *t < time);
    let next = samples.get(after);
    let before = after.checked_sub(1).and_then(|i| samples.get(i));
    match (before, next) {
        (_, Some((t, value))) if *t == time => Some(*value),
        (Some((t1, y1)), Some((t2, y2))) => Some(y1 + (y2 - y1) * (time - t1) as f64 / (t2 - t1) as f64),
        (Some((_, value)), None) => Some(*value),
        (None, _) => None,
    }
}
