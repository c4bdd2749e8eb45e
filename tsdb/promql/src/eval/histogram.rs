//! Functions of histograms, classic and native ones together: `histogram_quantile`, `histogram_quantiles`,
//! `histogram_fraction`. They need all series of a step: a classic histogram is spread over many.

mod buckets;
mod split;

use model::Labels;
use rustc_hash::FxHashMap;

use super::call::{arg, told_span};
use super::frame::merge_same_labels;
use super::{ABSENT, Cell, Column, Evaluator, Frame, Series, Steps, string};
use crate::annotations::Forced;
use crate::ast::{Call, Span};
use crate::histogram::{NanNote, Short};
use crate::{Expr, QueryError};
use buckets::{Quantile, Raised};
use split::{Classic, Histograms, Native, named};

impl Evaluator<'_> {
    pub(super) fn histogram_quantile(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let quantiles = self.quantiles(arg(call, 0)?, steps)?;
        let vector = arg(call, 1)?;
        let place = told_span(vector);
        let histograms = Histograms::of(self.vector(vector, steps)?, self, place);
        merge_same_labels(self.quantile_frame(&histograms, &quantiles, steps, place)?)
    }

    pub(super) fn histogram_quantiles(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let vector = arg(call, 0)?;
        let place = told_span(vector);
        let histograms = Histograms::of(self.vector(vector, steps)?, self, place);
        let label = string(arg(call, 1)?)?;
        let mut frame = Frame::new();
        for argument in call.args.iter().skip(2) {
            let quantiles = self.quantiles(argument, steps)?;
            for series in self.quantile_frame(&histograms, &quantiles, steps, place)? {
                self.budget.hold_bytes(label.len())?;
                frame.extend(split_by_quantile(&series, &quantiles, label));
            }
        }
        merge_same_labels(frame)
    }

    pub(super) fn histogram_fraction(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let lower = self.scalar(arg(call, 0)?, steps)?;
        let upper = self.scalar(arg(call, 1)?, steps)?;
        let vector = arg(call, 2)?;
        let histograms = Histograms::of(self.vector(vector, steps)?, self, told_span(vector));
        let mut frame = Frame::new();
        for native in &histograms.natives {
            let place = told_span(vector);
            frame.extend(self.result(&native.labels, steps, |step| {
                let Cell::Histogram(histogram) = native.column.cell(step) else {
                    return None;
                };
                let (value, has_nan) = histogram.fraction(*lower.get(step)?, *upper.get(step)?);
                if has_nan {
                    let text = "input to histogram_fraction has NaN observations, which are excluded from all \
                                fractions";
                    self.annotations
                        .info(place, named(text.to_owned(), self.told_name(&native.labels)));
                }
                Some(value)
            })?);
        }
        let mut found = Vec::new();
        for classic in &histograms.classics {
            frame.extend(self.result(&classic.labels, steps, |step| {
                classic.at(step, &mut found);
                if found.is_empty() {
                    return None;
                }
                Some(buckets::fraction(
                    *lower.get(step)?,
                    *upper.get(step)?,
                    &mut found,
                ))
            })?);
        }
        merge_same_labels(frame)
    }

    /// A scalar that should be a quantile at every step.
    fn quantiles(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let quantiles = self.scalar(expr, steps)?;
        quantiles
            .iter()
            .for_each(|q| self.check_quantile(told_span(expr), *q));
        Ok(quantiles)
    }

    /// One series for each histogram.
    fn quantile_frame(
        &self,
        histograms: &Histograms,
        quantiles: &[f64],
        steps: Steps,
        place: Span,
    ) -> Result<Frame, QueryError> {
        let mut frame = Frame::new();
        for native in &histograms.natives {
            frame.extend(self.native_quantile(native, quantiles, steps, place)?);
        }
        let mut forced: FxHashMap<String, ForcedSteps> = FxHashMap::default();
        for classic in &histograms.classics {
            frame.extend(self.classic_quantile(classic, quantiles, steps, &mut forced)?);
        }
        for (text, forced) in forced {
            if let Some(sum) = forced.sum(steps) {
                self.annotations.info_forced(place, text, sum);
            }
        }
        Ok(frame)
    }

    fn native_quantile(
        &self,
        native: &Native,
        quantiles: &[f64],
        steps: Steps,
        place: Span,
    ) -> Result<Option<Series>, QueryError> {
        self.result(&native.labels, steps, |step| {
            let Cell::Histogram(histogram) = native.column.cell(step) else {
                return None;
            };
            let (value, note) = histogram.quantile(*quantiles.get(step)?);
            // Prometheus 3.14 points at the first argument, versions after it, and the tests, at the vector.
            if let Some(note) = note {
                let outcome = match note {
                    NanNote::IsNan => "result is NaN",
                    NanNote::Skewed => "result is skewed higher",
                };
                let text = format!("input to histogram_quantile has NaN observations, {outcome}");
                let name = self.told_name(&native.labels);
                self.annotations.info(place, named(text, name));
            }
            Some(value)
        })
    }

    fn classic_quantile(
        &self,
        classic: &Classic,
        quantiles: &[f64],
        steps: Steps,
        forced: &mut FxHashMap<String, ForcedSteps>,
    ) -> Result<Option<Series>, QueryError> {
        let mut found = Vec::new();
        self.result(&classic.labels, steps, |step| {
            classic.at(step, &mut found);
            if found.is_empty() {
                return None;
            }
            let Quantile {
                value,
                forced: raised,
            } = buckets::quantile(*quantiles.get(step)?, &mut found);
            if let Some(raised) = raised {
                let text = named(FORCED.to_owned(), self.told_name(&classic.labels));
                forced.entry(text).or_default().add(step, &raised, steps.at(step));
            }
            Some(value)
        })
    }

    /// A series of what `value` gives for each step, if it gives anything.
    fn result(
        &self,
        labels: &Labels,
        steps: Steps,
        value: impl FnMut(usize) -> Option<f64>,
    ) -> Result<Option<Series>, QueryError> {
        self.budget.check()?;
        self.budget.charge(steps.count)?;
        let values: Vec<Option<f64>> = (0..steps.count).map(value).collect();
        if values.iter().all(Option::is_none) {
            return Ok(None);
        }
        Ok(Some(Series {
            labels: labels.clone(),
            drop_name: true,
            column: Column::of_floats(values.into_iter().map(|v| v.unwrap_or(ABSENT)).collect()),
        }))
    }

    /// The name of a metric as annotations tell it: none where names go at once.
    pub(super) fn told_name<'l>(&self, labels: &'l Labels) -> &'l str {
        if self.delayed_name_removal {
            labels.metric_name()
        } else {
            ""
        }
    }
}

