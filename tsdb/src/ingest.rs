//! What becomes of a batch: decided sample by sample before anything is written.
//!
//! [`judge`] is the rule for one sample, [`Plan`] applies it to a batch. The rules are Prometheus': samples newer
//! than their series' last are in order; the rest is taken if it is not older than the out-of-order window behind the
//! newest sample of the head; the same value at the same time is a repetition, another value a duplicate.

use std::sync::Arc;

use model::metrics::{MetricRow, Rejected, Sample, SeriesRef};
use model::{Labels, StoreError};
use rustc_hash::FxHashMap;

use crate::Options;
use crate::error::corrupt;
use crate::head::{Index, LateSample, Series, SeriesData};
use crate::view::Floor;
use crate::wal::LoggedSample;

/// A label set has at most so many labels …
const MAX_LABELS: usize = 1024;
/// … and so many bytes of text.
const MAX_LABEL_BYTES: usize = 128 << 10;

/// Between which times samples are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// In order from here on: below lies what is being cut into blocks or already has been.
    in_order_from_ms: i64,
    /// Out of order from here on.
    late_from_ms: i64,
    /// Nothing after this.
    until_ms: i64,
}

impl Bounds {
    /// The bounds when the head's newest sample is `newest_ms` (`None`: it is empty) and blocks hold everything
    /// before `floor`. The head keeps half a block behind its newest sample open for in-order samples.
    pub(crate) fn new(newest_ms: Option<i64>, floor: Floor, now_ms: i64, options: &Options) -> Self {
        let until_ms = now_ms.saturating_add(options.max_future_ms);
        if newest_ms.is_none() && floor == Floor::NONE {
            return Bounds {
                in_order_from_ms: i64::MIN,
                late_from_ms: i64::MIN,
                until_ms,
            };
        }
        let newest_ms = newest_ms.unwrap_or(i64::MIN).max(floor.floor_ms);
        let in_order_from_ms = newest_ms
            .saturating_sub(options.block_duration_ms / 2)
            .max(floor.floor_ms);
        let late_from_ms = match options.out_of_order_window_ms {
            0 => i64::MAX,
            window => newest_ms.saturating_sub(window),
        };
        Bounds {
            in_order_from_ms,
            late_from_ms,
            until_ms,
        }
    }
}

/// What becomes of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes behind the newest.
    InOrder,
    /// It goes to the late ones, unless its time is taken there.
    Late,
    /// It is stored already.
    Repeated,
    /// It is not taken.
    Rejected(Rejected),
}

/// Judges one sample against the newest in-order one of its series (time and bits).
pub(crate) fn judge(bounds: &Bounds, last: Option<(i64, u64)>, sample: Sample) -> Verdict {
    let ts = sample.timestamp_ms;
    if ts > bounds.until_ms {
        return Verdict::Rejected(Rejected::TooFarInFuture);
    }
    match last {
        Some((last_ts, bits)) if ts == last_ts => {
            return if bits == sample.value.to_bits() {
                Verdict::Repeated
            } else {
                Verdict::Rejected(Rejected::Duplicate)
            };
        }
        Some((last_ts, _)) if ts > last_ts && ts >= bounds.in_order_from_ms => return Verdict::InOrder,
        None if ts >= bounds.in_order_from_ms => return Verdict::InOrder,
        _ => {}
    }
    if ts >= bounds.late_from_ms {
        Verdict::Late
    } else if ts < bounds.in_order_from_ms {
        Verdict::Rejected(Rejected::TooOld)
    } else {
        Verdict::Rejected(Rejected::OutOfOrder)
    }
}

/// Whether a label set can become a series: not empty, no empty name, within bounds.
fn is_valid(labels: &Labels) -> bool {
    !labels.is_empty()
        && labels.len() <= MAX_LABELS
        && labels.iter().all(|(name, _)| !name.is_empty())
        && labels.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() <= MAX_LABEL_BYTES
}

/// A sample to be stored.
pub(crate) struct Taken {
    pub(crate) series: Arc<Series>,
    pub(crate) sample: Sample,
    pub(crate) late: bool,
}

/// The decisions on a batch: everything that will be logged, then shown.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) taken: Vec<Taken>,
    /// Series to be made, in the order of their handles.
    pub(crate) new: Vec<Arc<Series>>,
    pub(crate) rejected: Vec<(usize, Rejected)>,
    /// Samples that were stored already.
    pub(crate) repeated: usize,
    /// The head's newest time after the batch.
    pub(crate) newest_ms: Option<i64>,
    new_by_labels: FxHashMap<Labels, Arc<Series>>,
    /// Late samples of this batch, to notice a second one for the same time.
    late: FxHashMap<(SeriesRef, i64), u64>,
}

