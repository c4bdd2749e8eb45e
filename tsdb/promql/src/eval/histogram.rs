//! Functions of classic histograms: `histogram_quantile`, `histogram_quantiles`, `histogram_fraction`.

mod buckets;

use model::Labels;
use model::labels::METRIC_NAME;
use rustc_hash::FxHashMap;

use super::call::arg;
use super::frame::merge_same_labels;
use super::{ABSENT, Column, Evaluator, Frame, Series, Steps, is_absent, string};
use crate::ast::{Call, Span};
use crate::numeric::{format_float, parse_float};
use crate::{Expr, QueryError};
use buckets::{Bucket, Quantile};

/// The label of a bucket's upper bound.
const BUCKET_LABEL: &str = "le";

/// The buckets of one histogram: upper bounds with their columns of cumulative counts, bounds ascending.
struct Histogram {
    labels: Labels,
    columns: Vec<(f64, Vec<f64>)>,
}

impl Histogram {
    /// The buckets that are there at a step.
    fn at(&self, step: usize, into: &mut Vec<Bucket>) {
        into.clear();
        let cells = self
            .columns
            .iter()
            .filter_map(|(bound, counts)| Some((*bound, *counts.get(step)?)));
        let present = cells.filter(|(_, count)| !is_absent(*count));
        into.extend(present.map(|(upper_bound, count)| Bucket { upper_bound, count }));
    }
}

impl Evaluator<'_> {
    pub(super) fn histogram_quantile(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let quantiles = self.quantiles(arg(call, 0)?, steps)?;
        let histograms = self.histograms(self.vector(arg(call, 1)?, steps)?, arg(call, 1)?.span())?;
        let mut frame = Frame::new();
        for histogram in &histograms {
            frame.push(self.quantile_column(histogram, &quantiles, call.span)?);
        }
        merge_same_labels(frame)
    }

    pub(super) fn histogram_quantiles(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let histograms = self.histograms(self.vector(arg(call, 0)?, steps)?, arg(call, 0)?.span())?;
        let label = string(arg(call, 1)?)?;
        let mut frame = Frame::new();
        for argument in call.args.iter().skip(2) {
            let quantiles = self.quantiles(argument, steps)?;
            for histogram in &histograms {
                let column = self.quantile_column(histogram, &quantiles, call.span)?;
                frame.extend(split_by_quantile(&column, &quantiles, label));
            }
        }
        merge_same_labels(frame)
    }

    pub(super) fn histogram_fraction(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let lower = self.scalar(arg(call, 0)?, steps)?;
        let upper = self.scalar(arg(call, 1)?, steps)?;
        let histograms = self.histograms(self.vector(arg(call, 2)?, steps)?, arg(call, 2)?.span())?;
        let mut buckets = Vec::new();
        let mut frame = Frame::new();
        for histogram in &histograms {
            self.budget.check()?;
            self.budget.charge(steps.count)?;
            let values = lower
                .iter()
                .zip(&upper)
                .enumerate()
                .map(|(step, (lower, upper))| {
                    histogram.at(step, &mut buckets);
                    if buckets.is_empty() {
                        ABSENT
                    } else {
                        buckets::fraction(*lower, *upper, &mut buckets)
                    }
                });
            let values = values.collect();
            frame.push(Series {
                labels: histogram.labels.clone(),
                drop_name: true,
                column: Column::of_floats(values),
            });
        }
        merge_same_labels(frame)
    }

    /// A scalar that should be a quantile at every step.
    fn quantiles(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let quantiles = self.scalar(expr, steps)?;
        quantiles
            .iter()
            .for_each(|q| self.check_quantile(expr.span(), *q));
        Ok(quantiles)
    }

    fn quantile_column(
        &self,
        histogram: &Histogram,
        quantiles: &[f64],
        span: Span,
    ) -> Result<Series, QueryError> {
        self.budget.check()?;
        self.budget.charge(quantiles.len())?;
        let mut buckets = Vec::new();
        let mut values = Vec::with_capacity(quantiles.len());
        for (step, q) in quantiles.iter().enumerate() {
            histogram.at(step, &mut buckets);
            if buckets.is_empty() {
                values.push(ABSENT);
                continue;
            }
            let Quantile {
                value,
                forced_monotonic,
            } = buckets::quantile(*q, &mut buckets);
            if forced_monotonic {
                let name = histogram.labels.metric_name();
                self.annotations.info(
                    span,
                    format!(
                        "input to histogram_quantile needed to be fixed for monotonicity (see \
                     https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) \
                     for metric name {name:?}"
                    ),
                );
            }
            values.push(value);
        }
        Ok(Series {
            labels: histogram.labels.clone(),
            drop_name: true,
            column: Column::of_floats(values),
        })
    }

    /// Puts the buckets of each histogram together. The name stays and is marked for removal, so that two
    /// metrics' buckets do not mix.
    fn histograms(&self, frame: Frame, span: Span) -> Result<Vec<Histogram>, QueryError> {
        let mut histograms: Vec<Histogram> = Vec::new();
        let mut index: FxHashMap<Labels, usize> = FxHashMap::default();
        for series in frame {
            let le = series.labels.get(BUCKET_LABEL).unwrap_or("");
            let Some(bound) = parse_float(le) else {
                let name = series.labels.get(METRIC_NAME).unwrap_or("");
                self.annotations.warn(span, format!(
                    "bucket label \"le\" is missing or has a malformed value of {le:?} for metric name {name:?}"
                ));
                continue;
            };
            let labels = series.labels.filtered(|name| name != BUCKET_LABEL);
            let at = *index.entry(labels).or_insert_with_key(|labels| {
                histograms.push(Histogram {
                    labels: labels.clone(),
                    columns: Vec::new(),
                });
                histograms.len() - 1
            });
            if let Some(histogram) = histograms.get_mut(at) {
                histogram.columns.push((bound, series.column.floats));
            }
        }
        histograms
            .iter_mut()
            .for_each(|h| h.columns.sort_by(|a, b| a.0.total_cmp(&b.0)));
        Ok(histograms)
    }
}

/// A series for each value that the quantile takes over the steps, which becomes a label.
fn split_by_quantile(column: &Series, quantiles: &[f64], label: &str) -> Frame {
    let mut frame = Frame::new();
    let mut of_quantile: FxHashMap<u64, usize> = FxHashMap::default();
    for (step, (q, value)) in quantiles.iter().zip(&column.column.floats).enumerate() {
        let at = *of_quantile.entry(q.to_bits()).or_insert_with(|| {
            let labels = column.labels.to_builder().set(label, &shown_quantile(*q)).build();
            frame.push(Series {
                labels,
                drop_name: true,
                column: Column::absent(column.column.len()),
            });
            frame.len() - 1
        });
        if let Some(cell) = frame
            .get_mut(at)
            .and_then(|s: &mut Series| s.column.floats.get_mut(step))
        {
            *cell = *value;
        }
    }
    frame
}

/// As OpenMetrics writes floats: a whole number has a fraction of 0.
fn shown_quantile(q: f64) -> String {
    let text = format_float(q);
    if q.is_finite() && !text.contains('.') {
        text + ".0"
    } else {
        text
    }
}