const FORCED: &str = "input to histogram_quantile needed to be fixed for monotonicity (see \
                      https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";

/// At which steps, and how often, buckets had to be made monotonic.
#[derive(Default)]
struct ForcedSteps {
    sum: Option<Forced>,
    at: Vec<(usize, i64)>,
}

impl ForcedSteps {
    fn add(&mut self, step: usize, raised: &Raised, time_ms: i64) {
        let forced = Forced {
            lowest: raised.lowest,
            highest: raised.highest,
            difference: raised.difference,
            samples: 1,
            first_ms: time_ms,
            last_ms: time_ms,
        };
        match &mut self.sum {
            Some(sum) => sum.add(&forced),
            None => self.sum = Some(forced),
        }
        self.at.push((step, 1));
    }

    /// All together. Prometheus merges what it has so far into itself at every further step, so that its number of
    /// samples doubles each time; ours is the same number.
    fn sum(mut self, steps: Steps) -> Option<Forced> {
        self.at.sort_unstable();
        let first = self.at.first()?.0;
        let mut samples = 0i64;
        let mut at = self.at.iter().peekable();
        for step in first..steps.count {
            while let Some((_, times)) = at.next_if(|(s, _)| *s == step) {
                samples = samples.wrapping_add(*times);
            }
            if step > first {
                samples = samples.wrapping_mul(2);
            }
        }
        self.sum.map(|sum| Forced { samples, ..sum })
    }
}

/// A series for each value that the quantile takes over the steps, which becomes a label.
fn split_by_quantile(series: &Series, quantiles: &[f64], label: &str) -> Frame {
    let mut frame = Frame::new();
    let mut of_quantile: FxHashMap<u64, usize> = FxHashMap::default();
    for (step, (q, value)) in quantiles.iter().zip(&series.column.floats).enumerate() {
        let at = *of_quantile.entry(q.to_bits()).or_insert_with(|| {
            let labels = series.labels.to_builder().set(label, &shown_quantile(*q)).build();
            frame.push(Series {
                labels,
                drop_name: true,
                column: Column::absent(series.column.len()),
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
    let text = Short(q).to_string();
    if q.is_finite() && !text.contains(['.', 'e']) {
        text + ".0"
    } else {
        text
    }
}