/// What a batch is decided against.
pub(crate) struct Context<'a> {
    pub(crate) index: &'a Index,
    pub(crate) options: &'a Options,
    pub(crate) floor: Floor,
    pub(crate) now_ms: i64,
    /// The head's newest time before the batch.
    pub(crate) newest_ms: Option<i64>,
    /// A number no other attempt to append has.
    pub(crate) attempt: u64,
}

impl Plan {
    /// Decides on all rows, and fills in the handles of those with a series.
    pub(crate) fn decide(context: &Context<'_>, rows: &mut [MetricRow]) -> Result<Plan, StoreError> {
        let mut plan = Plan {
            newest_ms: context.newest_ms,
            ..Plan::default()
        };
        plan.taken.reserve(rows.len());
        for (i, row) in rows.iter_mut().enumerate() {
            if let Err(reason) = plan.row(context, row)? {
                plan.rejected.push((i, reason));
            }
        }
        Ok(plan)
    }

    fn row(
        &mut self,
        context: &Context<'_>,
        row: &mut MetricRow,
    ) -> Result<Result<(), Rejected>, StoreError> {
        let bounds = Bounds::new(self.newest_ms, context.floor, context.now_ms, context.options);
        let known = context
            .index
            .by_ref(row.series)
            .filter(|s| s.labels == row.labels)
            .or_else(|| context.index.by_labels(&row.labels))
            .or_else(|| self.new_by_labels.get(&row.labels))
            .cloned();
        let series = match known {
            Some(series) => series,
            None => match self.make(context, &bounds, row) {
                Ok(series) => series,
                Err(reason) => return Ok(Err(reason)),
            },
        };
        row.series = series.id;
        let mut data = series.data.lock();
        let late = match judge(&bounds, data.last(context.attempt), row.sample) {
            Verdict::InOrder => false,
            Verdict::Late => match self.late_value(&series, &data, row.sample.timestamp_ms)? {
                Some(bits) if bits == row.sample.value.to_bits() => {
                    self.repeated += 1;
                    return Ok(Ok(()));
                }
                Some(_) => return Ok(Err(Rejected::Duplicate)),
                None => true,
            },
            Verdict::Repeated => {
                self.repeated += 1;
                return Ok(Ok(()));
            }
            Verdict::Rejected(reason) => return Ok(Err(reason)),
        };
        if late {
            self.late
                .insert((series.id, row.sample.timestamp_ms), row.sample.value.to_bits());
        } else {
            data.expect(
                context.attempt,
                row.sample.timestamp_ms,
                row.sample.value.to_bits(),
            );
        }
        drop(data);
        self.newest_ms = self.newest_ms.max(Some(row.sample.timestamp_ms));
        self.taken.push(Taken {
            series,
            sample: row.sample,
            late,
        });
        Ok(Ok(()))
    }

    /// Plans a new series, if its first sample will be taken.
    fn make(
        &mut self,
        context: &Context<'_>,
        bounds: &Bounds,
        row: &MetricRow,
    ) -> Result<Arc<Series>, Rejected> {
        if !is_valid(&row.labels) {
            return Err(Rejected::InvalidLabels);
        }
        if let Verdict::Rejected(reason) = judge(bounds, None, row.sample) {
            return Err(reason);
        }
        let count = (context.index.len() + self.new.len()) as u64;
        let id = context
            .index
            .upcoming(self.new.len())
            .filter(|_| count < context.options.max_series);
        let series = Arc::new(Series::new(
            id.ok_or(Rejected::SeriesLimit)?,
            row.labels.clone(),
            0,
        ));
        self.new.push(Arc::clone(&series));
        self.new_by_labels.insert(row.labels.clone(), Arc::clone(&series));
        Ok(series)
    }

    fn late_value(&self, series: &Series, data: &SeriesData, ts: i64) -> Result<Option<u64>, StoreError> {
        if let Some(bits) = self.late.get(&(series.id, ts)) {
            return Ok(Some(*bits));
        }
        let stored = data.value_at(ts);
        stored.map_err(|e| corrupt(format!("chunk in memory of {}", series.labels), e.to_string()))
    }

    /// The samples as the log takes them.
    pub(crate) fn logged(&self) -> Vec<LoggedSample> {
        let logged = |t: &Taken| LoggedSample {
            series: t.series.id.0,
            timestamp_ms: t.sample.timestamp_ms,
            value: t.sample.value,
        };
        self.taken.iter().map(logged).collect()
    }

    /// Shows the samples to readers of `batch`. The new series must be in the index.
    pub(crate) fn apply(&self, batch: u64, oldest_batch: u64) {
        for taken in &self.taken {
            let Sample { timestamp_ms, value } = taken.sample;
            let mut data = taken.series.data.lock();
            if taken.late {
                data.push_late(LateSample {
                    timestamp_ms,
                    value,
                    batch,
                });
            } else {
                data.push(timestamp_ms, value, batch, oldest_batch);
            }
        }
    }
}

#[cfg(test)]
mod tests;
